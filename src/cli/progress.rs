//! How far a replay has come, on a terminal.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::terminal;
use crate::report::plural;
use crate::source::recording::Recording;

/// How many steps pass between two looks.
const STEPS: u64 = 8192;

/// A bar where the size of the input is known, and what was read where it is not. Nothing where standard error is
/// not a terminal.
#[derive(Default)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    steps: u64,
}

impl Progress {
    /// Whether it is time to show how far the replay has come.
    pub(super) fn is_due(&mut self) -> bool {
        self.steps += 1;
        self.steps.is_multiple_of(STEPS)
    }

    pub(super) fn show(&mut self, recording: &Recording) {
        if !io::stderr().is_terminal() || log::max_level() < log::LevelFilter::Info {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = bar(recording.total_bytes());
            terminal::set_progress(Some(bar.clone()));
            bar
        });
        bar.set_position(recording.bytes_read());
        bar.set_message(plural(recording.events(), "event"));
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{bar:40} {bytes}/{total_bytes} {msg} {eta}"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {msg} {bytes_per_sec}"),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}
