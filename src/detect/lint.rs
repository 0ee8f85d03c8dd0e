//! Exceptions that do nothing, or that another one makes idle.

use super::exception::Scope;
use super::{Exception, RuleSet};
use crate::event::Timestamp;

/// A sentence for each exception of the set that has no effect at this time.
pub(crate) fn exceptions(set: &RuleSet, now: Timestamp) -> Vec<String> {
    let mut found = Vec::new();
    for (at, exception) in set.exceptions.iter().enumerate() {
        let mut say = |why: String| found.push(format!("{}: exception `{}`: {why}", exception.origin, exception.name));
        if let Some(expires) = exception.expires.filter(|expires| now >= *expires) {
            say(format!("expired at {expires}; delete it, or give it a new date"));
        }
        if let Scope::Rules(ids) = &exception.scope {
            for id in ids.iter().filter(|id| !set.rules.iter().any(|rule| rule.id == **id)) {
                say(format!("no rule has the id `{id}`; `osawatch rules list` shows them"));
            }
        }
        if let Some(why) = never_true(set, exception) {
            say(format!("never true: {why}"));
        }
        let shadows = |earlier: &&Exception| shadows(earlier, exception);
        if let Some(earlier) = set.exceptions[..at].iter().find(shadows) {
            say(format!("`{}` suppresses everything it would, and comes first; delete one of them", earlier.name));
        }
    }
    found
}

/// Why an exception can never be true; `None` if it can be for any of the rules that it covers.
fn never_true(set: &RuleSet, exception: &Exception) -> Option<String> {
    let covered = set.rules.iter().filter(|rule| exception.covers(&rule.id));
    let mut why = None;
    for query in covered.filter_map(|rule| rule.query()) {
        why = Some(exception.never_true(query.stages.len())?);
    }
    why
}

fn shadows(earlier: &Exception, later: &Exception) -> bool {
    let covers = match (&earlier.scope, &later.scope) {
        (Scope::All, _) => true,
        (Scope::Rules(_), Scope::All) => false,
        (Scope::Rules(_), Scope::Rules(ids)) => ids.iter().all(|id| earlier.covers(id)),
    };
    let lasts = earlier.expires.is_none_or(|ends| later.expires.is_some_and(|later| later <= ends));
    let words = |exception: &Exception| -> Vec<String> {
        exception.condition_text.split_whitespace().map(str::to_owned).collect()
    };
    let same = words(earlier) == words(later) || earlier.condition_text.trim() == "true";
    covers && lasts && same
}
