//! Who fed a script by a pipe: the program whose standard output is the pipe that the script's program reads.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::{Categories, Event, Execution, field};

/// Programs with a pipe as their output that are remembered. A pipe is read while or soon after it is written.
const KEPT: usize = 1024;
/// What they and their texts take at most: no table evicts them, and a recording can name a pipe with a megabyte.
const MAX_BYTES: usize = 2 << 20;

/// The programs that lately started with a pipe as their standard output.
#[derive(Debug, Default)]
pub(crate) struct Feeders {
    recent: VecDeque<Feeder>,
    bytes: usize,
}

#[derive(Debug)]
struct Feeder {
    host: Box<str>,
    pipe: Box<str>,
    execution: Arc<Execution>,
}

impl Feeder {
    fn bytes(&self) -> usize {
        self.host.len() + self.pipe.len() + self.execution.bytes()
    }
}

impl Feeders {
    /// Records a program that starts with a pipe as its output.
    pub(crate) fn observe(&mut self, event: &Event) {
        let Some(pipe) = event.str(field::STDOUT_PIPE) else { return };
        let starts = event.categories.intersects(Categories::PROCESS) && event.is_type("start");
        let process = event.context.as_ref().and_then(|context| context.process.clone());
        let Some(execution) = process.filter(|_| starts) else { return };
        let host = event.str(field::HOST_ID).unwrap_or_default();
        let feeder = Feeder { host: host.into(), pipe: pipe.into(), execution };
        self.bytes += feeder.bytes();
        self.recent.push_back(feeder);
        while self.recent.len() > KEPT || self.bytes > MAX_BYTES {
            let Some(forgotten) = self.recent.pop_front() else { break };
            self.bytes -= forgotten.bytes();
        }
    }

    /// The program that wrote to a pipe: the last that started with it, as a shell does before what it runs. No other
    /// pipe has its number while it is read.
    pub(crate) fn of_pipe(&self, host: &str, pipe: &str) -> Option<&Arc<Execution>> {
        let found = self.recent.iter().rfind(|feeder| *feeder.pipe == *pipe && *feeder.host == *host);
        found.map(|feeder| &feeder.execution)
    }
}
