//! Who did it: executions, their parents and ancestors, and the execution behind a connection.

mod attribution;
mod table;

pub use table::{Limits, Table};
