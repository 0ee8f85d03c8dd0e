//! Who fed a script by a pipe: the program whose standard output is the pipe that the script's program reads.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::{Categories, Event, Execution, field};

/// Programs with a pipe as their output that are remembered. A pipe is read while or soon after it is written.
const KEPT: usize = 1024;

/// The programs that lately started with a pipe as their standard output.
#[derive(Debug, Default)]
pub(crate) struct Feeders {
    recent: VecDeque<Feeder>,
}

#[derive(Debug)]
struct Feeder {
    host: Box<str>,
    pipe: Box<str>,
    execution: Arc<Execution>,
}

impl Feeders {
    /// Records a program that starts with a pipe as its output.
    pub(crate) fn observe(&mut self, event: &Event) {
        let Some(pipe) = event.str(field::STDOUT_PIPE) else { return };
        let starts = event.categories.intersects(Categories::PROCESS) && event.is_type("start");
        let process = event.context.as_ref().and_then(|context| context.process.clone());
        let Some(execution) = process.filter(|_| starts) else { return };
        if self.recent.len() >= KEPT {
            self.recent.pop_front();
        }
        let host = event.str(field::HOST_ID).unwrap_or_default();
        self.recent.push_back(Feeder { host: host.into(), pipe: pipe.into(), execution });
    }

    /// The program that wrote to a pipe: the last that started with it, as a shell does before what it runs. No other
    /// pipe has its number while it is read.
    pub(crate) fn of_pipe(&self, host: &str, pipe: &str) -> Option<&Arc<Execution>> {
        let found = self.recent.iter().rfind(|feeder| *feeder.pipe == *pipe && *feeder.host == *host);
        found.map(|feeder| &feeder.execution)
    }
}
