//! What the engine found, on its way to the sink, on a separate thread: neither a slow disk nor a script that is
//! still being examined holds up detection.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, at, bounded, never, select, unbounded};
use serde_json::{Map, Value as Json};

use super::users::{User, Users};
use super::{Settings, Sink, enrich};
use crate::alert::Draft;
use crate::event::document::insert;
use crate::event::{Charge, Ledger};
use crate::script::Redactor;
use crate::source::live::{Level, Notice};

/// What the engine delivers.
#[derive(Debug)]
pub(super) enum Item {
    /// An alert, with what was lost near it.
    Alert { draft: Box<Draft>, lost: Vec<(&'static str, u64)> },
    /// The document about what was lost.
    Loss { document: Map<String, Json>, lost: Vec<(&'static str, u64)> },
    /// A document about the agent itself.
    Document(Map<String, Json>),
    /// A sentence for people.
    Notice(Notice),
    /// The sink is to work as a reload asked it to.
    Exchange,
    /// Alerts are to wait for their scripts no longer: there is no room for more.
    Hurry,
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Item::Alert { draft, .. } => draft.bytes(),
            Item::Loss { .. } => 1024,
            Item::Document(_) => 8192,
            Item::Notice(notice) => notice.text.len(),
            Item::Exchange | Item::Hurry => 0,
        }
    }
}

/// The engine's end.
pub(super) struct Delivery<S> {
    items: Sender<(Item, Charge)>,
    ledger: Ledger,
    /// Bytes that may be on their way.
    limit: usize,
    /// Told whenever items were dealt with.
    room: Receiver<()>,
    /// The other end did not make room in time; it is not waited for again until there is some.
    is_stuck: bool,
    sink: Receiver<S>,
}

impl<S: Sink + Send + 'static> Delivery<S> {
    /// Starts the thread. An alert waits for its scripts and the names of its users at most for so long as set; whenever
    /// one of them is known, a message comes on `settled`.
    pub(super) fn start(sink: S, settings: &Settings, users: Users, settled: Receiver<()>) -> io::Result<Delivery<S>> {
        // Bounded by the bytes of the ledger.
        let (items, queue) = unbounded();
        let ((done, ended), (made_room, room)) = (bounded(1), bounded(1));
        let Settings { first_sequence: sequence, script_wait, .. } = *settings;
        let (waiting, limit) = (VecDeque::new(), settings.budget.alerts);
        let writer = Writer { sink, queue, made_room, settled, users, script_wait, waiting, sequence };
        thread::Builder::new().name("osawatch-alerts".to_owned()).spawn(move || {
            Redactor::prepare();
            let _ = done.send(writer.run());
        })?;
        Ok(Delivery { items, ledger: Ledger::default(), limit, room, is_stuck: false, sink: ended })
    }

    /// Hands an item over. When there is no room, alerts are written without waiting for their scripts, and it waits for
    /// room at most so long, once; then it gives the item back. No disk is behind this: the sink hands its lines over.
    #[allow(clippy::disallowed_methods, reason = "the wait is of real time")]
    pub(super) fn send(&mut self, item: Item, limit: Duration) -> Result<(), Item> {
        let bytes = item.bytes();
        let (mut waited_since, mut asked) = (None, false);
        // What has no bytes always has room: without an exchange, a reload would be applied in part, or late.
        while bytes > 0 && self.ledger.bytes() > 0 && self.ledger.bytes() + bytes > self.limit {
            let since = *waited_since.get_or_insert_with(Instant::now);
            let left = limit.saturating_sub(since.elapsed());
            if self.is_stuck || left.is_zero() {
                self.is_stuck = true;
                return Err(item);
            }
            if !std::mem::replace(&mut asked, true) {
                let _ = self.items.send((Item::Hurry, self.ledger.charge(0)));
            }
            let _ = self.room.recv_timeout(left);
        }
        self.is_stuck = false;
        // The other end is gone only when the thread panicked.
        self.items.send((item, self.ledger.charge(bytes))).map_err(|unsent| unsent.0.0)
    }

    /// Writes everything that was queued and returns the sink; `None` when that takes longer than this.
    pub(super) fn finish(self, limit: Duration) -> Option<S> {
        drop(self.items);
        self.sink.recv_timeout(limit).ok()
    }
}

/// The thread's end.
struct Writer<S> {
    sink: S,
    queue: Receiver<(Item, Charge)>,
    made_room: Sender<()>,
    settled: Receiver<()>,
    users: Users,
    script_wait: Duration,
    waiting: VecDeque<Waiting>,
    sequence: u64,
}

/// An alert that waits for its scripts.
struct Waiting {
    draft: Box<Draft>,
    lost: Vec<(&'static str, u64)>,
    until: Instant,
    _charge: Charge,
}

impl<S: Sink> Writer<S> {
    #[allow(clippy::disallowed_methods, reason = "alerts wait for real time")]
    fn run(mut self) -> S {
        let mut is_open = true;
        while is_open || !self.waiting.is_empty() {
            let tick = self.sink.wait().map(|wait| Instant::now() + wait);
            let timer = tick.into_iter().chain(self.waiting.iter().map(|waiting| waiting.until)).min();
            let timer = timer.map_or_else(never, at);
            select! {
                recv(self.queue) -> item => match item {
                    Ok((item, charge)) => self.take(item, charge),
                    Err(_) => {
                        is_open = false;
                        self.queue = never();
                    }
                },
                recv(self.settled) -> found => if found.is_err() {
                    self.settled = never();
                },
                recv(timer) -> _ => self.sink.tick(),
            }
            self.write_due(Instant::now());
            let _ = self.made_room.try_send(());
        }
        self.sink
    }

    #[allow(clippy::disallowed_methods, reason = "alerts wait for real time")]
    fn take(&mut self, item: Item, charge: Charge) {
        match item {
            Item::Alert { draft, lost } => {
                let until = Instant::now() + self.script_wait;
                self.waiting.push_back(Waiting { draft, lost, until, _charge: charge });
            }
            Item::Loss { document, .. } | Item::Document(document) => self.sink.document(document),
            Item::Exchange => self.sink.exchange(),
            Item::Hurry => self.waiting.iter_mut().for_each(|waiting| waiting.until = Instant::now()),
            Item::Notice(Notice { level, text, .. }) => {
                log::log!(if level == Level::Info { log::Level::Info } else { log::Level::Warn }, "{text}");
            }
        }
    }

    /// Writes the alerts that need not wait, in their order.
    fn write_due(&mut self, now: Instant) {
        let mut at = 0;
        while let Some(waiting) = self.waiting.get(at) {
            if now < waiting.until && !self.is_settled(&waiting.draft) {
                at += 1;
            } else if let Some(waiting) = self.waiting.remove(at) {
                self.write(waiting);
            }
        }
    }

    fn is_settled(&self, draft: &Draft) -> bool {
        let mut users = draft.events().iter().filter_map(|event| enrich::nameless_user(event));
        draft.is_settled() && users.all(|uid| self.users.name(uid) != User::Asked)
    }

    fn write(&mut self, Waiting { mut draft, lost, .. }: Waiting) {
        draft.for_each_event(|event| {
            if enrich::unnamed_user(event).and_then(|uid| self.users.name(uid).named()).is_some() {
                enrich::add_user_name(Arc::make_mut(event), &self.users);
            }
        });
        if draft.is_suppressed(|event| enrich::nameless_user(event).and_then(|uid| self.users.name(uid).named())) {
            return;
        }
        let mut alert = draft.alert(self.sequence);
        self.sequence += 1;
        for (name, count) in lost {
            insert(&mut alert.document, &format!("osawatch.loss.{name}"), count.into());
        }
        self.sink.alert(alert);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;
    use crate::alert::Alert;
    use crate::detect::RuleSet;
    use crate::event::{Categories, Event, Script, Timestamp, field};
    use crate::pipeline::{Limits, Output, Pipeline};
    use crate::source::live::UserNames;

    struct NoUsers;

    impl UserNames for NoUsers {
        fn name(&mut self, _: u32) -> Option<String> {
            None
        }
    }

    #[derive(Default)]
    struct Lines(Vec<(String, Json)>);

    impl Sink for Lines {
        fn alert(&mut self, alert: Alert) {
            let state = alert.get("osawatch.script.state").cloned().unwrap_or_default();
            self.0.push((alert.rule_id, state));
        }
        fn document(&mut self, _: Map<String, Json>) {}
    }

    fn alert(rule: &str, script: Script) -> Item {
        let mut set = RuleSet::default();
        let query = "process where process.pid == 1";
        set.add("r", &format!("[rule]\nrule_id = \"{rule}\"\nname = \"r\"\nquery = \'{query}\'\n")).unwrap();
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_int(field::PROCESS_PID, 1);
        event.script = Some(Arc::new(script));
        let mut item = None;
        Pipeline::new(set, Limits::live()).push(event, |output| {
            if let Output::Alert(draft) = output {
                item = Some(Item::Alert { draft, lost: Vec::new() });
            }
        });
        item.unwrap()
    }

    fn pending() -> Script {
        Script { source: "inline", examined: Some(Arc::new(OnceLock::new())), ..Script::default() }
    }

    fn delivery(script_wait: Duration) -> (Delivery<Lines>, Sender<()>) {
        let (settled, receiver) = bounded(1);
        let users = Users::start(Box::new(NoUsers), settled.clone()).unwrap();
        let settings = Settings { script_wait, ..Settings::default() };
        (Delivery::start(Lines::default(), &settings, users, receiver).unwrap(), settled)
    }

    #[test]
    fn an_alert_waits_for_its_own_script_alone_and_not_for_ever() {
        let (mut delivery, _) = delivery(Duration::from_millis(200));
        for item in [alert("waits", pending()), alert("does not", Script::default())] {
            delivery.send(item, Duration::ZERO).unwrap();
        }
        let written = delivery.finish(Duration::from_secs(20)).unwrap().0;
        assert_eq!(written, [("does not".to_owned(), Json::Null), ("waits".to_owned(), "timed_out".into())]);
    }

    #[test]
    fn an_alert_is_written_as_soon_as_its_script_is_examined() {
        let (mut delivery, settled) = delivery(Duration::from_secs(3600));
        let script = pending();
        let result = script.examined.clone().unwrap();
        delivery.send(alert("waits", script), Duration::ZERO).unwrap();
        result.set(Script { source: "inline", state: Some("gone"), ..Script::default() }).unwrap();
        settled.send(()).unwrap();
        assert_eq!(delivery.finish(Duration::from_secs(20)).unwrap().0, [("waits".to_owned(), "gone".into())]);
    }

    fn large(rule: &str) -> Item {
        alert(rule, Script { text: Some("A".repeat(1 << 20)), ..pending() })
    }

    #[test]
    fn with_no_room_alerts_are_written_without_their_scripts_and_none_is_lost() {
        let (mut delivery, _) = delivery(Duration::from_secs(3600));
        for n in 0..4 {
            delivery.send(large(&format!("r{n}")), Duration::from_secs(3600)).unwrap();
        }
        delivery.send(Item::Hurry, Duration::ZERO).unwrap();
        let written = delivery.finish(Duration::from_secs(600)).unwrap().0;
        assert_eq!(written, (0..4).map(|n| (format!("r{n}"), "timed_out".into())).collect::<Vec<_>>());
    }

    /// A sink whose reader never reads.
    struct Stuck(Receiver<()>);

    impl Sink for Stuck {
        fn alert(&mut self, _: Alert) {
            let _ = self.0.recv();
        }
        fn document(&mut self, _: Map<String, Json>) {}
    }

    /// A delivery to a sink that never answers, until the sender is dropped.
    fn stuck() -> (Delivery<Stuck>, Sender<()>) {
        let ((reader, never_read), (settled, receiver)) = (bounded(0), bounded(1));
        let users = Users::start(Box::new(NoUsers), settled).unwrap();
        let settings = Settings { script_wait: Duration::ZERO, ..Settings::default() };
        (Delivery::start(Stuck(never_read), &settings, users, receiver).unwrap(), reader)
    }

    #[test]
    fn a_reload_reaches_the_sink_in_its_order_also_when_there_is_no_room_for_alerts() {
        let (mut delivery, reader) = stuck();
        let whole_room = Script { text: Some("A".repeat(8 << 20)), ..Script::default() };
        delivery.send(alert("r", whole_room), Duration::ZERO).unwrap();
        assert!(delivery.send(Item::Exchange, Duration::ZERO).is_ok());
        assert!(delivery.send(Item::Document(Map::new()), Duration::ZERO).is_err());
        drop(reader);
    }

    #[test]
    fn a_sink_that_never_answers_is_waited_for_once() {
        let (mut delivery, reader) = stuck();
        let mut refused = |limit| (0..).find(|n| delivery.send(large(&format!("r{n}")), limit).is_err()).unwrap();
        assert!(refused(Duration::from_millis(50)) <= 3);
        assert_eq!(refused(Duration::from_secs(3600)), 0, "the next one is refused at once");
        drop(reader);
        while delivery.send(large("r"), Duration::from_secs(3600)).is_err() {
            thread::yield_now();
        }
    }
}
