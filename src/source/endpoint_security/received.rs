//! A message as the system delivered it, on its way to whoever reads it.

use std::fmt;

use super::message::Message;

/// A message that is held where the system put it. The thread that it is delivered on has no time to read it.
pub(crate) trait Received: fmt::Debug + Send {
    /// The message; `None`: it is of no kind that osawatch reads.
    fn message(&self) -> Option<Message<'_>>;

    /// What tells whether it is of interest.
    fn outline(&self) -> Outline<'_>;

    /// How many bytes it holds, nearly.
    fn bytes(&self) -> usize;
}

/// What tells whether a message is of interest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outline<'a> {
    /// The process that acts.
    pub pid: u32,
    /// The parent of that process, or of an exec of the program that starts.
    pub ppid: Option<i64>,
    /// The identifier in the signature of the program that acts, or of an exec of the one that starts.
    pub signing_id: Option<&'a str>,
    /// The path of that program.
    pub path: Option<&'a str>,
}

impl<'a> Outline<'a> {
    /// The program's identifier and its name.
    pub(crate) fn program(&self) -> (Option<&'a str>, Option<&'a str>) {
        (self.signing_id, self.path.and_then(|path| path.rsplit('/').next()))
    }

    /// The process that acts, and the parent.
    pub(crate) fn pids(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.pid).chain(self.ppid.and_then(|pid| u32::try_from(pid).ok()))
    }
}
