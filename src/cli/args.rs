//! Values on the command line.

use std::time::Duration;

use super::exit::Failure;
use crate::event::{Timestamp, Zone};
use crate::quantity;

/// A duration such as `5s`, `1m 30s` or `7d`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    quantity::parse_duration(text)
}

/// A time, or the midnight that a date begins with.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "not a time; write it as 2026-11-24T09:00:00Z or 2026-11-24".to_owned())
}

/// The zone of times that state none.
pub(super) fn zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text).ok_or_else(|| "not a zone; write it as Europe/Berlin, +01:00 or UTC".to_owned())
}

/// A time, or the last moment of the day that a date names: a window of one day holds that day.
pub(super) fn end(text: &str) -> Result<Timestamp, String> {
    let (time, is_day) = (time(text)?, !text.trim().contains(['T', 't', ' ']));
    Ok(if is_day { time.saturating_add(Duration::from_secs(24 * 3600) - Duration::from_nanos(1)) } else { time })
}

/// Refuses two options of which the second names a time before that of the first: nothing is between.
pub(super) fn in_order(
    (from, begin): (&str, Option<Timestamp>),
    (to, end): (&str, Option<Timestamp>),
) -> Result<(), Failure> {
    if begin.zip(end).is_some_and(|(begin, end)| begin > end) {
        return Err(Failure::new(Failure::USAGE, format!("{to} is before {from}: nothing is between them")));
    }
    Ok(())
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a number of at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}
