//! Which programs Endpoint Security does not report; a reload changes it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Programs whose processes Endpoint Security does not report, by their whole path.
#[derive(Debug, Default)]
pub(crate) struct Muted(Mutex<Vec<PathBuf>>);

impl Muted {
    /// These, and no others.
    pub(crate) fn new(programs: Vec<PathBuf>) -> Muted {
        Muted(Mutex::new(programs))
    }

    /// These from now on. Whether they are others than before: then the source is to be asked for a scan, with which it
    /// mutes them, and finds what unmuted programs run.
    pub(crate) fn set(&self, programs: &[PathBuf]) -> bool {
        let mut muted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *muted != programs;
        programs.clone_into(&mut muted);
        is_new
    }

    /// Those at this time.
    #[cfg_attr(not(target_os = "macos"), allow(dead_code, reason = "only macOS mutes programs"))]
    pub(crate) fn programs(&self) -> Vec<PathBuf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
