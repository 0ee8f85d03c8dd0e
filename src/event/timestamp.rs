//! Points in time, as documents write them.

use std::fmt;

/// Nanoseconds since 1970-01-01T00:00:00Z; from the year 1678 to 2261.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From nanoseconds since the Unix epoch.
    pub fn from_nanoseconds(nanoseconds: i64) -> Timestamp {
        Timestamp(nanoseconds)
    }

    /// From milliseconds since the Unix epoch; `None` outside the years 1678 to 2261.
    pub fn from_milliseconds(milliseconds: i64) -> Option<Timestamp> {
        milliseconds.checked_mul(1_000_000).map(Timestamp)
    }

    /// Parses what Elasticsearch's `strict_date_optional_time_nanos` accepts: RFC 3339, and ISO 8601
    /// without a zone (then UTC) or without a time (then midnight).
    pub fn parse(text: &str) -> Option<Timestamp> {
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return i64::try_from(time.as_nanosecond()).ok().map(Timestamp);
        }
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        let time = jiff::tz::Offset::UTC.to_timestamp(civil).ok()?;
        i64::try_from(time.as_nanosecond()).ok().map(Timestamp)
    }

    /// Nanoseconds since the Unix epoch.
    pub fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the Unix epoch, floored: what an Elasticsearch `date` field keeps.
    pub fn milliseconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This time and a span, at most the latest time there is.
    pub fn saturating_add(self, span: std::time::Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// This time less a span, at least the earliest time there is.
    pub fn saturating_sub(self, span: std::time::Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl From<std::time::SystemTime> for Timestamp {
    /// The nearest time there is.
    fn from(time: std::time::SystemTime) -> Timestamp {
        let nanoseconds = |span: std::time::Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Timestamp(match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => nanoseconds(since),
            Err(before) => -nanoseconds(before.duration()),
        })
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with nine decimals, as Apple's `eslogger` writes times.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(time) => write!(f, "{time:.9}"),
            Err(_) => Err(fmt::Error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_elasticsearch_reads_them_and_written_with_nine_decimals() {
        for (text, written) in [
            ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000000000Z"),
            ("2026-11-22T10:00:00.1234567Z", "2026-11-22T10:00:00.123456700Z"),
            ("2026-11-22T12:00:00.5+02:00", "2026-11-22T10:00:00.500000000Z"),
            ("2026-11-22T10:00:00.25", "2026-11-22T10:00:00.250000000Z"),
            ("2026-11-22", "2026-11-22T00:00:00.000000000Z"),
            ("1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"),
        ] {
            assert_eq!(Timestamp::parse(text).map(|time| time.to_string()).as_deref(), Some(written), "{text}");
        }
        for text in ["", "now", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-22T10:00:00Zx"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn milliseconds_are_floored_before_1970_too() {
        assert_eq!(Timestamp::from_nanoseconds(-1).milliseconds(), -1);
        assert_eq!(Timestamp::from_nanoseconds(1_999_999).milliseconds(), 1);
    }
}
