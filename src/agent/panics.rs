//! What a panic, which is a bug, ends: the program, because its threads depend on each other. But a script's author
//! chooses the bytes that are examined, so a panic over them ends that examination alone.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::thread;

/// The name of the threads whose panics are contained.
pub(super) const CONTAINED: &str = "osawatch-scripts";

/// Ends the program after a panic, as launchd then starts it again, unless the panic is contained.
pub(crate) fn end_program_after_panics() {
    let report = take_hook();
    set_hook(Box::new(move |panic| {
        report(panic);
        if thread::current().name() != Some(CONTAINED) {
            std::process::abort();
        }
    }));
}

/// What the function returns; `None`: it panicked.
pub(super) fn contained<T>(function: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(function)).ok()
}
