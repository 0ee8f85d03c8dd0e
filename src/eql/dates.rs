//! Dates as a rule writes them. One that leaves out its smaller parts means all instants that it
//! covers: `"2026-11-22"` is a day, `"2026-11-22T10:00:00Z"` a second.

use super::comparison::Comparison;
use crate::event::{Number, Scalar, Timestamp};

/// The first and the last millisecond of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    first: i64,
    last: i64,
}

impl Date {
    /// Reads ISO 8601 in whole or in part, or milliseconds since 1970.
    pub(super) fn parse(text: &str) -> Option<Date> {
        let (day, time) = text.split_once('T').map_or((text, None), |(day, time)| (day, Some(time)));
        let parts = day.split('-').count();
        let is_day = day.len() == [4, 7, 10].get(parts - 1).copied()? && day.is_ascii();
        if !is_day || !day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return text.parse().ok().filter(|_| text.len() > 4).map(Date::at);
        }
        let first_day = format!("{day}{}", ["-01-01", "-01", ""].get(parts - 1)?);
        let Some(time) = time.filter(|time| !time.is_empty()) else {
            // Only the time of the day is rounded up, never the day or the month.
            return Date::between(&format!("{first_day}T00:00:00"), &format!("{first_day}T23:59:59.999"), "Z");
        };
        if parts != 3 {
            return None;
        }
        let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
        let (clock, zone) = time.split_at(zone_at);
        let zone = if zone.is_empty() { "Z" } else { zone };
        let (first, last) = match clock.len() {
            2 => (format!("{clock}:00:00"), format!("{clock}:59:59.999")),
            5 => (format!("{clock}:00"), format!("{clock}:59.999")),
            8 => (clock.to_owned(), format!("{clock}.999")),
            _ => (clock.to_owned(), clock.to_owned()),
        };
        Date::between(&format!("{day}T{first}"), &format!("{day}T{last}"), zone)
    }

    /// Milliseconds since 1970.
    pub(super) fn from_number(number: Number) -> Option<Date> {
        number.truncated().map(Date::at)
    }

    fn at(milliseconds: i64) -> Date {
        Date { first: milliseconds, last: milliseconds }
    }

    fn between(first: &str, last: &str, zone: &str) -> Option<Date> {
        let read = |text: &str| Timestamp::parse(&format!("{text}{zone}")).map(Timestamp::milliseconds);
        Some(Date { first: read(first)?, last: read(last)? })
    }

    /// Whether an instant compares so with the date.
    pub(super) fn holds(self, instant: i64, comparison: Comparison) -> bool {
        match comparison {
            Comparison::Equal => (self.first..=self.last).contains(&instant),
            Comparison::NotEqual => !(self.first..=self.last).contains(&instant),
            Comparison::Less => instant < self.first,
            Comparison::LessOrEqual => instant <= self.last,
            Comparison::Greater => instant > self.last,
            Comparison::GreaterOrEqual => instant >= self.first,
        }
    }
}

/// The instant of a value of a `date` field, in milliseconds; `None` when it is malformed.
pub(super) fn instant(value: Scalar<'_>) -> Option<i64> {
    match value {
        Scalar::Str(text) => match Timestamp::parse(text) {
            Some(time) => Some(time.milliseconds()),
            None => Date::parse(text).map(|date| date.first),
        },
        Scalar::Int(number) => Some(number),
        Scalar::Float(number) => Number::Float(number).truncated(),
        Scalar::Bool(_) => None,
    }
}

/// An instant as Elasticsearch writes it: RFC 3339 in UTC with three decimals.
pub(super) fn written(instant: i64) -> String {
    match jiff::Timestamp::from_millisecond(instant) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => instant.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_stands_for_all_that_its_parts_leave_open() {
        let day = 1_767_225_600_000;
        for (text, first, last) in [
            ("2026-01-01T00:00:00.000Z", day, day),
            ("2026-01-01T00:00:00Z", day, day + 999),
            ("2026-01-01T00:00Z", day, day + 59_999),
            ("2026-01-01T00", day, day + 3_599_999),
            ("2026-01-01", day, day + 86_399_999),
            ("2026-01", day, day + 86_399_999),
            ("2026", day, day + 86_399_999),
            ("2026-01-01T01:00:00+01:00", day, day + 999),
            ("1767225600000", day, day),
        ] {
            assert_eq!(Date::parse(text), Some(Date { first, last }), "{text}");
        }
        for text in ["", "now", "2026-13-01", "20", "2026-1-1", "2026-01T10:00:00Z", "yesterday"] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert_eq!(written(day + 5), "2026-01-01T00:00:00.005Z");
    }
}
