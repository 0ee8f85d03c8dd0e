//! Which processes have their sockets looked at one by one.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The pids of processes that rules are about, and of their descendants.
#[derive(Debug, Default)]
pub struct Watched {
    pids: Mutex<HashSet<u32>>,
    some: Condvar,
}

impl Watched {
    /// More pids than these are not watched: a fork bomb must not fill the memory.
    pub const MOST: usize = 4096;

    /// Watches a process. Gives back whether it could be added.
    pub fn insert(&self, pid: u32) -> bool {
        let mut pids = self.pids.lock().unwrap_or_else(PoisonError::into_inner);
        let added = pids.len() < Watched::MOST && pids.insert(pid);
        self.some.notify_all();
        added
    }

    /// Stops watching a process.
    pub fn remove(&self, pid: u32) {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
    }

    /// Whether the process is watched.
    pub fn contains(&self, pid: u32) -> bool {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).contains(&pid)
    }

    /// Whether none is watched.
    pub fn is_empty(&self) -> bool {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The watched processes.
    pub fn all(&self) -> Vec<u32> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// The watched processes; waits until there is one, at most for so long.
    pub fn wait(&self, limit: Option<Duration>) -> Vec<u32> {
        let pids = self.pids.lock().unwrap_or_else(PoisonError::into_inner);
        let is_empty = |pids: &mut HashSet<u32>| pids.is_empty();
        let pids = match limit {
            None => self.some.wait_while(pids, is_empty).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                self.some.wait_timeout_while(pids, limit, is_empty).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        pids.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watching_has_a_limit() {
        let watched = Watched::default();
        assert!((0..Watched::MOST as u32).all(|pid| watched.insert(pid)));
        assert!(!watched.insert(70_000));
        watched.remove(5);
        assert!(!watched.contains(5) && watched.insert(70_000));
    }
}
