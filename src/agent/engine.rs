//! The engine: reports in, items for delivery out. It reads no clock and waits for nothing; its driver states what
//! time it is.

mod clock;
mod losses;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::account::Account;
use super::appetite::Appetite;
use super::delivery::Item;
use super::enrich;
use super::examiner::Examiner;
use super::expected::ExpectedExecs;
use super::loss::LossLog;
use super::merge_reports::MergedReports;
use super::users::Users;
use super::watch::Watch;
use super::{Counts, Error, Settings};
use crate::detect::Exception;
use crate::event::{Event, Flow, Machine, Timestamp, field};
use crate::pipeline::Pipeline;
use crate::process::{Due, PendingFlows, Progress};
use crate::script::Capture;
use crate::source::endpoint_security::Translator;
use crate::source::flow_event;
use crate::source::live::{ExecLateness, Level, Lookup, Losses, Notice, Report, Tap, Watched};

pub(super) use losses::deliver;

/// An exec that is reported this much later than a later one may come after its flows were evicted.
const LATE: Duration = Duration::from_secs(5);

/// What the engine knows of this system.
pub(super) struct System {
    pub(super) machine: Machine,
    pub(super) host_name: Option<String>,
    pub(super) os_version: Option<String>,
    pub(super) lookup: Box<dyn Lookup>,
    pub(super) exec_lateness: Arc<ExecLateness>,
    pub(super) losses: Arc<Losses>,
    pub(super) scan: Sender<()>,
    pub(super) users: Users,
    pub(super) examiner: Examiner,
}

/// The engine.
pub(super) struct Engine {
    pub(super) pipeline: Pipeline,
    pub(super) system: System,
    translator: Translator,
    reports: MergedReports,
    pending: PendingFlows,
    expected: ExpectedExecs,
    watch: Watch,
    pub(super) losses: LossLog,
    pub(super) account: Account,
    pub(super) appetite: Appetite,
    /// Bytes of events and executions that may be held.
    pub(super) held_limit: usize,
    /// How much of a script is taken when nothing prevents it.
    pub(super) capture: Capture,
    pub(super) counts: Counts,
    /// Process events that were reported too late for their flows.
    late: u64,
    lateness: Duration,
    alerts_lost: u64,
    documents_lost: u64,
    not_taken: u64,
    /// All losses together, when they were last looked at.
    lost_sum: Option<u64>,
    progress: Progress,
    /// A time of day, and when it was: of the last process event, and before the first of the beginning.
    clock: (Timestamp, Duration),
    pub(super) items: Vec<Item>,
    /// When the time of day was last set, if it was set back.
    set_back: Option<Duration>,
}

impl Engine {
    /// An engine that begins at this time of day.
    pub(super) fn new(
        settings: &Settings,
        pipeline: Pipeline,
        system: System,
        watched: Arc<Watched>,
        began: Timestamp,
    ) -> Engine {
        Engine {
            translator: Translator::new(system.machine.clone(), system.host_name.clone(), "endpoint_security"),
            reports: MergedReports::default(),
            pending: PendingFlows::new(settings.lateness, settings.max_flows, settings.budget.flows),
            expected: ExpectedExecs::default(),
            watch: Watch::new(watched),
            losses: LossLog::default(),
            account: Account::new(settings.heartbeat),
            appetite: Appetite::new(settings.cpu_limit),
            held_limit: settings.budget.executions + settings.budget.sequences,
            capture: settings.capture,
            counts: Counts::default(),
            late: 0,
            lateness: settings.lateness,
            alerts_lost: 0,
            documents_lost: 0,
            not_taken: 0,
            lost_sum: None,
            progress: Progress { seen: Timestamp::from_nanoseconds(i64::MIN), quiet_since: None },
            clock: (began, Duration::ZERO),
            items: Vec::new(),
            set_back: None,
            pipeline,
            system,
        }
    }

    /// The exceptions.
    pub(super) fn exceptions(&self) -> &[Exception] {
        self.pipeline.exceptions()
    }

    /// What is to be delivered since the last call.
    pub(super) fn take_items(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.items)
    }

    /// An item could not be delivered.
    pub(super) fn undelivered(&mut self, item: Item) {
        match item {
            Item::Alert { .. } => self.alerts_lost += 1,
            Item::Loss { lost, .. } => self.losses.untold(lost),
            Item::Document(_) => self.documents_lost += 1,
            Item::Notice(_) | Item::Exchange | Item::Hurry => {}
        }
    }

    /// Takes in a report of the stream of processes.
    pub(super) fn process(&mut self, report: Report, now: Duration) -> Result<(), Error> {
        self.progress.quiet_since = None;
        // What was lost before it marks the alerts that it completes.
        self.check_losses(now, false);
        match report {
            Report::Message(received) => {
                let event = received.message().map(|message| self.translator.event(&message));
                event.into_iter().for_each(|event| self.process_event(event, now));
            }
            Report::Event(event) => self.process_event(*event, now),
            Report::Running(event) => self.running(*event, true, now),
            Report::Notice(Notice { level: level @ (Level::Fatal | Level::NotPermitted), text, .. }) => {
                return Err(Error { text, not_permitted: level == Level::NotPermitted });
            }
            Report::Notice(notice) => {
                if notice.level == Level::Warning {
                    self.account.warned(self.time(now), &notice.text);
                }
                self.items.push(Item::Notice(notice));
            }
            Report::Health(health) => self.health(health, now),
        }
        Ok(())
    }

    /// Nothing of the stream of processes is under way.
    pub(super) fn quiet(&mut self, now: Duration) {
        self.progress.quiet_since.get_or_insert(now);
    }

    /// Takes in a report of a flow.
    pub(super) fn flow(&mut self, flow: Flow, now: Duration) {
        self.check_losses(now, false);
        self.counts.flows += 1;
        if let Some(flow) = self.reports.take(flow, now) {
            self.hold(&flow, now);
        }
    }

    /// Releases what need not wait any longer, and does what is due.
    pub(super) fn advance(&mut self, now: Duration) {
        while let Some(flow) = self.reports.pop_due(now) {
            self.hold(&flow, now);
        }
        while let Some(due) = self.pending.pop_due(self.progress, now) {
            let due = if self.is_exec_due(&due.event, now) { self.pending.wait(due, now) } else { Some(due) };
            due.into_iter().for_each(|due| self.let_go(due, now));
        }
        if self.pipeline.due().is_some_and(|due| due <= self.time(now)) {
            let (time, items, losses) = (self.time(now), &mut self.items, &self.losses);
            let account = &mut self.account;
            self.pipeline.elapse(time, |output| deliver(output, losses, items, account));
        }
        self.check_losses(now, false);
        self.beat_if_due(now);
    }

    /// When [`Engine::advance`] has something to do.
    pub(super) fn deadline(&self, now: Duration) -> Option<Duration> {
        let summary = self.pipeline.due().map(|due| {
            let wait = due.nanoseconds().saturating_sub(self.time(now).nanoseconds()).max(0);
            now.saturating_add(Duration::from_nanos(wait.unsigned_abs()))
        });
        let heartbeat = self.account.heartbeat_due();
        let due = [self.pending.deadline(self.progress), self.reports.deadline(), summary, heartbeat];
        due.into_iter().flatten().min()
    }

    /// Whether a flow waits for the stream of processes.
    pub(super) fn holds_flows(&self) -> bool {
        self.pending.deadline(self.progress).is_some()
    }

    /// The sensors have ended: everything that waits proceeds. `not_taken` reports were not received.
    pub(super) fn finish(&mut self, not_taken: u64, now: Duration) -> Counts {
        self.not_taken = not_taken;
        while let Some(flow) = self.reports.pop() {
            self.hold(&flow, now);
        }
        self.advance(now);
        while let Some(due) = self.pending.pop() {
            self.let_go(due, now);
        }
        self.check_losses(now, false);
        let (items, losses, account) = (&mut self.items, &self.losses, &mut self.account);
        self.pipeline.finish(|output| deliver(output, losses, items, account));
        self.check_losses(now, true);
        self.counts.undelivered = self.system.losses.undelivered.load(Ordering::Relaxed);
        let counts = self.pipeline.counts();
        self.counts.suppressed = counts.suppressed;
        self.counts.evicted_executions = counts.evicted_executions - counts.evicted_in_use;
        let names = self.pipeline.exceptions().iter().map(|exception| exception.name.clone());
        self.counts.excepted = names.zip(counts.excepted).collect();
        self.counts.clone()
    }

    fn process_event(&mut self, mut event: Event, now: Duration) {
        self.counts.processes += 1;
        let late = LATE.max(self.system.exec_lateness.get());
        self.late += u64::from(event.time.saturating_add(late) < self.progress.seen);
        if !self.is_of_before_set(event.time, now) {
            self.progress.seen = self.progress.seen.max(event.time);
            self.clock = (self.progress.seen, now);
        }
        enrich::add_unique_pid(&mut event, &*self.system.lookup);
        self.enrich(&mut event);
        self.watch.observe(&event);
        if event.is_type("end") {
            return self.push(event);
        }
        self.system.examiner.examine(&mut event);
        self.push_process(event, now);
    }

    /// Records a running process that is not known.
    fn running(&mut self, mut event: Event, is_scan: bool, now: Duration) {
        if self.pipeline.knows(&event) {
            return;
        }
        let found = (is_scan && self.is_exec_expected(&event)).then(|| event.clone());
        self.enrich(&mut event);
        self.watch.observe(&event);
        self.push_process(event, now);
        if let Some((key, _)) = found.and_then(|found| self.pipeline.owner(&found)) {
            self.expected.insert(key, now);
        }
    }

    /// Whether the exec of a process that a scan found may be on its way: the process was made since the source began,
    /// or what it ran before is known.
    fn is_exec_expected(&self, found: &Event) -> bool {
        let mut process = found.clone();
        process.remove(field::PIDVERSION);
        found.time >= self.system.exec_lateness.since() || self.pipeline.owner(&process).is_some()
    }

    /// Whether the exec of the process that a flow belongs to may still be reported.
    fn is_exec_due(&mut self, flow: &Event, now: Duration) -> bool {
        let lateness = self.lateness.max(self.system.exec_lateness.get());
        let owner = self.pipeline.owner(flow);
        owner.is_some_and(|(key, is_reported)| !is_reported && self.expected.contains(&key, lateness, now))
    }

    fn push_process(&mut self, event: Event, now: Duration) {
        let started = event.int(field::PROCESS_PID).map(|pid| (pid, event.time));
        self.push(event);
        if let Some((pid, began)) = started {
            self.pending.started(pid, began, now);
        }
    }

    fn hold(&mut self, flow: &Flow, now: Duration) {
        let mut event = flow_event::event(flow, &self.system.machine, self.system.host_name.as_deref());
        self.enrich(&mut event);
        self.pending.set_lateness(self.lateness.max(self.system.exec_lateness.get()));
        let is_known = self.pipeline.owner(&event).is_some();
        if let Some(due) = self.pending.hold(event, is_known, now) {
            self.let_go(due, now);
        }
    }

    fn let_go(&mut self, due: Due, now: Duration) {
        let mut owner = self.pipeline.owner(&due.event);
        if owner.is_none() {
            // No event reported its process, but it may still run.
            let found = enrich::running(&due.event, &*self.system.lookup);
            found.into_iter().for_each(|event| self.running(event, false, now));
            owner = self.pipeline.owner(&due.event);
        }
        match &due.before {
            Some(before) if *before == owner => return self.pending.remember(due, owner, now),
            Some(None) => self.counts.unattributed = self.counts.unattributed.saturating_sub(1),
            _ => {}
        }
        self.counts.unattributed += u64::from(owner.is_none());
        let mut event = due.event.clone();
        if let Some(waited) = due.waited_ms(now) {
            event.push_int(field::ATTRIBUTION_WAITED_MS, waited);
        }
        self.push(event);
        self.pending.remember(due, owner, now);
    }

    fn enrich(&self, event: &mut Event) {
        enrich::enrich(event, &self.system.users, self.system.os_version.as_deref());
    }

    /// Gives the tap a copy of every event from now on.
    pub(super) fn record(&mut self, tap: Tap<Event>) {
        self.pipeline.witness(move |event| tap.take(event.bytes(), || event.detached()));
    }

    fn push(&mut self, event: Event) {
        self.account.rates.count(&event);
        let (items, losses, account) = (&mut self.items, &self.losses, &mut self.account);
        self.pipeline.push(event, |output| deliver(output, losses, items, account));
    }
}
