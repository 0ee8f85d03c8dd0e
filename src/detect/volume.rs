//! How many alerts may go out: the settings.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::quantity;

/// What `max_alerts` may be.
pub(crate) const MAX_ALERTS: RangeInclusive<u64> = 0..=1_000_000;
/// What `window` may be, in milliseconds.
pub(crate) const WINDOW: RangeInclusive<u64> = 1000..=quantity::DAY;

/// The limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Volume {
    /// Alerts of one rule in one window; 0 is no limit. At most 1,000,000.
    #[serde(deserialize_with = "max_alerts")]
    pub max_alerts: u64,
    /// The window, from the first alert in it; 1 s to 1 day.
    #[serde(serialize_with = "quantity::serialize_duration", deserialize_with = "window")]
    pub window: Duration,
    /// Limits of single rules, by id.
    pub rules: BTreeMap<String, RuleVolume>,
}

/// The limit of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleVolume {
    /// As [`Volume::max_alerts`].
    #[serde(deserialize_with = "max_alerts")]
    pub max_alerts: u64,
}

impl Default for Volume {
    fn default() -> Volume {
        Volume { max_alerts: 100, window: Duration::from_secs(300), rules: BTreeMap::new() }
    }
}

fn max_alerts<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    quantity::number(from, MAX_ALERTS)
}

fn window<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    quantity::duration(from, WINDOW)
}
