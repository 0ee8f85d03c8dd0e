//! The messages of Endpoint Security, whoever delivers them: what they are, the events they report, and the numbers
//! that show which of them were lost.

pub(crate) mod connect;
mod entity_ids;
mod event;
mod message;
mod numbering;
mod received;

pub(crate) use event::Translator;
pub(crate) use message::{Descriptor, Exec, Exit, File, Fork, Kind, Message, Notification, Process, argument_limit};
pub(crate) use numbering::{Gaps, Numbering};
pub(crate) use received::{Outline, Received};
