//! Points in time, as documents write them.

use std::fmt;

use super::Number;

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

    /// From a number since the Unix epoch as documents state it: milliseconds, as Elasticsearch reads it. A number that
    /// would so be of 1970 to 1973 or after 2262, and is of September 2001 or later in seconds, microseconds or
    /// nanoseconds, is in those.
    pub fn from_number(number: Number) -> Option<Timestamp> {
        let whole = number.truncated()?;
        let unit = match whole {
            1_000_000_000..100_000_000_000 => 1_000_000_000,
            ..1_000_000_000 | 100_000_000_000..1_000_000_000_000_000 => 1_000_000,
            1_000_000_000_000_000..1_000_000_000_000_000_000 => 1000,
            _ => 1,
        };
        let fraction = match number {
            Number::Int(_) => 0,
            // Of less than a microsecond a double of this size knows nothing.
            Number::Float(float) => 1000 * ((float - whole as f64) * unit as f64 / 1000.0).round() as i64,
        };
        whole.checked_mul(unit)?.checked_add(fraction).map(Timestamp)
    }

    /// Parses what Elasticsearch's `strict_date_optional_time_nanos` accepts: RFC 3339, and ISO 8601
    /// without a zone (then UTC) or without a time (then midnight).
    pub fn parse(text: &str) -> Option<Timestamp> {
        if let Some(time) = plain(text) {
            return Some(time);
        }
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

/// A time as sensors write it, `2026-11-22T10:00:00.123456789Z` with up to nine decimals: nearly every time there is, and
/// read in a tenth of what a parser of all forms takes. `None` is for that parser to judge.
fn plain(text: &str) -> Option<Timestamp> {
    let (whole, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let number = |range: std::ops::Range<usize>| {
        whole[range]
            .iter()
            .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| 10 * number + i64::from(byte - b'0')))
    };
    let is_separated =
        [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')].iter().all(|(at, byte)| whole[*at] == *byte);
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    // The 29th and later, and the limits of the type, are left to the parser of all forms.
    let is_plain = (1700..2200).contains(&year) && (1..=12).contains(&month) && (1..=28).contains(&day);
    if !is_separated || !is_plain || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(Timestamp(seconds * 1_000_000_000 + decimals(rest)?))
}

/// Nanoseconds, of `.123Z` or `Z`.
fn decimals(text: &[u8]) -> Option<i64> {
    let digits = match text.strip_suffix(b"Z")? {
        [] => return Some(0),
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => digits,
        _ => return None,
    };
    let add = |number, byte: &u8| byte.is_ascii_digit().then(|| 10 * number + i64::from(byte - b'0'));
    let number = digits.iter().try_fold(0, add)?;
    Some((digits.len()..9).fold(number, |number, _| 10 * number))
}

/// Of the Gregorian calendar, for years after 0: years begin in March, so that a leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_before_month = (153 * month + 2) / 5;
    365 * year + year / 4 - year / 100 + year / 400 + days_before_month + day - 719_469
}

/// The year, month and day of which [`days_since_1970`] are these.
fn date(days: i64) -> (i64, i64, i64) {
    // From the first of March of a year that 400 divides, after which the calendar is the same again.
    let (days, cycle) = ((days + 719_468).rem_euclid(146_097), (days + 719_468).div_euclid(146_097));
    let year = (days - days / 1460 + days / 36_524 - days / 146_096) / 365;
    let day = days - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (year, day) = (400 * cycle + year, day - (153 * month + 2) / 5 + 1);
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
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
        let (seconds, nanoseconds) = (self.0.div_euclid(1_000_000_000), self.0.rem_euclid(1_000_000_000));
        let (year, month, day) = date(seconds.div_euclid(86_400));
        let second = seconds.rem_euclid(86_400);
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        for (places, mut number) in [
            (0..4, year),
            (5..7, month),
            (8..10, day),
            (11..13, second / 3600),
            (14..16, second / 60 % 60),
            (17..19, second % 60),
            (20..29, nanoseconds),
        ] {
            for digit in text[places].iter_mut().rev() {
                *digit += (number % 10) as u8;
                number /= 10;
            }
        }
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn every_time_is_written_as_the_calendar_has_it(nanoseconds in i64::MIN..i64::MAX) {
            let any = jiff::Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap();
            prop_assert_eq!(Timestamp::from_nanoseconds(nanoseconds).to_string(), format!("{any:.9}"));
        }

        #[test]
        fn plain_times_are_read_as_any_other(nanoseconds in i64::MIN..i64::MAX, decimals in 0..=9_usize) {
            let text = jiff::Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap();
            let text = if decimals == 0 { format!("{text:.0}") } else { format!("{text:.decimals$}") };
            let any = text.parse::<jiff::Timestamp>().unwrap().as_nanosecond();
            prop_assert_eq!(Timestamp::parse(&text).map(|time| i128::from(time.nanoseconds())), Some(any));
        }

        #[test]
        fn what_is_no_plain_time_is_left_to_the_parser_of_all_forms(text in "[0-9]{4}[-/][0-3][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9a]{0,11})?Z?") {
            if let Some(time) = plain(&text) {
                let any = text.parse::<jiff::Timestamp>().unwrap().as_nanosecond();
                prop_assert_eq!(i128::from(time.nanoseconds()), any);
            }
        }
    }

    #[test]
    fn every_day_is_written_as_the_calendar_has_it() {
        for day in i64::MIN / 86_400_000_000_000..=i64::MAX / 86_400_000_000_000 {
            let (year, month, day_of_month) = date(day);
            assert_eq!(days_since_1970(year, month, day_of_month), day);
            assert!((1..=12).contains(&month) && (1..=31).contains(&day_of_month));
        }
    }

    #[test]
    fn a_number_is_in_the_unit_in_which_it_is_of_this_time_and_else_in_milliseconds() {
        let read = |text: &str| Timestamp::from_number(Number::parse(text)?).map(|time| time.to_string());
        for (text, time) in [
            ("1768469400000", "2026-01-15T09:30:00.000000000Z"),
            ("1768469400", "2026-01-15T09:30:00.000000000Z"),
            ("1768469400.25", "2026-01-15T09:30:00.250000000Z"),
            ("1768469400.1", "2026-01-15T09:30:00.100000000Z"),
            ("1768469400000.5", "2026-01-15T09:30:00.000500000Z"),
            ("1768469400000001", "2026-01-15T09:30:00.000001000Z"),
            ("1768469400000000001", "2026-01-15T09:30:00.000000001Z"),
            ("1.7684694e9", "2026-01-15T09:30:00.000000000Z"),
            ("0", "1970-01-01T00:00:00.000000000Z"),
            ("-1000", "1969-12-31T23:59:59.000000000Z"),
            ("999999999", "1970-01-12T13:46:39.999000000Z"),
            ("100000000000", "1973-03-03T09:46:40.000000000Z"),
            ("9223372036854", "2262-04-11T23:47:16.854000000Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(time), "{text}");
        }
        // Windows counts 100 ns since 1601, .NET since the year 1.
        for text in ["9223372036855", "13400000000000000", "134000000000000000", "639000000000000000", "1e19", "1e300"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn milliseconds_are_floored_before_1970_too() {
        assert_eq!(Timestamp::from_nanoseconds(-1).milliseconds(), -1);
        assert_eq!(Timestamp::from_nanoseconds(1_999_999).milliseconds(), 1);
    }
}
