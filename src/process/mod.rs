//! Who did it: executions, their parents and ancestors, and the execution behind a connection.

mod attribution;
mod feeders;
mod key;
mod pending_flows;
mod room;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use feeders::Feeders;
pub(crate) use pending_flows::{Due, Owner, PendingFlows, Progress};
pub(crate) use table::{Limits, Table};
