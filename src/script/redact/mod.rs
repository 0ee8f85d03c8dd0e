//! Secrets in scripts, arguments and environments are left out of alerts and reports.
//!
//! One place leaves them out of a whole document, last, after everything is composed: no copy can be missed.
//! What is a secret is decided by the grammar of the command that takes it ([`grammar`]), by the name before it
//! ([`values`]), or by its shape ([`shapes`]), at every level of quoting ([`crate::shell`]).

mod argv;
mod calls;
mod command;
mod commands;
mod copies;
mod curlrc;
mod document;
mod documents;
mod environment;
mod expanded;
mod expressions;
mod files;
mod finder;
mod formatted;
mod grammar;
mod hidden;
mod known;
mod lines;
mod lists;
mod mark;
mod members;
mod names;
mod packed;
mod pipeline;
mod places;
mod plain;
mod pseudonyms;
mod search;
mod settings;
mod shapes;
mod taken;
mod typed;
mod values;
mod variables;
mod vector;
mod words;
mod written;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value as Json};

pub(crate) use pseudonyms::Pseudonyms;

use super::Capture;
use known::Known;
use settings::Settings;

/// Where the system gives out random bytes.
const RANDOM: &str = "/dev/urandom";

/// Leaves secrets out of documents.
#[derive(Clone, Debug)]
pub(crate) struct Redactor {
    settings: Settings,
    /// Shared by the copies of this.
    known: Arc<Mutex<Known>>,
}

impl Redactor {
    /// Leaves out the matches of expressions, of a group named `secret` where there is one; and passwords, tokens and
    /// keys when `defaults` is set.
    pub(crate) fn new(expressions: &[String], defaults: bool) -> Result<Redactor, regex::Error> {
        let settings = Settings::new(expressions, defaults)?;
        Ok(Redactor { settings, known: Arc::default() })
    }

    /// Leaves the text of scripts out of arguments and command lines too, unless it is captured.
    pub(crate) fn with_capture(mut self, capture: Capture) -> Redactor {
        self.settings.hides_scripts = capture != Capture::Full;
        self
    }

    /// Gives equal secrets equal marks: `[redacted: password #a1b2c3]`, of HMAC-SHA256 under this key. The key
    /// `random` is drawn again in each run; an empty one leaves marks as they are.
    pub(crate) fn with_key(mut self, key: &str) -> Redactor {
        self.settings.marks.key = match key {
            "" => None,
            "random" => random_key(Path::new(RANDOM)),
            key => Some(key.as_bytes().to_vec()),
        };
        self
    }

    /// Compiles the patterns: without it the first document takes 10 ms longer than all others.
    pub(crate) fn prepare() {
        shapes::prepare();
    }

    /// Leaves the secrets out of a document.
    pub(crate) fn apply(&self, document: &mut Map<String, Json>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        document::apply(&self.settings, &mut known, document);
    }
}

/// A key of the system's random bytes. Without them, equal secrets are not marked as such: a key that could be guessed
/// would give them away.
fn random_key(from: &Path) -> Option<Vec<u8>> {
    let mut key = vec![0; 32];
    let read = File::open(from).and_then(|mut file| file.read_exact(&mut key));
    read.inspect_err(|error| log::warn!("redact_key: {}: {error}; marks have no numbers", from.display())).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests;
