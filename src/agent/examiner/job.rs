//! A script to be examined.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::executable::Hashes;
use super::file;
use super::open::Reader;
use crate::event::{Charge, Script, Timestamp};
use crate::script::{self, Capture};

/// A script to be examined.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) script: Script,
    /// A long text that its arguments hold, and what it is charged with.
    pub(super) text: Option<(String, Charge)>,
    pub(super) executable: Option<String>,
    pub(super) reader: Reader,
    pub(super) began: Timestamp,
    pub(super) capture: Capture,
    pub(super) result: Arc<OnceLock<Script>>,
}

impl Job {
    pub(super) fn examine(&self, hashes: &mut Hashes) -> Script {
        let mut script = self.script.clone();
        if let Some(path) = &self.script.path {
            file::read(Path::new(path), self.reader, self.began, self.capture, &mut script);
        }
        if let Some((text, _)) = &self.text {
            script::describe_statements(text, self.capture, &mut script);
        }
        script.executable_sha256 = self.executable.as_deref().and_then(|path| hashes.of(Path::new(path), self.began));
        script
    }
}
