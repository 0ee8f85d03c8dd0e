//! The directories of alerts and state: made at the start, and used only when they are ours.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use super::super::state::StateDirectory;
use super::*;

/// The directories of a Mac on which nothing was installed.
fn bare(folder: &Path) -> (Options, PathBuf, PathBuf) {
    let options = options(folder);
    let (log, state) = (folder.join("log"), folder.join("state"));
    assert!(!log.exists() && !state.exists());
    (options, log, state)
}

fn refused(options: &Options) -> String {
    Writer::open(options.clone(), at(0)).unwrap_err().to_string()
}

#[test]
fn the_first_start_makes_both_directories_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (options, log, state) = bare(folder.path());
    let mut writer = Writer::open(options, at(0)).unwrap();
    writer.write(&line(0), at(0));
    writer.finish(at(0)).unwrap();
    let mode = |path: &Path| fs::symlink_metadata(path).map(|found| found.mode() & 0o7777).unwrap();
    let user = rustix::process::geteuid().as_raw();
    assert_eq!((mode(&log), mode(&state)), (0o750, 0o700));
    assert_eq!([&log, &state].map(|path| fs::metadata(path).unwrap().uid()), [user; 2]);
    let made = folder.path().join("another");
    drop(StateDirectory::open(&made).unwrap());
    assert_eq!(mode(&made), 0o700);
}

#[test]
fn a_link_in_place_of_a_directory_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (options, log, state) = bare(folder.path());
    let victim = folder.path().join("victim");
    fs::DirBuilder::new().mode(0o700).create(&victim).unwrap();
    symlink("victim", &log).unwrap();
    symlink(&victim, &state).unwrap();
    let error = refused(&options);
    let remedy = format!("refusing to follow it; name the directory itself: {}", victim.display());
    assert!(error.starts_with(&log.display().to_string()) && error.ends_with(&remedy), "{error}");
    let error = StateDirectory::open(&state).unwrap_err().to_string();
    assert!(error.ends_with(&remedy), "{error}");
    fs::remove_file(&log).unwrap();
    let mut writer = Writer::open(options, at(0)).unwrap();
    assert!(messages().iter().any(|text| text.contains("state: is a symbolic link")), "{:?}", messages());
    writer.write(&line(0), at(0));
    writer.finish(at(0)).unwrap();
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0, "nothing was written through a link");
}

#[test]
fn a_directory_of_alerts_that_others_may_write_is_refused_with_the_remedy_unless_it_is_sticky() {
    let folder = tempfile::tempdir().unwrap();
    let (options, log, _) = bare(folder.path());
    fs::create_dir(&log).unwrap();
    let set = |mode| fs::set_permissions(&log, fs::Permissions::from_mode(mode)).unwrap();
    set(0o777);
    let error = refused(&options);
    assert!(error.contains("mode 0777") && error.contains("chmod go-w"), "{error}");
    set(0o1777);
    Writer::open(options.clone(), at(0)).unwrap();
    set(0o750);
    // Only root can give a directory to another.
    if rustix::process::geteuid().is_root() {
        chown(&log, Some(65_534), None).unwrap();
        let error = refused(&options);
        assert!(error.contains("owner 65534") && error.contains("chown 0 "), "{error}");
    }
}
