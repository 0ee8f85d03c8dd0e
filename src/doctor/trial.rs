//! A trial run of the sensors, for some seconds: they test themselves, and the exec of a child process must be reported.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::select;

use super::Check;
use crate::event::field;
use crate::source::endpoint_security::Notification;
use crate::source::live::{Health, Level, Notice, Report, Sensors, SourceKind, Subject};

/// How long the sensors are given. eslogger's self-test takes ten seconds to be sure of silence.
pub(crate) const LIMIT: Duration = Duration::from_secs(12);
/// How often a child is started.
const PERIOD: Duration = Duration::from_secs(1);
/// What it runs.
const PROGRAM: &str = "/usr/bin/true";

/// What the sensors showed.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    /// What they said,
    pub notices: Vec<Notice>,
    /// and how they said that they are.
    pub health: Vec<Health>,
    /// How soon the exec of a child was reported.
    pub exec_after: Option<Duration>,
    /// Connections of any process that were reported.
    pub flows: u64,
}

impl Trial {
    /// Watches the sensors until a child and a source of connections were seen, or the time is over.
    #[allow(clippy::disallowed_methods, reason = "the sensors are given real time")]
    pub(crate) fn of(sensors: &Sensors, limit: Duration) -> Trial {
        let (began, mut trial) = (Instant::now(), Trial::default());
        let mut children: Vec<(u32, Instant)> = Vec::new();
        let mut next_child = began;
        while began.elapsed() < limit && !trial.is_whole() {
            if Instant::now() >= next_child {
                next_child = Instant::now() + PERIOD;
                children.extend(child().map(|pid| (pid, Instant::now())));
            }
            select! {
                recv(sensors.processes) -> queued => match queued {
                    Ok(queued) => trial.take(queued.report, &children),
                    Err(_) => return trial,
                },
                recv(sensors.flows) -> flow => trial.flows += u64::from(flow.is_ok()),
                default(next_child.saturating_duration_since(Instant::now()).min(Duration::from_millis(50))) => {}
            }
        }
        trial
    }

    fn is_whole(&self) -> bool {
        self.exec_after.is_some() && self.source(SourceKind::Network).is_some()
    }

    fn take(&mut self, report: Report, children: &[(u32, Instant)]) {
        let pid = match report {
            Report::Notice(notice) => return self.notices.push(notice),
            Report::Health(health) => return self.health.push(health),
            Report::Message(received) => match received.message().map(|message| message.event) {
                Some(Notification::Exec(exec)) => Some(exec.target.audit_token.pid()),
                _ => None,
            },
            Report::Event(event) if event.str(field::EVENT_ACTION) == Some("exec") => {
                event.int(field::PROCESS_PID).and_then(|pid| u32::try_from(pid).ok())
            }
            _ => None,
        };
        let child = children.iter().find(|(child, _)| Some(*child) == pid);
        if let (Some((_, started)), None) = (child, self.exec_after) {
            self.exec_after = Some(started.elapsed());
        }
    }

    /// The checks that it comes to.
    pub(crate) fn checks(&self) -> Vec<Check> {
        vec![self.process_events(), self.full_disk_access(), self.connections()]
    }

    /// The last notice about something.
    fn find(&self, subject: &Subject) -> Option<&Notice> {
        self.notices.iter().rev().find(|notice| notice.subject == *subject)
    }

    /// What events of a kind come from, and what is known of it.
    pub(crate) fn source(&self, wanted: SourceKind) -> Option<(&'static str, &str)> {
        self.notices.iter().rev().find_map(|notice| match &notice.subject {
            Subject::Source { kind, name, finding } if *kind == wanted => Some((*name, finding.as_str())),
            _ => None,
        })
    }

    /// Whether eslogger, which was tried, is permitted, and how late its records come.
    pub(crate) fn eslogger(&self) -> Check {
        const NAME: &str = "eslogger";
        let fails = |health: &&Health| health.name == NAME && !health.works;
        match (self.exec_after, self.health.iter().rev().find(fails)) {
            (Some(after), _) => Check::pass(NAME, format!("permitted; a record comes after {} ms", after.as_millis())),
            (None, Some(health)) => Check::warn(NAME, health.finding.clone(), FULL_DISK_ACCESS),
            (None, None) => Check::warn(NAME, format!("no record within {} s", LIMIT.as_secs()), FULL_DISK_ACCESS),
        }
    }

    fn process_events(&self) -> Check {
        const NAME: &str = "process events";
        let source = self.source(SourceKind::Exec).map(|(name, _)| name);
        let late = |after: Duration| format!("a program that was started was reported after {} ms", after.as_millis());
        match (source, self.exec_after) {
            (Some(source), Some(after)) => Check::pass(NAME, format!("{source}; {}", late(after))),
            (Some(source), None) => Check::fail(
                NAME,
                format!("{source}; no program that was started was reported within {} s", LIMIT.as_secs()),
                FULL_DISK_ACCESS,
            ),
            (None, _) => {
                let bad = |notice: &&Notice| notice.level != Level::Info;
                let why = self.notices.iter().rev().find(bad).map(|notice| notice.text.clone());
                Check::fail(NAME, why.unwrap_or_else(|| "no source has begun".to_owned()), FULL_DISK_ACCESS)
            }
        }
    }

    fn full_disk_access(&self) -> Check {
        const NAME: &str = "Full Disk Access";
        if self.exec_after.is_some() {
            return Check::pass(NAME, "granted to the process that is responsible for this one");
        }
        match self.find(&Subject::NoFullDiskAccess) {
            Some(notice) => Check::fail(NAME, notice.text.clone(), FULL_DISK_ACCESS),
            None => Check::warn(NAME, "unknown, as no process event came", FULL_DISK_ACCESS),
        }
    }

    fn connections(&self) -> Check {
        const NAME: &str = "connections";
        match (self.source(SourceKind::Network), self.find(&Subject::NoStatistics)) {
            (Some((source, finding)), None) => Check::pass(NAME, format!("{source}: {finding}")),
            (Some((source, finding)), Some(why)) => Check::warn(
                NAME,
                format!("{source}: {finding}; {}", why.text),
                "update macOS and osawatch; what the kernel says of the failure helps a report of it",
            ),
            (None, why) => {
                let why = why.map_or_else(|| "no source has begun".to_owned(), |why| why.text.clone());
                Check::fail(NAME, why, "run it again; `osawatch run -v` shows what the sources do")
            }
        }
    }
}

/// What the settings call it, and who needs it.
const FULL_DISK_ACCESS: &str = "allow Osawatch.app (in a terminal: Terminal) \
                                under System Settings > Privacy & Security > Full Disk Access";

/// Starts a child, and returns its pid when it has ended.
fn child() -> Option<u32> {
    let mut command = Command::new(PROGRAM);
    // eslogger leaves out what the process group does in which it was started.
    command.process_group(0);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let pid = child.id();
    let _ = child.wait();
    Some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn trial<const N: usize>(notices: [Notice; N], exec_after: Option<u64>) -> Vec<(State, String)> {
        let exec_after = exec_after.map(Duration::from_millis);
        let trial = Trial { notices: notices.into(), exec_after, ..Trial::default() };
        trial.checks().into_iter().map(|check| (check.state, check.finding)).collect()
    }

    fn execs(name: &'static str) -> Notice {
        Notice::of_source(SourceKind::Exec, name, String::new())
    }

    fn connections(name: &'static str, finding: &str) -> Notice {
        Notice::of_source(SourceKind::Network, name, finding.to_owned())
    }

    fn ntstat() -> Notice {
        connections("the kernel's network statistics", "3 of 3 tests")
    }

    fn warning(subject: Subject, text: &str) -> Notice {
        Notice { level: Level::Warning, subject, text: text.to_owned() }
    }

    #[test]
    fn a_source_names_itself_in_the_log_as_before() {
        assert_eq!(execs("eslogger").text, "process events come from eslogger");
        assert_eq!(ntstat().text, "connections come from the kernel's network statistics: 3 of 3 tests");
    }

    #[test]
    fn the_words_of_a_notice_decide_nothing() {
        let found = trial(
            [
                warning(Subject::Other, "process events come from nowhere, and connections come from there"),
                warning(Subject::Other, "without Full Disk Access the statistics are unavailable"),
            ],
            None,
        );
        assert_eq!(found[1], (State::Warn, "unknown, as no process event came".to_owned()));
        assert_eq!(found[2], (State::Fail, "no source has begun".to_owned()));
    }

    #[test]
    fn sources_that_work_pass_with_how_soon_they_report() {
        let found = trial([execs("Endpoint Security"), ntstat()], Some(12));
        assert!(found.iter().all(|(state, _)| *state == State::Pass), "{found:?}");
        assert_eq!(found[0].1, "Endpoint Security; a program that was started was reported after 12 ms");
        assert_eq!(found[2].1, "the kernel's network statistics: 3 of 3 tests");
    }

    #[test]
    fn a_source_that_is_silent_fails_and_full_disk_access_is_named() {
        let found = trial([execs("eslogger"), ntstat()], None);
        assert_eq!((found[0].0, found[1].0), (State::Fail, State::Warn));
        let refused = "Endpoint Security needs Full Disk Access: allow osawatch; trying again";
        let found = trial([warning(Subject::NoFullDiskAccess, refused), ntstat()], None);
        assert_eq!((found[0].0, found[1].0, found[2].0), (State::Fail, State::Fail, State::Pass));
        assert_eq!(found[1].1, refused);
    }

    #[test]
    fn eslogger_is_permitted_with_how_late_it_is_or_says_why_it_ended() {
        let of = |failed: Option<&str>, exec_after| {
            let health = |why: &str| Health {
                kind: SourceKind::Exec,
                name: "eslogger",
                works: false,
                finding: why.to_owned(),
                latency: None,
            };
            let health = failed.map(health).into_iter().collect();
            let check = Trial { notices: vec![ntstat()], health, exec_after, flows: 0 }.eslogger();
            (check.state, check.finding)
        };
        let text = |state, text: &str| (state, text.to_owned());
        let after = Some(Duration::from_millis(30));
        assert_eq!(of(None, after), text(State::Pass, "permitted; a record comes after 30 ms"));
        let ended = "eslogger exited: not permitted";
        assert_eq!(of(Some(ended), None), text(State::Warn, ended));
        assert_eq!(of(None, None), text(State::Warn, "no record within 12 s"));
    }

    #[test]
    fn libproc_in_the_place_of_the_statistics_is_a_warning() {
        let refused = warning(Subject::NoStatistics, "the kernel's network statistics are unavailable: refused");
        let libproc = connections("libproc", "only watched processes");
        let found = trial([execs("eslogger"), refused, libproc], Some(5));
        assert_eq!(found[2].0, State::Warn);
        assert!(found[2].1.contains("refused"), "{found:?}");
    }
}
