//! Where the alerts of a live run go, and what becomes of their executions; a reload exchanges both.

use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::Receiver;
use log::LevelFilter;
use serde_json::{Map, Value as Json};

use super::alert_file;
use super::clock::now;
use super::exit::{Failure, live_failure};
use super::logger::Verbosity;
use super::sink::{Sink, system_log};
use crate::agent;
use crate::alert::Alert;
use crate::config::{Action, Config, Response};
use crate::event::Machine;
use crate::output::system_log::SystemLog;
use crate::output::{self, Writer};
use crate::response::{self, Policy, Responding, Started};
use crate::source;
use crate::source::live::Error as LiveError;

/// What the command line says of the outputs: it comes before the configuration.
#[derive(Clone, Debug)]
pub(super) struct Fixed {
    /// The alert file.
    pub(super) file: Option<PathBuf>,
    /// Alerts go to the system log.
    pub(super) system_log: bool,
    pub(super) verbosity: Verbosity,
}

/// What a reload exchanges of the outputs: opened, and checked.
pub(super) struct Outputs {
    file: output::Options,
    system_log: Option<SystemLog>,
    log_level: LevelFilter,
    policy: Option<Policy>,
    /// The thread of responses, when there was none and one is needed.
    started: Option<Started>,
}

impl Outputs {
    /// Prepares the outputs of a configuration, or says why they cannot be. `before` is the one in effect.
    pub(super) fn prepare(fixed: &Fixed, (before, config): (&Config, &Config)) -> Result<Outputs, Failure> {
        let path = fixed.file.as_deref().unwrap_or(&config.alerts.file);
        let file = alert_file::options(path, Some(config));
        // The file in use is locked, by the thread that writes it.
        if path != fixed.file.as_deref().unwrap_or(&before.alerts.file) {
            Writer::check(&file, now()).map_err(|error| Failure::new(Failure::CANNOT_CREATE, error))?;
        }
        let policy = policy(&config.response);
        let is_first = policy.is_some() && self::policy(&before.response).is_none();
        Ok(Outputs {
            file,
            system_log: system_log(fixed.system_log || config.alerts.syslog)?,
            log_level: fixed.verbosity.level_with(config.agent.log_level),
            started: if is_first { Some(start()?) } else { None },
            policy,
        })
    }
}

/// The sink of a live run.
pub(super) struct LiveSink {
    responding: Responding<Sink>,
    /// What reloads ask for.
    outputs: Receiver<Outputs>,
}

impl LiveSink {
    pub(super) fn new(
        sink: Sink,
        response: &Response,
        machine: Machine,
        outputs: Receiver<Outputs>,
    ) -> Result<LiveSink, Failure> {
        let policy = policy(response);
        let started = policy.as_ref().map(|_| start()).transpose()?;
        Ok(LiveSink { responding: Responding::new(sink, (policy, started), machine, now), outputs })
    }

    /// Sees executions that were told to end to their end, within this time, and returns the sink behind.
    pub(super) fn finish(self, limit: Duration) -> Sink {
        self.responding.finish(limit)
    }
}

impl agent::Sink for LiveSink {
    fn alert(&mut self, alert: Alert) {
        self.responding.alert(alert);
    }

    fn document(&mut self, document: Map<String, Json>) {
        self.responding.document(document);
    }

    fn exchange(&mut self) {
        for Outputs { file, system_log, log_level, policy, started } in self.outputs.try_iter() {
            log::set_max_level(log_level);
            self.responding.set_policy(policy, started);
            self.responding.sink_mut().exchange(file, system_log);
        }
    }

    fn wait(&self) -> Option<Duration> {
        self.responding.wait()
    }

    fn tick(&mut self) {
        self.responding.tick();
    }
}

/// What a configuration has done about alerts; `None`: nothing, for any rule.
fn policy(response: &Response) -> Option<Policy> {
    let rules = response.rules.values().map(|rule| rule.action);
    if rules.chain([response.action]).all(|action| action == Action::None) {
        return None;
    }
    let settings = response::Settings { dry_run: response.dry_run, grace: response.grace };
    let response = response.clone();
    let responds = move |rule: &str| response.action_of(rule) == Action::Terminate;
    Some(Policy { settings, responds: Box::new(responds) })
}

fn start() -> Result<Started, Failure> {
    let executions = source::executions().map_err(live_failure)?;
    Started::start(executions).map_err(|error| live_failure(LiveError::Thread(error)))
}
