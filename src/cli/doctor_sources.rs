//! What `osawatch doctor` finds by trying the sources out.

use std::path::Path;
use std::sync::Arc;

use crate::config::Config;
use crate::doctor::Check;
use crate::doctor::trial::{LIMIT, Trial};
use crate::source;
use crate::source::live::{Error, ExecSource, NetworkSource, Options, Queues, SourceKind, Watched};

const ESLOGGER: &str = "/usr/bin/eslogger";

/// The sources of the configuration, libproc and eslogger.
pub(super) fn checks(config: Option<&Config>) -> Vec<Check> {
    let sources = config.map(|config| config.sources.clone()).unwrap_or_default();
    let trial = match tried(sources.exec, sources.network) {
        Ok(trial) => trial,
        Err(error) => {
            return ["process events", "Full Disk Access", "connections", "libproc", "eslogger"]
                .map(|name| Check::not_applicable(name, error.to_string()))
                .to_vec();
        }
    };
    let mut checks = trial.checks();
    checks.push(libproc());
    checks.push(eslogger(&trial));
    checks
}

fn tried(exec: ExecSource, network: NetworkSource) -> Result<Trial, Error> {
    let options = Options {
        exec,
        network,
        endpoint_security_connect_event: false,
        muted: Default::default(),
        watched: Arc::new(Watched::default()),
        queues: Queues::default(),
        raw: None,
        bell: Default::default(),
    };
    source::live(&options).map(|sensors| Trial::of(&sensors, LIMIT))
}

/// Attribution, and connections where the kernel's statistics do not work, need it.
fn libproc() -> Check {
    const NAME: &str = "libproc";
    match source::processes() {
        // This one, and who started it.
        Some(count) if count > 1 => Check::pass(NAME, format!("{count} processes that run now are read")),
        _ => Check::fail(
            NAME,
            "it names no process but this one: connections cannot be attributed to what ran before",
            "update macOS and osawatch; a sandbox around this program would do it too",
        ),
    }
}

/// The source where this build has no entitlement, and the one to fall back on where it has.
fn eslogger(first: &Trial) -> Check {
    const NAME: &str = "eslogger";
    if !Path::new(ESLOGGER).exists() {
        return Check::warn(
            NAME,
            format!("{ESLOGGER} is missing: nothing is left when Endpoint Security fails"),
            "macOS 13 and later have it: install macOS again",
        );
    }
    match first.source(SourceKind::Exec) {
        Some((NAME, _)) => first.eslogger(),
        _ => match tried(ExecSource::Eslogger, NetworkSource::Libproc) {
            Ok(trial) => trial.eslogger(),
            Err(error) => Check::not_applicable(NAME, error.to_string()),
        },
    }
}
