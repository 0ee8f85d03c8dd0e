//! What in a configuration has no effect, and what blinds the rules.

use super::{Capture, Config, bare};
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
    let mut found = Vec::new();
    let origin = config.place_of("rules.disable");
    for rule in set.rules.iter().filter(|rule| config.rules.disable.contains(&rule.id)) {
        found.push(format!("{origin}: `disable` turns off the rule `{}`", rule.id));
    }
    for exception in set.exceptions.iter().filter(|exception| exception.is_always_true()) {
        let of = match &exception.scope {
            Scope::All => "all rules".to_owned(),
            Scope::Rules(ids) => ids.join(", "),
        };
        let (origin, name) = (&exception.origin, &exception.name);
        found.push(format!("{origin}: exception `{name}` is always true: it suppresses every alert of {of}"));
    }
    let origin = config.place_of("sources.mute");
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
        let origin = config.place_of("script.capture_script");
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
    let mut found = Vec::new();
    let mut say = |key: &str, what: &str, id: &str, why: String| {
        found.push(format!("{}: {what} names `{id}`, {why}", config.place_of(key)));
    };
    let no_rule = |id: &str| format!("and no rule has that id{}", near(id, set));
    for id in config.rules.disable.iter().filter(unknown) {
        say("rules.disable", "`disable`", id, no_rule(id));
    }
    for id in &config.rules.enable {
        let why = match set.rules.iter().find(|rule| rule.id == *id) {
            None => no_rule(id),
            Some(_) if config.rules.disable.contains(id) => "which `disable` turns off".to_owned(),
            Some(rule) if !rule.is_off() => "which is on anyway".to_owned(),
            Some(_) => continue,
        };
        say("rules.enable", "`enable`", id, why);
    }
    for id in config.volume.rules.keys().filter(unknown) {
        say(&format!("volume.rules.{}.max_alerts", bare(id)), "[volume.rules]", id, no_rule(id));
    }
    for id in config.response.rules.keys().filter(unknown) {
        say(&format!("response.rules.{}.action", bare(id)), "[response.rules]", id, no_rule(id));
    }
    found.extend(lint::exceptions(set, now));
    found
}

/// The id that was probably meant.
fn near(id: &str, set: &RuleSet) -> String {
    set.nearest(id).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}
