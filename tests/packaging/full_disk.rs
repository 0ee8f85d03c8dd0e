//! A disk that fills in the middle of an install, and one that cannot be written.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::mac::{Mac, Package};

/// A disk, gone at the end.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(at: &Path, options: &str) -> Disk {
        fs::create_dir(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).status().unwrap();
        assert!(mounted.success(), "a disk can be mounted");
        Disk(at.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// Fills what is left of the disk.
fn fill(mac: &Mac) {
    let mut file = fs::File::create(mac.path("private/filler")).unwrap();
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
}

fn empty(mac: &Mac) {
    fs::remove_file(mac.path("private/filler")).unwrap();
}

#[test]
#[ignore = "needs to mount a disk"]
fn a_full_disk_in_the_middle_of_an_install_leaves_the_mac_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::mount(&folder.path().join("disk"), "size=8m");
    let mac = Mac::on(folder, disk.0.clone());
    let before = mac.everything();
    let run = mac.install_and(&Package::of_version("1.0.0"), || fill(&mac));
    run.exits(1).says("osawatch: ").says("cannot be");
    empty(&mac);
    assert_eq!(mac.everything(), before);
    assert!(mac.running().is_none());
}

#[test]
#[ignore = "needs to mount a disk"]
fn a_full_disk_in_the_middle_of_an_upgrade_leaves_the_old_version_running() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::mount(&folder.path().join("disk"), "size=8m");
    let mac = Mac::on(folder, disk.0.clone());
    mac.install(&Package::of_version("1.0.0")).exits(0);
    let before = mac.everything();
    fill(&mac);
    mac.install(&Package::of_version("1.1.0")).exits(1).says("KiB on the startup disk, which has");
    empty(&mac);
    assert_eq!(mac.everything(), before);
    assert_eq!(mac.running().as_deref(), Some("1.0.0"));
    // There was room when it was asked for, and then the files of the package are longer than it says.
    let mut package = Package::of_version("1.1.0");
    package.payload.insert("Library/Osawatch/Osawatch.app/Contents/Resources/long".into(), (0o644, vec![1; 9 << 20]));
    mac.install(&package).exits(1).says("installer: No space left on device");
    assert_eq!(mac.running().as_deref(), Some("1.0.0"));
    mac.uninstall(&[]).exits(0);
    assert!(!mac.path("Library/Osawatch").exists());
}

#[test]
#[ignore = "needs to mount a disk"]
fn a_folder_for_the_link_that_cannot_be_written_does_not_keep_the_agent_from_running() {
    let mac = Mac::new();
    let disk = Disk::mount(&mac.path("usr/local/bin"), "ro");
    let before = mac.everything();
    mac.install(&Package::of_version("1.0.0")).exits(0).says("/usr/local/bin/osawatch cannot be made");
    assert_eq!(mac.running().as_deref(), Some("1.0.0"));
    mac.uninstall(&[]).exits(0);
    assert_eq!(mac.everything(), before);
    drop(disk);
}
