//! Which processes have their sockets looked at one by one.

use std::collections::HashSet;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_setfl};

/// Whether a program is one whose processes are watched, by the identifier in its signature and its name.
pub(crate) type IsWatched = fn(signing_id: Option<&str>, name: Option<&str>) -> bool;

/// The pids of processes that rules are about, and of their descendants.
#[derive(Debug)]
pub(crate) struct Watched {
    is_watched: IsWatched,
    pids: Mutex<Pids>,
    changed: Condvar,
    /// Readable while there are new ones, for a thread that waits for a socket. `None` when the system gave no pipe.
    /// Neither end waits, and neither is used while the pids are locked.
    bell: Option<(PipeReader, PipeWriter)>,
}

#[derive(Debug, Default)]
struct Pids {
    all: HashSet<u32>,
    /// Those that were not taken yet.
    new: HashSet<u32>,
}

impl Default for Watched {
    /// Of every program.
    fn default() -> Watched {
        Watched::new(|_, _| true)
    }
}

impl Watched {
    /// More pids than these are not watched: a fork bomb must not fill the memory.
    pub(crate) const MAX: usize = 4096;

    /// None yet; of these programs some will be.
    pub(crate) fn new(is_watched: IsWatched) -> Watched {
        Watched { is_watched, pids: Mutex::default(), changed: Condvar::new(), bell: bell().ok() }
    }

    /// Whether the processes of this program are watched.
    pub(crate) fn is_program(&self, signing_id: Option<&str>, name: Option<&str>) -> bool {
        (self.is_watched)(signing_id, name)
    }

    /// Watches a process, and wakes who waits for one. Returns whether it could be added.
    pub(crate) fn insert(&self, pid: u32) -> bool {
        let mut pids = self.lock();
        let added = pids.all.len() < Watched::MAX && pids.all.insert(pid);
        // Of those that are not taken yet, the first rings for all.
        let rings = added && pids.new.is_empty();
        if added {
            pids.new.insert(pid);
        }
        drop(pids);
        if let (true, Some((_, bell))) = (rings, &self.bell) {
            let mut bell = bell;
            // A full pipe is readable as well.
            let _ = bell.write(&[0]);
        }
        self.changed.notify_all();
        added
    }

    /// Stops watching a process.
    pub(crate) fn remove(&self, pid: u32) {
        let mut pids = self.lock();
        pids.all.remove(&pid);
        pids.new.remove(&pid);
    }

    /// Whether the process is watched.
    pub(crate) fn contains(&self, pid: u32) -> bool {
        self.lock().all.contains(&pid)
    }

    /// Whether the process may be watched, for who must not wait: while others have the pids, any may.
    pub(crate) fn may_contain(&self, pid: u32) -> bool {
        match self.pids.try_lock() {
            Ok(pids) => pids.all.contains(&pid),
            Err(TryLockError::Poisoned(pids)) => pids.into_inner().all.contains(&pid),
            Err(TryLockError::WouldBlock) => true,
        }
    }

    /// Whether none is watched.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().all.is_empty()
    }

    /// The watched processes.
    pub(crate) fn all(&self) -> Vec<u32> {
        self.lock().all.iter().copied().collect()
    }

    /// What is readable while there are new ones.
    pub(crate) fn bell(&self) -> Option<&PipeReader> {
        self.bell.as_ref().map(|(reader, _)| reader)
    }

    /// The processes that are watched since the last call.
    pub(crate) fn take_new(&self) -> HashSet<u32> {
        // The bell before the pids: who comes in between rings again.
        if let Some((bell, _)) = &self.bell {
            let (mut bell, mut rings) = (bell, [0; 64]);
            while bell.read(&mut rings).is_ok_and(|read| read == rings.len()) {}
        }
        std::mem::take(&mut self.lock().new)
    }

    /// The watched processes; waits until there is one, at most for so long.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Vec<u32> {
        self.wait_while(limit, |pids| pids.all.is_empty()).all.iter().copied().collect()
    }

    /// Waits until there is a new one, at most for so long.
    pub(crate) fn wait_new(&self, limit: Duration) {
        drop(self.wait_while(Some(limit), |pids| pids.new.is_empty()));
    }

    fn wait_while(&self, limit: Option<Duration>, condition: impl Fn(&mut Pids) -> bool) -> MutexGuard<'_, Pids> {
        let pids = self.lock();
        match limit {
            None => self.changed.wait_while(pids, condition).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                self.changed.wait_timeout_while(pids, limit, condition).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pids> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pipe that is never waited for.
fn bell() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    fcntl_setfl(&reader, OFlags::NONBLOCK)?;
    fcntl_setfl(&writer, OFlags::NONBLOCK)?;
    Ok((reader, writer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_must_not_wait_takes_any_process_for_a_watched_one_while_others_have_the_pids() {
        let watched = Watched::default();
        watched.insert(7);
        assert_eq!([7, 8].map(|pid| watched.may_contain(pid)), [true, false]);
        let held = watched.lock();
        assert_eq!([7, 8].map(|pid| watched.may_contain(pid)), [true, true]);
        drop(held);
    }

    #[test]
    fn a_bell_that_nobody_looks_at_holds_up_no_one() {
        let watched = Watched::default();
        // More than a pipe holds.
        for pid in 0..200_000 {
            watched.insert(pid);
            watched.remove(pid);
        }
        watched.insert(1);
        assert_eq!(watched.take_new(), HashSet::from([1]));
    }

    #[test]
    fn watching_has_a_limit() {
        let watched = Watched::default();
        assert!((0..Watched::MAX as u32).all(|pid| watched.insert(pid)));
        assert!(!watched.insert(70_000));
        watched.remove(5);
        assert!(!watched.contains(5) && watched.insert(70_000));
    }

    #[test]
    fn a_new_process_wakes_who_waits_for_a_socket_once() {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let watched = Watched::default();
        let is_rung = || {
            let mut entry = [PollFd::new(watched.bell().unwrap(), PollFlags::IN)];
            poll(&mut entry, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
        };
        assert!(!is_rung());
        [7, 8, 7, 9].into_iter().for_each(|pid| _ = watched.insert(pid));
        watched.remove(9);
        assert!(is_rung());
        assert_eq!(watched.take_new(), HashSet::from([7, 8]));
        assert!(!is_rung() && watched.take_new().is_empty());
        watched.insert(10);
        assert!(is_rung());
    }
}
