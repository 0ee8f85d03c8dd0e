//! A queue between two threads, in which neither wakes the other for each thing that it holds.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{self as channel, RecvTimeoutError};

/// Puts things in.
pub(crate) struct Sender<T> {
    things: channel::Sender<(T, usize)>,
    room: Arc<Room>,
}

/// Takes them out, in order.
pub(crate) struct Receiver<T> {
    things: channel::Receiver<(T, usize)>,
    room: Arc<Room>,
}

/// What the things that wait weigh; `None` when nobody takes them any more.
struct Room {
    full: usize,
    held: Mutex<Option<usize>>,
    changed: Condvar,
}

/// A queue, and both ends of it. It takes no more in when what waits weighs `full`; a sender that waits for room goes
/// on when half of that is taken: to wake it for each thing would cost the taker a tenth of its time.
pub(crate) fn queue<T>(full: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = channel::unbounded();
    let room = Arc::new(Room { full, held: Mutex::new(Some(0)), changed: Condvar::new() });
    (Sender { things: sender, room: Arc::clone(&room) }, Receiver { things: receiver, room })
}

impl Room {
    fn low(&self) -> usize {
        self.full / 2
    }

    /// Adds a weight, once there is room.
    fn take(&self, weight: usize) -> Option<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_some_and(|held| held >= self.full) {
            let is_full = |held: &mut Option<usize>| held.is_some_and(|held| held > self.low());
            held = self.changed.wait_while(held, is_full).unwrap_or_else(PoisonError::into_inner);
        }
        *held = Some((*held)? + weight);
        Some(())
    }

    fn release(&self, weight: usize) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *held;
        *held = before.map(|before| before - weight);
        if before.is_some_and(|before| before > self.low() && before - weight <= self.low()) {
            self.changed.notify_one();
        }
    }
}

impl<T> Sender<T> {
    /// Waits for room; `None` when the receiver has ended.
    pub(crate) fn send(&self, thing: T, weight: usize) -> Option<()> {
        self.room.take(weight)?;
        self.things.send((thing, weight)).ok()
    }
}

impl<T> Receiver<T> {
    /// The next one; waits for it no longer than `wait`, or until it comes.
    pub(crate) fn next(&self, wait: Option<Duration>) -> Result<T, RecvTimeoutError> {
        let (thing, weight) = match wait {
            Some(wait) => self.things.recv_timeout(wait)?,
            None => self.things.recv().map_err(|_| RecvTimeoutError::Disconnected)?,
        };
        self.room.release(weight);
        Ok(thing)
    }
}

impl<T> Drop for Receiver<T> {
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
    const FULL: usize = 16;
    const LOW: usize = FULL / 2;

    /// So many come to wait, and no more, however long the sender has for it.
    fn assert_holds<T>(receiver: &Receiver<T>, count: usize) {
        while receiver.things.len() < count {
            thread::yield_now();
        }
        for _ in 0..1000 {
            assert_eq!(receiver.things.len(), count, "the sender waits");
            thread::yield_now();
        }
    }

    #[test]
    fn a_full_queue_is_filled_again_when_half_is_taken() {
        for weight in [1, 10] {
            let (sender, receiver) = queue(FULL * weight);
            let sending = thread::spawn(move || (0..FULL + 1).try_for_each(|_| sender.send((), weight)));
            for _ in 0..FULL - LOW - 1 {
                receiver.next(None).unwrap();
            }
            assert_holds(&receiver, LOW + 1);
            for _ in 0..LOW + 2 {
                receiver.next(None).unwrap();
            }
            assert_eq!(sending.join().unwrap(), Some(()));
            assert!(matches!(receiver.next(WAIT), Err(RecvTimeoutError::Disconnected)));
        }
    }

    #[test]
    fn what_is_heavier_than_all_room_goes_through_alone() {
        let (sender, receiver) = queue(FULL);
        let sending = thread::spawn(move || (0..10).try_for_each(|_| sender.send((), 3 * FULL)));
        for _ in 0..9 {
            receiver.next(None).unwrap();
            assert_holds(&receiver, 1);
        }
        receiver.next(None).unwrap();
        assert_eq!(sending.join().unwrap(), Some(()));
    }

    #[test]
    fn a_sender_that_waits_ends_when_nobody_takes_any_more() {
        let (sender, receiver) = queue(FULL);
        let sending = thread::spawn(move || (0..2 * FULL).try_for_each(|_| sender.send((), 1)));
        assert_holds(&receiver, FULL);
        drop(receiver);
        assert_eq!(sending.join().unwrap(), None);
    }

    #[test]
    fn a_receiver_waits_no_longer_than_it_says() {
        let (_sender, receiver) = queue::<()>(FULL);
        assert!(matches!(receiver.next(WAIT), Err(RecvTimeoutError::Timeout)));
    }
}
