//! Where it goes: the alert file with its rotations and what waits for it, the system log, the terminal.

mod backlog;
mod directory;
mod error;
mod file;
mod gauge;
mod inbox;
mod medium;
mod options;
mod retention;
mod spill;
pub(crate) mod state;
pub(crate) mod system_log;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;
mod thread;
mod writer;
mod written;

pub(crate) use gauge::Gauge;
pub(crate) use options::{Counts, Fsync, MAX_WAITING_BYTES, Options, Rotation};
pub(crate) use retention::rotations;
pub(crate) use thread::WriterThread;
pub(crate) use writer::Writer;
