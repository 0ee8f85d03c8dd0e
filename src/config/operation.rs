//! The sections about how the agent runs: `[agent]`, `[limits]` and `[response]`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::value;
use crate::event::Budget;
use crate::output;
use crate::quantity::{serialize_duration, serialize_size};
use crate::source::live::Queues;

/// What the agent says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Agent {
    /// How often a document with the counters of the status is written; 1 min to 1 day, zero is never.
    #[serde(serialize_with = "serialize_duration", deserialize_with = "value::heartbeat")]
    pub heartbeat: Duration,
    /// What of its messages is logged; `-v` and `-q` come first.
    pub log_level: LogLevel,
}

impl Default for Agent {
    fn default() -> Agent {
        Agent { heartbeat: Duration::from_secs(15 * 60), log_level: LogLevel::Info }
    }
}

/// How much is logged: messages of this level and of those before it. The names are those of ECS `log.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    /// What ends the agent or loses alerts.
    Error,
    /// What an administrator should look at.
    Warning,
    /// What the agent does.
    Info,
    /// What only its developers ask for.
    Debug,
}

/// What the agent may use of the Mac.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Percent of one core over a minute, above which optional work is left out; 0 is no limit. At most 100.
    #[serde(deserialize_with = "value::cpu")]
    pub cpu: u32,
    /// Bytes of events, executions, reports and alerts that are held; 16 MiB to 1 GiB.
    #[serde(serialize_with = "serialize_size", deserialize_with = "value::memory")]
    pub memory: u64,
    /// Process reports that may wait for the engine; 1,024 to 1,048,576.
    #[serde(deserialize_with = "value::queue")]
    pub process_queue: u32,
    /// Flows that may wait for the engine; 1,024 to 1,048,576.
    #[serde(deserialize_with = "value::queue")]
    pub flow_queue: u32,
    /// Bytes of alerts that wait in memory when no disk takes them; 1 MiB to 256 MiB.
    #[serde(serialize_with = "serialize_size", deserialize_with = "value::alert_queue")]
    pub alert_queue: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        let (queues, of) = (Queues::default(), |count: usize| u32::try_from(count).unwrap_or(u32::MAX));
        Limits {
            cpu: 50,
            memory: Budget::LIVE.total() as u64,
            process_queue: of(queues.processes),
            flow_queue: of(queues.flows),
            alert_queue: output::MAX_WAITING_BYTES as u64,
        }
    }
}

impl Limits {
    /// The shares of the memory.
    pub(crate) fn budget(&self) -> Budget {
        Budget::live_within(usize::try_from(self.memory).unwrap_or(usize::MAX))
    }

    /// How many reports may wait.
    pub(crate) fn queues(&self) -> Queues {
        Queues {
            processes: self.process_queue as usize,
            process_bytes: self.budget().reports,
            flows: self.flow_queue as usize,
        }
    }
}

/// What is done about an alert besides writing it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Response {
    /// The default; `rules` overrides it for single rules.
    pub action: Action,
    /// Nothing is done, and what would have been is reported.
    pub dry_run: bool,
    /// How long a process may take for its end before it is killed; at most 1 min.
    #[serde(serialize_with = "serialize_duration", deserialize_with = "value::grace")]
    pub grace: Duration,
    /// The action of single rules, by id.
    pub rules: BTreeMap<String, RuleResponse>,
}

impl Default for Response {
    fn default() -> Response {
        Response { action: Action::None, dry_run: true, grace: Duration::from_secs(5), rules: BTreeMap::new() }
    }
}

impl Response {
    /// What is done about an alert of a rule.
    pub(crate) fn action_of(&self, rule: &str) -> Action {
        self.rules.get(rule).map_or(self.action, |rule| rule.action)
    }
}

/// The action of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleResponse {
    /// As [`Response::action`].
    pub action: Action,
}

/// What is done about an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// Nothing.
    None,
    /// The execution that the alert is about is ended.
    Terminate,
}
