//! What works on a thread of its own, and is given back when it ends.

use std::panic;
use std::thread::{self, JoinHandle};

use crossbeam_channel::bounded;

/// A thread that works with a thing.
pub(super) struct Apart<T>(JoinHandle<Option<T>>);

impl<T: Send + 'static> Apart<T> {
    /// Starts a thread of this name. `Err`: none can be started.
    pub(super) fn start(name: &str, thing: T, work: impl FnOnce(T) -> T + Send + 'static) -> Result<Apart<T>, T> {
        let (give, given) = bounded::<T>(1);
        match thread::Builder::new().name(name.into()).spawn(move || given.recv().ok().map(work)) {
            Ok(thread) => {
                // The thread waits for it.
                let _ = give.send(thing);
                Ok(Apart(thread))
            }
            Err(_) => Err(thing),
        }
    }

    /// Waits for its end. A panic in it goes on here.
    pub(super) fn end(self) -> T {
        match self.0.join() {
            Ok(thing) => thing.unwrap_or_else(|| unreachable!("the thread was given it")),
            Err(cause) => panic::resume_unwind(cause),
        }
    }
}
