//! The script file, read once, by descriptor, bounded. Whoever ran the script may have put anything there.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use sha2::{Digest, Sha256};

use super::{content, hex};
use crate::event::{Event, Script, field};

/// A larger file is not hashed: the engine would stand still.
const MAX_BYTES: u64 = 16 << 20;
/// What a bundle runs.
const IN_BUNDLE: [&str; 2] = ["Contents/document.wflow", "Contents/Resources/Scripts/main.scpt"];

pub(super) fn language_of_name(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "js" | "jxa" => Some("JavaScript"),
        "applescript" => Some("AppleScript"),
        _ => None,
    }
}

/// Fills in what the file tells.
pub(super) fn read(path: &str, event: &Event, script: &mut Script) {
    match try_read(path, event, script) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => script.state = Some("gone"),
        Err(_) => script.state = Some("unreadable"),
    }
    script.language = script.language.or_else(|| language_of_name(path));
}

fn open(path: &str) -> io::Result<File> {
    // A FIFO must not hold the agent up, a terminal must not become its own.
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

fn try_read(path: &str, event: &Event, script: &mut Script) -> io::Result<()> {
    let mut file = open(path)?;
    let mut metadata = file.metadata()?;
    if metadata.is_dir() {
        let inner = IN_BUNDLE.iter().find_map(|inner| open(&format!("{path}/{inner}")).ok());
        let Some(inner) = inner else {
            script.state = Some("not_a_file");
            return Ok(());
        };
        metadata = inner.metadata()?;
        file = inner;
    }
    if !metadata.is_file() {
        script.state = Some("not_a_file");
        return Ok(());
    }
    script.size = Some(metadata.len());
    // The agent reads as root what the script's user may not have been able to: that stays out of alerts.
    let user = event.str(field::USER_ID).and_then(|user| user.parse::<u32>().ok());
    if metadata.mode() & 0o004 == 0 && user.is_none_or(|user| user != 0 && user != metadata.uid()) {
        script.state = Some("not_readable_by_user");
        return Ok(());
    }
    if metadata.len() > MAX_BYTES {
        script.state = Some("too_large");
        return Ok(());
    }
    let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    if modified > event.time.nanoseconds() {
        script.state = Some("changed");
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    script.sha256 = Some(hex(Sha256::digest(&bytes).as_slice()));
    content::describe(&bytes, script);
    Ok(())
}
