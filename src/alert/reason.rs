//! What an alert says in a sentence: who did what.

use serde_json::{Map, Value as Json};

use super::process::same_execution;
use super::script::download_of;
use crate::detect::{Match, Rule};
use crate::event::document::{get, text};
use crate::event::{Categories, Event, Scalar, field};

/// One sentence: who did what, to whom and how long after.
pub(super) fn reason(rule: &Rule, found: &Match, alert: &Map<String, Json>) -> String {
    let last = &found.events[found.events.len() - 1];
    let user = text(alert, "user.name").map(|user| format!(" as {user}")).unwrap_or_default();
    let who = format!("{}{user}", named(last));
    if !is_network(last) {
        let download = download_of(&found.events).and_then(|event| event.str(field::PROCESS_COMMAND_LINE));
        let download = download.map(|line| format!("{}; the download is {line}", when(found))).unwrap_or_default();
        return format!("{who} completed the rule {}{download}", rule.id);
    }
    if is_lookup(last) {
        let name = text(alert, "dns.question.name").unwrap_or_else(|| "a name".to_owned());
        return format!("{who} looked up {name}{}", when(found));
    }
    let domain = text(alert, "destination.domain");
    let address = domain.or_else(|| text(alert, "destination.ip")).or_else(|| text(alert, "destination.address"));
    let address = address.unwrap_or_else(|| "an unknown address".into());
    let port = get(alert, "destination.port").map(|port| format!(" port {port}")).unwrap_or_default();
    format!("{who} connected to {address}{port}{}", when(found))
}

/// How long after the first event the last one was.
fn when(found: &Match) -> String {
    let (first, last) = (&found.events[0], &found.events[found.events.len() - 1]);
    if found.events.len() == 1 {
        return String::new();
    }
    let span = last.time.milliseconds() - first.time.milliseconds();
    let of = if same_execution(first, last) { "it".to_owned() } else { named(first) };
    format!(" {}.{:03} s after {of} started", span / 1000, span % 1000)
}

/// Whether a name was looked up, and nothing connected to.
pub(super) fn is_lookup(event: &Event) -> bool {
    event.any(field::EVENT_ACTION, |action| matches!(action, Scalar::Str(name) if name.starts_with("lookup_")))
}

fn named(event: &Event) -> String {
    let name = event.str(field::PROCESS_NAME).unwrap_or("a process");
    match event.int(field::PROCESS_PID) {
        Some(pid) => format!("{name} (pid {pid})"),
        None => name.to_owned(),
    }
}

/// Whether it is an event of the network.
pub(super) fn is_network(event: &Event) -> bool {
    event.categories.intersects(Categories::NETWORK)
}
