//! The folders that osawatch writes to: owner, mode, links, room, and who works with them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Check;
use crate::quantity::write_size;
use crate::visible::quoted;

/// Less room than this is too little for a day of alerts.
const LITTLE_ROOM: u64 = 1 << 30;
/// With less, alerts are about to be kept in memory.
const NO_ROOM: u64 = 64 << 20;

/// A folder that osawatch writes to, and makes with this mode.
pub(crate) fn folder(name: &'static str, path: &Path, mode: u32) -> Check {
    let shown = path.display().to_string();
    let word = quoted(&shown);
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Check::warn(
                name,
                format!("{shown} does not exist; `osawatch run` makes it"),
                format!("sudo install -d -m {mode:o} {word}"),
            );
        }
        Err(error) => return Check::fail(name, format!("{shown}: {error}"), "run it with sudo"),
    };
    if found.is_symlink() {
        return Check::fail(name, format!("{shown} is a symbolic link"), "name the folder itself in the configuration");
    }
    if !found.is_dir() {
        return Check::fail(
            name,
            format!("{shown} is not a folder"),
            format!("move it away: sudo mv {word} {}", quoted(&format!("{shown}.old"))),
        );
    }
    let user = rustix::process::geteuid().as_raw();
    if found.uid() != 0 && found.uid() != user {
        let owner = format!("{shown} belongs to user {}, who can change what is written there", found.uid());
        return Check::fail(name, owner, format!("sudo chown 0 {word}"));
    }
    if found.mode() & 0o022 != 0 && found.mode() & 0o1000 == 0 {
        let mode = found.mode() & 0o7777;
        return Check::fail(
            name,
            format!("{shown} is writable by group or others (mode {mode:04o})"),
            format!("sudo chmod go-w {word}"),
        );
    }
    room(name, path)
}

fn room(name: &'static str, path: &Path) -> Check {
    let shown = path.display();
    let Ok(found) = rustix::fs::statvfs(path) else { return Check::pass(name, format!("{shown}")) };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    // Kilobytes would only look exact.
    let rounded = write_size(free >> 20 << 20);
    let text = format!("{shown}, {rounded} free");
    let remedy = "make room, or lower `alerts.keep_size`";
    match free {
        0..NO_ROOM => Check::fail(name, text, remedy),
        NO_ROOM..LITTLE_ROOM => Check::warn(name, text, remedy),
        _ => Check::pass(name, text),
    }
}

/// Whether an agent works with the state directory: its pid, as it wrote it.
pub(crate) fn instance(holder: io::Result<Option<String>>) -> Check {
    const NAME: &str = "running agent";
    match holder {
        Ok(Some(pid)) => {
            Check::pass(NAME, pid.trim().parse().map_or("an agent runs".to_owned(), |pid: u32| format!("pid {pid}")))
        }
        Ok(None) => Check::warn(
            NAME,
            "no agent runs",
            "start it: sudo launchctl kickstart system/io.osawatch.agent, or `sudo osawatch run`",
        ),
        Err(error) => Check::warn(NAME, format!("unknown: the lock of the state folder: {error}"), "run it with sudo"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_folder_that_others_can_change_a_link_and_a_file_fail_with_the_remedy() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("log");
        fs::create_dir(&inner).unwrap();
        let check = |path: &Path| folder("log", path, 0o700);
        assert_ne!(check(&inner).state, State::NotApplicable);
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o777)).unwrap();
        let open = check(&inner);
        assert_eq!(open.state, State::Fail);
        assert_eq!(open.remedy, format!("sudo chmod go-w '{}'", inner.display()));
        symlink(&inner, outer.path().join("link")).unwrap();
        assert!(check(&outer.path().join("link")).finding.ends_with("is a symbolic link"));
        fs::write(outer.path().join("file"), "").unwrap();
        assert!(check(&outer.path().join("file")).finding.ends_with("is not a folder"));
        let none = check(&outer.path().join("it's none"));
        let wanted = format!("sudo install -d -m 700 '{}/it'\\''s none'", outer.path().display());
        assert_eq!((none.state, none.remedy), (State::Warn, wanted));
    }

    #[test]
    fn an_agent_is_known_by_its_lock_and_none_is_where_it_cannot_be_locked() {
        assert_eq!(instance(Ok(None)).state, State::Warn);
        assert_eq!(instance(Ok(Some("4711".to_owned()))), Check::pass("running agent", "pid 4711"));
        assert_eq!(instance(Ok(Some(String::new()))), Check::pass("running agent", "an agent runs"));
        let unknown = instance(Err(io::Error::other("cannot be locked: not supported")));
        assert_eq!(unknown.state, State::Warn);
        assert!(unknown.finding.ends_with("cannot be locked: not supported"), "{}", unknown.finding);
    }
}
