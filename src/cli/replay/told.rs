//! What was found, on its way out: composed and written on a thread of its own where there is a second core, for an alert
//! takes as long as some hundred events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel as channel;

use super::apart::Apart;
use crate::alert::{Alert, Draft};
use crate::cli::sink::Sink;
use crate::event::{Event, Timestamp, document};
use crate::queue::{Receiver, Sender, queue};
use crate::report::Case;

/// Alerts that wait until it is known whether the recording is in order.
const MAX_WAITING: usize = 10_000;
/// Bytes of the events of alerts that are not composed yet.
const MAX_DRAFTS: usize = 1 << 20;

/// Alerts, where they go, and what is told of them.
pub(super) struct Found {
    pub(super) sink: Sink,
    /// The `event.sequence` of the next alert.
    pub(super) sequence: u64,
    /// Those that wait until it is known whether the recording is in order; `None` when they do not have to.
    pub(super) waiting: Option<Vec<Alert>>,
    /// Alerts from before this time are not wanted.
    pub(super) from: Option<Timestamp>,
    /// What the report shows.
    pub(super) case: Option<Case>,
}

impl Found {
    fn add(&mut self, draft: Draft) {
        if self.sink.is_done() {
            return;
        }
        let alert = draft.alert(self.sequence);
        self.sequence += u64::from(!self.sink.holds(&alert.document));
        let time = document::text(&alert.document, "@timestamp").and_then(|time| Timestamp::parse(&time));
        if self.from.is_some_and(|from| time.is_some_and(|time| time < from)) {
            return;
        }
        if let Some(case) = &mut self.case {
            case.add(&alert.document);
        }
        match &mut self.waiting {
            Some(waiting) => waiting.push(alert),
            None => self.sink.write_alert(alert),
        }
        if self.waiting.as_ref().is_some_and(|waiting| waiting.len() > MAX_WAITING) {
            self.release();
        }
    }

    /// Writes those that wait; from now on none does.
    pub(super) fn release(&mut self) {
        self.waiting.take().into_iter().flatten().for_each(|alert| self.sink.write_alert(alert));
    }
}

pub(super) enum Message {
    /// An alert was found.
    Draft(Box<Draft>),
    /// What was found is to be seen now.
    Flush,
    /// Whether alerts wait.
    Waits(channel::Sender<bool>),
}

/// Takes what is found, on this thread or on another.
pub(super) enum Told {
    Here(Box<Found>),
    Apart { messages: Sender<Message>, is_done: Arc<AtomicBool>, thread: Apart<Found> },
}

impl Told {
    /// Has it composed and written on another thread, if one can be started.
    pub(super) fn apart(found: Found) -> Told {
        let (messages, receiver) = queue(MAX_DRAFTS);
        let is_done = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&is_done);
        match Apart::start("alerts", found, move |found| tell(found, &receiver, &done)) {
            Ok(thread) => Told::Apart { messages, is_done, thread },
            Err(found) => Told::Here(Box::new(found)),
        }
    }

    /// An event is about to be looked at by the rules.
    pub(super) fn observe(&mut self, event: &Event) {
        if let Told::Here(found) = self
            && let Some(case) = &mut found.case
        {
            case.observe(event);
        }
    }

    /// An alert was found.
    pub(super) fn add(&mut self, draft: Box<Draft>) {
        match self {
            Told::Here(found) => found.add(*draft),
            Told::Apart { messages, .. } => {
                let bytes = draft.bytes();
                // It takes everything until it is ended.
                let _ = messages.send(Message::Draft(draft), bytes);
            }
        }
    }

    /// What was found is to be seen now, whether more is found or not.
    pub(super) fn flush(&mut self) {
        match self {
            Told::Here(found) => found.sink.flush(),
            Told::Apart { messages, .. } => _ = messages.send(Message::Flush, 1),
        }
    }

    /// Whether nobody wants more, as far as it is known.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Told::Here(found) => found.sink.is_done(),
            Told::Apart { is_done, .. } => is_done.load(Ordering::Relaxed),
        }
    }

    /// Whether alerts wait until it is known whether the recording is in order.
    pub(super) fn waits(&self) -> bool {
        match self {
            Told::Here(found) => found.waiting.is_some(),
            Told::Apart { messages, .. } => {
                let (answer, answered) = channel::bounded(1);
                let _ = messages.send(Message::Waits(answer), 1);
                answered.recv().unwrap_or_default()
            }
        }
    }

    /// Ends it, when all that was found is written.
    pub(super) fn end(self) -> Found {
        match self {
            Told::Here(found) => *found,
            Told::Apart { messages, thread, .. } => {
                drop(messages);
                thread.end()
            }
        }
    }
}

fn tell(mut found: Found, messages: &Receiver<Message>, is_done: &AtomicBool) -> Found {
    while let Ok(message) = messages.next(None) {
        match message {
            Message::Draft(draft) => found.add(*draft),
            Message::Flush => found.sink.flush(),
            Message::Waits(answer) => _ = answer.send(found.waiting.is_some()),
        }
        is_done.store(found.sink.is_done(), Ordering::Relaxed);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sink::{Format, Wanted};
    use crate::detect::RuleSet;
    use crate::event::field;
    use crate::event::{Categories, Event};
    use crate::pipeline::{Limits, Output, Pipeline};

    /// An alert for each second.
    fn drafts(count: i64) -> Vec<Draft> {
        let mut set = RuleSet::default();
        set.add("r", "[rule]\nrule_id = \"r\"\nname = \"r\"\nquery = 'process where true'\n").unwrap();
        let mut pipeline = Pipeline::new(set, Limits::replay());
        let mut drafts = Vec::new();
        let mut note = |output: Output<'_>| match output {
            Output::Alert(draft) => drafts.push(*draft),
            Output::Suppressed { .. } => unreachable!("there are no exceptions"),
        };
        for second in 0..count {
            let mut event = Event::new(Timestamp::from_milliseconds(1000 * second).unwrap(), Categories::PROCESS);
            event.push_int(field::PROCESS_PID, second);
            pipeline.push(event, &mut note);
        }
        pipeline.finish(note);
        drafts
    }

    fn found(waits: bool) -> Found {
        let sink = Sink::open(Wanted { format: Some(Format::None), file: None, system_log: false, live: None });
        let (from, case) = (Timestamp::from_milliseconds(2000), None);
        Found {
            sink: sink.unwrap_or_else(|_| panic!("no file")),
            sequence: 7,
            waiting: waits.then(Vec::new),
            from,
            case,
        }
    }

    #[test]
    fn alerts_are_numbered_and_wait_the_same_on_this_thread_and_on_another() {
        for waits in [true, false] {
            for mut told in [Told::Here(Box::new(found(waits))), Told::apart(found(waits))] {
                drafts(5).into_iter().for_each(|draft| told.add(Box::new(draft)));
                told.flush();
                assert_eq!((told.waits(), told.is_done()), (waits, false));
                let mut found = told.end();
                let sequences: Option<Vec<u64>> = found
                    .waiting
                    .as_ref()
                    .map(|waiting| waiting.iter().filter_map(|alert| alert.get("event.sequence")?.as_u64()).collect());
                assert_eq!(sequences, waits.then(|| vec![9, 10, 11]), "those before the second second are not wanted");
                found.release();
                assert_eq!((found.sequence, found.sink.counts().alerts), (12, 3));
            }
        }
    }
}
