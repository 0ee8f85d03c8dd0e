//! What is wrong with an installation, and how to mend it: each check is one line and at most one remedy. What is asked
//! of the system comes in as values or bytes; nothing here is changed.

pub(crate) mod chain;
pub(crate) mod folders;
pub(crate) mod launchd;
pub(crate) mod play;
pub(crate) mod profile;
pub(crate) mod signature;
pub(crate) mod trial;

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use crate::report::visible;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// It has no meaning here.
    NotApplicable,
    /// Nothing is wrong.
    Pass,
    /// It could not be tried.
    Skipped,
    /// osawatch works, but not as well as it could.
    Warn,
    /// osawatch does not do its work.
    Fail,
}

impl State {
    /// Its word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::NotApplicable => "n/a",
            State::Pass => "pass",
            State::Skipped => "skipped",
            State::Warn => "warn",
            State::Fail => "fail",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it ended.
    pub state: State,
    /// What was found.
    pub finding: String,
    /// How to mend it; empty where nothing is to be done.
    pub remedy: String,
}

impl Check {
    /// Nothing is wrong.
    pub(crate) fn pass(name: &'static str, finding: impl Into<String>) -> Check {
        Check { name, state: State::Pass, finding: finding.into(), remedy: String::new() }
    }

    /// It has no meaning here.
    pub(crate) fn not_applicable(name: &'static str, finding: impl Into<String>) -> Check {
        Check { state: State::NotApplicable, ..Check::pass(name, finding) }
    }

    /// It could not be tried.
    pub(crate) fn skipped(name: &'static str, finding: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check { state: State::Skipped, ..Check::warn(name, finding, remedy) }
    }

    /// Something could be better.
    pub(crate) fn warn(name: &'static str, finding: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check { name, state: State::Warn, finding: finding.into(), remedy: remedy.into() }
    }

    /// Something is wrong.
    pub(crate) fn fail(name: &'static str, finding: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check { state: State::Fail, ..Check::warn(name, finding, remedy) }
    }
}

/// The exit code: 0, 1 with a warning or what could not be tried, 2 with a failure.
pub(crate) fn exit_code(checks: &[Check]) -> u8 {
    match checks.iter().map(|check| check.state).max() {
        Some(State::Fail) => 2,
        Some(State::Warn | State::Skipped) => 1,
        _ => 0,
    }
}

/// The checks for people: what fails first.
pub(crate) fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let states = checks.iter().map(|check| check.state.name().len()).max().unwrap_or(0);
    let mut sorted: Vec<&Check> = checks.iter().collect();
    sorted.sort_by_key(|check| std::cmp::Reverse(check.state));
    let mut out = String::new();
    for check in sorted {
        let finding = visible(&check.finding);
        let _ = writeln!(out, "{:<states$}  {:<width$}  {finding}", check.state.name(), check.name);
        if !check.remedy.is_empty() {
            let _ = writeln!(out, "{:states$}  {:<width$}  → {}", "", "", visible(&check.remedy));
        }
    }
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let skipped = Some(count(State::Skipped)).filter(|count| *count > 0);
    let skipped = skipped.map(|count| format!(", {count} skipped")).unwrap_or_default();
    let _ = writeln!(
        out,
        "{} pass, {} warn, {} fail, {} not applicable{skipped}",
        count(State::Pass),
        count(State::Warn),
        count(State::Fail),
        count(State::NotApplicable)
    );
    out
}

/// The checks for a program.
pub(crate) fn json(checks: &[Check]) -> Json {
    let of = |check: &Check| {
        let mut out = Map::new();
        out.insert("name".into(), check.name.into());
        out.insert("state".into(), check.state.name().into());
        out.insert("finding".into(), check.finding.as_str().into());
        if !check.remedy.is_empty() {
            out.insert("remedy".into(), check.remedy.as_str().into());
        }
        Json::Object(out)
    };
    json!({ "exit_code": exit_code(checks), "checks": checks.iter().map(of).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_skipped_is_no_pass_and_is_counted() {
        let checks = vec![Check::pass("a", "fine"), Check::skipped("b", "missing", "install it")];
        assert_eq!(exit_code(&checks), 1);
        let text = text(&checks);
        assert_eq!(
            text,
            "skipped  b  missing\n            → install it\npass     a  fine\n\
             1 pass, 0 warn, 0 fail, 0 not applicable, 1 skipped\n"
        );
    }

    #[test]
    fn what_fails_comes_first_and_decides_the_exit_code() {
        let mut checks = vec![Check::pass("a", "fine"), Check::not_applicable("b", "no Mac")];
        assert_eq!(exit_code(&checks), 0);
        checks.push(Check::warn("c", "so so", "do this"));
        assert_eq!(exit_code(&checks), 1);
        checks.push(Check::fail("long", "bad\nline", "do that"));
        assert_eq!(exit_code(&checks), 2);
        let text = text(&checks);
        assert!(text.starts_with("fail  long  bad\\nline\n            → do that\nwarn  c     so so\n"), "{text}");
        assert!(text.ends_with("1 pass, 1 warn, 1 fail, 1 not applicable\n"), "{text}");
        let json = json(&checks);
        assert_eq!((&json["exit_code"], &json["checks"][3]["remedy"]), (&json!(2), &json!("do that")));
        assert!(json["checks"][0].get("remedy").is_none());
    }
}
