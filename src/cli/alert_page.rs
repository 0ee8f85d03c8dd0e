//! The page that `osawatch alerts --html` writes.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::clock::now;
use super::exit::{self, Failure};
use crate::output::terminal;
use crate::report::{Case, html, plural, visible};

/// Writes the page of these alerts, with what is to be said of others and the triage notes of the rules by their ids; `-`
/// is standard output.
pub(super) fn write(
    (alerts, limits): (&Case, Vec<String>),
    path: &Path,
    notes: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let page = html::page(alerts, limits, notes, now());
    if path.as_os_str() == "-" {
        return exit::print(&page).map(|_| ());
    }
    replace(path, page.as_bytes())
        .map_err(|error| Failure::new(Failure::CANNOT_CREATE, format!("{}: cannot write: {error}", path.display())))?;
    let shown = plural(alerts.counts().0, "alert");
    terminal::say(&format!("{shown} in {}", visible(&path.display().to_string())));
    tell_more(alerts);
    Ok(())
}

/// What the page does not show: one without alerts must not read as if there were none.
pub(super) fn limits(unwanted: u64, bad: u64, is_cut_off: bool) -> Vec<String> {
    let lines = [
        (
            unwanted,
            format!(
                "{} of other rules, hosts, severities or times, which were not asked for",
                plural(unwanted, "alert")
            ),
        ),
        (bad, format!("{} skipped that are no alerts", plural(bad, "value"))),
        (is_cut_off.into(), "an alert file was cut off".to_owned()),
    ];
    lines.into_iter().filter(|(count, _)| *count > 0).map(|(_, line)| line).collect()
}

/// Says how many alerts the page of a case does not show.
pub(super) fn tell_more(alerts: &Case) {
    let more = alerts.counts().1;
    if more > 0 {
        log::warn!("{} found no room in the page: choose fewer by their time or their host", plural(more, "alert"));
    }
}

/// Writes a new file of mode 0600 in the place of what has that name: another name of that file keeps what it has.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("not a regular file"));
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}
