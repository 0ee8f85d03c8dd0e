//! The one place that prints. A reader that closes its end of a pipe has had enough: that is neither an error nor a
//! panic. A progress bar steps aside for whatever is printed.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::ProgressBar;

use super::exit::Failure;

/// The progress bar on standard error, while there is one.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn bar() -> MutexGuard<'static, Option<ProgressBar>> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows a progress bar, or removes it.
pub(super) fn set_progress(progress: Option<ProgressBar>) {
    if let Some(old) = std::mem::replace(&mut *bar(), progress) {
        old.finish_and_clear();
    }
}

/// Prints while the progress bar is out of the way.
pub(super) fn aside<T>(print: impl FnOnce() -> T) -> T {
    match &*bar() {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

/// Prints lines on standard error. Nobody may read them, or can: there is no one to tell then.
pub(super) fn say(text: &str) {
    let line = format!("{}\n", text.trim_end_matches('\n'));
    let _ = aside(|| io::stderr().write_all(line.as_bytes()));
}

/// Prints to standard output; a reader that has had enough is no error.
pub(super) fn print(text: &str) -> Result<ExitCode, Failure> {
    match write(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(stdout_failure(&error)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Writes to standard output at once.
pub(super) fn write(text: &str) -> io::Result<()> {
    aside(|| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    })
}

/// Standard output cannot be written.
pub(super) fn stdout_failure(error: &io::Error) -> Failure {
    Failure::new(Failure::IO, format!("cannot write to standard output: {error}"))
}
