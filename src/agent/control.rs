//! What the agent is told while it works, and what it tells.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, never};

use crate::event::Event;
use crate::pipeline::Exchange;
use crate::script::Capture;
use crate::source::live::Tap;
use crate::status::Status;

/// What the agent is told.
#[derive(Debug)]
pub(crate) enum Control {
    /// It is to tell its status, for someone who asked.
    Tell,
    /// What can change takes effect between two events.
    Reload(Box<Reload>),
    /// A new configuration is wrong, and why: the one before stays.
    Refuse(String),
    /// Scripts are not read for the rest of the run, and why.
    LeaveOut(String),
    /// A recording has ended before the run, and why.
    Unrecorded(String),
}

/// What takes effect of a configuration while the agent works.
#[derive(Debug)]
pub(crate) struct Reload {
    /// Rules, exceptions and limits.
    pub exchange: Exchange,
    /// How much of a script is taken.
    pub capture: Capture,
    /// How often a document says that the agent lives; `None`: never.
    pub heartbeat: Option<Duration>,
    /// Percent of a core, above which optional work is left out; 0: there is no limit.
    pub cpu_limit: u32,
    /// What is new, in a few words.
    pub what: String,
    /// What of it blinds the rules, in sentences.
    pub blind_spots: Vec<String>,
}

/// A status that is told.
#[derive(Debug)]
pub(crate) struct Told {
    /// The status, as far as the engine knows it.
    pub status: Status,
    /// Someone asked for it.
    pub is_asked: bool,
}

/// How others talk with the agent.
#[derive(Debug)]
pub(crate) struct Ports {
    /// What it is told.
    pub control: Receiver<Control>,
    /// What it tells. One that is not taken in time is left out: the next one follows.
    pub status: Option<Sender<Told>>,
    /// Where a copy of every event goes.
    pub tap: Option<Tap<Event>>,
}

impl Default for Ports {
    fn default() -> Ports {
        Ports { control: never(), status: None, tap: None }
    }
}
