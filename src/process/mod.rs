//! Who did it: executions, their parents and ancestors, and the execution behind a connection.

mod attribution;
mod table;
#[cfg(test)]
mod tests;

pub use table::{Limits, Table};
