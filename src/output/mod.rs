//! Where it goes: the alert file with its rotations and what waits for it, the system log, the terminal.

mod backlog;
mod error;
mod file;
mod medium;
mod options;
mod retention;
mod spill;
pub mod system_log;
pub mod terminal;
#[cfg(test)]
mod tests;
mod writer;

pub use error::Error;
pub use options::{Counts, Fsync, Options, Rotation};
pub use retention::rotations;
pub use writer::Writer;
