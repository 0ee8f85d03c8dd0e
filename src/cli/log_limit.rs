//! How many messages of one kind are logged: an attacker who can bring one about must not fill the log with it. The
//! caller states the time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use log::Level;

use crate::report::plural;

/// Messages of one kind that are written in a minute.
const MOST: u64 = 20;
const MINUTE: Duration = Duration::from_secs(60);
/// Kinds that are told apart; the others count as one.
const KINDS: usize = 128;
/// Bytes of a first word that tells kinds apart, and of a message that stands for those left out.
const WORD: usize = 24;
const SAMPLE: usize = 160;

/// What makes messages alike: where the program writes them, and with what word they begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    /// File and line; the sources' notices come from one place.
    place: (&'static str, u32),
    level: Option<Level>,
    word: String,
}

impl Kind {
    /// The kind of a message.
    pub(super) fn of(place: (&'static str, u32), level: Level, text: &str) -> Kind {
        let is_letter = |letter: &char| letter.is_ascii_alphabetic();
        Kind { place, level: Some(level), word: text.chars().take_while(is_letter).take(WORD).collect() }
    }
}

/// Messages of one kind within a minute.
#[derive(Debug)]
struct Window {
    began: Instant,
    level: Level,
    written: u64,
    left_out: u64,
    /// One of those left out, the last.
    sample: String,
}

/// Counts messages by their kinds.
#[derive(Debug, Default)]
pub(super) struct Limiter(HashMap<Kind, Window>);

impl Limiter {
    /// Whether a message is to be written; asked after [`Limiter::due`] at the same time.
    pub(super) fn admit(&mut self, kind: Kind, text: &str, now: Instant) -> bool {
        let level = kind.level.unwrap_or(Level::Warn);
        let is_new = !self.0.contains_key(&kind);
        let kind = if is_new && self.0.len() >= KINDS { Kind::default() } else { kind };
        let new = || Window { began: now, level, written: 0, left_out: 0, sample: String::new() };
        let window = self.0.entry(kind).or_insert_with(new);
        if window.written < MOST {
            window.written += 1;
            return true;
        }
        window.left_out += 1;
        window.sample = text.lines().next().unwrap_or_default().chars().take(SAMPLE).collect();
        false
    }

    /// What was left out, of each kind whose minute is over.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(Level, String)> {
        let mut due = Vec::new();
        self.0.retain(|_, window| {
            let is_over = now.duration_since(window.began) >= MINUTE;
            if is_over && window.left_out > 0 {
                let count = plural(window.left_out, "more message");
                due.push((window.level, format!("{count} like this within a minute: {}", window.sample)));
            }
            !is_over
        });
        due.sort_by(|one, other| one.1.cmp(&other.1));
        due
    }

    /// What was left out and not said.
    pub(super) fn rest(&mut self, now: Instant) -> Vec<(Level, String)> {
        self.due(now + MINUTE)
    }
}

#[allow(clippy::disallowed_methods, reason = "points of time are made up from it")]
#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: (&str, u32) = ("a.rs", 1);

    fn ask(limiter: &mut Limiter, place: (&'static str, u32), text: &str, now: Instant) -> bool {
        limiter.admit(Kind::of(place, Level::Warn, text), text, now)
    }

    #[test]
    fn a_flood_of_one_kind_writes_20_in_a_minute_and_then_how_many_more_there_were() {
        let (mut limiter, began) = (Limiter::default(), Instant::now());
        let at = |seconds| began + Duration::from_secs(seconds);
        let written = (0..532).filter(|n| ask(&mut limiter, PLACE, &format!("lost: {n}"), at(n / 10))).count();
        assert_eq!(written, 20);
        assert!(limiter.due(at(59)).is_empty(), "the minute is not over");
        let said = limiter.due(at(60));
        assert_eq!(said, [(Level::Warn, "512 more messages like this within a minute: lost: 531".to_owned())]);
        assert!(ask(&mut limiter, PLACE, "lost: 1", at(61)), "a new minute has begun");
        assert!(limiter.due(at(300)).is_empty(), "nothing was left out");
    }

    #[test]
    fn kinds_are_limited_each_for_itself_by_place_level_and_first_word() {
        let (mut limiter, now) = (Limiter::default(), Instant::now());
        (0..100).for_each(|_| _ = ask(&mut limiter, PLACE, "lost: 1", now));
        assert!(!ask(&mut limiter, PLACE, "lost: 2", now));
        assert!(ask(&mut limiter, PLACE, "blind: no process events", now));
        assert!(ask(&mut limiter, ("a.rs", 2), "lost: 1", now));
        assert!(limiter.admit(Kind::of(PLACE, Level::Error, "lost: 1"), "lost: 1", now));
    }

    #[test]
    fn a_flood_of_kinds_is_limited_too_and_takes_no_memory() {
        let (mut limiter, now) = (Limiter::default(), Instant::now());
        let word = |n: u32| -> String { n.to_string().bytes().map(|digit| char::from(digit + 49)).collect() };
        let written = (0..10_000).filter(|n| ask(&mut limiter, PLACE, &word(*n), now)).count();
        assert!(written <= KINDS + 20, "{written}");
        assert!(limiter.0.len() <= KINDS + 1);
        let long = "a".repeat(1 << 20);
        (0..100).for_each(|_| _ = ask(&mut limiter, ("b.rs", 1), &long, now));
        assert!(limiter.rest(now).iter().all(|(_, text)| text.len() < 300));
    }

    #[test]
    fn at_the_end_what_was_left_out_is_said_before_its_minute_is_over() {
        let (mut limiter, now) = (Limiter::default(), Instant::now());
        (0..21).for_each(|_| _ = ask(&mut limiter, PLACE, "lost: 1", now));
        assert_eq!(limiter.rest(now), [(Level::Warn, "1 more message like this within a minute: lost: 1".to_owned())]);
        assert!(limiter.rest(now).is_empty());
    }
}
