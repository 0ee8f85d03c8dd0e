//! Where the engine waits for all its channels at once.
//!
//! A `select` over them enters itself in a list of each and takes itself out again, under the lock that a sender holds
//! while it wakes the engine, so that many a report made it wait twice. Here a sender rings, and only when it is waited
//! for.
//!
//! To wake a processor costs more than to handle an event of no interest. While such events come one by one, the engine
//! lets some of them gather.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, SendError, Sender, TrySendError, bounded};

/// Rung by those who put something in a channel of the one that waits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// What is awaited: one of the three below.
    awaited: AtomicU8,
    is_rung: Mutex<bool>,
    rung: Condvar,
}

/// Nothing: the engine looks by itself.
const NOTHING: u8 = 0;
/// A message that may not wait, or that there are enough of the others.
const URGENT: u8 = 1;
/// Any message.
const ANY: u8 = 2;

/// So many messages that may wait are enough. Behind them waits whatever is urgent: some 0.2 ms.
const ENOUGH: usize = 16;

impl Bell {
    /// A channel for so many messages, each of which rings.
    pub(crate) fn channel<T>(&self, number: usize) -> (RingingSender<T>, Receiver<T>) {
        let (channel, receiver) = bounded(number);
        (RingingSender { channel, last: RingsWhenDropped(self.clone()) }, receiver)
    }

    /// Waits until it rings, at most for so long; not at all when something is there. Whoever sends after `is_empty` was
    /// asked sees that it must ring: both are in one order, that of `SeqCst`, as are the ends of crossbeam's channels.
    pub(crate) fn wait(&self, limit: Option<Duration>, is_empty: impl FnOnce() -> bool) {
        self.wait_for(ANY, limit, is_empty);
    }

    /// The same, but messages that may wait gather until the time is over or there are enough of them.
    pub(crate) fn wait_for_urgent(&self, limit: Duration, is_empty: impl FnOnce() -> bool) {
        self.wait_for(URGENT, Some(limit), is_empty);
    }

    fn wait_for(&self, what: u8, limit: Option<Duration>, is_empty: impl FnOnce() -> bool) {
        self.0.awaited.store(what, Ordering::SeqCst);
        if is_empty() {
            let (is_rung, is_silent) = (self.lock(), |is_rung: &mut bool| !std::mem::take(is_rung));
            match limit {
                None => drop(self.0.rung.wait_while(is_rung, is_silent)),
                Some(limit) => drop(self.0.rung.wait_timeout_while(is_rung, limit, is_silent)),
            }
        }
        self.0.awaited.store(NOTHING, Ordering::SeqCst);
    }

    fn is_gathering(&self) -> bool {
        self.0.awaited.load(Ordering::SeqCst) == URGENT
    }

    /// Something was sent.
    fn ring_if_awaited(&self) {
        let is_awaited = self.0.awaited.load(Ordering::SeqCst) != NOTHING;
        if is_awaited && self.0.awaited.swap(NOTHING, Ordering::SeqCst) != NOTHING {
            self.ring();
        }
    }

    /// The lock is no one else's but the waiting end's, on its way to sleep.
    fn ring(&self) {
        *self.lock() = true;
        self.0.rung.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.is_rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending end of a channel that is waited for together with others.
#[derive(Debug)]
pub(crate) struct RingingSender<T> {
    channel: Sender<T>,
    // Behind the channel, which is closed when it rings.
    last: RingsWhenDropped,
}

/// That a channel is closed cannot be seen by whether it is empty.
#[derive(Clone, Debug)]
struct RingsWhenDropped(Bell);

impl Drop for RingsWhenDropped {
    fn drop(&mut self) {
        self.0.ring();
    }
}

impl<T> Clone for RingingSender<T> {
    fn clone(&self) -> RingingSender<T> {
        RingingSender { channel: self.channel.clone(), last: self.last.clone() }
    }
}

impl<T> RingingSender<T> {
    /// Sends when there is room.
    pub(crate) fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.send_at_leisure(message, false)
    }

    /// Sends if there is room.
    pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.try_send_at_leisure(message, false)
    }

    /// Sends when there is room; what may wait gathers if the engine lets it.
    pub(crate) fn send_at_leisure(&self, message: T, may_wait: bool) -> Result<(), SendError<T>> {
        self.channel.send(message)?;
        self.ring(may_wait);
        Ok(())
    }

    /// The same if there is room.
    pub(crate) fn try_send_at_leisure(&self, message: T, may_wait: bool) -> Result<(), TrySendError<T>> {
        self.channel.try_send(message)?;
        self.ring(may_wait);
        Ok(())
    }

    fn ring(&self, may_wait: bool) {
        if !(may_wait && self.is_gathering() && self.channel.len() < ENOUGH) {
            self.last.0.ring_if_awaited();
        }
    }

    /// Whether what may wait would wait now; else there is no need to know.
    pub(crate) fn is_gathering(&self) -> bool {
        self.last.0.is_gathering()
    }

    /// Whether less than half of the room is left.
    pub(crate) fn is_half_full(&self) -> bool {
        self.channel.capacity().is_some_and(|capacity| self.channel.len() > capacity / 2)
    }

    /// Whether everything was taken.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.channel.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// Takes from both channels until both are closed, and waits without a limit in between.
    fn take_all(bell: &Bell, one: &Receiver<u32>, other: &Receiver<u32>) -> Vec<u32> {
        let mut taken = Vec::new();
        loop {
            let ends = [one, other].map(|channel| {
                taken.extend(channel.try_iter());
                channel.try_recv().map(|number| taken.push(number)).is_err_and(|error| error.is_disconnected())
            });
            if ends == [true, true] {
                return taken;
            }
            bell.wait(None, || one.is_empty() && other.is_empty());
        }
    }

    #[test]
    fn whatever_is_sent_on_any_channel_and_the_end_of_each_wakes_the_one_that_waits() {
        const NUMBER: u32 = 20_000;
        let bell = Bell::default();
        let ((sender, one), (slow, other)) = (bell.channel(4), bell.channel(4));
        let senders = [
            thread::spawn(move || (0..NUMBER).for_each(|number| sender.send(number).unwrap())),
            thread::spawn(move || {
                for number in NUMBER..NUMBER + 200 {
                    thread::sleep(Duration::from_micros(100));
                    while slow.try_send(number).is_err() {}
                }
            }),
        ];
        let mut taken = take_all(&bell, &one, &other);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        taken.sort_unstable();
        assert!(taken.into_iter().eq(0..NUMBER + 200));
    }

    #[test]
    fn what_may_wait_gathers_until_something_urgent_comes_or_there_is_enough_or_the_time_is_over() {
        let bell = Bell::default();
        let ((reports, waiting), (flows, flow)) = (bell.channel(100), bell.channel(1));
        let gather = |limit: Duration, sends: &(dyn Fn() + Sync)| {
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !reports.is_gathering() {
                        thread::yield_now();
                    }
                    sends();
                });
                bell.wait_for_urgent(limit, || waiting.is_empty());
            });
            waiting.try_iter().count()
        };
        let report = |may_wait| reports.try_send_at_leisure(1, may_wait).unwrap();
        const LONG: Duration = Duration::from_secs(60);
        assert_eq!(gather(LONG, &|| (0..ENOUGH).for_each(|_| report(true))), ENOUGH);
        assert_eq!(gather(LONG, &|| [true, true, false].into_iter().for_each(report)), 3);
        assert_eq!(gather(LONG, &|| [report(true), flows.send(2).unwrap()].into_iter().collect()), 1);
        assert_eq!(flow.try_recv(), Ok(2));
        assert_eq!(gather(Duration::from_millis(20), &|| report(true)), 1);
    }

    #[test]
    fn without_a_message_the_wait_ends_at_its_limit_and_with_one_there_is_none() {
        let bell = Bell::default();
        let (sender, receiver) = bell.channel(1);
        bell.wait(Some(Duration::from_millis(20)), || receiver.is_empty());
        sender.send(1).unwrap();
        bell.wait(None, || receiver.is_empty());
    }
}
