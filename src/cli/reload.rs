//! A new configuration while the agent runs: after SIGHUP, and when its files change.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::config::LayerArgs;
use super::effective::{self, Effective};
use super::live_sink::{Fixed, Outputs};
use super::rules::Selection;
use super::seen::Seen;
use crate::agent::{Control, Reload};
use crate::config::Config;
use crate::config::keys::{keys, value_of};
use crate::detect::RuleSet;
use crate::pipeline::Exchange;
use crate::report::plural;
use crate::source::live::{Muted, RingingSender};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(3);

/// Where a new configuration goes.
#[derive(Clone)]
pub(super) struct Targets {
    /// The agent.
    pub(super) control: RingingSender<Control>,
    /// The sink, which takes them when the agent has reloaded.
    pub(super) outputs: Sender<Outputs>,
    /// What the source of process events mutes, and how it is asked to look.
    pub(super) muted: Arc<Muted>,
    pub(super) scan: Sender<()>,
}

/// Looks after the files of a configuration.
pub(super) struct Reloader {
    layers: LayerArgs,
    selection: Selection,
    fixed: Fixed,
    /// What the next rules have to take over from.
    before: RuleSet,
    /// What was read last.
    config: Config,
    seen: Seen,
    /// Why the last one was refused. As long as it is, everything is read at every look: what mends it, such as another
    /// mode of a folder above, may leave no trace in the files.
    refused: Option<String>,
}

impl Reloader {
    /// `None`: there is no configuration.
    pub(super) fn new(
        (layers, selection): (&LayerArgs, &Selection),
        fixed: Fixed,
        (seen, loaded): (Seen, &Effective),
    ) -> Option<Reloader> {
        let (config, before) = (loaded.config.clone()?, loaded.rules.successor());
        let (layers, selection) = (layers.clone(), selection.clone());
        Some(Reloader { layers, selection, fixed, before, config, seen, refused: None })
    }

    /// Starts the thread. A message on `asked` has it reload at once.
    pub(super) fn start(mut self, asked: Receiver<()>, targets: Targets) -> std::io::Result<()> {
        let work = move || {
            loop {
                let is_asked = match asked.recv_timeout(LOOK) {
                    Ok(()) => true,
                    Err(RecvTimeoutError::Timeout) => false,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                if let Some(control) = self.look(is_asked, &targets)
                    && targets.control.send(control).is_err()
                {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("osawatch-reload".into()).spawn(work).map(drop)
    }

    /// What the agent is to be told, if anything has changed or someone asked.
    fn look(&mut self, is_asked: bool, targets: &Targets) -> Option<Control> {
        if self.refused.is_none() && self.seen.is_current(&self.layers) && !is_asked {
            return None;
        }
        match self.load(targets) {
            Ok(reload) => {
                self.refused = None;
                Some(Control::Reload(Box::new(reload)))
            }
            Err(why) if self.refused.as_ref() == Some(&why) && !is_asked => None,
            Err(why) => Some(Control::Refuse(self.refused.insert(why).clone())),
        }
    }

    /// Reads and prepares everything, and only then has anything take effect.
    fn load(&mut self, targets: &Targets) -> Result<Reload, String> {
        let read = || Effective::load_into(self.before.successor(), &self.layers, &self.selection);
        let (seen, loaded) = Seen::before(&self.layers, read);
        self.seen = seen;
        let Effective { config, rules, redactor, blind_spots } = loaded.map_err(|error| error.to_string())?;
        let config = config.ok_or("the configuration is no longer there")?;
        let outputs = Outputs::prepare(&self.fixed, (&self.config, &config)).map_err(|error| error.to_string())?;
        config.unknown_keys.iter().for_each(|text| log::warn!("{text}"));
        let what = what(&self.config, &config, &rules);
        // The agent has them taken when it comes to the reload.
        let _ = targets.outputs.send(outputs);
        if targets.muted.set(&config.sources.mute) {
            // One that is asked for already will do.
            let _ = targets.scan.try_send(());
        }
        self.before = rules.successor();
        self.config = config;
        let config = &self.config;
        Ok(Reload {
            exchange: Exchange { set: rules, volume: Some(config.volume.clone()), redactor: Some(redactor) },
            capture: config.script.capture_script,
            heartbeat: effective::heartbeat(Some(config)),
            cpu_limit: effective::cpu_limit(Some(config)),
            what,
            blind_spots,
        })
    }
}

/// What is new, and what takes effect only at the next start.
fn what(old: &Config, new: &Config, rules: &RuleSet) -> String {
    let running = rules.rules.iter().filter(|rule| rule.inert().is_none()).count() as u64;
    let exceptions = rules.exceptions.len() as u64;
    let mut what = format!("{}, {}", plural(running, "rule"), plural(exceptions, "exception"));
    let at_start = keys().into_iter().filter(|key| !key.reloads).map(|key| key.name);
    let is_new = |name: &&str| value_of(old, name) != value_of(new, name);
    let later: Vec<String> = at_start.filter(is_new).map(|name| format!("`{name}`")).collect();
    if !later.is_empty() {
        let verb = if later.len() == 1 { "takes" } else { "take" };
        what += &format!("; {} {verb} effect at the next start", later.join(", "));
    }
    what
}

#[cfg(test)]
mod tests {
    use super::super::seen::tests::{RULE, arguments, write};
    use super::*;
    use crate::source::live::Bell;
    use crossbeam_channel::{bounded, unbounded};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    /// What the reloader tells, as the run receives it.
    struct Told {
        targets: Targets,
        outputs: Receiver<Outputs>,
        scans: Receiver<()>,
    }

    fn told() -> Told {
        let ((outputs, taken), (scan, scans)) = (unbounded(), bounded(1));
        let targets = Targets { control: Bell::default().channel(1).0, outputs, muted: Arc::default(), scan };
        Told { targets, outputs: taken, scans }
    }

    fn reloader(path: &Path) -> Reloader {
        let (config, selection, verbosity) = arguments(path);
        let read = || Effective::load_into(RuleSet::default(), &config, &selection);
        let (seen, loaded) = Seen::before(&config, read);
        let fixed = Fixed { file: None, system_log: false, verbosity };
        Reloader::new((&config, &selection), fixed, (seen, &loaded.unwrap())).unwrap()
    }

    /// A folder with an empty configuration that is in effect.
    fn begun() -> (tempfile::TempDir, PathBuf, Reloader, Told) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        write(&path, "");
        let reloader = reloader(&path);
        (folder, path, reloader, told())
    }

    #[test]
    fn a_change_between_the_reading_and_the_start_is_taken_at_the_first_look() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::create_dir(folder.path().join("rules")).unwrap();
        write(&path, "[rules]\npaths = [\"rules\"]\n");
        let (config, selection, verbosity) = arguments(&path);
        let read = || Effective::load_into(RuleSet::default(), &config, &selection);
        let (seen, loaded) = Seen::before(&config, read);
        write(&folder.path().join("rules/own.toml"), RULE);
        let fixed = Fixed { file: None, system_log: false, verbosity };
        let mut reloader = Reloader::new((&config, &selection), fixed, (seen, &loaded.unwrap())).unwrap();
        let Some(Control::Reload(reload)) = reloader.look(false, &told().targets) else { panic!() };
        assert!(reload.exchange.set.rules.iter().any(|rule| rule.id == "own"));
        assert!(reloader.look(false, &told().targets).is_none());
    }

    #[test]
    fn a_mistake_in_rules_that_only_the_new_configuration_names_is_refused_once_and_their_mending_is_taken() {
        let (folder, path, mut reloader, told) = begun();
        fs::create_dir(folder.path().join("rules")).unwrap();
        write(&folder.path().join("rules/own.toml"), "mistake");
        write(&path, "[rules]\npaths = [\"rules\"]\n");
        assert!(matches!(reloader.look(false, &told.targets), Some(Control::Refuse(_))));
        assert!(reloader.look(false, &told.targets).is_none());
        write(&folder.path().join("rules/own.toml"), RULE);
        assert!(matches!(reloader.look(false, &told.targets), Some(Control::Reload(_))));
    }

    #[test]
    fn a_change_is_taken_a_mistake_is_refused_once_and_the_next_change_is_taken_again() {
        let (_folder, path, mut reloader, told) = begun();
        let mut look = |is_asked| reloader.look(is_asked, &told.targets);
        assert!(look(false).is_none(), "nothing has changed");
        write(&path, "[volume]\nmax_alert = 1\n");
        let Some(Control::Refuse(why)) = look(false) else { panic!() };
        assert!(why.contains("config.toml:2:1: unknown field `max_alert`"), "{why}");
        assert!(look(false).is_none(), "the same mistake is not told again");
        assert!(told.outputs.is_empty(), "of a configuration that is wrong nothing takes effect");
        write(&path, "[volume]\nmax_alerts = 1\n[limits]\ncpu = 9\n[sources]\nexec = \"eslogger\"\n");
        let Some(Control::Reload(reload)) = look(false) else { panic!() };
        assert!(reload.what.ends_with("; `sources.exec` takes effect at the next start"), "{}", reload.what);
        assert_eq!(reload.cpu_limit, 9);
        assert!(matches!(look(true), Some(Control::Reload(_))), "whoever asks gets one");
        assert_eq!(told.outputs.len(), 2);
    }

    #[test]
    fn another_mode_of_the_file_or_of_a_folder_above_mends_a_configuration_that_was_refused_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let path = inner.join("config.toml");
        write(&path, "");
        let (mut reloader, told) = (reloader(&path), told());
        for (changed, right) in [(&path, 0o600), (&inner, 0o700)] {
            let give = |mode| fs::set_permissions(changed, fs::Permissions::from_mode(mode)).unwrap();
            give(right | 0o022);
            // The mode of a folder above is no change of the configuration.
            let Some(Control::Refuse(why)) = reloader.look(changed == &inner, &told.targets) else { panic!() };
            assert!(why.contains("run: chmod"), "{why}");
            assert!(reloader.look(false, &told.targets).is_none());
            give(right);
            assert!(matches!(reloader.look(false, &told.targets), Some(Control::Reload(_))), "{}", changed.display());
            assert!(reloader.look(false, &told.targets).is_none());
        }
    }

    #[test]
    fn a_rule_in_the_folder_that_is_made_beside_the_configuration_is_taken() {
        let (folder, _, mut reloader, told) = begun();
        fs::create_dir(folder.path().join("rules")).unwrap();
        write(&folder.path().join("rules/own.toml"), RULE);
        let Some(Control::Reload(reload)) = reloader.look(false, &told.targets) else { panic!() };
        assert!(reload.exchange.set.rules.iter().any(|rule| rule.id == "own"));
    }

    #[test]
    fn programs_to_mute_are_handed_over_with_a_scan_only_when_they_are_others() {
        let (_folder, path, mut reloader, told) = begun();
        write(&path, "[sources]\nmute = [\"/usr/bin/osascript\"]\n");
        let Some(Control::Reload(reload)) = reloader.look(false, &told.targets) else { panic!() };
        assert!(!reload.what.contains("next start"), "{}", reload.what);
        assert!(reload.blind_spots.iter().any(|text| text.contains("/usr/bin/osascript")), "{:?}", reload.blind_spots);
        assert_eq!((told.targets.muted.programs().len(), told.scans.len()), (1, 1));
        told.scans.recv().unwrap();
        reloader.look(true, &told.targets).unwrap();
        assert!(told.scans.is_empty());
    }

    #[test]
    fn an_alert_file_that_cannot_be_written_refuses_the_configuration_and_one_that_can_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let with = |file: &Path| write(&path, &format!("[alerts]\nfile = \"{}\"\n", file.display()));
        with(&folder.path().join("a/alerts.ndjson"));
        let (mut reloader, told) = (reloader(&path), told());
        fs::write(folder.path().join("file"), "").unwrap();
        with(&folder.path().join("file/alerts.ndjson"));
        let Some(Control::Refuse(why)) = reloader.look(false, &told.targets) else { panic!() };
        assert!(why.contains("file"), "{why}");
        assert!(told.outputs.is_empty());
        let next = folder.path().join("b/alerts.ndjson");
        with(&next);
        assert!(matches!(reloader.look(false, &told.targets), Some(Control::Reload(_))));
        assert!(next.exists() && told.outputs.len() == 1);
    }

    #[test]
    fn an_exception_or_a_rule_in_a_file_of_its_own_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::create_dir(folder.path().join("rules")).unwrap();
        write(&path, "[rules]\npaths = [\"rules\"]\n");
        let (mut reloader, told) = (reloader(&path), told());
        write(&folder.path().join("rules/own.toml"), RULE);
        let Some(Control::Reload(reload)) = reloader.look(false, &told.targets) else { panic!() };
        assert!(reload.exchange.set.rules.iter().any(|rule| rule.id == "own"));
        fs::create_dir(folder.path().join("exceptions.d")).unwrap();
        let exception =
            "[[exception]]\nname = \"x\"\nrules = [\"own\"]\nreason = \"r\"\ncondition = 'process.pid == 1'\n";
        write(&folder.path().join("exceptions.d/x.toml"), exception);
        let Some(Control::Reload(reload)) = reloader.look(false, &told.targets) else { panic!() };
        assert_eq!(reload.exchange.set.exceptions.len(), 1);
    }
}
