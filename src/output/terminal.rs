//! The one place that prints. A reader that closes its end of a pipe has had enough: that is neither an error nor a
//! panic. A progress bar is hidden while something is printed.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::ProgressBar;

use crate::report::Layout;

/// The progress bar on standard error, while there is one.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn bar() -> MutexGuard<'static, Option<ProgressBar>> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows a progress bar, or removes it.
pub(crate) fn set_progress(progress: Option<ProgressBar>) {
    if let Some(old) = std::mem::replace(&mut *bar(), progress) {
        old.finish_and_clear();
    }
}

/// Prints while the progress bar is out of the way.
pub(crate) fn aside<T>(print: impl FnOnce() -> T) -> T {
    // Not while the bar is held: who reads standard output may never read again, and others have something to say.
    let progress = bar().clone();
    match progress {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

/// How text goes to standard output: in the columns of the terminal that it is, in colours unless `NO_COLOR` or `TERM`
/// say that none are wanted.
pub(crate) fn layout() -> Layout {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return Layout::default();
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok();
    let width = size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0);
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let colour = !is_set("NO_COLOR") && env::var_os("TERM").is_some_and(|term| term != "dumb");
    Layout { width, colour }
}

/// Prints lines on standard error. An error is ignored: there is nowhere to report it.
pub(crate) fn say(text: &str) {
    let line = format!("{}\n", text.trim_end_matches('\n'));
    let _ = aside(|| io::stderr().write_all(line.as_bytes()));
}

/// Writes to standard output at once.
pub(crate) fn write(text: &str) -> io::Result<()> {
    aside(|| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    })
}
