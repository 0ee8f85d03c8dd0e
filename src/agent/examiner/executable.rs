//! SHA-256 of executables, each read once.

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::open::{Reader, Refusal, open};

const MAX_BYTES: u64 = 32 << 20;
const MAX_HELD: usize = 1024;

/// What distinguishes one content of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Identity {
    device: u64,
    inode: u64,
    changed: (i64, i64),
    size: u64,
}

#[derive(Debug, Default)]
pub(super) struct Hashes(HashMap<Identity, String>);

impl Hashes {
    /// The hash of an executable, when it can be read.
    pub(super) fn of(&mut self, path: &Path) -> Option<String> {
        self.read(path).ok().flatten()
    }

    fn read(&mut self, path: &Path) -> Result<Option<String>, Refusal> {
        let file = open(path, Reader::Agent)?;
        let metadata = file.metadata()?;
        if metadata.len() > MAX_BYTES {
            return Ok(None);
        }
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        let identity = Identity { device: metadata.dev(), inode: metadata.ino(), changed, size: metadata.len() };
        if let Some(hash) = self.0.get(&identity) {
            return Ok(Some(hash.clone()));
        }
        let hash = hash(file.take(MAX_BYTES))?;
        if self.0.len() >= MAX_HELD {
            self.0.clear();
        }
        self.0.insert(identity, hash.clone());
        Ok(Some(hash))
    }
}

fn hash(mut bytes: impl Read) -> io::Result<String> {
    let (mut hash, mut block) = (Sha256::new(), vec![0; 64 << 10]);
    loop {
        match bytes.read(&mut block)? {
            0 => return Ok(crate::event::hash::hex(hash.finalize().as_slice())),
            length => hash.update(&block[..length]),
        }
    }
}
