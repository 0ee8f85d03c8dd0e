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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_executable_that_was_changed_after_it_was_started_has_no_hash_also_when_its_content_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stub");
        fs::write(&path, "program").unwrap();
        let mut hashes = Hashes::default();
        let mut hash = |began| hashes.of(&path, Timestamp::from_nanoseconds(began));
        let program = Some(hex(Sha256::digest("program").as_slice()));
        assert_eq!([hash(0), hash(i64::MAX), hash(i64::MAX), hash(0)], [None, program.clone(), program, None]);
    }
}
