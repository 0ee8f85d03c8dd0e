//! The values of the configuration, each with its range.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

const KIB: u64 = 1 << 10;
const TIB: u64 = 1 << 40;
const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

/// A compiled redaction may take this much memory.
const MAX_REGEX_BYTES: usize = 1 << 20;

pub(super) fn write_duration<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_duration(*value))
}

pub(super) fn write_size<S: Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
    let units = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")];
    let (unit, name) = units.into_iter().find(|(unit, _)| value.is_multiple_of(*unit)).unwrap_or((1, "B"));
    to.collect_str(&format_args!("{}{name}", value / unit))
}

fn within<T: PartialOrd + Display, E: serde::de::Error>(value: T, low: T, high: T) -> Result<T, E> {
    if value < low || value > high {
        return Err(E::custom(format!("{value} is out of range: {low} to {high}")));
    }
    Ok(value)
}

fn duration<'de, D: Deserializer<'de>>(from: D, low_ms: u64, high_ms: u64) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    let value = humantime::parse_duration(&text)
        .map_err(|error| D::Error::custom(format!("{text:?} is no duration, such as \"30s\" or \"24h\": {error}")))?;
    let (low, high) = (Duration::from_millis(low_ms), Duration::from_millis(high_ms));
    if value < low || value > high {
        let shown = |value| humantime::format_duration(value).to_string();
        return Err(D::Error::custom(format!("{text:?} is out of range: {} to {}", shown(low), shown(high))));
    }
    Ok(value)
}

fn size<'de, D: Deserializer<'de>>(from: D, low: u64, high: u64) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    let value: ByteSize =
        text.parse().map_err(|error| D::Error::custom(format!("{text:?} is no size, such as \"16MiB\": {error}")))?;
    let value = value.as_u64();
    if value < low || value > high {
        let why = format!("{text:?} is out of range: {} KiB to {} KiB", low / KIB, high / KIB);
        return Err(D::Error::custom(why));
    }
    Ok(value)
}

pub(super) fn fsync_interval<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration(from, 10, 60 * MINUTE)
}

pub(super) fn rotate_age<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration(from, MINUTE, 366 * DAY)
}

pub(super) fn keep_age<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration(from, MINUTE, 3660 * DAY)
}

pub(super) fn window<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration(from, 1000, DAY)
}

pub(super) fn rotate_size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    size(from, 64 * KIB, TIB)
}

pub(super) fn keep_size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    size(from, 64 * KIB, 1024 * TIB)
}

pub(super) fn keep_files<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    within(i64::deserialize(from)?, 1, 10_000).map(|value| value as u32)
}

pub(super) fn compress_after<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    within(i64::deserialize(from)?, 1, 10_000).map(|value| Some(value as u32))
}

pub(super) fn max_alerts<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    within(i64::deserialize(from)?, 0, 1_000_000).map(|value| value as u64)
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
        built.map_err(|error| D::Error::custom(format!("{text:?} is no regular expression: {error}")))?;
    }
    Ok(list)
}
