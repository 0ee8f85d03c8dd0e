//! What the agent can tell of itself: which sources work, what went wrong last, and when it tells.

use std::time::Duration;

use super::rates::Rates;
use crate::event::Timestamp;
use crate::source::live::{Health, SourceKind};
use crate::status::{Moment, Source};

/// The status is told this often,
const PERIOD: Duration = Duration::from_secs(10);
/// and after a change, but no two of them sooner than this.
const LEAST: Duration = Duration::from_secs(1);

/// The account of an agent.
#[derive(Debug)]
pub(super) struct Account {
    sources: [Option<Health>; SourceKind::ALL.len()],
    blind_since: Option<Duration>,
    /// How many events come.
    pub(super) rates: Rates,
    pub(super) last_alert: Option<Moment>,
    pub(super) last_error: Option<Moment>,
    /// Why the configuration as it is on the disk is not in effect.
    pub(super) refused: Option<String>,
    /// Why recordings ended before the run.
    pub(super) unrecorded: Vec<String>,
    /// Optional work that is not done in this run.
    pub(super) left_out: Vec<String>,
    /// Optional work that is not done until the agent takes less of a processor.
    pub(super) shed: Option<String>,
    /// Scripts that cannot be read because file systems do not answer.
    pub(super) held_up: Option<String>,
    changed: bool,
    told: Option<Duration>,
    heartbeat: Option<Duration>,
    next_heartbeat: Option<Duration>,
}

/// What a report of a source changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nothing that anyone must be told.
    Same,
    /// A kind of event does not come any more, or for another reason.
    Blind(Vec<String>),
    /// Every kind comes again, after so long.
    Restored(Duration),
}

impl Account {
    pub(super) fn new(heartbeat: Option<Duration>) -> Account {
        Account {
            sources: [None, None],
            blind_since: None,
            rates: Rates::default(),
            last_alert: None,
            last_error: None,
            refused: None,
            unrecorded: Vec::new(),
            left_out: Vec::new(),
            shed: None,
            held_up: None,
            changed: true,
            told: None,
            heartbeat,
            next_heartbeat: heartbeat,
        }
    }

    /// A source reports how it is.
    pub(super) fn observe(&mut self, health: Health, now: Duration) -> Sight {
        self.changed = true;
        let works = health.works;
        let slot = &mut self.sources[health.kind as usize];
        // A later report without a finding does not take away what the self-test found.
        let is_known = |known: &&Health| known.works && health.works && known.name == health.name;
        let kept = slot.as_ref().filter(is_known).filter(|_| health.finding.is_empty()).cloned();
        let before = slot.replace(kept.unwrap_or(health));
        let why = self.blind();
        match (why.is_empty(), self.blind_since) {
            (true, None) => Sight::Same,
            (true, Some(since)) => {
                self.blind_since = None;
                Sight::Restored(now.saturating_sub(since))
            }
            (false, since) => {
                self.blind_since = since.or(Some(now));
                let is_news = since.is_none() || (!works && before.is_none_or(|before| before.works));
                if is_news { Sight::Blind(why) } else { Sight::Same }
            }
        }
    }

    /// What does not come, a sentence for each kind.
    pub(super) fn blind(&self) -> Vec<String> {
        let broken = self.sources.iter().flatten().filter(|health| !health.works);
        let sentence = |health: &Health| {
            let what = match health.kind {
                SourceKind::Exec => "no process events",
                SourceKind::Network => "no connections",
            };
            format!("{what}: {}", health.finding)
        };
        broken.map(sentence).collect()
    }

    /// Sources as the status names them, with the events of each kind.
    pub(super) fn sources(&self, events: [u64; SourceKind::ALL.len()]) -> Vec<Source> {
        let source = |(kind, events): (SourceKind, u64)| match &self.sources[kind as usize] {
            None => Source { kind: kind.name().to_owned(), events, ..Source::default() },
            Some(health) => Source {
                kind: kind.name().to_owned(),
                name: health.name.to_owned(),
                works: Some(health.works),
                finding: health.finding.clone(),
                latency_ms: health.latency.map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)),
                events,
            },
        };
        SourceKind::ALL.into_iter().zip(events).map(source).collect()
    }

    /// Optional work that is not done now, a sentence each.
    pub(super) fn left_out(&self) -> Vec<String> {
        self.left_out.iter().chain(&self.shed).chain(&self.held_up).cloned().collect()
    }

    /// Something that the status shows is other than before.
    pub(super) fn change(&mut self) {
        self.changed = true;
    }

    /// An alert goes out.
    pub(super) fn alerted(&mut self, time: Timestamp, rule: &str) {
        self.last_alert = Some(Moment { time: time.to_string(), what: rule.to_owned() });
        self.changed = true;
    }

    /// Something went wrong.
    pub(super) fn warned(&mut self, time: Timestamp, what: &str) {
        self.last_error = Some(Moment { time: time.to_string(), what: what.to_owned() });
        self.changed = true;
    }

    /// When the status is to be told.
    pub(super) fn due(&self) -> Duration {
        let wait = if self.changed { LEAST } else { PERIOD };
        self.told.map_or(Duration::ZERO, |told| told + wait)
    }

    /// The status is told now.
    pub(super) fn told(&mut self, now: Duration) {
        (self.changed, self.told) = (false, Some(now));
    }

    /// When the next heartbeat is due; `None`: never.
    pub(super) fn heartbeat_due(&self) -> Option<Duration> {
        self.next_heartbeat
    }

    /// A heartbeat goes out.
    pub(super) fn beat(&mut self, now: Duration) {
        self.next_heartbeat = self.heartbeat.map(|period| now + period);
    }

    /// How often heartbeats go out from now on.
    pub(super) fn set_heartbeat(&mut self, period: Option<Duration>, now: Duration) {
        if self.heartbeat != period {
            self.heartbeat = period;
            self.beat(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(kind: SourceKind, works: bool, finding: &str) -> Health {
        Health { kind, name: "s", works, finding: finding.to_owned(), latency: None }
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_source_that_ends_leaves_the_agent_blind_until_it_works_again_and_each_is_said_once() {
        let mut account = Account::new(None);
        assert_eq!(account.observe(health(SourceKind::Exec, true, "a"), seconds(0)), Sight::Same);
        assert_eq!(account.observe(health(SourceKind::Network, true, ""), seconds(1)), Sight::Same);
        let why = vec!["no process events: it exited".to_owned()];
        assert_eq!(account.observe(health(SourceKind::Exec, false, "it exited"), seconds(2)), Sight::Blind(why));
        assert_eq!(account.observe(health(SourceKind::Exec, false, "it exited"), seconds(4)), Sight::Same);
        assert_eq!(account.observe(health(SourceKind::Exec, true, ""), seconds(9)), Sight::Restored(seconds(7)));
        assert_eq!(account.observe(health(SourceKind::Exec, true, "40 ms late"), seconds(10)), Sight::Same);
        assert!(account.blind().is_empty());
    }

    #[test]
    fn the_loss_of_the_second_kind_is_said_too_and_the_sight_is_restored_when_both_work() {
        let mut account = Account::new(None);
        assert!(matches!(account.observe(health(SourceKind::Exec, false, "x"), seconds(1)), Sight::Blind(_)));
        let both = account.observe(health(SourceKind::Network, false, "y"), seconds(2));
        assert_eq!(both, Sight::Blind(vec!["no process events: x".into(), "no connections: y".into()]));
        assert_eq!(account.observe(health(SourceKind::Exec, true, ""), seconds(3)), Sight::Same);
        assert_eq!(account.observe(health(SourceKind::Network, true, ""), seconds(4)), Sight::Restored(seconds(3)));
    }

    #[test]
    fn what_the_self_test_found_stays_when_a_later_report_has_no_finding() {
        let mut account = Account::new(None);
        account.observe(health(SourceKind::Exec, true, "40 ms late"), seconds(0));
        account.observe(health(SourceKind::Exec, true, ""), seconds(1));
        assert_eq!(account.sources([3, 0])[0].finding, "40 ms late");
    }

    #[test]
    fn the_status_is_told_every_ten_seconds_and_a_second_after_a_change() {
        let mut account = Account::new(Some(seconds(900)));
        assert_eq!(account.due(), seconds(0));
        account.told(seconds(5));
        assert_eq!(account.due(), seconds(15));
        account.alerted(Timestamp::default(), "r");
        assert_eq!(account.due(), seconds(6));
        assert_eq!(account.heartbeat_due(), Some(seconds(900)));
        account.told(seconds(6));
        assert_eq!(account.due(), seconds(16));
        account.beat(seconds(900));
        account.set_heartbeat(None, seconds(901));
        assert_eq!(account.heartbeat_due(), None);
    }
}
