//! Whether a source works, as it reports of itself.

use std::time::Duration;

/// What a source reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// Process events.
    Exec,
    /// Connections.
    Network,
}

impl SourceKind {
    /// Both.
    pub(crate) const ALL: [SourceKind; 2] = [SourceKind::Exec, SourceKind::Network];

    /// Its name in the status.
    pub(crate) fn name(self) -> &'static str {
        match self {
            SourceKind::Exec => "exec",
            SourceKind::Network => "network",
        }
    }
}

/// How the source of one kind is. A kind whose source does not work leaves the agent blind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    /// Of which kind it is.
    pub kind: SourceKind,
    /// Which source.
    pub name: &'static str,
    /// Whether it works.
    pub works: bool,
    /// What its self-test found, or why it does not work.
    pub finding: String,
    /// How late it reports, where that was measured.
    pub latency: Option<Duration>,
}
