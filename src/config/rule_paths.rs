//! Which files are rules, at a path that a configuration or a command names.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Folders inside each other; more are a mistake.
const MAX_DEPTH: usize = 32;
/// A rule that Kibana exported names its id within so many bytes.
const SNIFFED: u64 = 1 << 20;

/// The rule files at a path, and the folders that they are in.
#[derive(Debug, Default)]
pub(crate) struct RulePaths {
    /// In order of name, those of a folder where its name is.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) folders: Vec<PathBuf>,
}

impl RulePaths {
    /// The rule files at a path: itself, or those of a folder and of the folders in it. An error has its path.
    pub(crate) fn at(path: &Path) -> Result<RulePaths, (PathBuf, io::Error)> {
        let mut found = RulePaths::default();
        found.add(path, MAX_DEPTH).map(|()| found)
    }

    fn add(&mut self, path: &Path, depth: usize) -> Result<(), (PathBuf, io::Error)> {
        let failed = |error| (path.to_owned(), error);
        if !fs::metadata(path).map_err(failed)?.is_dir() {
            self.files.push(path.to_owned());
            return Ok(());
        }
        let Some(depth) = depth.checked_sub(1) else {
            return Err(failed(io::Error::other(format!("more than {MAX_DEPTH} folders inside each other"))));
        };
        self.folders.push(path.to_owned());
        let mut entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            // A link to a folder is not followed: it may lead back.
            let kind = entry.file_type().map_err(failed)?;
            // `rule.test.toml` holds the examples of `rule.toml`.
            let (name, path) = (entry.file_name(), entry.path());
            let is_rule = name.to_str().is_some_and(|name| name.ends_with(".toml") && !name.ends_with(".test.toml"));
            if kind.is_dir() || ((is_rule || RulePaths::is_export(&path)) && !path.is_dir()) {
                self.add(&path, depth)?;
            }
        }
        Ok(())
    }

    /// The files without the recordings of examples in folders, which have the extension of exported rules. `named` is the
    /// path that they are at.
    pub(crate) fn without_recordings(mut self, named: &Path) -> Vec<PathBuf> {
        self.files.retain(|file| file == named || !RulePaths::is_export(file) || has_rule_ids(file));
        self.files
    }

    /// Whether the name is that of rules which Kibana exported.
    pub(crate) fn is_export(path: &Path) -> bool {
        path.extension().is_some_and(|extension| extension == "ndjson")
    }
}

/// Whether a file begins like exported rules.
fn has_rule_ids(path: &Path) -> bool {
    // A pipe would wait for its writer.
    if !path.is_file() {
        return false;
    }
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SNIFFED).read_to_end(&mut start));
    // What cannot be read is told when it is.
    read.is_err() || memchr::memmem::find(&start, b"\"rule_id\"").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_the_toml_files_and_exports_of_a_folder_and_of_those_in_it_and_no_examples() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("b/c")).unwrap();
        for name in ["a.toml", "a.test.toml", "a.txt", ".hidden.toml", "b/c/d.toml", "e.toml"] {
            fs::write(at(name), "").unwrap();
        }
        fs::write(at("b/export.ndjson"), "{\"name\":\"n\",\"rule_id\":\"r\"}\n").unwrap();
        fs::write(at("b/recording.ndjson"), "{\"@timestamp\":0,\"rule\":{\"id\":\"r\"}}\n").unwrap();
        std::os::unix::fs::symlink(folder.path(), at("b/back")).unwrap();
        let found = RulePaths::at(folder.path()).unwrap();
        let folders = found.folders.clone();
        let files = found.without_recordings(folder.path());
        assert_eq!(files, [".hidden.toml", "a.toml", "b/c/d.toml", "b/export.ndjson", "e.toml"].map(at));
        let named = at("b/recording.ndjson");
        assert_eq!(RulePaths::at(&named).unwrap().without_recordings(&named), [named]);
        assert_eq!(folders, ["", "b", "b/c"].map(at));
        assert_eq!(RulePaths::at(&at("none")).unwrap_err().0, at("none"));
    }

    #[test]
    fn folders_deep_inside_each_other_are_a_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let deep = |depth| folder.path().join(vec!["f"; depth].join("/"));
        fs::create_dir_all(deep(MAX_DEPTH - 1)).unwrap();
        assert_eq!(RulePaths::at(folder.path()).unwrap().folders.len(), MAX_DEPTH);
        fs::create_dir(deep(MAX_DEPTH)).unwrap();
        let (path, error) = RulePaths::at(folder.path()).unwrap_err();
        assert_eq!((path, error.to_string()), (deep(MAX_DEPTH), "more than 32 folders inside each other".to_owned()));
    }
}
