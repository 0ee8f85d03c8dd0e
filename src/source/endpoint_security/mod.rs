//! The messages of Endpoint Security, whoever delivers them: what they are, the events they tell, and the numbers
//! that show which of them were lost.

pub mod connect;
mod event;
mod message;
mod numbering;

pub use event::{LOCAL_HOST, Translator};
pub use message::{Exec, Exit, File, Fork, Message, Notification, Process, argument_limit};
pub use numbering::{Gaps, Numbering};
