//! What SIGINT and SIGTERM do to a replay.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::cli::exit::Failure;

/// The first signal ends a replay in order: what was read is reported. A second one ends it at once, as the first may be
/// stuck behind a slow disk.
pub(super) struct Interrupt {
    stop: Arc<AtomicBool>,
    /// The first one does so too: what is done now may never end, and there is nothing to report yet.
    at_once: Arc<AtomicBool>,
}

impl Interrupt {
    /// From now on signals are heard; the first one ends the program at once until inputs were opened.
    pub(super) fn listen() -> Result<Interrupt, Failure> {
        let (stop, at_once) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
        let failed = |error: io::Error| Failure::new(Failure::IO, format!("cannot handle signals: {error}"));
        for signal in [SIGINT, SIGTERM] {
            for flag in [&at_once, &stop] {
                flag::register_conditional_shutdown(signal, 130, Arc::clone(flag)).map_err(failed)?;
            }
            flag::register(signal, Arc::clone(&stop)).map_err(failed)?;
        }
        Ok(Interrupt { stop, at_once })
    }

    /// It is set by the first signal that does not end the program at once.
    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Opens inputs: a pipe waits for who writes to it, and a share on the network for its server.
    pub(super) fn at_once_during<T>(&self, open: impl FnOnce() -> T) -> T {
        self.at_once.store(true, Ordering::Relaxed);
        let opened = open();
        self.at_once.store(false, Ordering::Relaxed);
        opened
    }
}
