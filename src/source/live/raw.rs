//! What the sources sent, before osawatch reads it: for the report of a fault.

use std::borrow::Cow;

use super::super::endpoint_security::Received;
use crate::event::Timestamp;

/// Something that a source sent, or was sent.
#[derive(Debug)]
pub(crate) enum Raw {
    /// A message of Endpoint Security.
    Message(Box<dyn Received>),
    /// A piece of what eslogger printed.
    Printed(Vec<u8>),
    /// Bytes of another source.
    Bytes {
        /// When they were sent.
        time: Timestamp,
        /// What they are.
        what: Cow<'static, str>,
        /// The bytes.
        bytes: Vec<u8>,
    },
}
