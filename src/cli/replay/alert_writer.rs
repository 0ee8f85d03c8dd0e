//! Alerts are composed and written on a thread of their own where there is a second core: one takes as long as some
//! hundred events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel as channel;

use super::apart::Apart;
use crate::alert::{Alert, Draft};
use crate::cli::given::Given;
use crate::cli::sink::Sink;
use crate::event::{Event, Timestamp, document};
use crate::output::terminal;
use crate::queue::{Receiver, Sender, queue};
use crate::report::Case;

/// Alerts that wait until it is known whether the recording is in order, and the bytes that they hold with their events.
const MAX_WAITING: usize = 10_000;
const MAX_WAITING_BYTES: usize = 32 << 20;
/// Bytes of the events of alerts that are not composed yet.
const MAX_DRAFTS: usize = 1 << 20;

/// Alerts that wait, with what is said on standard error meanwhile, and the bytes that they hold.
#[derive(Default)]
pub(super) struct Waiting {
    alerts: Vec<Alert>,
    lines: Vec<String>,
    bytes: usize,
}

impl Waiting {
    fn is_full(&self) -> bool {
        self.alerts.len() > MAX_WAITING || self.bytes > MAX_WAITING_BYTES
    }
}

/// Composes alerts and writes them.
pub(super) struct Alerts {
    pub(super) sink: Sink,
    /// The `event.sequence` of the next alert.
    pub(super) sequence: u64,
    /// Those that wait until it is known whether the recording is in order; `None` when they do not have to.
    pub(super) waiting: Option<Waiting>,
    /// Alerts from before this time are not wanted.
    pub(super) from: Option<Timestamp>,
    /// What the report shows.
    pub(super) case: Option<Case>,
    /// What was given out, and what waits for it.
    pub(super) given: Given,
}

impl Alerts {
    fn add(&mut self, draft: Draft) {
        if self.sink.is_done() {
            return;
        }
        let tells = draft.tells();
        let alert = draft.alert(self.sequence);
        let time = document::text(&alert.document, "@timestamp").and_then(|time| Timestamp::parse(&time));
        if self.from.is_some_and(|from| time.is_some_and(|time| time < from)) {
            return;
        }
        let is_held = self.sink.holds(&alert.document);
        // A gap would be a lost alert.
        self.sequence += u64::from(!is_held);
        self.given.count(&alert, tells, is_held);
        if let Some(case) = &mut self.case {
            case.add(alert.document.clone());
        }
        let Some(waiting) = &mut self.waiting else { return self.sink.write_alert(alert) };
        waiting.bytes += alert.bytes();
        waiting.alerts.push(alert);
        self.release_if_full();
    }

    /// Says on standard error what is so if the recording is in order.
    fn say(&mut self, line: String) {
        let Some(waiting) = &mut self.waiting else { return terminal::say(&line) };
        waiting.bytes += size_of::<String>() + line.len();
        waiting.lines.push(line);
        self.release_if_full();
    }

    fn release_if_full(&mut self) {
        if self.waiting.as_ref().is_some_and(Waiting::is_full) {
            self.release();
        }
    }

    /// Writes those that wait; from now on none does.
    pub(super) fn release(&mut self) {
        let waiting = self.waiting.take().unwrap_or_default();
        waiting.lines.iter().for_each(|line| terminal::say(line));
        waiting.alerts.into_iter().for_each(|alert| self.sink.write_alert(alert));
    }

    /// Does what it is sent, to the end.
    fn write(mut self, messages: &Receiver<Message>, is_done: &AtomicBool) -> Alerts {
        while let Ok(message) = messages.next(None) {
            match message {
                Message::Draft(draft) => self.add(*draft),
                Message::Line(line) => self.say(line),
                Message::Flush => self.sink.flush(),
                Message::Waits(answer) => _ = answer.send(self.waiting.is_some()),
            }
            is_done.store(self.sink.is_done(), Ordering::Relaxed);
        }
        self
    }
}

/// What the thread is sent.
pub(super) enum Message {
    /// An alert was found.
    Draft(Box<Draft>),
    /// This is to be said on standard error.
    Line(String),
    /// What was found is to be seen now.
    Flush,
    /// Whether alerts wait.
    Waits(channel::Sender<bool>),
}

/// [`Alerts`] on this thread or on another.
pub(super) enum AlertWriter {
    Here(Box<Alerts>),
    Apart { messages: Sender<Message>, is_done: Arc<AtomicBool>, thread: Apart<Alerts> },
}

impl AlertWriter {
    /// Has it composed and written on another thread, if one can be started.
    pub(super) fn apart(alerts: Alerts) -> AlertWriter {
        let (messages, receiver) = queue(MAX_DRAFTS);
        let is_done = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&is_done);
        match Apart::start("alerts", alerts, move |alerts| alerts.write(&receiver, &done)) {
            Ok(thread) => AlertWriter::Apart { messages, is_done, thread },
            Err(alerts) => AlertWriter::Here(Box::new(alerts)),
        }
    }

    /// An event is about to be looked at by the rules.
    pub(super) fn observe(&mut self, event: &Event) {
        if let AlertWriter::Here(alerts) = self
            && let Some(case) = &mut alerts.case
        {
            case.observe(event);
        }
    }

    /// An alert was found.
    pub(super) fn add(&mut self, draft: Box<Draft>) {
        match self {
            AlertWriter::Here(alerts) => alerts.add(*draft),
            AlertWriter::Apart { messages, .. } => {
                let bytes = draft.bytes();
                // It takes everything until it is ended.
                let _ = messages.send(Message::Draft(draft), bytes);
            }
        }
    }

    /// This is to be said on standard error.
    pub(super) fn say(&mut self, line: String) {
        match self {
            AlertWriter::Here(alerts) => alerts.say(line),
            AlertWriter::Apart { messages, .. } => {
                let bytes = line.len();
                let _ = messages.send(Message::Line(line), bytes);
            }
        }
    }

    /// What was found is to be seen now, whether more is found or not.
    pub(super) fn flush(&mut self) {
        match self {
            AlertWriter::Here(alerts) => alerts.sink.flush(),
            AlertWriter::Apart { messages, .. } => _ = messages.send(Message::Flush, 1),
        }
    }

    /// Whether nobody wants more, as far as it is known.
    pub(super) fn is_done(&self) -> bool {
        match self {
            AlertWriter::Here(alerts) => alerts.sink.is_done(),
            AlertWriter::Apart { is_done, .. } => is_done.load(Ordering::Relaxed),
        }
    }

    /// Whether alerts wait until it is known whether the recording is in order.
    pub(super) fn waits(&self) -> bool {
        match self {
            AlertWriter::Here(alerts) => alerts.waiting.is_some(),
            AlertWriter::Apart { messages, .. } => {
                let (answer, answered) = channel::bounded(1);
                let _ = messages.send(Message::Waits(answer), 1);
                answered.recv().unwrap_or_default()
            }
        }
    }

    /// Ends it, when all that was found is written.
    pub(super) fn end(self) -> Alerts {
        match self {
            AlertWriter::Here(alerts) => *alerts,
            AlertWriter::Apart { messages, thread, .. } => {
                drop(messages);
                thread.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cli::sink::{Format, Wanted};
    use crate::detect::RuleSet;
    use crate::event::field;
    use crate::event::{Categories, Event};
    use crate::pipeline::{Limits, Output, Pipeline};

    /// An alert for each second.
    fn drafts(count: i64, text: &str) -> Vec<Draft> {
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
            event.push_str(field::PROCESS_COMMAND_LINE, text);
            pipeline.push(event, &mut note);
        }
        pipeline.finish(note);
        drafts
    }

    fn alerts(waits: bool) -> Alerts {
        let sink = Sink::open(Wanted { format: Some(Format::None), file: None, system_log: false, live: None });
        let (from, case) = (Timestamp::from_milliseconds(2000), None);
        Alerts {
            sink: sink.unwrap_or_else(|_| panic!("no file")),
            sequence: 7,
            waiting: waits.then(Waiting::default),
            from,
            case,
            given: Given::default(),
        }
    }

    #[test]
    fn alerts_are_numbered_and_wait_the_same_on_this_thread_and_on_another() {
        for waits in [true, false] {
            for mut writer in [AlertWriter::Here(Box::new(alerts(waits))), AlertWriter::apart(alerts(waits))] {
                drafts(5, "").into_iter().for_each(|draft| writer.add(Box::new(draft)));
                writer.flush();
                assert_eq!((writer.waits(), writer.is_done()), (waits, false));
                let mut alerts = writer.end();
                let sequences: Option<Vec<u64>> = alerts.waiting.as_ref().map(|waiting| {
                    waiting.alerts.iter().filter_map(|alert| alert.get("event.sequence")?.as_u64()).collect()
                });
                assert_eq!(sequences, waits.then(|| vec![7, 8, 9]), "those before the second second are not wanted");
                alerts.release();
                assert_eq!((alerts.sequence, alerts.sink.counts().alerts), (10, 3));
                assert_eq!(alerts.given.alerts, BTreeMap::from([("r".to_owned(), 3)]));
            }
        }
    }

    #[test]
    fn alerts_of_large_events_do_not_wait_for_long() {
        for (count, waits) in [(9, true), (16, false)] {
            let (mut alerts, text) = (alerts(true), "a".repeat(3 << 20));
            drafts(count, &text).into_iter().for_each(|draft| alerts.add(draft));
            assert_eq!((alerts.waiting.is_some(), alerts.sink.counts().alerts > 0), (waits, !waits), "{count}");
        }
    }
}
