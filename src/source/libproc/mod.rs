//! What libproc reports: processes, their sockets and their arguments from bytes, and what runs now.

pub(crate) mod process;
pub(crate) mod running;
pub(crate) mod seen;
pub(crate) mod socket;
