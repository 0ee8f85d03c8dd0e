//! Durations, sizes and counts as people write them: one grammar for the command line and for files.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytesize::ByteSize;
use jiff::{Span, SpanRelativeTo};
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// How long a day is, in milliseconds.
pub(crate) const DAY: u64 = 24 * 60 * MINUTE;
/// How long a minute is, in milliseconds.
pub(crate) const MINUTE: u64 = 60_000;

/// A duration such as `30s`, `1h 30m`, `500ms` or `7d`; a bare number is seconds, and a day has 24 hours.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let span = || text.parse::<Span>().ok()?.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok();
    seconds.or_else(span).ok_or_else(|| "not a valid duration; write it as 30s, 1h30m or 7d".to_owned())
}

/// A duration in its largest unit that gives a whole number; days from two days on.
pub(crate) fn write_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [(u128::from(DAY), "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    let unit =
        units.into_iter().find(|(unit, name)| ms.is_multiple_of(*unit) && ms >= *unit * (1 + u128::from(*name == "d")));
    unit.map_or_else(
        || if ms == 0 { "0s".to_owned() } else { format!("{ms}ms") },
        |(unit, name)| format!("{}{name}", ms / unit),
    )
}

/// A size such as `16MiB`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let size: Result<ByteSize, _> = text.parse();
    size.map(|size| size.as_u64()).map_err(|_| "not a valid size; write it as 16MiB".to_owned())
}

/// A size in its largest unit that gives a whole number.
pub(crate) fn write_size(bytes: u64) -> String {
    let units = [(1 << 50, "PiB"), (1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")];
    let (unit, name) = units.into_iter().find(|(unit, _)| bytes.is_multiple_of(*unit)).unwrap_or((1, "B"));
    format!("{}{name}", bytes / unit)
}

/// Serialises a duration.
pub(crate) fn serialize_duration<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&write_duration(*value))
}

/// Serialises a size.
pub(crate) fn serialize_size<S: Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&write_size(*value))
}

/// Deserialises a duration in milliseconds.
pub(crate) fn duration<'de, D: Deserializer<'de>>(from: D, range: RangeInclusive<u64>) -> Result<Duration, D::Error> {
    let (low, high) = (Duration::from_millis(*range.start()), Duration::from_millis(*range.end()));
    let within = format!("{} to {}", write_duration(low), write_duration(high));
    let parse = |text: &str| match parse_duration(text)? {
        value if value < low || value > high => Err(format!("out of range: {within}")),
        value => Ok(value),
    };
    from.deserialize_str(Text { parse, expected: format!("a duration such as \"30s\", in quotes, from {within}") })
}

/// Deserialises a size.
pub(crate) fn size<'de, D: Deserializer<'de>>(from: D, range: RangeInclusive<u64>) -> Result<u64, D::Error> {
    let within = format!("{} to {}", write_size(*range.start()), write_size(*range.end()));
    let parse = |text: &str| match parse_size(text)? {
        value if !range.contains(&value) => Err(format!("out of range: {within}")),
        value => Ok(value),
    };
    from.deserialize_str(Text { parse, expected: format!("a size such as \"16MiB\", in quotes, from {within}") })
}

/// Deserialises a whole number.
pub(crate) fn number<'de, D: Deserializer<'de>>(from: D, range: RangeInclusive<u64>) -> Result<u64, D::Error> {
    from.deserialize_i64(Number(range))
}

struct Text<F> {
    parse: F,
    expected: String,
}

impl<T, F: Fn(&str) -> Result<T, String>> Visitor<'_> for Text<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(|why| E::custom(format!("{text:?} is {why}")))
    }
}

struct Number(RangeInclusive<u64>);

impl Visitor<'_> for Number {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.0.start(), self.0.end())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        let within = u64::try_from(number).ok().filter(|number| self.0.contains(number));
        let (low, high) = (self.0.start(), self.0.end());
        within.ok_or_else(|| E::custom(format!("{number} is out of range: {low} to {high}")))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_it_is_read() {
        for (text, ms) in [
            ("0s", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("90s", 90_000),
            ("5m", 300_000),
            ("24h", DAY),
            ("7d", 7 * DAY),
            ("30d", 30 * DAY),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
            assert_eq!(write_duration(Duration::from_millis(ms)), text);
        }
        for (text, ms) in [("0", 0), ("2.5", 2500), ("1h30m", 90 * MINUTE), ("1 day 2h", DAY + 120 * MINUTE)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "soon", "-5s", "1y", "1 month", "nan", "1e400"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_written_as_it_is_read() {
        for (text, bytes) in [("0B", 0), ("1500KiB", 1500 << 10), ("16MiB", 16 << 20), ("2TiB", 2 << 40), ("7B", 7)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
            assert_eq!(parse_size(&write_size(bytes)), Ok(bytes));
        }
        assert_eq!(write_size(1 << 50), "1PiB");
        assert!(parse_size("big").is_err());
    }
}
