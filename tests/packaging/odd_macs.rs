//! Macs that are not as the scripts would have them: folders of others, links, no /usr/local, a launchd that is busy.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::install::installed;
use super::mac::{APP, JOB, Mac, Package, SETTINGS, STATE};

fn package() -> Package {
    Package::of_version("1.0.0")
}

/// A Mac on which someone has made the folder of settings.
fn with_settings() -> Mac {
    let mac = Mac::new();
    fs::create_dir(mac.path(SETTINGS)).unwrap();
    mac
}

#[test]
fn a_mac_without_usr_local_gets_the_folders_and_gives_them_back() {
    let mac = Mac::new();
    fs::remove_dir(mac.path("usr/local")).unwrap();
    let before = mac.everything();
    mac.install(&package()).exits(0);
    assert!(mac.path("usr/local/bin/osawatch").exists());
    assert_eq!((mac.mode("usr/local"), mac.mode("usr/local/bin")), (0o755, 0o755));
    mac.uninstall(&[]).exits(0);
    assert_eq!(mac.everything(), before);
}

#[test]
fn a_link_that_cannot_be_made_does_not_keep_the_agent_from_running() {
    let mac = Mac::new();
    fs::write(mac.path("usr/local/bin"), "no folder").unwrap();
    let before = mac.everything();
    mac.install(&package()).exits(0).says("/usr/local/bin/osawatch cannot be made; it would lead to ");
    assert_eq!(mac.running().as_deref(), Some("1.0.0"));
    mac.uninstall(&[]).exits(0);
    assert_eq!(mac.everything(), before);
}

#[test]
fn a_link_among_the_settings_is_refused_and_what_it_leads_to_is_left_alone() {
    for (name, target) in [("rules", "elsewhere"), ("config.toml", "missing"), ("exceptions.d", "elsewhere")] {
        let mac = with_settings();
        fs::create_dir(mac.path("elsewhere")).unwrap();
        fs::set_permissions(mac.path("elsewhere"), fs::Permissions::from_mode(0o700)).unwrap();
        symlink(mac.path(target), mac.path(SETTINGS).join(name)).unwrap();
        let before = mac.everything();
        mac.install(&package()).exits(1).says(&format!("osawatch/{name} is a symbolic link: remove it"));
        assert_eq!(mac.everything(), before, "{name}");
    }
}

#[test]
fn settings_that_others_may_write_are_refused_with_the_command_that_mends_them() {
    let mac = with_settings();
    let file = mac.path(SETTINGS).join("config.toml");
    fs::write(&file, "").unwrap();
    for mode in [0o662, 0o664] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let before = mac.everything();
        let run = mac.install(&package()).exits(1);
        let run = run.says("config.toml does not belong to root, or others can write to it");
        run.says(&format!("sudo chmod -R go-w \"{}\"", mac.path(SETTINGS).display()));
        assert_eq!(mac.everything(), before);
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    mac.install(&package()).exits(0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "", "the configuration is kept");
}

#[test]
#[ignore = "needs root, to give a file away"]
fn settings_that_belong_to_another_are_refused() {
    let mac = with_settings();
    let nobody = Some(65534);
    std::os::unix::fs::chown(mac.path(SETTINGS), nobody, nobody).unwrap();
    let before = mac.everything();
    mac.install(&package()).exits(1).says("Support/osawatch does not belong to root");
    assert_eq!(mac.everything(), before);
}

#[test]
fn settings_that_someone_makes_in_the_middle_of_an_install_are_refused() {
    let mac = Mac::new();
    let plant = || {
        fs::create_dir(mac.path(SETTINGS)).unwrap();
        symlink("/tmp", mac.path(SETTINGS).join("rules")).unwrap();
    };
    mac.install_and(&package(), plant).exits(1).says("osawatch/rules is a symbolic link: remove it");
    assert!(mac.running().is_none());
    for name in [APP, JOB, STATE, "Library/Osawatch", "private/etc/newsyslog.d/io.osawatch.agent.conf"] {
        assert!(!mac.path(name).exists(), "{name}");
    }
}

#[test]
fn a_file_where_a_folder_belongs_is_refused() {
    let mac = Mac::new();
    fs::write(mac.path(STATE), "").unwrap();
    let before = mac.everything();
    mac.install(&package()).exits(1).says("db/osawatch is not a folder: remove it");
    assert_eq!(mac.everything(), before);
}

#[test]
fn a_launchd_that_is_busy_is_asked_again() {
    let mac = installed("1.0.0");
    fs::write(mac.launchd("refuses-bootstrap"), "20").unwrap();
    fs::write(mac.launchd("refuses-kickstart"), "3").unwrap();
    mac.install(&Package::of_version("1.1.0")).exits(0);
    assert_eq!(mac.running().as_deref(), Some("1.1.0"));
}

#[test]
fn a_running_version_that_ends_late_is_started_again_when_an_upgrade_gave_up_on_it() {
    let mut mac = installed("1.0.0");
    let before = mac.everything();
    mac.environment.push(("LAUNCHD_ENDS_IN", "50".into()));
    let run = mac.install(&Package::of_version("1.1.0")).exits(1);
    run.says("launchd does not let go of the running version").says("the version that was installed is running");
    assert_eq!(mac.everything(), before);
    assert_eq!(mac.running().as_deref(), Some("1.0.0"));
}

#[test]
fn a_running_version_that_never_ends_is_left_with_its_files_and_said() {
    let mut mac = installed("1.0.0");
    let before = mac.everything();
    mac.environment.push(("LAUNCHD_ENDS_IN", "1000".into()));
    let run = mac.install(&Package::of_version("1.1.0")).exits(1);
    run.says("launchd does not let go of the running version").says("is back, but does not start");
    assert_eq!(mac.everything(), before);
}
