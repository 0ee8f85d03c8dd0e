//! What the files of a configuration were when they were read.

use std::path::PathBuf;

use super::config::LayerArgs;
use super::effective::Effective;
use super::exit::Failure;
use crate::config::Stamp;

/// A configuration that names other rules while it is read is read again, so often at most.
const MAX_READS: usize = 8;

/// What the files of a configuration were before they were read: a change while they are read is seen at the next look.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Where the rules are.
    rules: Vec<PathBuf>,
    stamps: Vec<Stamp>,
}

impl Seen {
    /// Reads everything, after a look at what it is. Of rules that cannot be read, too, it is known where they are.
    pub(super) fn before(
        layers: &LayerArgs,
        mut read: impl FnMut() -> Result<Effective, Failure>,
    ) -> (Seen, Result<Effective, Failure>) {
        let mut reads = 0;
        loop {
            let named = layers.load().ok().flatten().map(|config| config.rules.paths);
            let rules = named.unwrap_or_default();
            let seen = Seen { stamps: layers.layers().stamps(&rules), rules };
            let loaded = read();
            reads += 1;
            let config = loaded.as_ref().ok().and_then(|loaded| loaded.config.as_ref());
            let is_whole = config.is_none_or(|config| config.rules.paths == seen.rules);
            if is_whole || reads == MAX_READS {
                return (seen, loaded);
            }
        }
    }

    /// Whether the files still are what they were.
    pub(super) fn is_current(&self, layers: &LayerArgs) -> bool {
        layers.layers().stamps(&self.rules) == self.stamps
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::super::logger::Verbosity;
    use super::super::rules::Selection;
    use super::*;
    use crate::detect::RuleSet;

    pub(in crate::cli) const RULE: &str =
        "[rule]\nrule_id = \"own\"\nname = \"own\"\nquery = 'process where process.pid == 1'\n";

    pub(in crate::cli) fn write(path: &Path, text: &str) {
        // Another inode, as an editor or an MDM writes.
        let next = path.with_extension("next");
        fs::write(&next, text).unwrap();
        fs::set_permissions(&next, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(next, path).unwrap();
    }

    pub(in crate::cli) fn arguments(path: &Path) -> (LayerArgs, Selection, Verbosity) {
        use clap::Parser;
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            config: LayerArgs,
            #[command(flatten)]
            selection: Selection,
            #[command(flatten)]
            verbosity: Verbosity,
        }
        let Line { config, selection, verbosity } = Line::parse_from(["", "--config", &path.display().to_string()]);
        (config, selection, verbosity)
    }

    #[test]
    fn a_change_that_falls_into_a_reading_is_taken_at_the_next_look() {
        let folder = tempfile::tempdir().unwrap();
        let (path, rules) = (folder.path().join("config.toml"), folder.path().join("rules"));
        fs::create_dir(&rules).unwrap();
        write(&path, "[rules]\npaths = [\"rules\"]\n");
        let (config, selection, _) = arguments(&path);
        let mut reads = 0;
        let (seen, loaded) = Seen::before(&config, || {
            let loaded = Effective::load_into(RuleSet::default(), &config, &selection);
            reads += 1;
            write(&rules.join("own.toml"), &format!("# {reads}\n{RULE}"));
            loaded
        });
        assert!(loaded.is_ok() && reads == 1 && !seen.is_current(&config));
    }

    #[test]
    fn a_configuration_that_names_other_rules_while_it_is_read_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, rules) = (folder.path().join("config.toml"), folder.path().join("more"));
        fs::create_dir(&rules).unwrap();
        write(&path, "");
        let (config, selection, _) = arguments(&path);
        let mut reads = 0;
        let (seen, loaded) = Seen::before(&config, || {
            reads += 1;
            write(&path, "[rules]\npaths = [\"more\"]\n");
            Effective::load_into(RuleSet::default(), &config, &selection)
        });
        assert!(loaded.is_ok() && reads == 2);
        write(&rules.join("own.toml"), RULE);
        assert!(!seen.is_current(&config), "the rules are looked at where they are");
    }
}
