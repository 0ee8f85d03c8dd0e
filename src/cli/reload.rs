//! A new configuration while the agent runs: after SIGHUP, and when its files change.

use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::config::LayerArgs;
use super::effective::{self, Effective};
use super::rules::Selection;
use crate::agent::{Control, Reload};
use crate::config::{Config, Stamp};
use crate::detect::RuleSet;
use crate::pipeline::Exchange;
use crate::report::plural;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(3);

/// Looks after the files of a configuration.
pub(super) struct Reloader {
    layers: LayerArgs,
    selection: Selection,
    /// What the next rules have to take over from.
    before: RuleSet,
    /// What was read last.
    config: Config,
    stamps: Vec<Stamp>,
    control: Sender<Control>,
}

impl Reloader {
    /// `None`: there is no configuration.
    pub(super) fn new(
        (layers, selection): (&LayerArgs, &Selection),
        loaded: &Effective,
        control: Sender<Control>,
    ) -> Option<Reloader> {
        let (config, before) = (loaded.config.clone()?, loaded.rules.successor());
        let stamps = layers.layers().stamps(&config.rules.paths);
        Some(Reloader { layers: layers.clone(), selection: selection.clone(), before, config, stamps, control })
    }

    /// Starts the thread. A message on `asked` has it reload at once.
    pub(super) fn start(mut self, asked: Receiver<()>) -> std::io::Result<()> {
        let work = move || {
            loop {
                let is_asked = match asked.recv_timeout(LOOK) {
                    Ok(()) => true,
                    Err(RecvTimeoutError::Timeout) => false,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                if let Some(control) = self.look(is_asked)
                    && self.control.send(control).is_err()
                {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("osawatch-reload".into()).spawn(work).map(drop)
    }

    /// What the agent is to be told, if anything has changed or someone asked.
    fn look(&mut self, is_asked: bool) -> Option<Control> {
        let stamps = self.layers.layers().stamps(&self.config.rules.paths);
        if stamps == self.stamps && !is_asked {
            return None;
        }
        self.stamps = stamps;
        let loaded = match Effective::load_into(self.before.successor(), &self.layers, &self.selection) {
            Ok(loaded) => loaded,
            Err(error) => return Some(Control::Refuse(error.to_string())),
        };
        let Some(config) = loaded.config else {
            return Some(Control::Refuse("the configuration is no longer there".to_owned()));
        };
        let what = what(&self.config, &config, &loaded.rules);
        self.before = loaded.rules.successor();
        let (volume, capture) = (config.volume.clone(), config.script.capture_script);
        let exchange = Exchange { set: loaded.rules, volume: Some(volume), redactor: Some(loaded.redactor) };
        let blind_spots = loaded.blind_spots;
        // What the new one names is looked at from now on.
        self.stamps = self.layers.layers().stamps(&config.rules.paths);
        self.config = config;
        let heartbeat = effective::heartbeat(Some(&self.config));
        Some(Control::Reload(Box::new(Reload { exchange, capture, heartbeat, what, blind_spots })))
    }
}

/// What is new, and what takes effect only at the next start.
fn what(old: &Config, new: &Config, rules: &RuleSet) -> String {
    let running = rules.rules.iter().filter(|rule| rule.inert().is_none()).count() as u64;
    let exceptions = rules.exceptions.len() as u64;
    let mut what = format!("{}, {}", plural(running, "rule"), plural(exceptions, "exception"));
    let sections = [
        ("[alerts]", old.alerts != new.alerts),
        ("[limits]", old.limits != new.limits),
        ("[response]", old.response != new.response),
        ("[sources]", old.sources != new.sources),
    ];
    let later: Vec<&str> = sections.into_iter().filter_map(|(section, is_new)| is_new.then_some(section)).collect();
    if !later.is_empty() {
        let verb = if later.len() == 1 { "takes" } else { "take" };
        what += &format!("; {} {verb} effect at the next start", later.join(", "));
    }
    what
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::unbounded;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn write(path: &Path, text: &str) {
        // Another inode, as an editor or an MDM writes.
        let next = path.with_extension("next");
        fs::write(&next, text).unwrap();
        fs::set_permissions(&next, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(next, path).unwrap();
    }

    fn reloader(path: &Path) -> Reloader {
        use clap::Parser;
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            config: LayerArgs,
            #[command(flatten)]
            selection: Selection,
        }
        let Line { config, selection } = Line::parse_from(["", "--config", &path.display().to_string()]);
        let loaded = Effective::load_into(RuleSet::default(), &config, &selection).unwrap();
        Reloader::new((&config, &selection), &loaded, unbounded().0).unwrap()
    }

    #[test]
    fn a_change_is_taken_a_mistake_is_refused_once_and_the_next_change_is_taken_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        write(&path, "");
        let mut reloader = reloader(&path);
        assert!(reloader.look(false).is_none(), "nothing has changed");
        write(&path, "[volume]\nmax_alert = 1\n");
        let Some(Control::Refuse(why)) = reloader.look(false) else { panic!() };
        assert!(why.contains("config.toml:2:1: unknown field `max_alert`"), "{why}");
        assert!(reloader.look(false).is_none(), "the same mistake is not told again");
        write(&path, "[volume]\nmax_alerts = 1\n[limits]\ncpu = 9\n[sources]\nexec = \"eslogger\"\n");
        let Some(Control::Reload(reload)) = reloader.look(false) else { panic!() };
        assert!(reload.what.ends_with("; [limits], [sources] take effect at the next start"), "{}", reload.what);
        assert!(matches!(reloader.look(true), Some(Control::Reload(_))), "whoever asks gets one");
    }

    #[test]
    fn an_exception_or_a_rule_in_a_file_of_its_own_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::create_dir(folder.path().join("rules")).unwrap();
        write(&path, "[rules]\npaths = [\"rules\"]\n");
        let mut reloader = reloader(&path);
        let query = "process where process.pid == 1";
        let rule = format!("[rule]\nrule_id = \"own\"\nname = \"own\"\nquery = '{query}'\n");
        write(&folder.path().join("rules/own.toml"), &rule);
        let Some(Control::Reload(reload)) = reloader.look(false) else { panic!() };
        assert!(reload.exchange.set.rules.iter().any(|rule| rule.id == "own"));
        fs::create_dir(folder.path().join("exceptions.d")).unwrap();
        let exception =
            "[[exception]]\nname = \"x\"\nrules = [\"own\"]\nreason = \"r\"\ncondition = 'process.pid == 1'\n";
        write(&folder.path().join("exceptions.d/x.toml"), exception);
        let Some(Control::Reload(reload)) = reloader.look(false) else { panic!() };
        assert_eq!(reload.exchange.set.exceptions.len(), 1);
    }
}
