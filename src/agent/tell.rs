//! What the engine tells of itself, and what it is told.

use std::time::Duration;

use serde_json::Value as Json;

use super::account::Sight;
use super::appetite::Change;
use super::control::Reload;
use super::delivery::Item;
use super::engine::{Engine, deliver};
use super::examiner::HeldUp;
use crate::alert::{blind_spots, lifecycle};
use crate::report::plural;
use crate::script::Capture;
use crate::source::live::{Health, Level, Notice};
use crate::status::{Count, Rule, Status};

/// A loss is a problem of the agent for so long.
const RECENT: Duration = Duration::from_secs(600);

fn json(status: &Status) -> Json {
    serde_json::to_value(status).unwrap_or_default()
}

impl Engine {
    /// A source reports how it is.
    pub(super) fn health(&mut self, health: Health, now: Duration) {
        let (time, machine) = (self.time(now), &self.system.machine);
        let (document, level, text) = match self.account.observe(health, now) {
            Sight::Same => return,
            Sight::Blind(why) => {
                let text = format!("blind: {}", why.join("; "));
                (lifecycle::blind(time, machine, &why), Level::Warning, text)
            }
            Sight::Restored(after) => {
                let text = format!("no longer blind, after {} s", after.as_secs());
                (lifecycle::sees_again(time, machine, after), Level::Info, text)
            }
        };
        self.items.push(Item::Document(document));
        self.say(level, text, now);
    }

    fn say(&mut self, level: Level, text: String, now: Duration) {
        if level == Level::Warning {
            self.account.warned(self.time(now), &text);
        }
        self.items.push(Item::Notice(Notice::new(level, text)));
    }

    /// Says that the agent lives, when it is time to.
    pub(super) fn beat_if_due(&mut self, now: Duration) {
        if self.account.heartbeat_due().is_none_or(|due| now < due) {
            return;
        }
        self.account.beat(now);
        let status = self.status(now);
        let (time, machine) = (self.time(now), &self.system.machine);
        let document = lifecycle::heartbeat(time, machine, &status.summary(), json(&status.brief()));
        self.items.push(Item::Document(document));
    }

    /// When the status is to be told.
    pub(super) fn status_due(&self) -> Duration {
        self.account.due()
    }

    /// The status as the engine knows it.
    pub(super) fn status(&mut self, now: Duration) -> Status {
        let (counts, pipeline) = (&self.counts, self.pipeline.counts());
        let count = |(name, count): (&str, u64)| Count { name: name.to_owned(), count };
        let rules = self.pipeline.rules().iter().zip(&pipeline.alerts).zip(self.pipeline.never_live());
        let rules = rules.map(|((rule, alerts), never)| Rule {
            id: rule.id.clone(),
            alerts: *alerts,
            cannot_alert: never.clone(),
        });
        let exceptions = self.pipeline.exceptions().iter().zip(&pipeline.excepted);
        let exceptions =
            exceptions.map(|(exception, hits)| count((&exception.name, hits + exception.suppressed_late())));
        self.account.rates.look(now);
        let mut status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            boot_id: self.system.machine.boot_id.clone(),
            uptime_seconds: now.as_secs(),
            problems: Vec::new(),
            sources: self.account.sources([counts.processes, counts.flows]),
            processes: counts.processes,
            connections: counts.flows,
            unattributed: counts.unattributed,
            losses: counts.lost.iter().copied().map(count).collect(),
            open_sequences: self.pipeline.open_sequences() as u64,
            held_bytes: self.pipeline.bytes() as u64,
            held_bytes_limit: self.held_limit as u64,
            rules: rules.collect(),
            exceptions: exceptions.collect(),
            suppressed: pipeline.suppressed,
            last_alert: self.account.last_alert.clone(),
            last_error: self.account.last_error.clone(),
            left_out: self.account.left_out(),
            executables: self.account.rates.programs(),
            events_per_second: self.account.rates.per_second(),
            cpu_seconds: self.appetite.used().as_secs_f64(),
            cpu_percent: self.appetite.percent(),
            cpu_percent_now: self.appetite.percent_now(),
            cpu_percent_limit: self.appetite.limit(),
            ..Status::default()
        };
        status.problems = self.problems(now);
        status
    }

    fn problems(&self, now: Duration) -> Vec<String> {
        let blind = self.account.blind();
        let blind = (!blind.is_empty()).then(|| format!("blind: {}", blind.join("; ")));
        let refused = self.account.refused.as_ref();
        let refused = refused.map(|why| format!("the configuration was refused, and the one before stays: {why}"));
        let lost = self.losses.since(self.time(now).saturating_sub(RECENT));
        let lost = (lost > 0)
            .then(|| format!("{} lost or evicted within {} min", plural(lost, "event"), RECENT.as_secs() / 60));
        let left_out = self.account.left_out().into_iter().map(|what| format!("left out: {what}"));
        let unrecorded = self.account.unrecorded.iter().cloned();
        [blind, refused, lost].into_iter().flatten().chain(unrecorded).chain(left_out).collect()
    }

    /// So much processor time was used in all until now: over the limit, optional work is left out.
    pub(super) fn used(&mut self, used: Duration, now: Duration) {
        let limit = self.appetite.limit();
        let (document, level, text) = match self.appetite.observe(used, now) {
            None => return,
            Some(Change::Shed(percent)) => {
                let text = format!(
                    "scripts are not read: osawatch took {percent:.0} % of a core for a minute, and the limit is {limit} \
                     %; they are read again when it takes half of that"
                );
                self.account.shed = Some(text.clone());
                (lifecycle::limited(self.time(now), &self.system.machine, &text), Level::Warning, text)
            }
            Some(Change::Resume(percent)) => {
                self.account.shed = None;
                let text = format!("scripts are read again: osawatch took {percent:.0} % of a core for a minute");
                (lifecycle::no_longer_limited(self.time(now), &self.system.machine, &text), Level::Info, text)
            }
        };
        self.account.change();
        self.set_capture();
        self.items.push(Item::Document(document));
        self.say(level, text, now);
    }

    /// Replaces the threads that wait for file systems which do not answer, and says how many there are.
    pub(super) fn replace_held_up(&mut self, now: Duration) {
        if let Some(held_up) = self.system.examiner.replace_held_up(now) {
            self.held_up(held_up, now);
        }
    }

    pub(super) fn held_up(&mut self, HeldUp { threads, is_all }: HeldUp, now: Duration) {
        let text = match threads {
            0 => None,
            1 => Some("a script is on a file system that does not answer".to_owned()),
            _ => Some(format!("{threads} scripts are on file systems that do not answer")),
        };
        let text = text.map(|text| if is_all { text + ", and no further one is read" } else { text });
        self.account.held_up.clone_from(&text);
        self.account.change();
        match text {
            Some(text) => self.say(Level::Warning, text, now),
            None => self.say(Level::Info, "every file system answers again".to_owned(), now),
        }
    }

    /// Scripts are read as configured, unless that is left out.
    fn set_capture(&mut self) {
        let is_left_out = !self.account.left_out.is_empty() || self.appetite.is_shed();
        self.system.examiner.set_capture(if is_left_out { Capture::Off } else { self.capture });
    }

    /// What can change takes effect, between two events.
    pub(super) fn reload(&mut self, reload: Reload, now: Duration) {
        let (items, losses, account) = (&mut self.items, &self.losses, &mut self.account);
        self.pipeline.exchange(reload.exchange, |output| deliver(output, losses, items, account));
        self.items.push(Item::Exchange);
        self.capture = reload.capture;
        self.set_capture();
        self.appetite.set_limit(reload.cpu_limit);
        self.account.set_heartbeat(reload.heartbeat, now);
        self.account.refused = None;
        self.account.change();
        let document = lifecycle::configuration(self.time(now), &self.system.machine, Ok(&reload.what));
        self.items.push(Item::Document(document));
        self.say(Level::Info, format!("the configuration was reloaded: {}", reload.what), now);
        if !reload.blind_spots.is_empty() {
            let document = blind_spots::document(self.time(now), &self.system.machine, &reload.blind_spots);
            self.items.push(Item::Document(document));
            reload.blind_spots.into_iter().for_each(|text| self.say(Level::Warning, text, now));
        }
    }

    /// A new configuration is wrong.
    pub(super) fn refuse(&mut self, why: String, now: Duration) {
        let document = lifecycle::configuration(self.time(now), &self.system.machine, Err(&why));
        self.items.push(Item::Document(document));
        self.say(Level::Warning, format!("the configuration was refused, and the one before stays: {why}"), now);
        self.account.refused = Some(why);
        self.account.change();
    }

    /// A recording has ended early: what comes now is not in it.
    pub(super) fn unrecorded(&mut self, why: String, now: Duration) {
        let document = lifecycle::unrecorded(self.time(now), &self.system.machine, &why);
        self.items.push(Item::Document(document));
        self.say(Level::Warning, why.clone(), now);
        self.account.unrecorded.push(why);
        self.account.change();
    }

    /// Scripts are not read for the rest of the run.
    pub(super) fn leave_out(&mut self, what: String) {
        if !self.account.left_out.contains(&what) {
            self.account.left_out.push(what);
            self.account.change();
        }
        self.set_capture();
    }
}
