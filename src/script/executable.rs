//! SHA-256 of executables, each read once.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use sha2::{Digest, Sha256};

use super::hex;
use crate::event::{Event, field};

const MAX_BYTES: u64 = 32 << 20;
const MAX_HELD: usize = 1024;

/// What tells one content of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Identity {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    size: u64,
}

#[derive(Debug, Default)]
pub(super) struct Hashes(HashMap<Identity, String>);

impl Hashes {
    /// Adds `process.hash.sha256`, when the executable can be read.
    pub(super) fn add(&mut self, event: &mut Event) {
        if event.str(field::PROCESS_SHA256).is_some() {
            return;
        }
        let hash = event.str(field::PROCESS_EXECUTABLE).and_then(|path| self.of(path).ok().flatten());
        if let Some(hash) = hash {
            event.push_str(field::PROCESS_SHA256, &hash);
        }
    }

    fn of(&mut self, path: &str) -> io::Result<Option<String>> {
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Ok(None);
        }
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        let identity = Identity { device: metadata.dev(), inode: metadata.ino(), modified, size: metadata.len() };
        if let Some(hash) = self.0.get(&identity) {
            return Ok(Some(hash.clone()));
        }
        let mut hash = Sha256::new();
        let mut file = file.take(MAX_BYTES);
        let mut block = vec![0; 64 << 10];
        loop {
            match file.read(&mut block)? {
                0 => break,
                length => hash.update(&block[..length]),
            }
        }
        let hash = hex(hash.finalize().as_slice());
        if self.0.len() >= MAX_HELD {
            self.0.clear();
        }
        self.0.insert(identity, hash.clone());
        Ok(Some(hash))
    }
}
