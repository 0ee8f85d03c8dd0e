//! The categories of an event.

/// The kinds of event that osawatch sees; ECS `event.category`, of which an event may have several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Categories(u8);

impl Categories {
    /// `process`: a process started, ended, or was already running.
    pub const PROCESS: Categories = Categories(1);
    /// `network`: a connection was attempted or closed.
    pub const NETWORK: Categories = Categories(2);

    /// Both.
    pub const ALL: Categories = Categories::PROCESS.with(Categories::NETWORK);

    /// The category with this ECS name; empty for one that osawatch cannot see.
    pub fn named(name: &str) -> Categories {
        match name {
            "process" => Categories::PROCESS,
            "network" => Categories::NETWORK,
            _ => Categories(0),
        }
    }

    /// Both sets together.
    pub const fn with(self, other: Categories) -> Categories {
        Categories(self.0 | other.0)
    }

    /// This set without the categories of another.
    pub const fn without(self, other: Categories) -> Categories {
        Categories(self.0 & !other.0)
    }

    /// Whether the sets share a category.
    pub fn intersects(self, other: Categories) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}
