//! Who did it: executions, their parents and ancestors, and the execution behind a connection.

mod attribution;
mod table;
mod waiting;
#[cfg(test)]
mod tests;

pub use table::{Limits, Table};
pub use waiting::Waiting;
