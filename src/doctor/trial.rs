//! A trial run of the sensors, for some seconds: they test themselves, and the exec of a child process must be reported.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::select;

use super::Check;
use crate::event::field;
use crate::source::endpoint_security::Notification;
use crate::source::live::{Level, Notice, Report, Sensors};

/// How long the sensors are given. eslogger's self-test takes ten seconds to be sure of silence.
pub(crate) const LIMIT: Duration = Duration::from_secs(12);
/// How often a child is started.
const PERIOD: Duration = Duration::from_secs(1);
/// What it runs.
const PROGRAM: &str = "/usr/bin/true";

/// What the sensors showed.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    /// What they said.
    pub notices: Vec<Notice>,
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
        let says = |text: &str| self.notices.iter().any(|notice| notice.text.contains(text));
        self.exec_after.is_some() && says(CONNECTIONS)
    }

    fn take(&mut self, report: Report, children: &[(u32, Instant)]) {
        let pid = match report {
            Report::Notice(notice) => return self.notices.push(notice),
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

    fn find(&self, text: &str) -> Option<&Notice> {
        self.notices.iter().rev().find(|notice| notice.text.contains(text))
    }

    /// What process events come from.
    pub(crate) fn source(&self) -> Option<String> {
        self.find(EXECS).map(|notice| notice.text.trim_start_matches(EXECS).trim().to_owned())
    }

    /// Whether eslogger, which was tried, is permitted, and how late its records come.
    pub(crate) fn eslogger(&self) -> Check {
        const NAME: &str = "eslogger";
        let bad = |notice: &&Notice| notice.level != Level::Info && notice.text.contains(NAME);
        match (self.exec_after, self.notices.iter().rev().find(bad)) {
            (Some(after), _) => Check::pass(NAME, format!("permitted; a record comes after {} ms", after.as_millis())),
            (None, Some(notice)) => Check::warn(NAME, notice.text.clone(), FULL_DISK_ACCESS),
            (None, None) => Check::warn(NAME, format!("no record within {} s", LIMIT.as_secs()), FULL_DISK_ACCESS),
        }
    }

    fn process_events(&self) -> Check {
        const NAME: &str = "process events";
        let source = self.source();
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
        match self.find("Full Disk Access") {
            Some(notice) => Check::fail(NAME, notice.text.clone(), FULL_DISK_ACCESS),
            None => Check::warn(NAME, "unknown, as no process event came", FULL_DISK_ACCESS),
        }
    }

    fn connections(&self) -> Check {
        const NAME: &str = "connections";
        let source = self.find(CONNECTIONS).map(|notice| notice.text.trim_start_matches(CONNECTIONS).trim().to_owned());
        match (source, self.find("statistics are unavailable")) {
            (Some(source), None) if source.starts_with("libproc") => Check::pass(NAME, source),
            (Some(source), None) => Check::pass(NAME, source),
            (Some(source), Some(why)) => Check::warn(
                NAME,
                format!("{source}; {}", why.text),
                "update macOS and osawatch; what the kernel says of the failure helps a report of it",
            ),
            (None, why) => {
                let why = why.map_or_else(|| "no source has begun".to_owned(), |why| why.text.clone());
                Check::fail(NAME, why, "run it again; `osawatch run -v` shows what the sources do")
            }
        }
    }
}

/// How the sources begin to name themselves.
const EXECS: &str = "process events come from";
const CONNECTIONS: &str = "connections come from";
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

    fn trial(notices: &[(Level, &str)], exec_after: Option<u64>) -> Vec<(State, String)> {
        let notices = notices.iter().map(|(level, text)| Notice { level: *level, text: (*text).to_owned() }).collect();
        let trial = Trial { notices, exec_after: exec_after.map(Duration::from_millis), flows: 0 };
        trial.checks().into_iter().map(|check| (check.state, check.finding)).collect()
    }

    const NTSTAT: (Level, &str) = (Level::Info, "connections come from the kernel's network statistics: 3 of 3 tests");

    #[test]
    fn sources_that_work_pass_with_how_soon_they_report() {
        let found = trial(&[(Level::Info, "process events come from Endpoint Security"), NTSTAT], Some(12));
        assert!(found.iter().all(|(state, _)| *state == State::Pass), "{found:?}");
        assert_eq!(found[0].1, "Endpoint Security; a program that was started was reported after 12 ms");
        assert_eq!(found[2].1, "the kernel's network statistics: 3 of 3 tests");
    }

    #[test]
    fn a_source_that_is_silent_fails_and_full_disk_access_is_named() {
        let found = trial(&[(Level::Info, "process events come from eslogger"), NTSTAT], None);
        assert_eq!((found[0].0, found[1].0), (State::Fail, State::Warn));
        let refused = "Endpoint Security needs Full Disk Access: allow osawatch; trying again";
        let found = trial(&[(Level::Warning, refused), NTSTAT], None);
        assert_eq!((found[0].0, found[1].0, found[2].0), (State::Fail, State::Fail, State::Pass));
        assert_eq!(found[1].1, refused);
    }

    #[test]
    fn eslogger_is_permitted_with_how_late_it_is_or_says_why_it_ended() {
        let of = |notices: &[(Level, &str)], exec_after| {
            let notice = |(level, text): &(Level, &str)| Notice { level: *level, text: (*text).to_owned() };
            let trial = Trial { notices: notices.iter().map(notice).collect(), exec_after, flows: 0 };
            let check = trial.eslogger();
            (check.state, check.finding)
        };
        let text = |state, text: &str| (state, text.to_owned());
        let after = Some(Duration::from_millis(30));
        assert_eq!(of(&[], after), text(State::Pass, "permitted; a record comes after 30 ms"));
        let ended = (Level::Warning, "eslogger exited: not permitted");
        assert_eq!(of(&[ended, NTSTAT], None), text(State::Warn, "eslogger exited: not permitted"));
        assert_eq!(of(&[NTSTAT], None), text(State::Warn, "no record within 12 s"));
    }

    #[test]
    fn libproc_in_the_place_of_the_statistics_is_a_warning() {
        let found = trial(
            &[
                (Level::Info, "process events come from eslogger"),
                (Level::Warning, "the kernel's network statistics are unavailable: refused"),
                (Level::Info, "connections come from libproc: only watched processes"),
            ],
            Some(5),
        );
        assert_eq!(found[2].0, State::Warn);
        assert!(found[2].1.contains("refused"), "{found:?}");
    }
}
