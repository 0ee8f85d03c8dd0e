//! One run of the agent among others: the only one in its state directory, with what the one before left.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::clock::now;
use super::exit::Failure;
use super::panics::{self, Panics};
use super::publish::{STATUS, build};
use crate::alert::lifecycle::{self, Unclean};
use crate::event::{Machine, Timestamp};
use crate::output::state::{StateDirectory, StateError};
use crate::source::live::Options;
use crate::status::Status;

/// A run that has begun.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Where its state is kept; `None`: nowhere.
    pub(super) state: Option<Arc<StateDirectory>>,
    /// Earlier runs panicked so often that this one leaves out what is optional.
    pub(super) is_careful: bool,
    /// What the run before wrote last, if it did not stop in order.
    unclean: Option<Status>,
    panics: Panics,
}

impl Life {
    /// Takes the state directory for this run alone.
    pub(super) fn begin(directory: Option<&Path>) -> Result<Life, Failure> {
        let Some(directory) = directory else { return Ok(Life::default()) };
        let state = StateDirectory::open(directory).map_err(|error| {
            let code = match error {
                StateError::Held { .. } => Failure::HELD,
                StateError::Io { .. } => Failure::CANNOT_CREATE,
            };
            Failure::new(code, error)
        })?;
        let panics = Panics::read(&state);
        panics::keep(&state);
        let is_careful = panics.are_many(now());
        if is_careful {
            log::warn!("{CAREFUL}");
        }
        let before = state.read(STATUS).ok().flatten();
        let before: Option<Status> = before.and_then(|text| serde_json::from_str(&text).ok());
        let unclean = before.filter(|status| !status.is_stopped);
        Ok(Life { state: Some(Arc::new(state)), is_careful, unclean, panics })
    }

    /// What is to be said of the run before and of this one.
    pub(super) fn documents(&self, machine: &Machine, rules: usize, sources: &Options) -> Vec<Map<String, Json>> {
        let mut documents = Vec::new();
        let unclean = self.unclean.as_ref().and_then(|before| Some((before, Timestamp::parse(&before.written)?)));
        if let Some((before, last_seen)) = unclean {
            let is_restarted = !before.boot_id.is_empty() && before.boot_id != machine.boot_id;
            let unclean = Unclean { last_seen, is_restarted, panic: self.panics.since(last_seen) };
            let document = lifecycle::unclean_stop(now(), machine, unclean);
            log::warn!("{}", document.get("message").and_then(Json::as_str).unwrap_or_default());
            documents.push(document);
        }
        let details = json!({
            "version": env!("CARGO_PKG_VERSION"), "build": build(), "pid": std::process::id(), "rules": rules,
            "sources": {
                "exec": sources.exec, "network": sources.network,
                "endpoint_security_connect_event": sources.endpoint_security_connect_event,
            },
            "left_out": self.left_out(),
        });
        documents.push(lifecycle::started(now(), machine, details));
        documents
    }

    /// What this run leaves out from the beginning.
    pub(super) fn left_out(&self) -> Vec<&'static str> {
        if self.is_careful { vec![CAREFUL] } else { Vec::new() }
    }
}

const CAREFUL: &str = "scripts are not read and the connect event is not used until the next start: osawatch panicked \
                       three times within ten minutes";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::state::add_line;
    use crate::source::live::Queues;

    fn machine(boot: &str) -> Machine {
        Machine { host_id: "h".into(), boot_id: boot.into() }
    }

    fn options() -> Options {
        Options {
            exec: Default::default(),
            network: Default::default(),
            endpoint_security_connect_event: false,
            muted: Arc::default(),
            watched: Arc::default(),
            queues: Queues::default(),
            raw: None,
            bell: Default::default(),
        }
    }

    fn actions(life: &Life, boot: &str) -> Vec<String> {
        let documents = life.documents(&machine(boot), 3, &options());
        documents.iter().map(|document| document["event"]["action"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_run_that_left_a_status_without_a_stop_was_not_ended_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let life = Life::begin(Some(&path)).unwrap();
        assert_eq!(actions(&life, "b"), ["agent_started"]);
        let mut status = Status { boot_id: "b".into(), written: now().to_string(), ..Status::default() };
        let write = |life: &Life, status: &Status| {
            life.state.as_ref().unwrap().write(STATUS, &serde_json::to_vec(status).unwrap()).unwrap();
        };
        write(&life, &status);
        drop(life);
        let life = Life::begin(Some(&path)).unwrap();
        assert_eq!(actions(&life, "b"), ["agent_stopped_uncleanly", "agent_started"]);
        let documents = life.documents(&machine("c"), 3, &options());
        assert_eq!(documents[0]["osawatch"]["agent"]["why"], "the Mac was started again");
        status.is_stopped = true;
        write(&life, &status);
        drop(life);
        assert_eq!(actions(&Life::begin(Some(&path)).unwrap(), "b"), ["agent_started"]);
    }

    #[test]
    fn after_three_panics_what_is_optional_is_left_out_and_the_last_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let life = Life::begin(Some(&path)).unwrap();
        assert!(!life.is_careful);
        let status = Status { written: now().to_string(), ..Status::default() };
        life.state.as_ref().unwrap().write(STATUS, &serde_json::to_vec(&status).unwrap()).unwrap();
        drop(life);
        for n in 0..3 {
            let line = json!({ "time": now().to_string(), "panic": format!("panicked {n}") });
            add_line(&StateDirectory::panics(&path), &line.to_string()).unwrap();
        }
        let life = Life::begin(Some(&path)).unwrap();
        assert!(life.is_careful);
        let documents = life.documents(&machine("b"), 3, &options());
        assert_eq!(documents[0]["osawatch"]["agent"]["panic"], "panicked 2");
        assert_eq!(documents[1]["osawatch"]["agent"]["left_out"][0], CAREFUL);
    }

    #[test]
    fn a_status_that_someone_else_wrote_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let life = Life::begin(Some(&path)).unwrap();
        life.state.as_ref().unwrap().write(STATUS, b"{\"written\": []}").unwrap();
        drop(life);
        assert_eq!(actions(&Life::begin(Some(&path)).unwrap(), "b"), ["agent_started"]);
    }

    #[test]
    fn without_a_state_directory_nothing_is_kept() {
        assert!(Life::begin(None).unwrap().state.is_none());
    }
}
