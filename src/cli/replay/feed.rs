//! The events of the recordings, in the order in which they happened: read and put in order on a thread of their own
//! where there is a second core, for the rules keep one busy.

use std::mem;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel as channel;

use super::apart::Apart;
use super::wanted::{Wanted, is_of_host};
use crate::cli::progress::Progress;
use crate::detect::Ordinal;
use crate::event::Event;
use crate::pipeline::{Disorder, Intake};
use crate::queue::{Receiver, Sender, queue};
use crate::report::Coverage;
use crate::source::recording::{Error, Next, Problem, Recording, WAIT};

/// Steps that go from one thread to the other at once, at most, and the bytes of events after which they do.
const BATCH: usize = 128;
const BATCH_BYTES: usize = 128 << 10;
/// Bytes of the events that wait: enough to keep both threads busy, and few enough to stay in the cache.
const WAITING_BYTES: usize = 16 * BATCH_BYTES;

/// What comes next.
pub(super) enum Step {
    /// The next event.
    Event(Ordinal, Event),
    /// A value that was skipped, or an input that was cut off.
    Problem(Problem),
    /// An input that holds nothing of use; the others continue.
    Failed(Error),
    /// Events are out of order by more than is expected, or than can be held; told once.
    OutOfOrder(Disorder),
    /// Nothing yet.
    Idle,
    /// There is no more.
    End,
}

impl Step {
    /// The bytes that it holds.
    fn bytes(&self) -> usize {
        let held = match self {
            Step::Event(_, event) => event.bytes(),
            _ => 0,
        };
        size_of::<Step>() + held
    }
}

/// Recordings, and where their events are put in order.
pub(super) struct Feed {
    pub(super) recording: Recording,
    pub(super) intake: Intake,
    /// What the recordings covered.
    pub(super) coverage: Coverage,
    /// It was stopped.
    pub(super) is_stopped: bool,
    /// The hosts that are wanted, and of which there was no event.
    pub(super) missing: Vec<String>,
    wanted: Wanted,
    progress: Progress,
    /// Whether it was told that events are out of order, and that there is nothing at the moment.
    has_told: bool,
    is_idle: bool,
    has_ended: bool,
}

impl Feed {
    pub(super) fn new(recording: Recording, intake: Intake, coverage: Coverage, wanted: Wanted) -> Feed {
        let (progress, missing) = (Progress::default(), wanted.hosts.clone());
        let (is_stopped, has_told, is_idle, has_ended) = (false, false, false, false);
        Feed { recording, intake, coverage, is_stopped, missing, wanted, progress, has_told, is_idle, has_ended }
    }

    fn next(&mut self) -> Step {
        loop {
            let Feed { intake, coverage, wanted, .. } = &mut *self;
            if let Some((ordinal, event)) = intake.pop_due(|copy| wanted.take_back(coverage, copy)) {
                return Step::Event(ordinal, event);
            }
            if let Some(disorder) = self.intake.disorder().filter(|_| !self.has_told) {
                self.has_told = true;
                return Step::OutOfOrder(disorder);
            }
            if self.has_ended {
                let Feed { intake, coverage, wanted, .. } = &mut *self;
                let next = intake.pop(|copy| wanted.take_back(coverage, copy));
                return next.map_or(Step::End, |(ordinal, event)| Step::Event(ordinal, event));
            }
            if self.wanted.stop.load(Ordering::Relaxed) {
                (self.is_stopped, self.has_ended) = (true, true);
                continue;
            }
            if self.progress.is_due() {
                self.progress.show(&self.recording);
            }
            // That nothing is there is told before it is waited for: a stream can be slow.
            let was_idle = mem::replace(&mut self.is_idle, false);
            match self.recording.next_within(if was_idle { WAIT } else { Duration::ZERO }) {
                Next::Event(event) => self.take(event),
                Next::Problem(problem) => return Step::Problem(problem),
                Next::Failed(error) => return Step::Failed(error),
                Next::Idle => {
                    self.is_idle = true;
                    if was_idle {
                        self.progress.show(&self.recording);
                    }
                    return Step::Idle;
                }
                Next::End => self.has_ended = true,
            }
        }
    }

    fn take(&mut self, event: Event) {
        let Wanted { to, hosts, .. } = &self.wanted;
        if !hosts.is_empty() {
            let Some(host) = hosts.iter().find(|host| is_of_host(&event, host)) else { return };
            self.missing.retain(|missing| missing != host);
        }
        if to.is_some_and(|to| event.time > to) {
            return;
        }
        if self.wanted.has_begun(&event) {
            self.coverage.observe(&event);
        }
        self.intake.push(event);
    }

    /// Puts the next steps in place of others, up to one before which there is something to wait for; returns the bytes
    /// that they hold, and whether the last is the end.
    fn refill(&mut self, batch: &mut Vec<Step>) -> (usize, bool) {
        batch.clear();
        let mut bytes = 0;
        loop {
            let step = self.next();
            let (is_last, is_idle) = (matches!(step, Step::End), matches!(step, Step::Idle));
            bytes += step.bytes();
            batch.push(step);
            if batch.len() == BATCH || bytes >= BATCH_BYTES || is_last || is_idle {
                return (bytes, is_last);
            }
        }
    }

    /// Gives everything to another thread, until there is no more or nobody wants it. What that thread has done with
    /// comes back, and is dropped here.
    fn give(mut self, steps: &Sender<Vec<Step>>, done: &channel::Receiver<Vec<Step>>) -> Feed {
        loop {
            let mut batch = done.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH));
            let (bytes, is_last) = self.refill(&mut batch);
            if steps.send(batch, bytes).is_none() || is_last {
                return self;
            }
        }
    }
}

/// The steps of a [`Feed`], made on this thread or on another.
pub(super) struct Steps {
    maker: Maker,
    /// Those that are there, and which of them is next.
    batch: Vec<Step>,
    next: usize,
}

enum Maker {
    /// They are made when they are wanted.
    Here(Box<Feed>),
    /// They are made before.
    Apart { batches: Receiver<Vec<Step>>, done: channel::Sender<Vec<Step>>, thread: Apart<Feed> },
}

impl Steps {
    /// Makes them on this thread.
    pub(super) fn here(feed: Feed) -> Steps {
        Steps { maker: Maker::Here(Box::new(feed)), batch: Vec::new(), next: 0 }
    }

    /// Has them made on another thread, if one can be started.
    pub(super) fn apart(feed: Feed) -> Steps {
        let (sender, batches) = queue(WAITING_BYTES);
        let (done, returned) = channel::unbounded();
        match Apart::start("recording", feed, move |feed| feed.give(&sender, &returned)) {
            Ok(thread) => Steps { maker: Maker::Apart { batches, done, thread }, batch: Vec::new(), next: 0 },
            Err(feed) => Steps::here(feed),
        }
    }

    /// The next one.
    pub(super) fn next(&mut self) -> &mut Step {
        if self.next == self.batch.len() {
            self.refill();
        }
        self.next += 1;
        &mut self.batch[self.next - 1]
    }

    fn refill(&mut self) {
        self.next = 0;
        match &mut self.maker {
            Maker::Here(feed) => _ = feed.refill(&mut self.batch),
            Maker::Apart { batches, done, .. } => {
                let batch = batches.next(None).unwrap_or_else(|_| vec![Step::End]);
                // The memory of events is freed where there is time for it.
                let _ = done.send(mem::replace(&mut self.batch, batch));
            }
        }
        for step in &self.batch {
            if let Step::Event(_, event) = step {
                event.touch();
            }
        }
    }

    /// Ends them, also before the last.
    pub(super) fn end(self) -> Feed {
        match self.maker {
            Maker::Here(feed) => *feed,
            Maker::Apart { batches, thread, .. } => {
                drop(batches);
                thread.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use std::sync::Arc;

    use super::*;
    use crate::detect::RuleSet;
    use crate::event::{Machine, field};
    use crate::pipeline::{Limits, Pipeline};
    use crate::source::recording::{Input, Sources};

    /// Events in disorder, some later than is expected, and lines that are none.
    fn text(events: u64) -> String {
        let mut text = String::new();
        for number in 0..events {
            let second = if number % 97 == 96 { number / 100 } else { 20 + number / 100 + number * 7 % 4 };
            let time = format!("2026-01-15T08:{:02}:{:02}Z", second / 60, second % 60);
            let _ = match number % 50 {
                49 => writeln!(text, "no event"),
                _ => writeln!(
                    text,
                    r#"{{"@timestamp":"{time}","event":{{"category":"process","type":"start"}},"host":{{"id":"h{}"}},"process":{{"pid":{number}}}}}"#,
                    number % 3
                ),
            };
        }
        text
    }

    fn feed(text: &str, decoders: Option<usize>) -> Feed {
        let mut pipeline = Pipeline::new(RuleSet::built_in(), Limits::replay());
        let bytes = Arc::from(text.as_bytes());
        let sources = Sources::find(&[Input::Memory(bytes)]).unwrap();
        let recording = Recording::open_sources(sources, pipeline.fields(), Machine::default(), decoders).unwrap();
        let wanted = Wanted { from: None, to: None, hosts: vec!["h1".into(), "h2".into()], stop: Arc::default() };
        Feed::new(recording, pipeline.lend_intake(), Coverage::default(), wanted)
    }

    /// What is told, and how many of it are events.
    fn told(steps: &mut Steps) -> (Vec<String>, usize) {
        let (mut told, mut events) = (Vec::new(), 0);
        loop {
            told.push(match steps.next() {
                Step::Event(ordinal, event) => {
                    events += 1;
                    format!("{ordinal:?} {:?}", event.int(field::PROCESS_PID))
                }
                Step::Problem(problem) => problem.to_string(),
                Step::Failed(error) => error.to_string(),
                Step::OutOfOrder(_) => "out of order".into(),
                Step::Idle => continue,
                Step::End => return (told, events),
            });
        }
    }

    #[test]
    fn another_thread_tells_the_same_in_the_same_order() {
        let text = text(6000);
        let (wanted, events) = told(&mut Steps::here(feed(&text, None)));
        assert_eq!(wanted.iter().filter(|step| *step == "out of order").count(), 1);
        assert_eq!((wanted.len(), events), (3920 + 120 + 1, 3920));
        let mut steps = Steps::apart(feed(&text, Some(2)));
        assert_eq!(told(&mut steps).0, wanted);
        let feed = steps.end();
        assert_eq!((feed.coverage.events(), feed.is_stopped), ((3920, 0), false));
    }

    #[test]
    fn what_was_read_before_the_stop_is_told_whole() {
        let feed = feed(&text(200_000), Some(1));
        let stop = Arc::clone(&feed.wanted.stop);
        let mut steps = Steps::apart(feed);
        while !matches!(steps.next(), Step::Event(..)) {}
        stop.store(true, Ordering::Relaxed);
        let (_, events) = told(&mut steps);
        let feed = steps.end();
        assert!(feed.is_stopped && events < 100_000);
        assert_eq!(feed.coverage.events(), (1 + events as u64, 0));
    }

    #[test]
    fn who_wants_no_more_gets_the_feed_back() {
        let mut steps = Steps::apart(feed(&text(20_000), Some(0)));
        while !matches!(steps.next(), Step::Event(..)) {}
        let feed = steps.end();
        assert!(!feed.is_stopped && feed.coverage.events().0 < 13_000);
    }
}
