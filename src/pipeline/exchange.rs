//! Other rules, exceptions and limits while a pipeline works.

use std::sync::Arc;

use super::{Output, Pipeline, never_live};
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
        for name in ["destination.ip", "destination.port", "destination.domain", "process.executable"] {
            let _ = fields.resolve(name);
        }
        let same = |old: &Rule, new: &Rule| {
            old.id == new.id && old.query_text == new.query_text && old.query().is_some() == new.query().is_some()
        };
        let of = |at: usize| self.rules.iter().position(|old| same(old, &rules[at]));
        let of: Vec<Option<usize>> = (0..rules.len()).map(of).collect();
        if of.len() != self.rules.len() || of.iter().enumerate().any(|(at, old)| *old != Some(at)) {
            self.follow_up(None, &mut sink);
            self.cases_before.0 += self.cases.evicted();
            self.cases_before.1 += self.cases.suppressed();
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
