//! One event in, alerts out: reorder → process → detect → alert, composed once.

mod copies;
mod counts;
mod exchange;
mod intake;
mod options;
mod output;

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::alert::{self, Draft, Told};
use crate::detect::case::FollowUp;
use crate::detect::cases::Cases;
use crate::detect::suppress::{Summary, Suppressor};
use crate::detect::{Detection, Detector, Exception, Lateness, Ordinal, Rule, RuleSet};
use crate::event::{Event, Fields, Timestamp, field};
use crate::process::{self, Feeders, Table};
use crate::script::{self, Redactor};

pub use counts::Counts;
pub(crate) use exchange::Exchange;
pub(crate) use intake::{Disorder, Intake};
pub(crate) use options::LATENESS;
pub use options::{Limits, Options};
pub use output::Output;

/// When the input is taken as it comes, a waiting sequence is kept this much longer than `maxspan`
/// after the latest event, for completing events that come late.
const UNORDERED_SLACK_MS: i64 = 300_000;

/// A live event is reported at most this long after it happened: then one that has not been did not occur.
const REPORT_DELAY: Duration = Duration::from_secs(5);

/// Sees every event as the rules see it.
struct Witness(Box<dyn FnMut(&Event) + Send>);

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}

/// Rules at work, with all the state they need.
#[derive(Debug)]
pub struct Pipeline {
    witness: Option<Witness>,
    rules: Vec<Arc<Rule>>,
    exceptions: Vec<Exception>,
    excepted: Vec<u64>,
    fields: Fields,
    limits: Limits,
    intake: Intake,
    table: Table,
    feeders: Feeders,
    detector: Detector,
    cases: Cases,
    suppressor: Option<Suppressor>,
    redactor: Option<Arc<Redactor>>,
    names_come_later: bool,
    latest_ms: i64,
    alerts: Vec<u64>,
    /// For each rule, why it can never alert on a live Mac.
    never_live: Vec<Option<String>>,
    /// Cases evicted before a reload that closed all.
    evicted_cases: u64,
}

impl Pipeline {
    /// A pipeline for a set of rules.
    pub fn new(set: RuleSet, options: impl Into<Options>) -> Pipeline {
        let never_live = never_live(&set);
        let RuleSet { rules, mut fields, lineages, exceptions } = set;
        resolve_own(&mut fields);
        let Options { limits, volume, capture, redactor, names_come_later } = options.into();
        Pipeline {
            witness: None,
            detector: Detector::new(&rules, lineages, limits.sequences, limits.sequence_bytes),
            suppressor: volume.map(|volume| Suppressor::new(&volume, &rules)),
            cases: Cases::new(&rules, script::runs_scripts),
            alerts: vec![0; rules.len()],
            rules: rules.into_iter().map(Arc::new).collect(),
            excepted: vec![0; exceptions.len()],
            exceptions,
            fields,
            limits,
            intake: Intake::new(&limits, capture),
            table: Table::new(limits.processes),
            feeders: Feeders::default(),
            redactor: redactor.map(Arc::new),
            names_come_later,
            latest_ms: i64::MIN,
            evicted_cases: 0,
            never_live,
        }
    }

    /// From now on `see` gets every event, attributed to its process, in the order in which the rules get it.
    pub(crate) fn witness(&mut self, see: impl FnMut(&Event) + Send + 'static) {
        self.witness = Some(Witness(Box::new(see)));
    }

    /// Asks every rule about every event from now on, also where none of its stages can match. It changes no answer.
    pub fn ask_every_rule(&mut self) {
        self.detector.ask_every_rule();
    }

    /// For each rule, why it can never alert on a live Mac, if that is so.
    pub(crate) fn never_live(&self) -> &[Option<String>] {
        &self.never_live
    }

    /// The partial sequences that are open.
    pub(crate) fn open_sequences(&self) -> usize {
        self.detector.open()
    }

    /// The rules.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// The exceptions.
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// The fields that the rules name: what a source must extract.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Takes in an event; passes on what it completes, and what earlier ones complete whose turn came.
    pub fn push(&mut self, event: Event, mut sink: impl FnMut(Output<'_>)) {
        self.intake.push(event);
        while let Some((ordinal, mut event)) = self.intake.pop_due(|_| ()) {
            self.observe(&mut event, ordinal, &mut sink);
        }
    }

    /// Leaves it to the caller to put events in order: each is to be given to [`Pipeline::observe`], and this back
    /// before [`Pipeline::counts`] is asked.
    pub(crate) fn lend_intake(&mut self) -> Intake {
        let empty = Intake::new(&self.limits, None);
        std::mem::replace(&mut self.intake, empty)
    }

    /// Takes back what was lent.
    pub(crate) fn take_back(&mut self, intake: Intake) {
        self.intake = intake;
    }

    /// The input has ended: what was held back goes through.
    pub fn finish(&mut self, mut sink: impl FnMut(Output<'_>)) {
        while let Some((ordinal, mut event)) = self.intake.pop(|_| ()) {
            self.observe(&mut event, ordinal, &mut sink);
        }
        let decided = if self.limits.decides_at_end { self.detector.finish() } else { Vec::new() };
        decided.into_iter().for_each(|detection| _ = self.detected(detection, &mut sink));
        self.follow_up(None, &mut sink);
        self.summarize(None, &mut sink);
    }

    /// When the next summary of held back alerts is due, or it is known that an event did not occur.
    pub fn due(&self) -> Option<Timestamp> {
        let summary = self.suppressor.as_ref().and_then(Suppressor::due);
        let decided = self.detector.due_ms().and_then(|due| Timestamp::from_milliseconds(due.saturating_add(1)));
        let decided = decided.map(|due| due.saturating_add(REPORT_DELAY));
        let follow_up = self.cases.due().map(|due| due.saturating_add(REPORT_DELAY));
        summary.into_iter().chain(decided).chain(follow_up).min()
    }

    /// Time has passed: passes on the summaries that are due, and what waited for an event that did not occur.
    pub fn elapse(&mut self, now: Timestamp, mut sink: impl FnMut(Output<'_>)) {
        for detection in self.detector.elapse(now.saturating_sub(REPORT_DELAY).milliseconds()) {
            self.detected(detection, &mut sink);
        }
        self.follow_up(Some(now.saturating_sub(REPORT_DELAY)), &mut sink);
        self.summarize(Some(now), &mut sink);
    }

    /// Gives the follow-ups that are due at this time, or all.
    fn follow_up(&mut self, now: Option<Timestamp>, sink: &mut impl FnMut(Output<'_>)) {
        for follow_up in self.cases.elapse(now) {
            sink(self.told(follow_up));
        }
    }

    fn told(&self, follow_up: FollowUp) -> Output<'static> {
        let suppressed = follow_up.suppressed.iter().map(|(rule, count)| (Arc::clone(&self.rules[*rule]), *count));
        let (rule, suppressed) = (Arc::clone(&self.rules[follow_up.rule]), suppressed.collect());
        Output::Alert(Box::new(Draft::follow_up(Told { follow_up, rule, suppressed }, self.redactor.clone())))
    }

    fn summarize(&mut self, now: Option<Timestamp>, sink: &mut impl FnMut(Output<'_>)) {
        let summaries = self.suppressor.as_mut().map(|suppressor| suppressor.elapse(now));
        for summary in summaries.into_iter().flatten() {
            sink(self.summary(summary));
        }
    }

    fn summary(&self, summary: Summary) -> Output<'static> {
        let rule = Arc::clone(&self.rules[summary.rule]);
        Output::Alert(Box::new(Draft::suppressed(rule, summary, self.redactor.clone())))
    }

    /// The key of the execution that an event of a pid belongs to, when it is known, and whether its start was
    /// reported.
    pub(crate) fn owner(&self, event: &Event) -> process::Owner {
        self.table.owner(event)
    }

    /// Whether the execution that a process event is about is known.
    pub(crate) fn knows(&mut self, event: &Event) -> bool {
        self.table.knows(event)
    }

    /// The bytes that are held, as they are accounted for.
    pub fn bytes(&self) -> usize {
        self.table.bytes() + self.detector.bytes() + self.intake.bytes()
    }

    /// Executions, partial sequences and cases lost because a table was full.
    pub(crate) fn lost(&self) -> (u64, u64, u64) {
        (self.table.lost(), self.detector.evicted(), self.evicted_cases + self.cases.evicted())
    }

    /// What went through so far.
    pub fn counts(&self) -> Counts {
        Counts {
            events: self.intake.events(),
            copies: self.intake.copies(),
            late: self.intake.late(),
            overtaken: self.intake.overtaken(),
            evicted_executions: self.table.evicted(),
            evicted_in_use: self.table.lost(),
            evicted_sequences: self.detector.evicted(),
            alerts: self.alerts.clone(),
            evicted_cases: self.evicted_cases + self.cases.evicted(),
            suppressed: self.suppressor.as_ref().map_or(0, Suppressor::suppressed),
            excepted: self.excepted.clone(),
        }
    }

    /// The next event in order, which is told what is known of its process; passes on what it completes.
    pub(crate) fn observe(&mut self, event: &mut Event, ordinal: Ordinal, sink: &mut impl FnMut(Output<'_>)) {
        self.table.observe(event, |event| self.detector.lineage_marks(event));
        let event = &*event;
        if let Some(Witness(see)) = &mut self.witness {
            see(event);
        }
        self.feeders.observe(event);
        self.latest_ms = self.latest_ms.max(event.time.milliseconds());
        let watermark = match self.limits.lateness {
            Lateness::UpTo(Duration::ZERO) => self.latest_ms.saturating_sub(UNORDERED_SLACK_MS),
            _ => self.latest_ms,
        };
        self.follow_up(Some(event.time), sink);
        let mut found = self.detector.observe(event, ordinal, watermark);
        if found.len() > 1 && self.cases.is_active() {
            // The alert of a case is its detection of the highest severity.
            found.sort_by_key(|detection| Reverse(self.rules[detection.rule].severity));
        }
        let mut is_alerted = false;
        for detection in found {
            is_alerted |= self.detected(detection, sink);
        }
        self.cases.observe(event, is_alerted);
    }

    /// Sends a detection where it belongs. False: the case holds it back, and its follow-up names its events.
    fn detected(&mut self, Detection { rule, found }: Detection, sink: &mut impl FnMut(Output<'_>)) -> bool {
        let rule_id = &self.rules[rule].id;
        let is_unnamed =
            |event: &Arc<Event>| !event.any(field::USER_NAME, |_| true) && event.any(field::USER_ID, |_| true);
        let waits = self.names_come_later && found.events.iter().any(is_unnamed);
        let is_undecided = |exception: &Exception| waits && exception.covers(rule_id) && exception.names_users();
        let applies = |exception: &Exception| !is_undecided(exception) && exception.holds_back(rule_id, &found.events);
        let held = self.exceptions.iter().position(applies);
        if let Some(at) = held {
            self.excepted[at] += 1;
            let (rule, exception) = (&self.rules[rule], &self.exceptions[at]);
            sink(Output::Suppressed { rule, exception, position: at, found });
            return true;
        }
        let admitted = self.cases.admit(rule, &found, || alert::alert_id(&self.rules[rule], &found));
        let Some(gravest) = admitted else { return false };
        if let Some(suppressor) = &mut self.suppressor {
            let (is_out, summary) = suppressor.admit(rule, &found);
            if let Some(summary) = summary {
                sink(self.summary(summary));
            }
            if !is_out {
                return true;
            }
        }
        self.alerts[rule] += 1;
        let undecided = self.exceptions.iter().filter(|exception| is_undecided(exception)).cloned().collect();
        let rule = Arc::clone(&self.rules[rule]);
        let mut draft = Draft::found((rule, gravest), found, self.redactor.clone(), undecided);
        draft.find_feeder(|host, pipe| self.feeders.of_pipe(host, pipe).cloned());
        sink(Output::Alert(Box::new(draft)));
        true
    }
}

/// What tells one alert from its repeats is read of every event, whether a rule names it or not.
fn resolve_own(fields: &mut Fields) {
    for name in ["destination.ip", "destination.port", "destination.domain", "process.executable"] {
        let _ = fields.resolve(name);
    }
}

fn never_live(set: &RuleSet) -> Vec<Option<String>> {
    let why = |rule: &Rule| rule.inert().map(str::to_owned).or_else(|| set.never_live(rule));
    set.rules.iter().map(why).collect()
}
