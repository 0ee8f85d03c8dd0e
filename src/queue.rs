//! The queue between the thread that reads an input and the one that takes its blocks.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{self as channel, RecvTimeoutError};

use super::ahead::Pending;
use super::compression::Compression;
use super::error::Unreadable;

/// Chunks that wait, at most: enough to keep the threads busy that decode ahead, and little to hold.
const FULL: usize = 16;
/// A reader that waits for room goes on when no more than these are left: to wake it for each chunk would cost the taker
/// a tenth of its time.
const LOW: usize = FULL / 2;

/// What a reader thread sends. The channel closes at the end of the input.
pub(super) enum Chunk {
    /// The first one: how the input is compressed.
    Opened(Compression),
    /// Text. Unless it is `partial`, or the input ended or broke off there, it ends in a newline.
    Text { text: Arc<String>, repaired: u64, partial: bool, ahead: Option<Pending> },
    /// Reading failed: nothing follows.
    Broken(Unreadable),
}

/// Puts chunks in.
pub(super) struct Sender {
    chunks: channel::Sender<Chunk>,
    room: Arc<Room>,
}

/// Takes them out, in order.
pub(super) struct Receiver {
    chunks: channel::Receiver<Chunk>,
    room: Arc<Room>,
}

/// How many chunks wait; `None` when nobody takes them any more.
struct Room {
    held: Mutex<Option<usize>>,
    changed: Condvar,
}

/// A queue, and both ends of it.
pub(super) fn queue() -> (Sender, Receiver) {
    let (sender, receiver) = channel::unbounded();
    let room = Arc::new(Room { held: Mutex::new(Some(0)), changed: Condvar::new() });
    (Sender { chunks: sender, room: Arc::clone(&room) }, Receiver { chunks: receiver, room })
}

impl Room {
    /// Counts one more, once there is room for it.
    fn take(&self) -> Option<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_some_and(|held| held >= FULL) {
            let is_full = |held: &mut Option<usize>| held.is_some_and(|held| held > LOW);
            held = self.changed.wait_while(held, is_full).unwrap_or_else(PoisonError::into_inner);
        }
        *held = Some((*held)? + 1);
        Some(())
    }

    fn release(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        *held = held.map(|held| held - 1);
        if *held == Some(LOW) {
            self.changed.notify_one();
        }
    }
}

impl Sender {
    /// Waits for room; `None` when the receiver has ended.
    pub(super) fn send(&self, chunk: Chunk) -> Option<()> {
        self.room.take()?;
        self.chunks.send(chunk).ok()
    }
}

impl Receiver {
    /// The next chunk; waits for it no longer than `wait`, or until it comes.
    pub(super) fn next(&self, wait: Option<Duration>) -> Result<Chunk, RecvTimeoutError> {
        let received = match wait {
            Some(wait) => self.chunks.recv_timeout(wait),
            None => self.chunks.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        received.inspect(|_| self.room.release())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        *self.room.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.room.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const WAIT: Option<Duration> = Some(Duration::from_millis(50));

    fn chunk() -> Chunk {
        Chunk::Opened(Compression::None)
    }

    #[test]
    fn a_full_queue_is_filled_again_when_half_is_taken() {
        let (sender, receiver) = queue();
        let sending = thread::spawn(move || (0..FULL + 1).try_for_each(|_| sender.send(chunk())));
        for _ in 0..FULL - LOW - 1 {
            receiver.next(None).unwrap();
        }
        thread::sleep(Duration::from_millis(20));
        assert_eq!(receiver.chunks.len(), LOW + 1, "the sender waits");
        for _ in 0..LOW + 2 {
            receiver.next(None).unwrap();
        }
        assert_eq!(sending.join().unwrap(), Some(()));
        assert!(matches!(receiver.next(WAIT), Err(RecvTimeoutError::Disconnected)));
    }

    #[test]
    fn a_sender_that_waits_ends_when_nobody_takes_any_more() {
        let (sender, receiver) = queue();
        let sending = thread::spawn(move || (0..2 * FULL).try_for_each(|_| sender.send(chunk())));
        thread::sleep(Duration::from_millis(20));
        drop(receiver);
        assert_eq!(sending.join().unwrap(), None);
    }

    #[test]
    fn a_receiver_waits_no_longer_than_it_says() {
        let (_sender, receiver) = queue();
        assert!(matches!(receiver.next(WAIT), Err(RecvTimeoutError::Timeout)));
    }
}
