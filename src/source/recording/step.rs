//! What comes of looking at the next values of one input.

use super::error::Error;
use super::origin::Problem;
use crate::event::Event;

/// What came of looking at the next values.
pub(super) enum Step {
    /// The next event.
    Event(Event),
    /// A value showed the format; it is decoded again next.
    Detected,
    /// A value, or the reading, was bad.
    Problem(Problem),
    /// Nothing yet.
    Idle,
    /// There is no more.
    End,
    /// There is no more, and no value showed the format.
    Failed(Error),
}
