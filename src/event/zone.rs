//! Times of a clock, of which only the zone tells when they were.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::Timestamp;

/// How Kibana writes dates, with any number of decimals.
const KIBANA: &str = "%b %d, %Y @ %H:%M:%S%.f";

/// A zone of times that state none.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

/// A time that states no zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockTime(DateTime);

impl Zone {
    /// `UTC`, an offset such as `+02:00`, or a name that the system knows, such as `Europe/Berlin`.
    pub fn parse(text: &str) -> Option<Zone> {
        if text.eq_ignore_ascii_case("UTC") || text == "Z" {
            return Some(Zone(TimeZone::UTC));
        }
        let zone = offset(text).map(TimeZone::fixed).or_else(|| TimeZone::get(text).ok())?;
        Some(Zone(zone))
    }

    /// When a clock of this zone showed the time; `None` where it never did, or twice.
    pub fn time(&self, clock: ClockTime) -> Option<Timestamp> {
        let time = self.0.to_ambiguous_timestamp(clock.0).unambiguous().ok()?;
        i64::try_from(time.as_nanosecond()).ok().map(Timestamp::from_nanoseconds)
    }
}

impl ClockTime {
    /// A date of ISO 8601 or of Kibana, if it states no zone.
    pub fn parse(text: &str) -> Option<ClockTime> {
        if text.parse::<jiff::Timestamp>().is_ok() {
            return None;
        }
        text.parse().ok().or_else(|| DateTime::strptime(KIBANA, text).ok()).map(ClockTime)
    }
}

/// `+HH:MM` or `-HH:MM`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, clock) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = clock.split_once(':')?;
    let part = |digits: &str, end: i32| {
        let is_part = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i32>().ok().filter(|number| is_part && *number < end)
    };
    Offset::from_seconds(sign * (part(hours, 24)? * 3600 + part(minutes, 60)? * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(zone: &str, clock: &str) -> Option<String> {
        Zone::parse(zone).unwrap().time(ClockTime::parse(clock)?).map(|time| time.to_string())
    }

    #[test]
    fn a_time_of_a_clock_is_when_the_zone_says() {
        for (zone, clock, time) in [
            ("UTC", "Jan 5, 2026 @ 08:00:00.000", "2026-01-05T08:00:00.000000000Z"),
            ("utc", "Jan 15, 2026 @ 08:00:00.123456789", "2026-01-15T08:00:00.123456789Z"),
            ("+05:30", "2026-01-15 08:00:00.5", "2026-01-15T02:30:00.500000000Z"),
            ("-08:00", "2026-01-15T20:00:00", "2026-01-16T04:00:00.000000000Z"),
            ("Z", "2026-01-15", "2026-01-15T00:00:00.000000000Z"),
        ] {
            assert_eq!(read(zone, clock).as_deref(), Some(time), "{zone} {clock}");
        }
    }

    #[test]
    fn what_states_its_zone_or_is_no_date_is_no_time_of_a_clock() {
        for text in
            ["2026-01-15T08:00:00Z", "2026-01-15T08:00:00.000+0000", "2026-01-15T08:00:00+01:00", "now", "", "-"]
        {
            assert_eq!(ClockTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_that_a_clock_never_showed_or_showed_twice_is_none() {
        let Some(zone) = Zone::parse("Europe/Berlin") else { return };
        let time = |clock: &str| zone.time(ClockTime::parse(clock).unwrap()).map(|time| time.to_string());
        assert_eq!(time("Mar 29, 2026 @ 02:30:00.000"), None);
        assert_eq!(time("Oct 25, 2026 @ 02:30:00.000"), None);
        assert_eq!(time("Jul 1, 2026 @ 12:00:00.000").as_deref(), Some("2026-07-01T10:00:00.000000000Z"));
    }

    #[test]
    fn what_is_no_zone_is_none() {
        for text in ["", "CEST!", "+1", "+25:00", "+01:60", "+0a:00", "here"] {
            assert!(Zone::parse(text).is_none(), "{text}");
        }
    }
}
