//! The values of the configuration, each with its range.

use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::quantity::{DAY, MINUTE, duration, number, size};

const KIB: u64 = 1 << 10;
const TIB: u64 = 1 << 40;

/// A compiled redaction may take this much memory.
const MAX_REGEX_BYTES: usize = 1 << 20;

pub(super) fn fsync_interval<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration(from, 10..=60 * MINUTE)
}

pub(super) fn rotate_age<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration(from, MINUTE..=366 * DAY)
}

pub(super) fn keep_age<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    duration(from, MINUTE..=3660 * DAY)
}

pub(super) fn rotate_size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    size(from, 64 * KIB..=TIB)
}

pub(super) fn keep_size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    size(from, 64 * KIB..=1024 * TIB)
}

pub(super) fn keep_files<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    number(from, 1..=10_000).map(|value| u32::try_from(value).unwrap_or(u32::MAX))
}

pub(super) fn compress_after<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    keep_files(from).map(Some)
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
        built.map_err(|error| D::Error::custom(format!("{text:?} is not a valid regular expression: {error}")))?;
    }
    Ok(list)
}
