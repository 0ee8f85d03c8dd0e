//! The alert file of a command.

use std::path::Path;

use crate::config::Config;
use crate::output::{Options, Rotation};

/// How to write alerts to this file. Without a configuration the file only grows.
pub(super) fn options(path: &Path, config: Option<&Config>) -> Options {
    let mut options = Options::new(path);
    if let Some(Config { alerts, limits, .. }) = config {
        options.memory = usize::try_from(limits.alert_queue).unwrap_or(usize::MAX);
        options.fsync = alerts.fsync;
        options.fsync_interval = alerts.fsync_interval;
        options.rotation = Some(Rotation {
            size: alerts.rotate_size,
            age: alerts.rotate_age,
            keep_files: alerts.keep_files as usize,
            keep_age: alerts.keep_age,
            keep_size: alerts.keep_size,
            compress_after: alerts.compress_after.map(|files| files as usize),
        });
        options.state_directory = Some(alerts.state_directory.clone());
    }
    options
}
