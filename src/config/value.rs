//! The values of the configuration, each with its range.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::quantity::{DAY, MINUTE, duration, number, size, write_duration};
use crate::visible::{MAX_NAME, clipped};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

/// Ranges in milliseconds, bytes or counts: what is read, and what the table of keys says of it.
type Range = RangeInclusive<u64>;
pub(super) const FSYNC_INTERVAL: Range = 10..=60 * MINUTE;
pub(super) const ROTATE_AGE: Range = MINUTE..=366 * DAY;
pub(super) const KEEP_AGE: Range = MINUTE..=3660 * DAY;
pub(super) const ROTATE_SIZE: Range = 64 * KIB..=TIB;
pub(super) const KEEP_SIZE: Range = 64 * KIB..=1024 * TIB;
pub(super) const KEEP_FILES: Range = 1..=10_000;
pub(super) const HEARTBEAT: Range = MINUTE..=DAY;
pub(super) const CPU: Range = 0..=100;
pub(super) const MEMORY: Range = 16 * MIB..=1024 * MIB;
pub(super) const QUEUE: Range = 1024..=1_048_576;
pub(super) const ALERT_QUEUE: Range = MIB..=256 * MIB;
pub(super) const GRACE: Range = 0..=MINUTE;

/// A compiled redaction may take this much memory.
const MAX_REGEX_BYTES: usize = 1 << 20;

pub(super) fn fsync_interval<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration(from, FSYNC_INTERVAL)
}

pub(super) fn rotate_age<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration(from, ROTATE_AGE)
}

pub(super) fn keep_age<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration(from, KEEP_AGE)
}

pub(super) fn rotate_size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    size(from, ROTATE_SIZE)
}

pub(super) fn keep_size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    size(from, KEEP_SIZE)
}

pub(super) fn keep_files<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    number(from, KEEP_FILES).map(|value| u32::try_from(value).unwrap_or(u32::MAX))
}

pub(super) fn compress_after<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    keep_files(from).map(Some)
}

/// Zero turns it off.
pub(super) fn heartbeat<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let [least, most] = [HEARTBEAT.start(), HEARTBEAT.end()].map(|limit| Duration::from_millis(*limit));
    let read = duration(from, 0..=*HEARTBEAT.end())?;
    if !read.is_zero() && read < least {
        let [read, least, most] = [read, least, most].map(write_duration);
        return Err(D::Error::custom(format!("\"{read}\" is out of range: {least} to {most}, or 0s for none")));
    }
    Ok(read)
}

pub(super) fn cpu<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    number(from, CPU).map(|value| u32::try_from(value).unwrap_or(u32::MAX))
}

pub(super) fn memory<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    size(from, MEMORY)
}

pub(super) fn queue<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    number(from, QUEUE).map(|value| u32::try_from(value).unwrap_or(u32::MAX))
}

pub(super) fn alert_queue<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    size(from, ALERT_QUEUE)
}

pub(super) fn grace<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration(from, GRACE)
}

pub(super) fn absolute<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(from)?;
    if path.is_absolute() { Ok(path) } else { Err(D::Error::custom("the path must be absolute: begin it with `/`")) }
}

pub(super) fn absolute_paths<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
    let paths = Vec::<PathBuf>::deserialize(from)?;
    match paths.iter().find(|path| !path.is_absolute()) {
        None => Ok(paths),
        Some(path) => {
            Err(D::Error::custom(format!("the path `{}` must be absolute: begin it with `/`", path.display())))
        }
    }
}

pub(super) fn regexes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let list = Vec::<String>::deserialize(from)?;
    for text in &list {
        let built = regex::RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).build();
        built.map_err(|error| {
            // The error repeats the whole expression, with a caret below it.
            let error = error.to_string();
            let why = if text.len() > MAX_NAME { error.lines().last().unwrap_or_default() } else { &error };
            D::Error::custom(format!("{:?} is not a valid regular expression: {why}", clipped(text, MAX_NAME)))
        })?;
    }
    Ok(list)
}
