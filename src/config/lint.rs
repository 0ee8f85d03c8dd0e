//! What in a configuration has no effect, and what blinds the rules.

use super::{Capture, Config};
use crate::detect::exception::Scope;
use crate::detect::{Rule, RuleSet, lint};
use crate::event::Timestamp;

/// Where the programs of the system are: scripts start them.
const SYSTEM_FOLDERS: [&str; 4] = ["/bin", "/sbin", "/usr/bin", "/usr/sbin"];

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lint {
    /// It hides attacks; else it has no effect.
    pub blinds: bool,
    /// What, in one sentence.
    pub text: String,
}

/// The findings about a configuration. `set` holds every rule that it could run, also those it turns off, and its
/// exceptions.
pub(crate) fn lints(config: &Config, set: &RuleSet, now: Timestamp) -> Vec<Lint> {
    let mut found: Vec<Lint> = blinding(config, set).into_iter().map(|text| Lint { blinds: true, text }).collect();
    found.extend(without_effect(config, set, now).into_iter().map(|text| Lint { blinds: false, text }));
    found
}

fn blinding(config: &Config, set: &RuleSet) -> Vec<String> {
    let origin = &config.source.0;
    let mut found = Vec::new();
    for rule in set.rules.iter().filter(|rule| config.rules.disable.contains(&rule.id)) {
        found.push(format!("{origin}: `disable` turns off the rule `{}`", rule.id));
    }
    for exception in set.exceptions.iter().filter(|exception| exception.is_always_true()) {
        let of = match &exception.scope {
            Scope::All => "all rules".to_owned(),
            Scope::Rules(ids) => ids.join(", "),
        };
        found.push(format!("exception `{}` is always true: it suppresses every alert of {of}", exception.name));
    }
    for path in &config.sources.mute {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_system = path
            .parent()
            .is_some_and(|folder| SYSTEM_FOLDERS.iter().any(|known| folder == std::path::Path::new(known)));
        let rule = set.rules.iter().find(|rule| names(rule, &name));
        match rule {
            Some(rule) => {
                found.push(format!("{origin}: `mute` hides {}, which the rule `{}` looks for", path.display(), rule.id))
            }
            None if is_system => {
                found.push(format!("{origin}: `mute` hides {}, which any script can start", path.display()));
            }
            None => {}
        }
    }
    if config.script.capture_script == Capture::Off {
        found.push(format!("{origin}: `capture_script = \"off\"`: alerts do not show what ran"));
    }
    found
}

/// Whether the query of a rule names the program.
fn names(rule: &Rule, program: &str) -> bool {
    !program.is_empty() && rule.query_text.to_lowercase().contains(&format!("\"{}\"", program.to_lowercase()))
}

fn without_effect(config: &Config, set: &RuleSet, now: Timestamp) -> Vec<String> {
    let unknown = |id: &&String| !set.rules.iter().any(|rule| rule.id == **id);
    let origin = &config.source.0;
    let mut found = Vec::new();
    for id in config.rules.disable.iter().filter(unknown) {
        found.push(format!("{origin}: `disable` names `{id}`, and no rule has that id{}", near(id, set)));
    }
    for id in &config.rules.enable {
        let why = match set.rules.iter().find(|rule| rule.id == *id) {
            None => format!("and no rule has that id{}", near(id, set)),
            Some(_) if config.rules.disable.contains(id) => "which `disable` turns off".to_owned(),
            Some(rule) if !rule.is_off() => "which is on anyway".to_owned(),
            Some(_) => continue,
        };
        found.push(format!("{origin}: `enable` names `{id}`, {why}"));
    }
    for id in config.volume.rules.keys().filter(unknown) {
        found.push(format!("{origin}: [volume.rules] names `{id}`, and no rule has that id{}", near(id, set)));
    }
    found.extend(lint::exceptions(set, now));
    found
}

/// The id that was probably meant.
fn near(id: &str, set: &RuleSet) -> String {
    set.nearest(id).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}
