//! What libproc reports: processes, their sockets and their arguments from bytes, and what runs now.

pub mod process;
pub mod running;
pub mod socket;
