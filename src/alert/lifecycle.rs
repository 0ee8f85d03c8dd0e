//! What the agent reports of its own life: that it started, stopped, was killed, lives, is blind, or has a new configuration.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::about::About;
use crate::event::{Machine, Timestamp};

type Document = Map<String, Json>;

fn about<'a>(time: Timestamp, machine: &'a Machine, action: &'static str, message: &'a str) -> About<'a> {
    About { time, machine, kind: "event", category: "host", event_type: "info", action, outcome: None, message }
}

/// The agent started. `details` are its version, rules and sources.
pub(crate) fn started(time: Timestamp, machine: &Machine, details: Json) -> Document {
    let message = format!("osawatch {} started", env!("CARGO_PKG_VERSION"));
    let about = About { event_type: "start", ..about(time, machine, "agent_started", &message) };
    about.document([("osawatch.agent".to_owned(), details)])
}

/// The agent stopped, and why. `status` has its counters.
pub(crate) fn stopped(time: Timestamp, machine: &Machine, why: &str, status: Json) -> Document {
    let message = format!("osawatch stopped: {why}");
    let about = About { event_type: "end", ..about(time, machine, "agent_stopped", &message) };
    about.document([("osawatch.agent".to_owned(), json!({ "why": why })), ("osawatch.status".to_owned(), status)])
}

/// An earlier run ended without stopping: what happened since was not seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unclean<'a> {
    /// When that run last showed that it lived.
    pub last_seen: Timestamp,
    /// Since then the Mac was started again.
    pub is_restarted: bool,
    /// What that run wrote when it panicked.
    pub panic: Option<&'a str>,
}

/// The earlier run ended without stopping.
pub(crate) fn unclean_stop(time: Timestamp, machine: &Machine, unclean: Unclean<'_>) -> Document {
    let unseen = time.nanoseconds().saturating_sub(unclean.last_seen.nanoseconds()).max(0).unsigned_abs();
    let seconds = Duration::from_nanos(unseen).as_secs();
    let why = match (unclean.panic, unclean.is_restarted) {
        (Some(_), _) => "it panicked",
        (None, true) => "the Mac was started again",
        (None, false) => "it was killed",
    };
    let message = format!("an earlier osawatch did not stop in order ({why}): {seconds} s were not watched");
    let about = About {
        event_type: "end",
        outcome: Some("failure"),
        ..about(time, machine, "agent_stopped_uncleanly", &message)
    };
    let mut details = json!({
        "why": why, "last_seen": unclean.last_seen.to_string(), "unseen_seconds": seconds,
        "mac_restarted": unclean.is_restarted,
    });
    if let (Some(panic), Json::Object(details)) = (unclean.panic, &mut details) {
        details.insert("panic".into(), panic.into());
    }
    about.document([("osawatch.agent".to_owned(), details)])
}

/// The agent lives. `status` has its counters.
pub(crate) fn heartbeat(time: Timestamp, machine: &Machine, summary: &str, status: Json) -> Document {
    let message = format!("osawatch is running: {summary}");
    let about = About { kind: "state", ..about(time, machine, "agent_heartbeat", &message) };
    about.document([("osawatch.status".to_owned(), status)])
}

/// A kind of source does not work, so that no rule can match; `why` has a sentence for each kind.
pub(crate) fn blind(time: Timestamp, machine: &Machine, why: &[String]) -> Document {
    let message = format!("osawatch is blind: {}", why.join("; "));
    let about = About { kind: "state", outcome: Some("failure"), ..about(time, machine, "agent_blind", &message) };
    about.document([("osawatch.agent".to_owned(), json!({ "blind": why }))])
}

/// Every kind of source works again.
pub(crate) fn sees_again(time: Timestamp, machine: &Machine, was_blind: Duration) -> Document {
    let message = format!("osawatch is no longer blind, after {} s", was_blind.as_secs());
    let about =
        About { kind: "state", outcome: Some("success"), ..about(time, machine, "agent_no_longer_blind", &message) };
    let milliseconds = u64::try_from(was_blind.as_millis()).unwrap_or(u64::MAX);
    about.document([("osawatch.agent".to_owned(), json!({ "blind_ms": milliseconds }))])
}

/// The agent takes more of the Mac than it may, and leaves out optional work.
pub(crate) fn limited(time: Timestamp, machine: &Machine, what: &str) -> Document {
    let message = format!("osawatch leaves out work: {what}");
    let about = About { kind: "state", outcome: Some("failure"), ..about(time, machine, "agent_limited", &message) };
    about.document([("osawatch.agent".to_owned(), json!({ "left_out": [what] }))])
}

/// Optional work is done again.
pub(crate) fn no_longer_limited(time: Timestamp, machine: &Machine, what: &str) -> Document {
    let message = format!("osawatch does all its work again: {what}");
    let about =
        About { kind: "state", outcome: Some("success"), ..about(time, machine, "agent_no_longer_limited", &message) };
    about.document([("osawatch.agent".to_owned(), json!({ "left_out": [] }))])
}

/// A recording ended before the run, and why: what came later is not in it.
pub(crate) fn unrecorded(time: Timestamp, machine: &Machine, why: &str) -> Document {
    let about = About { outcome: Some("failure"), ..about(time, machine, "recording_failed", why) };
    about.document([("osawatch.agent".to_owned(), json!({ "unrecorded": why }))])
}

/// A configuration was read while the agent ran: taken, or refused with what is wrong.
pub(crate) fn configuration(time: Timestamp, machine: &Machine, taken: Result<&str, &str>) -> Document {
    let (action, outcome, message, text) = match taken {
        Ok(what) => ("configuration_reloaded", "success", format!("the configuration was reloaded: {what}"), what),
        Err(why) => {
            let message = format!("the configuration was refused, and the one before stays: {why}");
            ("configuration_refused", "failure", message, why)
        }
    };
    let about = About {
        category: "configuration",
        event_type: if taken.is_ok() { "change" } else { "info" },
        outcome: Some(outcome),
        ..about(time, machine, action, &message)
    };
    let name = if taken.is_ok() { "reloaded" } else { "refused" };
    about.document([("osawatch.agent".to_owned(), json!({ name: text }))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine { host_id: "h".into(), boot_id: "b".into() }
    }

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(1_700_000_000_000 + seconds * 1000).unwrap()
    }

    #[test]
    fn an_unclean_stop_states_the_time_unseen_and_its_cause() {
        for (is_restarted, panic, why) in [
            (false, None, "it was killed"),
            (true, None, "the Mac was started again"),
            (true, Some("src/a.rs:1: no"), "it panicked"),
        ] {
            let unclean = Unclean { last_seen: time(0), is_restarted, panic };
            let document = unclean_stop(time(90), &machine(), unclean);
            assert_eq!(document["osawatch"]["agent"]["unseen_seconds"], 90);
            assert_eq!(document["osawatch"]["agent"]["why"], why);
            assert_eq!(document["event"]["outcome"], "failure");
            assert!(document["message"].as_str().unwrap().ends_with("90 s were not watched"), "{document:?}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_gives_no_time_below_zero() {
        let unclean = Unclean { last_seen: time(90), is_restarted: false, panic: None };
        assert_eq!(unclean_stop(time(0), &machine(), unclean)["osawatch"]["agent"]["unseen_seconds"], 0);
    }

    #[test]
    fn a_refused_configuration_is_told_from_one_that_is_in_effect() {
        let refused = configuration(time(0), &machine(), Err("c.toml:1:1: unknown field"));
        assert_eq!(refused["event"]["action"], "configuration_refused");
        assert_eq!(refused["osawatch"]["agent"]["refused"], "c.toml:1:1: unknown field");
        let taken = configuration(time(0), &machine(), Ok("3 rules"));
        assert_eq!(
            (&taken["event"]["action"], &taken["event"]["outcome"]),
            (&"configuration_reloaded".into(), &"success".into())
        );
        assert_ne!(refused["event"]["id"], taken["event"]["id"]);
    }

    #[test]
    fn a_document_about_the_agent_is_no_longer_than_an_alert() {
        let refused = configuration(time(0), &machine(), Err(&"x".repeat(1 << 20)));
        assert!(crate::alert::to_line(&refused).len() < 32_000);
        assert_eq!(refused["event"]["action"], "configuration_refused");
    }
}
