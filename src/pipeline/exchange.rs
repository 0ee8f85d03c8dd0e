//! Other rules, exceptions and limits while a pipeline works.

use std::sync::Arc;

use super::{Output, Pipeline, never_live, resolve_own};
use crate::detect::cases::Cases;
use crate::detect::suppress::Suppressor;
use crate::detect::{Detector, Exception, Rule, RuleSet, Volume};
use crate::script::{self, Redactor};

/// What can be exchanged while a pipeline works.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Rules and exceptions; made from a successor of the set before.
    pub(crate) set: RuleSet,
    /// How many alerts go out; `None`: all.
    pub(crate) volume: Option<Volume>,
    /// Leaves secrets out of alerts.
    pub(crate) redactor: Option<Redactor>,
}

impl Pipeline {
    /// Exchanges rules, exceptions and limits between two events. Executions and the partial sequences of rules that
    /// stay the same are kept, so no event is lost; what was held back so far is summed up.
    pub(crate) fn exchange(&mut self, exchange: Exchange, mut sink: impl FnMut(Output<'_>)) {
        self.summarize(None, &mut sink);
        self.never_live = never_live(&exchange.set);
        let Exchange { set: RuleSet { rules, mut fields, lineages, exceptions }, volume, redactor } = exchange;
        resolve_own(&mut fields);
        let same = |old: &Rule, new: &Rule| {
            old.id == new.id && old.query_text == new.query_text && old.query().is_some() == new.query().is_some()
        };
        let of = |at: usize| self.rules.iter().position(|old| same(old, &rules[at]));
        let of: Vec<Option<usize>> = (0..rules.len()).map(of).collect();
        if of.len() != self.rules.len() || of.iter().enumerate().any(|(at, old)| *old != Some(at)) {
            self.follow_up(None, &mut sink);
            self.evicted_cases += self.cases.evicted();
            self.cases = Cases::new(&rules, script::runs_scripts);
        }
        self.cases.tell_by(&rules);
        let detector = Detector::new(&rules, lineages, self.limits.sequences, self.limits.sequence_bytes);
        let old = std::mem::replace(&mut self.detector, detector);
        self.detector.take_over(old, |rule| of[rule]);
        let suppressed = self.suppressor.as_ref().map_or(0, Suppressor::suppressed);
        self.suppressor = volume.map(|volume| Suppressor::new(&volume, &rules));
        self.suppressor.iter_mut().for_each(|suppressor| suppressor.continue_from(suppressed));
        self.alerts = of.iter().map(|old| old.map_or(0, |old| self.alerts[old])).collect();
        let count = |new: &Exception| {
            let old = self.exceptions.iter().position(|old| old.name == new.name);
            old.map_or(0, |old| self.excepted[old] + self.exceptions[old].suppressed_late())
        };
        self.excepted = exceptions.iter().map(count).collect();
        self.rules = rules.into_iter().map(Arc::new).collect();
        (self.exceptions, self.fields, self.redactor) = (exceptions, fields, redactor.map(Arc::new));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;
    use crate::alert::Tells;
    use crate::event::{Categories, Event, Timestamp, field};

    /// A rule for starts and one for connections, which is of this severity.
    fn add_rules(mut set: RuleSet, severity: &str) -> RuleSet {
        for (id, category, severity) in [("process", "process", "medium"), ("network", "network", severity)] {
            let about = format!("rule_id = \"{id}\"\nname = \"{id}\"\nseverity = \"{severity}\"");
            let text = format!("[rule]\n{about}\nquery = '{category} where true'\n[osawatch]\none_case = true\n");
            set.add(id, &text).unwrap();
        }
        set
    }

    #[test]
    fn what_is_graver_than_the_alert_of_a_case_is_decided_by_the_severities_of_the_last_reload() {
        for (severity, wanted) in [("low", 1), ("critical", 2)] {
            let set = add_rules(RuleSet::default(), "low");
            let next = add_rules(set.successor(), severity);
            let (mut pipeline, mut alerts) = (Pipeline::new(set, Limits::live()), 0);
            let mut see = |output: Output<'_>| {
                alerts += usize::from(matches!(output, Output::Alert(draft) if draft.tells() == Tells::Detection))
            };
            let event = |categories| {
                let mut event = Event::new(Timestamp::default(), categories);
                event.push_str(field::PROCESS_ENTITY_ID, "e");
                event
            };
            pipeline.push(event(Categories::PROCESS), &mut see);
            pipeline.exchange(Exchange { set: next, volume: None, redactor: None }, &mut see);
            pipeline.push(event(Categories::NETWORK), &mut see);
            assert_eq!(alerts, wanted, "{severity}");
        }
    }
}
