//! Which clauses of a rule its examples need.
//!
//! Each clause is replaced by true, and then by false. When all examples still pass, no example needs the clause:
//! either one is missing, or the clause does nothing.

use super::suite::Suite;

/// A clause of a rule, and what the examples show of it.
struct Clause {
    text: String,
    /// Changes that no example notices: the clause replaced by these.
    unnoticed: Vec<&'static str>,
    ever_true: bool,
    ever_false: bool,
    /// Why it stays though no example can show that it is needed.
    reason: Option<String>,
}

/// What the examples need of each rule, and how many percent of the changes they notice; `None`: there is nothing that
/// could be changed.
pub(super) fn report(suites: &[Suite]) -> (String, Option<f64>) {
    let mut out = String::new();
    let (mut all, mut noticed) = (0, 0);
    for suite in suites.iter().filter(|suite| !suite.cases.is_empty()) {
        let clauses = clauses(suite);
        let changes: usize = clauses.iter().map(Clause::changes).sum();
        let unnoticed: usize = clauses.iter().map(Clause::counted).sum();
        all += changes;
        noticed += changes - unnoticed;
        out += &format!(
            "{}: {} of {changes} changes noticed ({})\n",
            suite.rule.id,
            changes - unnoticed,
            shown(percent(changes - unnoticed, changes))
        );
        for clause in &clauses {
            out += &clause.remarks();
        }
    }
    let score = percent(noticed, all);
    out += &format!("mutation score {}: {noticed} of {all} changes noticed\n", shown(score));
    (out, score)
}

fn percent(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

/// Rounded down: 100 % is all of them.
fn shown(percent: Option<f64>) -> String {
    percent.map_or_else(|| "n/a".to_owned(), |percent| format!("{:.0} %", percent.floor()))
}

/// Why a score is less than it has to be, if it is.
pub(super) fn shortfall(score: Option<f64>, least: u8) -> Option<String> {
    let is_low = score.unwrap_or(0.0) < f64::from(least);
    is_low.then(|| format!("mutation score {} is below --min-score {least}", shown(score)))
}

impl Clause {
    /// The changes that count: a clause that stays for a reason has none that an example could notice.
    fn changes(&self) -> usize {
        if self.reason.is_some() { 2 - self.unnoticed.len() } else { 2 }
    }

    fn counted(&self) -> usize {
        if self.reason.is_some() { 0 } else { self.unnoticed.len() }
    }

    fn remarks(&self) -> String {
        let mut out = String::new();
        match &self.reason {
            Some(reason) if !self.unnoticed.is_empty() => out += &format!("  {} stays: {reason}\n", self.text),
            _ => {
                for value in &self.unnoticed {
                    out += &format!("  {}: no example needs it: all pass with {value} in its place\n", self.text);
                }
            }
        }
        for (seen, value) in [(self.ever_true, "true"), (self.ever_false, "false")] {
            if !seen && self.reason.is_none() {
                out += &format!("  {}: never {value} in an example\n", self.text);
            }
        }
        out
    }
}

fn clauses(suite: &Suite) -> Vec<Clause> {
    let query = &suite.rule.query_text;
    let mut found: Vec<Clause> = Vec::new();
    for (category, span) in suite.rule.clauses() {
        let text = query[span.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
        let with = |value: &str| format!("{}{value}{}", &query[..span.start], &query[span.end..]);
        let unnoticed = ["true", "false"].into_iter().filter(|value| !is_noticed(suite, &with(value))).collect();
        let alone = &query[span.clone()];
        let reason =
            suite.rule.stays.iter().find(|stays| stays.clause.split_whitespace().collect::<Vec<_>>().join(" ") == text);
        found.push(Clause {
            unnoticed,
            ever_true: is_ever(suite, &format!("{category} where {alone}")),
            ever_false: is_ever(suite, &format!("{category} where not ({alone})")),
            reason: reason.map(|stays| stays.reason.clone()),
            text,
        });
    }
    found
}

/// Whether an example fails with this query.
fn is_noticed(suite: &Suite, query: &str) -> bool {
    suite.cases.iter().any(|case| suite.alerts(query, case).is_ok_and(|found| !case.is_met_by(&found)))
}

/// Whether an event of an example meets the query; one that needs the events of a sequence counts as met.
fn is_ever(suite: &Suite, query: &str) -> bool {
    suite.cases.iter().any(|case| suite.alerts(query, case).map_or(true, |found| !found.is_empty()))
}
