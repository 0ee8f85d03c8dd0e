//! What a configuration comes to while the agent runs: everything that a reload exchanges.

use std::time::Duration;

use super::clock::now;
use super::config::{LayerArgs, configured};
use super::exit::Failure;
use super::rules::Selection;
use crate::config::trust::Trust;
use crate::config::{self, Config, Layers, lint};
use crate::detect::RuleSet;
use crate::report::visible;
use crate::script::Redactor;

/// The values, rules and exceptions in effect.
#[derive(Debug)]
pub(super) struct Effective {
    /// The values, each with its origin; `None`: there is no configuration.
    pub(super) config: Option<Config>,
    /// The rules that run, with the exceptions.
    pub(super) rules: RuleSet,
    /// What is left out of scripts.
    pub(super) redactor: Redactor,
    /// What blinds the rules, in sentences.
    pub(super) blind_spots: Vec<String>,
}

impl Effective {
    /// The rules and values of an osawatch that has no configuration.
    pub(super) fn without_configuration(selection: &Selection) -> Result<Effective, Failure> {
        let rules = selection.load(None, Trust::OwnerOnly)?;
        let redactor = config::Script::default().redactor();
        let redactor = redactor.map_err(|error| Failure::new(Failure::CONFIG, error))?;
        Ok(Effective { config: None, rules, redactor, blind_spots: Vec::new() })
    }

    /// Reads the files of the configuration and the rules, all of them or none, into a set that has no rules yet: the
    /// successor of the one in effect.
    pub(super) fn load_into(before: RuleSet, layers: &LayerArgs, selection: &Selection) -> Result<Effective, Failure> {
        let config = layers.load()?;
        let rules = selection.load_into(before, config.as_ref(), Trust::OwnerOnly)?;
        let blind_spots = config.as_ref().map(blind_spots).transpose()?.unwrap_or_default();
        let script = config.as_ref().map(|config| config.script.clone()).unwrap_or_default();
        let redactor = script.redactor().map_err(|error| Failure::new(Failure::CONFIG, error))?;
        Ok(Effective { config, rules, redactor, blind_spots })
    }

    /// Logs at the start what the configuration hides from the rules, what of it is left out, and that its file is missing
    /// where someone names it.
    pub(super) fn warn(&self, layers: &Layers) {
        if self.config.is_some() && layers.is_named && !layers.file.exists() {
            log::info!("{}: there is none; the defaults apply", visible(&layers.file.to_string_lossy()));
        }
        let unknown = self.config.iter().flat_map(|config| &config.unknown_keys);
        self.blind_spots.iter().chain(unknown).for_each(|text| log::warn!("{text}"));
    }
}

fn blind_spots(config: &Config) -> Result<Vec<String>, Failure> {
    let lints = lint::lints(config, &configured(config, &[])?, now());
    Ok(lints.into_iter().filter(|lint| lint.blinds).map(|lint| lint.text).collect())
}

/// How often a document says that the agent lives; `None`: never.
pub(super) fn heartbeat(config: Option<&Config>) -> Option<Duration> {
    let heartbeat = config.map_or_else(|| config::Agent::default().heartbeat, |config| config.agent.heartbeat);
    Some(heartbeat).filter(|heartbeat| !heartbeat.is_zero())
}

/// Percent of a core, above which optional work is left out.
pub(super) fn cpu_limit(config: Option<&Config>) -> u32 {
    config.map_or_else(|| config::Limits::default().cpu, |config| config.limits.cpu)
}
