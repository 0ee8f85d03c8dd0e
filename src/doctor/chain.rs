//! The links from a program that starts to the alert in a file, each seen or missing.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::Check;
use super::play::Part;
use crate::event::{Categories, Event, field};

/// One play and what was seen of it. Times are since the beginning of the self-test.
#[derive(Debug)]
pub(crate) struct Chain {
    /// What is played.
    pub part: Part,
    /// The process that was started.
    pub pid: u32,
    /// The port of the listener.
    pub port: u16,
    /// When it was started.
    pub started: Duration,
    /// When the listener got the connection.
    pub connected: Option<Duration>,
    /// How the program ended, where that tells something.
    pub ended: Option<String>,
    exec: Option<Duration>,
    connection: Option<Duration>,
    attributed: Option<String>,
    waited: Duration,
    written: Option<Duration>,
    rules: BTreeSet<String>,
}

impl Chain {
    /// A play of which nothing was seen yet.
    pub(crate) fn new(part: Part, (pid, port): (u32, u16), started: Duration) -> Chain {
        Chain {
            part,
            pid,
            port,
            started,
            connected: None,
            ended: None,
            exec: None,
            connection: None,
            attributed: None,
            waited: Duration::ZERO,
            written: None,
            rules: BTreeSet::new(),
        }
    }

    /// Takes in an event, as the rules get it. `own` is this process, which has the other end of the connection.
    pub(crate) fn observe(&mut self, event: &Event, own: u32, now: Duration) {
        let pid = event.int(field::PROCESS_PID);
        if event.categories.intersects(Categories::PROCESS) {
            let is_exec = event.is_type("start") && event.str(field::EVENT_ACTION) == Some("exec");
            if is_exec && pid == Some(i64::from(self.pid)) {
                self.exec.get_or_insert(now);
            }
            return;
        }
        let is_meant = event.int(field::DESTINATION_PORT) == Some(i64::from(self.port)) && pid != Some(i64::from(own));
        if !is_meant {
            return;
        }
        self.connection.get_or_insert(now);
        let waited = event.int(field::ATTRIBUTION_WAITED_MS).and_then(|waited| u64::try_from(waited).ok());
        let method = event.str(field::ATTRIBUTION_METHOD).filter(|method| *method != "none");
        if let (None, Some(method)) = (&self.attributed, method) {
            self.waited = Duration::from_millis(waited.unwrap_or(0));
            self.attributed = Some(method.to_owned());
        }
    }

    /// Takes in a line of the alert file.
    pub(crate) fn read(&mut self, alert: &Json, now: Duration) {
        let is_alert = alert["event"]["kind"] == "alert" && alert["destination"]["port"] == self.port;
        if let (true, Some(rule)) = (is_alert, alert["rule"]["id"].as_str()) {
            self.rules.insert(rule.to_owned());
            if rule == self.part.rule() {
                self.written.get_or_insert(now);
            }
        }
    }

    /// Every link was seen.
    pub(crate) fn is_whole(&self) -> bool {
        self.exec.is_some() && self.written.is_some()
    }

    /// The check that it comes to, after it had this long.
    pub(crate) fn check(&self, limit: Duration) -> Check {
        let (name, program) = (self.part.name(), self.part.program());
        let within = format!("within {} s", limit.as_secs());
        let Some(exec) = self.exec else {
            let finding = format!("exec not seen: the start of {program} (pid {}) was not reported {within}", self.pid);
            return Check::fail(name, finding, "sudo osawatch doctor tries the source of process events");
        };
        let exec = exec.saturating_sub(self.started).as_millis();
        let Some(connection) = self.connection else {
            let Some(_) = self.connected else {
                let ended = self.ended.as_ref().map(|ended| format!(" ({ended})")).unwrap_or_default();
                let finding = format!(
                    "exec seen after {exec} ms; the rest could not be played: no connection was made {within}{ended}"
                );
                return Check::skipped(name, finding, self.play_by_hand());
            };
            let finding = format!(
                "exec seen after {exec} ms; connection not seen: port {} of loopback got it, and no source reported it",
                self.port
            );
            return Check::fail(name, finding, "sudo osawatch doctor tries the source of connections");
        };
        // An event that waited for its exec was reported before.
        let reported = connection.saturating_sub(self.connected.unwrap_or(connection)).saturating_sub(self.waited);
        let so_far = format!("exec seen after {exec} ms, connection after {} ms", reported.as_millis());
        let Some(method) = &self.attributed else {
            let finding = format!("{so_far}; not attributed: no known execution made it");
            return Check::fail(name, finding, "send the output of `osawatch record` with a report of this fault");
        };
        let so_far = format!("{so_far}, attributed by {method} after {} ms", self.waited.as_millis());
        match self.written {
            Some(written) => {
                let rules: Vec<&str> = self.rules.iter().map(String::as_str).collect();
                let written = written.saturating_sub(connection).as_millis();
                Check::pass(name, format!("{so_far}, alert written after {written} ms by {}", rules.join(", ")))
            }
            None => Check::fail(
                name,
                format!("{so_far}; not written: {} has no alert in the file {within}", self.part.rule()),
                "send the output of `osawatch record` with a report of this fault",
            ),
        }
    }

    fn play_by_hand(&self) -> &'static str {
        match self.part {
            Part::Automator => "run it in the session of a user who is logged in: automator needs one",
            _ => "run it again; `osascript -e 1` shows whether osascript works",
        }
    }

    /// The latencies in milliseconds, and the rules, for a program.
    pub(crate) fn links(&self) -> Map<String, Json> {
        let since = |from: Option<Duration>, to: Option<Duration>| -> Json {
            let span = from.zip(to).map(|(from, to)| to.saturating_sub(from).as_millis());
            span.and_then(|span| u64::try_from(span).ok()).map_or(Json::Null, Json::from)
        };
        let waited = u64::try_from(self.waited.as_millis()).unwrap_or(u64::MAX);
        let connected = self.connected.or(self.connection);
        Map::from_iter([
            ("exec_ms".to_owned(), since(Some(self.started), self.exec)),
            ("connection_ms".to_owned(), since(connected.map(|at| at + self.waited), self.connection)),
            ("attribution_ms".to_owned(), self.attributed.as_ref().map_or(Json::Null, |_| waited.into())),
            ("written_ms".to_owned(), since(self.connection, self.written)),
            ("rules".to_owned(), self.rules.iter().map(String::as_str).collect()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;
    use crate::event::Timestamp;
    use serde_json::json;

    const LIMIT: Duration = Duration::from_secs(10);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn chain() -> Chain {
        Chain::new(Part::Itself, (501, 49_152), ms(1000))
    }

    fn exec(pid: i64) -> Event {
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::EVENT_TYPE, "start");
        event.push_str(field::EVENT_ACTION, "exec");
        event.push_int(field::PROCESS_PID, pid);
        event
    }

    fn connection(pid: i64, is_attributed: bool) -> Event {
        let mut event = Event::new(Timestamp::default(), Categories::NETWORK);
        event.push_int(field::PROCESS_PID, pid);
        event.push_int(field::DESTINATION_PORT, 49_152);
        if is_attributed {
            event.push_str(field::ATTRIBUTION_METHOD, "unique_pid");
        }
        event
    }

    fn finding(chain: &Chain) -> (State, String) {
        let check = chain.check(LIMIT);
        (check.state, check.finding)
    }

    #[test]
    fn a_whole_chain_passes_with_the_latency_of_each_link() {
        let mut chain = chain();
        chain.observe(&exec(501), 7, ms(1012));
        chain.connected = Some(ms(1200));
        chain.observe(&connection(501, true), 7, ms(1203));
        let alert = |rule: &str, port: u16| json!({ "event": { "kind": "alert" }, "rule": { "id": rule }, "destination": { "port": port } });
        chain.read(&alert("osascript-network-connection", 443), ms(1210));
        assert!(!chain.is_whole(), "an alert about another port");
        chain.read(&alert("osascript-network-connection", 49_152), ms(1218));
        assert!(chain.is_whole());
        let text = "exec seen after 12 ms, connection after 3 ms, attributed by unique_pid after 0 ms, \
                    alert written after 15 ms by osascript-network-connection";
        assert_eq!(finding(&chain), (State::Pass, text.to_owned()));
        let links = json!({
            "exec_ms": 12, "connection_ms": 3, "attribution_ms": 0, "written_ms": 15,
            "rules": ["osascript-network-connection"],
        });
        assert_eq!(Json::Object(chain.links()), links);
    }

    #[test]
    fn the_first_missing_link_is_named() {
        let mut chain = chain();
        chain.connected = Some(ms(1200));
        chain.observe(&exec(502), 7, ms(1012));
        chain.observe(&connection(501, true), 7, ms(1203));
        assert!(finding(&chain).1.starts_with("exec not seen: "), "the exec of another process");
        let mut chain = Chain { connected: Some(ms(1200)), ..self::chain() };
        chain.observe(&exec(501), 7, ms(1012));
        chain.observe(&connection(7, true), 7, ms(1203));
        let (state, text) = finding(&chain);
        assert!(state == State::Fail && text.contains("connection not seen"), "the listener's own end: {text}");
        let mut unknown = connection(501, false);
        unknown.push_str(field::ATTRIBUTION_METHOD, "none");
        chain.observe(&unknown, 7, ms(1203));
        assert!(finding(&chain).1.contains("; not attributed"));
        chain.observe(&connection(501, true), 7, ms(1204));
        assert!(finding(&chain).1.contains("; not written"));
        assert_eq!(chain.links()["written_ms"], Json::Null);
    }

    #[test]
    fn what_does_not_connect_was_not_played_and_is_no_failure_of_the_sources() {
        let mut chain = Chain::new(Part::Automator, (501, 49_152), ms(1000));
        chain.observe(&exec(501), 7, ms(1012));
        chain.ended = Some("exit status: 1".to_owned());
        let check = chain.check(LIMIT);
        assert_eq!(check.state, State::Skipped);
        assert!(check.finding.ends_with("no connection was made within 10 s (exit status: 1)"), "{}", check.finding);
        assert!(check.remedy.contains("logged in"), "{}", check.remedy);
    }
}
