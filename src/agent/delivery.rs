//! What the engine found, on its way to the sink, on a thread of its own: neither a slow disk nor a script that is
//! still being examined holds up detection.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, at, bounded, never, select, unbounded};
use serde_json::{Map, Value as Json};

use super::users::Users;
use super::{Sink, enrich};
use crate::alert::Draft;
use crate::event::document::insert;
use crate::event::{Budget, Charge, Ledger};
use crate::source::live::{Level, Notice};

/// What the engine hands over.
#[derive(Debug)]
pub(super) enum Item {
    /// An alert, with what was lost near it.
    Alert { draft: Box<Draft>, lost: Vec<(&'static str, u64)> },
    /// The document about what was lost.
    Loss { document: Map<String, Json>, lost: Vec<(&'static str, u64)> },
    /// A sentence for people.
    Notice(Notice),
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Item::Alert { draft, .. } => draft.bytes(),
            Item::Loss { .. } => 1024,
            Item::Notice(notice) => notice.text.len(),
        }
    }
}

/// The engine's end.
pub(super) struct Delivery<S> {
    items: Sender<(Item, Charge)>,
    ledger: Ledger,
    sink: Receiver<S>,
}

impl<S: Sink + Send + 'static> Delivery<S> {
    /// Starts the thread. An alert waits for its scripts and the names of its users at most for `script_wait`; whenever
    /// one of them is known, a message comes on `settled`.
    pub(super) fn start(
        sink: S,
        first_sequence: u64,
        script_wait: Duration,
        users: Users,
        settled: Receiver<()>,
    ) -> io::Result<Delivery<S>> {
        // Bounded by the bytes of the ledger.
        let (items, queue) = unbounded();
        let (done, ended) = bounded(1);
        let (waiting, sequence) = (VecDeque::new(), first_sequence);
        let writer = Writer { sink, queue, settled, users, script_wait, waiting, sequence };
        thread::Builder::new().name("osawatch-alerts".to_owned()).spawn(move || {
            let _ = done.send(writer.run());
        })?;
        Ok(Delivery { items, ledger: Ledger::default(), sink: ended })
    }

    /// Hands an item over; gives it back when there is no room. Never waits.
    pub(super) fn try_send(&self, item: Item) -> Result<(), Item> {
        let bytes = item.bytes();
        if self.ledger.bytes() > 0 && self.ledger.bytes() + bytes > Budget::LIVE.alerts {
            return Err(item);
        }
        // The other end is gone only when the thread panicked.
        self.items.send((item, self.ledger.charge(bytes))).map_err(|unsent| unsent.0.0)
    }

    /// Has all written that was handed over, and returns the sink; `None`: it takes longer than this.
    pub(super) fn finish(self, limit: Duration) -> Option<S> {
        drop(self.items);
        self.sink.recv_timeout(limit).ok()
    }
}

/// The thread's end.
struct Writer<S> {
    sink: S,
    queue: Receiver<(Item, Charge)>,
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
            Item::Loss { document, .. } => self.sink.document(document),
            Item::Notice(Notice { level, text }) => {
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
        let mut users = draft.events().iter().filter_map(|event| enrich::unnamed_user(event));
        draft.is_settled() && users.all(|uid| self.users.name(uid).is_some())
    }

    fn write(&mut self, Waiting { mut draft, lost, .. }: Waiting) {
        draft.for_each_event(|event| {
            let user = enrich::unnamed_user(event).and_then(|uid| self.users.name(uid));
            if user.flatten().is_some() {
                enrich::add_user_name(Arc::make_mut(event), &self.users);
            }
        });
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
        Script { examined: Some(Arc::new(OnceLock::new())), ..Script::default() }
    }

    fn delivery(script_wait: Duration) -> (Delivery<Lines>, Sender<()>) {
        let (settled, receiver) = bounded(1);
        let users = Users::start(Box::new(NoUsers), settled.clone()).unwrap();
        (Delivery::start(Lines::default(), 0, script_wait, users, receiver).unwrap(), settled)
    }

    #[test]
    fn an_alert_waits_for_its_own_script_alone_and_not_for_ever() {
        let (delivery, _) = delivery(Duration::from_millis(200));
        for item in [alert("waits", pending()), alert("does not", Script::default())] {
            delivery.try_send(item).unwrap();
        }
        let written = delivery.finish(Duration::from_secs(20)).unwrap().0;
        assert_eq!(written, [("does not".to_owned(), Json::Null), ("waits".to_owned(), "timed_out".into())]);
    }

    #[test]
    fn an_alert_is_written_as_soon_as_its_script_is_examined() {
        let (delivery, settled) = delivery(Duration::from_secs(3600));
        let script = pending();
        let result = script.examined.clone().unwrap();
        delivery.try_send(alert("waits", script)).unwrap();
        result.set(Script { state: Some("gone"), ..Script::default() }).unwrap();
        settled.send(()).unwrap();
        assert_eq!(delivery.finish(Duration::from_secs(20)).unwrap().0, [("waits".to_owned(), "gone".into())]);
    }

    #[test]
    fn a_full_queue_gives_the_item_back() {
        let (delivery, _) = delivery(Duration::from_secs(3600));
        let loss = || Item::Loss { document: Map::new(), lost: Vec::new() };
        let many = alert("r", Script { text: Some("A".repeat(1 << 20)), ..pending() });
        delivery.try_send(many).unwrap();
        delivery.try_send(alert("r", Script { text: Some("A".repeat(1 << 20)), ..pending() })).unwrap_err();
        delivery.try_send(loss()).unwrap();
    }
}
