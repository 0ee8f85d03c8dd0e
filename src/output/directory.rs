//! The directories that are ours: made at the start where there are none, so that the first start works before any
//! installer ran, and used only when no one else can change what is in them.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use crate::visible::quoted;

/// The mode of the state directory, for us alone.
pub(super) const STATE: u32 = 0o700;
/// The mode of the directory of alerts, which a group may read.
pub(super) const ALERTS: u32 = 0o750;

/// Makes the directory with this mode if there is none. One that others could change is an error, and so is a link,
/// whose target someone else may have chosen. The links in `/` are the system's: `/tmp` is one on a Mac.
pub(super) fn ensure(directory: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let is_of_the_system = directory.parent() == Some(Path::new("/"));
    let found = if is_of_the_system { fs::metadata(directory) } else { fs::symlink_metadata(directory) }?;
    if found.is_symlink() {
        let target = directory.with_file_name(fs::read_link(directory)?);
        let text =
            format!("is a symbolic link; refusing to follow it; name the directory itself: {}", target.display());
        return Err(io::Error::other(text));
    }
    if !found.is_dir() {
        return Err(io::Error::other("not a directory"));
    }
    if !is_own(&found, mode == ALERTS) {
        let user = rustix::process::geteuid().as_raw();
        return Err(io::Error::other(not_ours(directory, (found.uid(), found.mode()), user)));
    }
    Ok(())
}

/// What is said of a file or a directory that others can change, and the commands by which it is this user's.
pub(super) fn not_ours(path: &Path, (owner, mode): (u32, u32), user: u32) -> String {
    let (mode, word) = (mode & 0o7777, quoted(&path.to_string_lossy()));
    format!("writable by others (owner {owner}, mode {mode:04o}); run: chown {user} {word}; chmod go-w {word}")
}

/// Whether no one else can exchange what is ours in it. In a shared directory with the sticky bit, as /tmp is, no one
/// can, and the alert file in it is checked by itself.
fn is_own(found: &Metadata, may_be_shared: bool) -> bool {
    let (uid, mode) = (found.uid(), found.mode());
    is_own_user(uid) && (mode & 0o022 == 0 || may_be_shared && mode & 0o1000 != 0)
}

/// Whether what this user owns is ours.
pub(super) fn is_own_user(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_can_be_pasted_whatever_the_name_of_a_directory() {
        assert_eq!(
            not_ours(Path::new("/Users/o'hara; x/log"), (502, 0o40777), 0),
            "writable by others (owner 502, mode 0777); run: chown 0 '/Users/o'\\''hara; x/log'; \
            chmod go-w '/Users/o'\\''hara; x/log'"
        );
    }
}
