//! An alert that is not written yet: it can wait for what is still being found out about its scripts.

use std::sync::Arc;

use serde_json::Value as Json;

use super::follow_up::{self, Told};
use super::script::script_of;
use super::shorten::shorten;
use super::{Alert, suppressed};
use crate::detect::case::Gravest;
use crate::detect::rule::Severity;
use crate::detect::suppress::Summary;
use crate::detect::{Exception, Match, Rule};
use crate::event::{Event, Execution, field};
use crate::script::Redactor;

/// What the document is made of.
#[derive(Debug)]
pub struct Draft {
    rule: Arc<Rule>,
    body: Body,
    /// What is told the severity of the alert.
    gravest: Gravest,
    fed_by: Option<Arc<Execution>>,
    redactor: Option<Arc<Redactor>>,
    /// Exceptions that ask for names of users that were not known yet.
    undecided: Vec<Exception>,
}

/// What a document tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    /// A detection.
    Detection,
    /// So many alerts that the limits of volume held back.
    HeldBack(u64),
    /// What a case did afterwards, with so many detections.
    FollowedUp(u64),
}

#[derive(Debug)]
enum Body {
    Found(Match),
    Suppressed(Summary),
    FollowUp(Told),
}

impl Draft {
    pub(crate) fn found(
        (rule, gravest): (Arc<Rule>, Gravest),
        found: Match,
        redactor: Option<Arc<Redactor>>,
        undecided: Vec<Exception>,
    ) -> Draft {
        Draft { rule, body: Body::Found(found), gravest, fed_by: None, redactor, undecided }
    }

    pub(crate) fn suppressed(rule: Arc<Rule>, summary: Summary, redactor: Option<Arc<Redactor>>) -> Draft {
        Draft::of_others(rule, Body::Suppressed(summary), redactor)
    }

    pub(crate) fn follow_up(told: Told, redactor: Option<Arc<Redactor>>) -> Draft {
        Draft::of_others(Arc::clone(&told.rule), Body::FollowUp(told), redactor)
    }

    /// What tells of detections that are no alerts.
    fn of_others(rule: Arc<Rule>, body: Body, redactor: Option<Arc<Redactor>>) -> Draft {
        Draft { rule, body, gravest: Gravest::default(), fed_by: None, redactor, undecided: Vec::new() }
    }

    /// Looks up the program that wrote the script to the pipe it was read from.
    pub(crate) fn find_feeder(&mut self, of_pipe: impl FnOnce(&str, &str) -> Option<Arc<Execution>>) {
        let Body::Found(found) = &self.body else { return };
        let pipe = super::script::script_of(found).and_then(|(_, script)| script.stdin_pipe.as_deref());
        let host = found.events.first().and_then(|event| event.str(field::HOST_ID)).unwrap_or_default();
        self.fed_by = pipe.and_then(|pipe| of_pipe(host, pipe));
    }

    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// What the document will tell of.
    pub(crate) fn tells(&self) -> Tells {
        match &self.body {
            Body::Found(_) => Tells::Detection,
            Body::Suppressed(summary) => Tells::HeldBack(summary.capped + summary.repeated),
            Body::FollowUp(told) => Tells::FollowedUp(told.suppressed.iter().map(|(_, count)| count).sum()),
        }
    }

    /// The contributing events, in order.
    pub fn events(&self) -> &[Arc<Event>] {
        match &self.body {
            Body::Found(found) => &found.events,
            Body::Suppressed(summary) => std::slice::from_ref(&summary.last),
            Body::FollowUp(told) => std::slice::from_ref(&told.follow_up.first),
        }
    }

    /// Changes the contributing events: what is learned of them before the document is made.
    pub fn for_each_event(&mut self, mut change: impl FnMut(&mut Arc<Event>)) {
        match &mut self.body {
            Body::Found(found) => found.events.iter_mut().for_each(change),
            Body::Suppressed(summary) => change(&mut summary.last),
            Body::FollowUp(told) => change(&mut told.follow_up.first),
        }
    }

    /// Whether an exception that had to wait for the names of users holds it back. `name` gives the name that an event
    /// lacks.
    pub fn is_suppressed(&self, name: impl Fn(&Event) -> Option<String>) -> bool {
        if self.undecided.is_empty() {
            return false;
        }
        let named = |event: &Arc<Event>| match name(event) {
            Some(name) => {
                let mut event = Event::clone(event);
                event.push_str(field::USER_NAME, &name);
                Arc::new(event)
            }
            None => Arc::clone(event),
        };
        let events: Vec<Arc<Event>> = self.events().iter().map(named).collect();
        self.undecided.iter().any(|exception| exception.holds_back_late(&self.rule.id, &events))
    }

    /// Whether all is known that the document will say of scripts.
    pub fn is_settled(&self) -> bool {
        let Body::Found(found) = &self.body else { return true };
        let own = found.events.iter().filter_map(|event| event.script.as_deref());
        own.chain(script_of(found).map(|(_, script)| script)).all(|script| script.is_settled())
    }

    /// How many bytes it holds, nearly.
    pub fn bytes(&self) -> usize {
        size_of::<Draft>() + self.events().iter().map(|event| event.bytes()).sum::<usize>()
    }

    /// The alert. `sequence` is its number, in the order in which alerts are written: a gap is a lost alert.
    pub fn alert(self, sequence: u64) -> Alert {
        match self.body {
            Body::Found(found) => {
                let redactor = self.redactor.as_deref();
                let alert = Alert::new(&self.rule, found, sequence, self.fed_by.as_deref(), redactor);
                self.gravest.note(Severity::of(alert.get("event.severity").and_then(Json::as_u64).unwrap_or_default()));
                alert
            }
            Body::Suppressed(summary) => redacted(suppressed::alert(&self.rule, &summary, sequence), self.redactor),
            Body::FollowUp(told) => redacted(follow_up::alert(&told, sequence), self.redactor),
        }
    }
}

/// Without secrets, which are known whole only before anything is cut.
fn redacted(mut alert: Alert, redactor: Option<Arc<Redactor>>) -> Alert {
    redactor.iter().for_each(|redactor| redactor.apply(&mut alert.document));
    shorten(&mut alert.document);
    alert
}
