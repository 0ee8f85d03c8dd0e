//! Why earlier runs panicked, and what the next one leaves out.

use std::backtrace::Backtrace;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::clock::now;
use crate::event::Timestamp;
use crate::output::state::{PANICS, StateDirectory, add_line};

/// So many panics
const MANY: usize = 3;
/// within this time make the next start leave out what is optional.
const WITHIN: Duration = Duration::from_secs(600);
/// Bytes of a message, and of a backtrace, that are kept: what is longer than the state directory reads would hide every
/// other.
const MAX_TEXT: usize = 16 << 10;

/// What stands around what a message quotes.
const QUOTES: [char; 3] = ['`', '"', '\''];

/// From now on a panic writes its message and its backtrace to the state directory, before the program aborts. What is
/// handed out has no symbols: the backtrace has addresses, and `keep_at` says by how much they were moved. The symbols
/// of the release name them (`packaging/cross/symbols.py`).
pub(super) fn keep(state: &StateDirectory) {
    let file: PathBuf = StateDirectory::panics(state.path());
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let line = json!({
            "time": now().to_string(), "version": env!("CARGO_PKG_VERSION"),
            "thread": std::thread::current().name(), "panic": cut(info.to_string()),
            "backtrace": cut(format!("{:#}", Backtrace::force_capture())),
            "processor": std::env::consts::ARCH, "keep_at": format!("{:#x}", keep as fn(&StateDirectory) as usize),
        });
        // There is nowhere else to report that it cannot be written; the message goes to standard error as well.
        let _ = add_line(&file, &line.to_string());
        before(info);
    }));
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    text
}

/// What earlier runs wrote when they panicked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Panics(Vec<(Timestamp, String)>);

impl Panics {
    /// Reads them; other lines are skipped.
    pub(super) fn read(state: &StateDirectory) -> Panics {
        Panics::parse(&state.read(PANICS).ok().flatten().unwrap_or_default())
    }

    fn parse(text: &str) -> Panics {
        let panic = |line: &str| {
            let line: Json = serde_json::from_str(line).ok()?;
            let time = Timestamp::parse(line["time"].as_str()?)?;
            Some((time, unquoted(line["panic"].as_str()?).chars().take(1000).collect()))
        };
        Panics(text.lines().filter_map(panic).collect())
    }

    /// The last one since this time.
    pub(super) fn since(&self, time: Timestamp) -> Option<&str> {
        self.0.iter().rev().find(|(at, _)| *at >= time).map(|(_, panic)| panic.as_str())
    }

    /// Whether there were so many of late that optional parts are left out.
    pub(super) fn are_many(&self, now: Timestamp) -> bool {
        let recent = now.saturating_sub(WITHIN);
        self.0.iter().filter(|(at, _)| (recent..=now).contains(at)).count() >= MANY
    }
}

/// Without what the message quotes: a panic over the bytes of a script or of a command line can quote a secret of it,
/// and the message leaves the Mac in a document. It stands whole in the state directory.
fn unquoted(message: &str) -> String {
    let Some(first) = message.find(QUOTES) else { return message.to_owned() };
    // The end of what was quoted is missing in a message that was cut.
    let last = message.rfind(QUOTES).filter(|last| *last > first && message.len() < MAX_TEXT - 3);
    format!("{}…{}", &message[..first], last.map_or("", |last| &message[last + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(1_700_000_000_000 + seconds * 1000).unwrap()
    }

    #[test]
    fn what_a_panic_quotes_leaves_room_for_others() {
        assert!((MAX_TEXT - 1..=MAX_TEXT).contains(&cut("\u{e9}x".repeat(1 << 20)).len()));
        assert_eq!(cut("short".to_owned()), "short");
    }

    #[test]
    fn three_panics_within_ten_minutes_are_many_and_three_within_an_hour_are_not() {
        let lines = |at: [i64; 3]| {
            let line = |at| format!("{}\n", json!({ "time": time(at).to_string(), "panic": format!("p{at}") }));
            Panics::parse(&at.map(line).concat())
        };
        let panics = lines([0, 200, 590]);
        assert!(panics.are_many(time(595)));
        assert!(!panics.are_many(time(700)));
        assert!(!lines([0, 1000, 3000]).are_many(time(3001)));
        assert_eq!(panics.since(time(300)), Some("p590"));
        assert_eq!(panics.since(time(600)), None);
    }

    #[test]
    fn what_a_panic_quotes_stays_on_the_mac() {
        let cut = cut(format!("p of `it's {}`", "secret ".repeat(MAX_TEXT)));
        for (message, told) in [
            (
                "panicked at src/a.rs:1:2: end byte index 5 is not a char boundary; it is inside 'é' of `pw=`é secret`",
                "panicked at src/a.rs:1:2: end byte index 5 is not a char boundary; it is inside …",
            ),
            ("p on an Err value: Error(\"secret\", line: 1)", "p on an Err value: Error(…, line: 1)"),
            ("p of `secret", "p of …"),
            (&cut, "p of …"),
            ("index out of bounds", "index out of bounds"),
        ] {
            let line = json!({ "time": time(0).to_string(), "panic": message }).to_string();
            assert_eq!(Panics::parse(&line).since(time(0)), Some(told));
        }
    }

    #[test]
    fn a_file_that_someone_else_wrote_is_passed_over() {
        assert_eq!(Panics::parse("\u{1b}\nnull\n{\"time\":1}\n[]"), Panics::default());
    }
}
