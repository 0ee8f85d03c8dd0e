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
            let bar = bar(recording.total_bytes(), ProgressDrawTarget::stderr());
            terminal::set_progress(Some(bar.clone()));
            bar
        });
        advance(bar, recording.bytes_read(), recording.events());
    }
}

fn advance(bar: &ProgressBar, bytes: u64, events: u64) {
    bar.set_position(bytes);
    bar.set_message(plural(events, "event"));
}

fn bar(total: Option<u64>, target: ProgressDrawTarget) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{bar:40} {bytes}/{total_bytes} {msg} {eta}"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {msg} {bytes_per_sec}"),
    };
    bar.set_draw_target(target);
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;

    /// A terminal that keeps what is written.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            100
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(total: Option<u64>) -> String {
        let screen = Screen::default();
        let bar = bar(total, ProgressDrawTarget::term_like(Box::new(screen.clone())));
        advance(&bar, 1 << 20, 3);
        bar.tick();
        bar.abandon();
        screen.0.lock().unwrap().clone()
    }

    #[test]
    fn standard_input_shows_its_bytes_events_and_rate_and_a_file_how_much_is_left() {
        let stream = shown(None);
        let rate = stream.split("1.00 MiB 3 events ").last().unwrap();
        assert!(stream.contains("1.00 MiB 3 events ") && rate.trim_end().ends_with("B/s"), "{stream:?}");
        let file = shown(Some(4 << 20));
        assert!(file.contains("1.00 MiB/4.00 MiB 3 events"), "{file:?}");
    }
}
