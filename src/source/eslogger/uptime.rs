//! Whether messages can be of one Mac, by how long it has run: lines name no machine.

use crate::event::{Line, Timestamp};

/// A clock that is set, and messages that overtake each other, move times apart by less than this.
const TOLERANCE: i128 = 10_000_000_000;
/// The member of a line with the time that its Mac has run.
const NAME: &[u8] = b"\"mach_time\":";

/// When a message was sent, by the clock and since its Mac started. FACT: eslogger-mach-time
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uptime {
    time: Timestamp,
    ticks: u64,
}

impl Uptime {
    /// Of the line of a message that was sent at this time, if it states one.
    pub(crate) fn of(line: &Line, time: Timestamp) -> Option<Uptime> {
        // Within text the quotes of the name would be escaped.
        let text = line.as_str();
        let rest = text[memchr::memmem::find(text.as_bytes(), NAME)? + NAME.len()..].trim_start();
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        Some(Uptime { time, ticks: rest[..end].parse().ok()? })
    }

    /// Whether one Mac can have sent both messages. A tick takes a nanosecond or longer, and none comes while the Mac
    /// sleeps: between the two there are no more ticks than nanoseconds, and if the Mac was started between them, there are
    /// no more since then.
    pub(crate) fn may_be_of_one_mac(self, other: Uptime) -> bool {
        let [earlier, later] = if self.time <= other.time { [self, other] } else { [other, self] };
        let passed = i128::from(later.time.nanoseconds()) - i128::from(earlier.time.nanoseconds()) + TOLERANCE;
        let (before, after) = (i128::from(earlier.ticks), i128::from(later.ticks));
        let is_of_one_start = (-TOLERANCE..=passed).contains(&(after - before));
        is_of_one_start || after <= passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const DAY: i64 = 86_400 * SECOND;

    fn uptime(time: i64, ticks: i64) -> Uptime {
        Uptime { time: Timestamp::from_nanoseconds(1_768_469_400 * SECOND + time), ticks: ticks.try_into().unwrap() }
    }

    #[test]
    fn a_mac_that_runs_sleeps_starts_or_has_its_clock_set_a_little_is_one() {
        let first = uptime(0, 9 * DAY);
        for (what, other) in [
            ("at once", uptime(0, 9 * DAY)),
            ("later", uptime(SECOND, 9 * DAY + SECOND)),
            ("with long ticks", uptime(SECOND, 9 * DAY + 24_000_000)),
            ("overtaken", uptime(SECOND, 9 * DAY - SECOND)),
            ("set", uptime(-5 * SECOND, 9 * DAY + SECOND)),
            ("slept", uptime(3 * DAY, 9 * DAY + SECOND)),
            ("started", uptime(3600 * SECOND, 60 * SECOND)),
            ("started before", uptime(-10 * DAY, 40 * DAY)),
            ("earlier", uptime(-DAY, 8 * DAY)),
        ] {
            assert!(first.may_be_of_one_mac(other) && other.may_be_of_one_mac(first), "{what}");
        }
    }

    #[test]
    fn a_mac_that_runs_longer_than_time_has_passed_or_shorter_without_a_start_is_another() {
        let first = uptime(0, 9 * DAY);
        for (what, other) in [
            ("longer", uptime(SECOND, 20 * DAY)),
            ("shorter", uptime(SECOND, 2 * DAY)),
            ("longer, of before", uptime(-SECOND, 20 * DAY)),
            ("shorter, of before", uptime(-SECOND, 2 * DAY)),
        ] {
            assert!(!first.may_be_of_one_mac(other) && !other.may_be_of_one_mac(first), "{what}");
        }
    }

    #[test]
    fn the_ticks_of_a_line_are_read_and_not_those_in_its_text() {
        let ticks = |text: &str| Some(Uptime::of(&Line::from(text.to_owned()), Timestamp::default())?.ticks);
        assert_eq!(ticks(r#"{"args":["\"mach_time\":1,"],"mach_time": 5208,"x":1}"#), Some(5208));
        assert_eq!(ticks(r#"{"mach_time":7}"#), Some(7));
        for text in ["{}", r#"{"mach_time":"#, r#"{"mach_time":null}"#, r#"{"mach_time":99999999999999999999}"#] {
            assert_eq!(ticks(text), None, "{text}");
        }
    }
}
