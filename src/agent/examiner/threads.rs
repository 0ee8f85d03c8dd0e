//! The threads that read scripts. One that a file system never answers cannot be ended: it is left behind, and another
//! takes its place.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::executable::Hashes;
use super::job::Job;
use crate::agent::panics;
use crate::event::Script;

/// Scripts examined at a time.
pub(super) const THREADS: usize = 4;
/// Threads that may be left behind at a time. With as many more that are held up, scripts are skipped.
pub(super) const MAX_LEFT: usize = 16;
/// A thread that is at the same script at two looks this far apart is held up.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How many threads were left behind because a file system does not answer them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct HeldUp {
    /// Left behind, now.
    pub(in crate::agent) threads: usize,
    /// No thread is left to examine scripts.
    pub(in crate::agent) is_all: bool,
}

type Examine = fn(&Job, &mut Hashes) -> Script;

/// Threads that take jobs from one queue.
#[derive(Debug)]
pub(super) struct Threads {
    queue: Receiver<Job>,
    settled: Sender<()>,
    examine: Examine,
    working: Vec<Worker>,
    left: Vec<Worker>,
    looked: Option<Duration>,
    told: HeldUp,
}

#[derive(Debug)]
struct Worker {
    state: Arc<State>,
    /// The turn at the last look.
    seen: u64,
}

#[derive(Debug, Default)]
struct State {
    /// Odd while it examines a script; another number for each.
    turn: AtomicU64,
    is_left: AtomicBool,
}

impl Worker {
    /// Whether it is at the script that it was at when this was last asked.
    fn is_held_up(&mut self) -> bool {
        let turn = self.state.turn.load(Ordering::Acquire);
        std::mem::replace(&mut self.seen, turn) == turn && self.is_at_a_script()
    }

    /// One that was left behind and no longer is has ended, or ends with its next script: it may have got its answer just
    /// before it was left.
    fn is_at_a_script(&self) -> bool {
        self.state.turn.load(Ordering::Acquire) % 2 == 1
    }
}

impl Threads {
    pub(super) fn start(queue: Receiver<Job>, settled: Sender<()>, examine: Examine) -> io::Result<Threads> {
        let (working, left) = (Vec::new(), Vec::new());
        let mut threads = Threads { queue, settled, examine, working, left, looked: None, told: HeldUp::default() };
        for _ in 0..THREADS {
            threads.add()?;
        }
        Ok(threads)
    }

    fn add(&mut self) -> io::Result<()> {
        let (queue, settled, examine) = (self.queue.clone(), self.settled.clone(), self.examine);
        let state = Arc::new(State::default());
        let own = Arc::clone(&state);
        thread::Builder::new()
            .name(panics::CONTAINED.to_owned())
            .spawn(move || work(&queue, &settled, examine, &own))?;
        self.working.push(Worker { state, seen: 0 });
        Ok(())
    }

    /// Leaves those behind that are held up, and starts others in their place while few are left behind.
    pub(super) fn replace_held_up(&mut self, now: Duration) -> Option<HeldUp> {
        if self.looked.is_some_and(|looked| now.saturating_sub(looked) < PATIENCE) {
            return None;
        }
        self.looked = Some(now);
        self.left.retain(Worker::is_at_a_script);
        let held_up: Vec<bool> = self.working.iter_mut().map(Worker::is_held_up).collect();
        let mut not_replaced = 0;
        for at in (0..held_up.len()).rev().filter(|at| held_up[*at]) {
            if self.left.len() >= MAX_LEFT || self.add().is_err() {
                not_replaced += 1;
                continue;
            }
            let worker = self.working.swap_remove(at);
            worker.state.is_left.store(true, Ordering::Release);
            self.left.push(worker);
        }
        let held_up = HeldUp { threads: self.left.len() + not_replaced, is_all: not_replaced == self.working.len() };
        (std::mem::replace(&mut self.told, held_up) != held_up).then_some(held_up)
    }
}

fn work(queue: &Receiver<Job>, settled: &Sender<()>, examine: Examine, state: &State) {
    let mut hashes = Hashes::default();
    for job in queue {
        state.turn.fetch_add(1, Ordering::AcqRel);
        let script = panics::contained(|| examine(&job, &mut hashes)).unwrap_or_else(|| {
            hashes = Hashes::default();
            log::warn!("a script could not be examined, because of a bug in osawatch");
            Script { state: Some("unreadable"), ..job.script.clone() }
        });
        let _ = job.result.set(script);
        let _ = settled.try_send(());
        state.turn.fetch_add(1, Ordering::AcqRel);
        if state.is_left.load(Ordering::Acquire) {
            return;
        }
    }
}
