//! Threads that decode blocks of ECS documents before their turn comes.
//!
//! What a document decodes to depends on its text alone, so it is the same whoever decodes it, and when. Whatever is not
//! plainly an event, or one of another kind, is left to be decoded when its turn comes.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::lines::line_within;
use crate::event::{Block, Decoded, Event, Line, ecs};

/// Blocks that are decoded ahead of their turn, of all inputs: enough to keep the threads busy, and little to hold.
const MAX_PENDING: usize = 32;

/// A line that is decoded: its place in the block, where the next one begins, and what it holds.
type Known = (Range<usize>, usize, Decoded);

/// The lines of a block that are decoded.
type Lines = VecDeque<Known>;

/// Threads that decode.
#[derive(Clone)]
pub(super) struct Threads {
    jobs: Sender<Job>,
    /// A thread that waits for a block does one of these meanwhile.
    waiting: Receiver<Job>,
    /// How many blocks are decoded ahead.
    pending: Arc<AtomicUsize>,
}

struct Job {
    text: Arc<Block>,
    decoder: ecs::Decoder,
    done: Sender<Lines>,
}

impl Threads {
    /// So many threads; they end when the last copy of this is dropped.
    pub(super) fn start(count: usize) -> io::Result<Threads> {
        let (jobs, waiting) = unbounded::<Job>();
        for _ in 0..count {
            let waiting = waiting.clone();
            thread::Builder::new().name("decoder".into()).spawn(move || waiting.iter().for_each(Job::run))?;
        }
        Ok(Threads { jobs, waiting, pending: Arc::default() })
    }
}

impl Job {
    fn run(mut self) {
        let (mut lines, mut at) = (Lines::new(), 0);
        while at < self.text.len() {
            let (text, next) = line_within(&self.text, at);
            if let Some(text) = text
                && let Ok(decoded) = self.decoder.decode(&Line::new(&self.text, text.clone()))
                && !ecs::is_of_no_category(&decoded)
            {
                lines.push_back((text, next, decoded));
            }
            at = next;
        }
        Event::pack(lines.iter_mut().filter_map(|(.., decoded)| match decoded {
            Decoded::Event(event) => Some(event),
            Decoded::Skipped(_) => None,
        }));
        // Failing to send means that nobody wants it any more.
        let _ = self.done.send(lines);
    }
}

/// What decodes the blocks of one input ahead, once its format is known.
#[derive(Clone)]
pub(super) struct Ahead {
    threads: Threads,
    decoder: ecs::Decoder,
    is_ecs: Arc<AtomicBool>,
}

impl Ahead {
    pub(super) fn new(threads: &Threads, decoder: &ecs::Decoder) -> Ahead {
        Ahead { threads: threads.clone(), decoder: decoder.clone(), is_ecs: Arc::default() }
    }

    /// The input is one of ECS documents.
    pub(super) fn begin(&self) {
        self.is_ecs.store(true, Ordering::Relaxed);
    }

    /// Has a block of whole lines decoded.
    pub(super) fn decode(&self, text: &Arc<Block>) -> Option<Pending> {
        let pending = &self.threads.pending;
        if !self.is_ecs.load(Ordering::Relaxed) || pending.load(Ordering::Relaxed) >= MAX_PENDING {
            return None;
        }
        pending.fetch_add(1, Ordering::Relaxed);
        let (done, lines) = bounded(1);
        let block = Pending { threads: self.threads.clone(), lines };
        self.threads.jobs.send(Job { text: Arc::clone(text), decoder: self.decoder.clone(), done }).ok()?;
        Some(block)
    }
}

/// A block that is being decoded.
pub(super) struct Pending {
    threads: Threads,
    lines: Receiver<Lines>,
}

impl Pending {
    /// Waits until it is decoded, and decodes others meanwhile.
    pub(super) fn wait(self) -> Lines {
        while self.lines.is_empty() {
            match self.threads.waiting.try_recv() {
                Ok(job) => job.run(),
                Err(_) => break,
            }
        }
        self.lines.recv().unwrap_or_default()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.threads.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is decoded of the block at hand.
#[derive(Default)]
pub(super) struct Ready(Lines);

impl Ready {
    pub(super) fn new(pending: Option<Pending>) -> Ready {
        Ready(pending.map(Pending::wait).unwrap_or_default())
    }

    /// The place of the line that begins here, and where the next one does, if it is decoded.
    pub(super) fn line(&mut self, at: usize) -> Option<(Range<usize>, usize)> {
        while self.0.front().is_some_and(|(place, ..)| place.start < at) {
            self.0.pop_front();
        }
        let (place, next, _) = self.0.front()?;
        (place.start == at).then(|| (place.clone(), *next))
    }

    /// What the line at this place holds, if it is decoded.
    pub(super) fn take(&mut self, place: &Range<usize>) -> Option<Decoded> {
        let (_, _, decoded) = self.0.pop_front_if(|(next, ..)| next == place)?;
        Some(decoded)
    }
}
