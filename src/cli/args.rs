//! Values on the command line.

use std::time::Duration;

use crate::quantity;

/// A duration such as `5s`, `1m 30s` or `7d`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    quantity::parse_duration(text)
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a number of at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}
