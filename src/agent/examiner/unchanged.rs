//! A file, read once, by its descriptor, bounded, and whether it is still the one that a program ran.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

use crate::event::Timestamp;
use crate::event::hash::in_pieces;

/// What distinguishes one content of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    /// The time of the contents can be set to any, that of the change of the file only by the clock: a file moved over
    /// another gets a new one.
    changed: (i64, i64),
    modified: (i64, i64),
    pub(super) size: u64,
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Identity {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            size: metadata.len(),
        }
    }

    /// Whether it was not there like this at that time.
    pub(super) fn is_later_than(&self, time: Timestamp) -> bool {
        let (seconds, nanoseconds) = self.changed.max(self.modified);
        seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds) > time.nanoseconds()
    }
}

/// How a file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Whole, and as it was when the program began.
    Unchanged(Identity),
    /// It is, or came to be, another than the program began with.
    Changed,
    /// It has more than the limit, or came to have.
    TooLarge,
}

/// Gives out the contents, piece by piece, no more than the limit and one byte. `began` is when the program started.
pub(super) fn read(file: &File, limit: u64, began: Timestamp, take: impl FnMut(&[u8])) -> io::Result<Reading> {
    let before = Identity::of(&file.metadata()?);
    if before.size > limit {
        return Ok(Reading::TooLarge);
    }
    let length = in_pieces(file.take(limit.saturating_add(1)), take)?;
    let is_same = Identity::of(&file.metadata()?) == before && length == before.size;
    Ok(match () {
        () if length > limit => Reading::TooLarge,
        () if !is_same || before.is_later_than(began) => Reading::Changed,
        () => Reading::Unchanged(before),
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    use super::*;

    const LATER: i64 = i64::MAX;

    /// Reads a file of 1,000 bytes, to which so many are added when the first were read.
    fn read_while_it_grows(by: usize, limit: u64, began: i64) -> Reading {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, [b'a'; 1000]).unwrap();
        let mut other = OpenOptions::new().append(true).open(&path).unwrap();
        let mut more = vec![b'b'; by];
        let reading = read(&File::open(&path).unwrap(), limit, Timestamp::from_nanoseconds(began), |_| {
            other.write_all(&std::mem::take(&mut more)).unwrap();
        });
        reading.unwrap()
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_or_is_later_than_the_program_is_not_the_one_that_it_began_with() {
        assert!(matches!(read_while_it_grows(0, 1000, LATER), Reading::Unchanged(identity) if identity.size == 1000));
        assert_eq!(read_while_it_grows(0, 1000, 0), Reading::Changed);
        assert_eq!(read_while_it_grows(1, 5000, LATER), Reading::Changed);
        assert_eq!(read_while_it_grows(1, 1000, LATER), Reading::TooLarge);
        assert_eq!(read_while_it_grows(0, 999, LATER), Reading::TooLarge);
    }
}
