//! A block of input, shared by the lines that are in it.

use std::mem;
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much of an input is read at a time.
pub(crate) const READ: usize = 64 << 10;
/// Rooms that are kept for blocks to come.
const SPARE: usize = 16;

/// Room of blocks that are gone. The allocator returns such to the system, clears up all that it holds when it is asked
/// for the next, and what is new has to be zeroed to be read into.
static ROOMS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

fn rooms() -> MutexGuard<'static, Vec<Vec<u8>>> {
    ROOMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Text of one or more lines. When the last of them is gone the next block that is read has its room.
#[derive(Debug, Default)]
pub struct Block(String);

impl Block {
    /// Room for what is read next, with whatever another block left in it.
    pub(crate) fn room() -> Vec<u8> {
        rooms().pop().unwrap_or_else(|| Vec::with_capacity(READ + READ / 16))
    }

    /// Adds text.
    pub(crate) fn push_str(&mut self, text: &str) {
        self.0.push_str(text);
    }
}

impl From<String> for Block {
    fn from(text: String) -> Block {
        Block(text)
    }
}

impl Deref for Block {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if !(READ..=2 * READ).contains(&self.0.capacity()) {
            return;
        }
        let mut rooms = rooms();
        if rooms.len() < SPARE {
            rooms.push(mem::take(&mut self.0).into_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_of_a_block_that_is_gone_is_that_of_another_unless_it_is_small_or_large_and_few_are_kept() {
        let of = |capacity| Block::from(String::with_capacity(capacity));
        drop([1, READ - 1, 2 * READ + 1, 100 * READ].map(of));
        drop((0..100).map(|_| of(READ + 1)).collect::<Vec<_>>());
        // Other tests read too.
        let rooms = rooms();
        assert!(rooms.len() <= SPARE, "{}", rooms.len());
        assert!(rooms.iter().all(|room| (READ..=2 * READ).contains(&room.capacity())));
    }
}
