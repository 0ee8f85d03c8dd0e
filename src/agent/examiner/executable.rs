//! SHA-256 of executables. Each thread reads one once.

use std::collections::HashMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::open::{Reader, Refusal, open};
use super::unchanged::{self, Identity, Reading};
use crate::event::Timestamp;
use crate::event::hash::hex;

const MAX_BYTES: u64 = 32 << 20;
const MAX_HELD: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Hashes(HashMap<Identity, String>);

impl Hashes {
    /// The hash of an executable, when it can be read and is still what began to run at that time.
    pub(super) fn of(&mut self, path: &Path, began: Timestamp) -> Option<String> {
        self.read(path, began).ok().flatten()
    }

    fn read(&mut self, path: &Path, began: Timestamp) -> Result<Option<String>, Refusal> {
        let file = open(path, Reader::Agent)?;
        let identity = Identity::of(&file.metadata()?);
        if let Some(hash) = self.0.get(&identity).filter(|_| !identity.is_later_than(began)) {
            return Ok(Some(hash.clone()));
        }
        let mut hash = Sha256::new();
        let reading = unchanged::read(&file, MAX_BYTES, began, |bytes| hash.update(bytes))?;
        let Reading::Unchanged(identity) = reading else { return Ok(None) };
        if self.0.len() >= MAX_HELD {
            self.0.clear();
        }
        let hash = hex(hash.finalize().as_slice());
        self.0.insert(identity, hash.clone());
        Ok(Some(hash))
    }
}
