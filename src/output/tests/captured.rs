//! What this thread logged.

use std::cell::RefCell;

use log::{LevelFilter, Log, Metadata, Record};

thread_local! {
    static MESSAGES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Captured;

impl Log for Captured {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        MESSAGES.with_borrow_mut(|messages| messages.push(record.args().to_string()));
    }

    fn flush(&self) {}
}

/// From now on, what this thread logs is kept.
pub(super) fn capture() {
    let _ = log::set_logger(&Captured);
    log::set_max_level(LevelFilter::Debug);
}

/// What this thread logged since the last call.
pub(super) fn messages() -> Vec<String> {
    MESSAGES.take()
}
