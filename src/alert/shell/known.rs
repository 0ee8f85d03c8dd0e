//! What the commands of a text leave to those that follow: variables, files and functions.

use std::collections::{HashMap, HashSet};

use super::command::{Word, is_name};
use crate::shell::reference;

/// Names that are kept of each kind, and the bytes of one.
const MAX_NAMES: usize = 256;
const MAX_NAME_BYTES: usize = 256;
/// Of a word that is longer no more variables are put in.
const MAX_WORD_BYTES: usize = 4096;

/// What is known of variables, files and functions.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Variables that hold a download.
    downloads: HashSet<String>,
    /// Short texts that variables are set to.
    texts: HashMap<String, String>,
    /// Files that a download is written to.
    files: HashSet<String>,
    /// Directories that a download was unpacked into; the empty one is that in which the commands are run.
    folders: HashSet<String>,
    /// Files of them that were made executable.
    allowed: HashSet<String>,
    /// Functions that write a download.
    functions: HashSet<String>,
}

/// What `open` runs, by its extension.
const OPENED: [&str; 5] = ["app", "command", "terminal", "tool", "workflow"];
/// Scripts, by theirs.
const SCRIPTS: [&str; 13] =
    ["sh", "bash", "zsh", "scpt", "scptd", "applescript", "jxa", "js", "py", "pl", "rb", "php", "swift"];

impl Known {
    /// What a word becomes when variables are put in, and whether it is a download by its variable or as a file.
    pub(super) fn complete(&self, word: &mut Word) {
        word.is_download |= referred(&word.text).is_some_and(|name| self.downloads.contains(name));
        if !self.texts.is_empty() && word.text.contains('$') {
            word.text = self.expanded(&word.text);
        }
        word.is_file = self.is_file(&word.text);
        word.is_download |= word.is_file || word.text.starts_with("/dev/tcp/");
    }

    /// A text with what its variables are set to, where that is known: `$a$b`, `${d}/x`.
    fn expanded(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('$').filter(|_| out.len() <= MAX_WORD_BYTES) {
            let end = at + reference(&rest[at..]).max(1);
            let known = referred(&rest[at..end]).and_then(|name| self.texts.get(name));
            out.push_str(&rest[..at]);
            out.push_str(known.map_or(&rest[at..end], |known| known));
            rest = &rest[end..];
        }
        out + rest
    }

    /// Whether a download was written to this file, or unpacked to it.
    pub(super) fn is_file(&self, path: &str) -> bool {
        let is_here = || {
            let is_elsewhere = path.starts_with(['/', '~', '$', '-']) || path.contains("://");
            !is_elsewhere && (path.starts_with("./") || has_extension(path, &SCRIPTS) || is_opened(path))
        };
        let is_in = |folder: &String| match folder.as_str() {
            "" => is_here(),
            folder => path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')),
        };
        self.files.contains(bare(path)) || self.folders.iter().any(is_in)
    }

    /// Takes `X=…`; what a variable is set to replaces what it was.
    pub(super) fn assign(&mut self, word: &Word) {
        let Some((name, text)) = word.text.split_once('=').filter(|(name, _)| is_name(name)) else { return };
        let holds_download = |name| self.downloads.contains(name);
        if word.is_set || referred(text).is_some_and(holds_download) {
            self.set_download(name);
        } else {
            self.downloads.remove(name);
            self.texts.remove(name);
            let is_short = name.len().max(text.len()) <= MAX_NAME_BYTES;
            // Nothing is what a substitution leaves: `X=$(mktemp)`.
            if self.texts.len() < MAX_NAMES && is_short && !text.is_empty() && !text.contains('$') {
                self.texts.insert(name.to_owned(), text.to_owned());
            }
        }
    }

    /// A variable is set to a download.
    pub(super) fn set_download(&mut self, name: &str) {
        if is_name(name) {
            self.texts.remove(name);
            insert(&mut self.downloads, name);
        }
    }

    pub(super) fn is_download(&self, variable: &str) -> bool {
        self.downloads.contains(variable)
    }

    /// A download is written to a file.
    pub(super) fn write_file(&mut self, path: &str) {
        if !path.is_empty() && path != "/dev/null" {
            insert(&mut self.files, bare(path));
        }
    }

    /// A download is unpacked into a directory.
    pub(super) fn unpack(&mut self, folder: &str) {
        insert(&mut self.folders, bare(folder).trim_end_matches(['/', '.']));
    }

    /// A file is made executable.
    pub(super) fn allow(&mut self, path: &str) {
        insert(&mut self.allowed, bare(path));
    }

    pub(super) fn is_allowed(&self, path: &str) -> bool {
        self.allowed.contains(bare(path))
    }

    /// A function writes a download.
    pub(super) fn define(&mut self, function: &str) {
        insert(&mut self.functions, function);
    }

    pub(super) fn is_function(&self, name: &str) -> bool {
        self.functions.contains(name)
    }
}

fn insert(names: &mut HashSet<String>, name: &str) {
    if names.len() < MAX_NAMES && name.len() <= MAX_NAME_BYTES {
        names.insert(name.to_owned());
    }
}

/// Whether `open` runs what has this name.
pub(super) fn is_opened(path: &str) -> bool {
    has_extension(path.trim_end_matches('/'), &OPENED)
}

fn has_extension(path: &str, extensions: &[&str]) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
}

fn bare(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

/// The variable that a word is: `$x`, `${x}`.
fn referred(word: &str) -> Option<&str> {
    let name = word.strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    Some(name).filter(|name| is_name(name))
}
