//! Install, upgrade, downgrade, uninstall, and all that can go wrong on the way, with the scripts of the package.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::mac::{APP, JOB, LOGS, Mac, Package, SETTINGS, STATE, project};

pub(super) fn installed(version: &str) -> Mac {
    let mac = Mac::new();
    mac.install(&Package::of_version(version)).exits(0);
    assert_eq!(mac.running().as_deref(), Some(version));
    mac
}

/// What an administrator and the agent have left there.
fn with_data(mac: &Mac) {
    fs::write(mac.path(SETTINGS).join("config.toml"), "[alerts]\nkeep_files = 3\n").unwrap();
    fs::write(mac.path(SETTINGS).join("rules/own.toml"), "").unwrap();
    fs::write(mac.path(STATE).join("sequence"), "42").unwrap();
    fs::write(mac.path(LOGS).join("alerts.ndjson"), "{}\n").unwrap();
}

#[test]
fn an_install_lays_out_the_mac_and_starts_the_agent() {
    let mac = installed("1.0.0");
    for (name, mode) in [
        (SETTINGS, 0o755),
        ("Library/Application Support/osawatch/config.toml", 0o640),
        ("Library/Application Support/osawatch/exceptions.d/homebrew.toml", 0o640),
        ("Library/Application Support/osawatch/rules", 0o755),
        (STATE, 0o700),
        ("private/var/db/osawatch/shipper", 0o700),
        (LOGS, 0o750),
    ] {
        assert_eq!(mac.mode(name), mode, "{name}");
        let owners = fs::read_to_string(mac.launchd("owners")).unwrap();
        let line = format!("root:wheel {}", mac.path(name).display());
        assert!(owners.lines().any(|owner| owner == line), "{name} belongs to root: {owners}");
    }
    let link = mac.path("usr/local/bin/osawatch");
    assert_eq!(fs::read_link(&link).unwrap(), mac.path(APP).join("Contents/MacOS/osawatch"));
    assert!(mac.path("usr/local/share/man/man1/osawatch.1").exists());
    assert!(!mac.path("Library/Osawatch/.previous").exists());
    let calls = fs::read_to_string(mac.launchd("calls")).unwrap();
    let order = ["enable system/io.osawatch.agent", "bootstrap system", "kickstart -p system/io.osawatch.agent"];
    let places: Vec<_> =
        order.iter().map(|call| calls.find(call).unwrap_or_else(|| panic!("{call}: {calls}"))).collect();
    assert!(places.is_sorted(), "{calls}");
}

#[test]
fn installing_twice_changes_nothing_but_restarts_the_agent() {
    let mac = installed("1.0.0");
    let before = mac.everything();
    mac.install(&Package::of_version("1.0.0")).exits(0);
    assert_eq!(mac.everything(), before);
    assert_eq!(fs::read_to_string(mac.launchd("count")).unwrap().trim(), "102");
    assert!(mac.running().is_some());
}

#[test]
fn an_upgrade_keeps_configuration_rules_state_and_alerts() {
    let mac = installed("1.0.0");
    with_data(&mac);
    let before = mac.everything();
    mac.install(&Package::of_version("1.1.0")).exits(0);
    assert_eq!(mac.running().as_deref(), Some("1.1.0"));
    let mut after = mac.everything();
    let info = format!("{APP}/Contents/Info.plist");
    after.insert(info.clone(), before[&info].clone());
    assert_eq!(after, before, "only the version is another");
}

#[test]
fn an_upgrade_leaves_the_group_and_the_mode_that_an_administrator_gave_a_folder() {
    let mac = installed("1.0.0");
    fs::set_permissions(mac.path(LOGS), fs::Permissions::from_mode(0o2710)).unwrap();
    let owners = fs::read_to_string(mac.launchd("owners")).unwrap();
    mac.install(&Package::of_version("1.1.0")).exits(0);
    assert_eq!(mac.mode(LOGS), 0o2710);
    let given = fs::read_to_string(mac.launchd("owners")).unwrap()[owners.len()..].to_owned();
    assert!(!given.contains(LOGS), "{given}");
}

#[test]
fn an_upgrade_waits_for_a_job_that_takes_its_twenty_seconds_to_end() {
    let mut mac = installed("1.0.0");
    mac.environment.push(("LAUNCHD_ENDS_IN", "20".into()));
    mac.install(&Package::of_version("1.1.0")).exits(0);
    assert_eq!(mac.running().as_deref(), Some("1.1.0"));
}

#[test]
fn an_upgrade_of_a_job_that_an_administrator_switched_off_switches_it_on() {
    let mac = installed("1.0.0");
    fs::remove_file(mac.launchd("loaded")).unwrap();
    fs::write(mac.launchd("disabled"), "").unwrap();
    mac.install(&Package::of_version("1.1.0")).exits(0);
    assert_eq!(mac.running().as_deref(), Some("1.1.0"));
}

#[test]
fn a_downgrade_is_refused_and_the_newer_version_keeps_running() {
    for (installed_version, package) in [
        ("1.1.0", "1.0.9"),
        ("1.10.0", "1.9.9"),
        ("2.0.0", "1.10.10"),
        ("1.0.0", "1.0.0-rc.1"),
        ("1.0.0-rc.10", "1.0.0-rc.9"),
        ("1.0.0-rc.1", "1.0.0-beta.2"),
    ] {
        let mac = installed(installed_version);
        let before = mac.everything();
        let run = mac.install(&Package::of_version(package)).exits(1);
        run.says(&format!("{installed_version} is installed and this package holds {package}: a downgrade is refused"));
        assert_eq!(mac.everything(), before);
        assert_eq!(mac.running().as_deref(), Some(installed_version));
    }
    let mac = installed("1.0.0-beta.2");
    for newer in ["1.0.0-rc.9", "1.0.0-rc.10", "1.0.0-rc.10", "1.0.0"] {
        mac.install(&Package::of_version(newer)).exits(0);
    }
}

#[test]
fn a_version_that_cannot_start_gives_way_to_the_one_that_ran() {
    let mac = installed("1.0.0");
    with_data(&mac);
    let before = mac.everything();
    fs::write(mac.launchd("unstartable"), "1.1.0").unwrap();
    let run = mac.install(&Package::of_version("1.1.0")).exits(1);
    run.says("launchd does not keep io.osawatch.agent running")
        .says("the version that was installed is running, unchanged");
    assert_eq!(mac.everything(), before);
    assert_eq!(mac.running().as_deref(), Some("1.0.0"));
}

#[test]
fn a_first_install_that_cannot_start_leaves_the_mac_as_it_was() {
    let mac = Mac::new();
    let before = mac.everything();
    fs::write(mac.launchd("unstartable"), "1.0.0").unwrap();
    mac.install(&Package::of_version("1.0.0")).exits(1).says("launchd does not keep io.osawatch.agent running");
    assert_eq!(mac.everything(), before);
    assert!(!mac.launchd("loaded").exists() || mac.launchd("gone-at").exists());
}

#[test]
fn a_configuration_edited_by_hand_that_is_invalid_stops_an_upgrade_before_the_agent_is_stopped() {
    let mac = installed("1.0.0");
    fs::write(mac.path(SETTINGS).join("config.toml"), "[alerts]\nkeep_fils = 3\n").unwrap();
    let before = mac.everything();
    fs::write(mac.launchd("calls"), "").unwrap();
    let run = mac.install(&Package::of_version("1.1.0")).exits(1);
    run.says("config.toml:2:1").says("mend it and install again").says("is running, unchanged");
    assert_eq!(mac.everything(), before);
    assert_eq!(fs::read_to_string(mac.launchd("calls")).unwrap(), "", "launchd was told nothing");
    assert_eq!(mac.running().as_deref(), Some("1.0.0"));
}

#[test]
fn a_mac_before_13_is_refused_in_a_sentence() {
    for version in ["12.7.6", "11.0", "10.15.7", "12"] {
        let mut mac = Mac::new();
        mac.environment.push(("MACOS", version.into()));
        let before = mac.everything();
        let run = mac.install(&Package::of_version("1.0.0")).exits(1);
        run.says(&format!("osawatch: it needs macOS 13 or later; this is macOS {version}"));
        assert_eq!(mac.everything(), before);
    }
    let mut mac = Mac::new();
    mac.environment.push(("MACOS", "26.1".into()));
    mac.install(&Package::of_version("1.0.0")).exits(0);
}

#[test]
fn a_disk_without_room_is_refused_before_anything_is_written() {
    let mac = installed("1.0.0");
    let before = mac.everything();
    let mut package = Package::of_version("1.1.0");
    package.scripts.insert("version.sh".to_owned(), b"version=1.1.0 kilobytes=9000000000000\n".to_vec());
    mac.install(&package).exits(1).says("osawatch: it needs 27000000001024 KiB on the startup disk, which has");
    assert_eq!(mac.everything(), before);
    assert_eq!(mac.running().as_deref(), Some("1.0.0"));
}

#[test]
fn a_planted_link_is_refused() {
    for name in [STATE, LOGS, SETTINGS, "Library/Osawatch"] {
        let mac = Mac::new();
        symlink("/tmp", mac.path(name)).unwrap();
        let before = mac.everything();
        mac.install(&Package::of_version("1.0.0")).exits(1).says("is a symbolic link: remove it");
        assert_eq!(mac.everything(), before);
    }
}

#[test]
fn a_program_of_another_that_has_the_name_is_left_alone() {
    let mac = Mac::new();
    fs::create_dir(mac.path("usr/local/bin")).unwrap();
    fs::write(mac.path("usr/local/bin/osawatch"), "another").unwrap();
    let before = mac.everything();
    mac.install(&Package::of_version("1.0.0")).exits(0).says("is there already and is left as it is");
    mac.uninstall(&[]).exits(0);
    assert_eq!(mac.everything(), before);
}

#[test]
fn an_uninstall_leaves_nothing() {
    let mac = Mac::new();
    let before = mac.everything();
    mac.install(&Package::of_version("1.0.0")).exits(0);
    mac.install(&Package::of_version("1.1.0")).exits(0);
    with_data(&mac);
    let run = mac.uninstall(&[]).exits(0);
    assert_eq!(run.stdout, "osawatch is removed\n");
    assert_eq!(mac.everything(), before);
    assert!(mac.running().is_none() && !mac.launchd("receipt").exists());
    assert_eq!(fs::read_to_string(mac.launchd("tcc")).unwrap(), "reset SystemPolicyAllFiles io.osawatch.agent\n");
    mac.uninstall(&[]).exits(0);
    assert_eq!(mac.everything(), before, "a second run does no harm");
}

#[test]
fn an_uninstall_that_cannot_remove_something_names_it_and_does_not_say_that_osawatch_is_removed() {
    for name in [STATE, APP, JOB, "usr/local/bin/osawatch"] {
        let mut mac = installed("1.0.0");
        let path = mac.path(name).display().to_string();
        mac.environment.push(("IMMUTABLE", path.clone()));
        let run = mac.uninstall(&[]).exits(1);
        let named = if name == APP { mac.path("Library/Osawatch").display().to_string() } else { path };
        assert_eq!(run.stdout, "");
        run.says(&format!("osawatch: {named} cannot be removed\n")).says("what is named above stays");
        assert!(mac.launchd("receipt").exists());
        mac.environment.pop();
        assert_eq!(mac.uninstall(&[]).exits(0).stdout, "osawatch is removed\n");
    }
}

#[test]
fn an_uninstall_with_keep_data_keeps_configuration_rules_state_and_alerts_and_nothing_else() {
    let mac = Mac::new();
    let before = mac.everything();
    mac.install(&Package::of_version("1.0.0")).exits(0);
    with_data(&mac);
    let data = |mac: &Mac| {
        let is_data = |name: &String| [SETTINGS, STATE, LOGS].iter().any(|folder| name.starts_with(folder));
        mac.everything().into_iter().filter(|(name, _)| is_data(name)).collect::<Vec<_>>()
    };
    let kept = data(&mac);
    mac.uninstall(&["--keep-data"]).exits(0);
    assert_eq!(data(&mac), kept);
    assert!(!mac.launchd("tcc").exists(), "the grant is kept for the version that comes next");
    let mut after = mac.everything();
    after.retain(|name, _| !kept.iter().any(|(kept, _)| kept == name));
    assert_eq!(after, before);
    // An older version may be installed now, over the data.
    mac.install(&Package::of_version("0.9.0")).exits(0);
    assert_eq!(data(&mac), kept);
}

#[test]
fn the_uninstaller_refuses_what_it_does_not_know_and_who_is_not_root() {
    let mut mac = installed("1.0.0");
    let before = mac.everything();
    mac.uninstall(&["--purge"]).exits(64).says("usage: sudo uninstall.sh [--keep-data]");
    mac.environment.push(("USER_ID", "501".into()));
    mac.uninstall(&[]).exits(1).says("run it as root");
    assert_eq!(mac.everything(), before);
    assert!(mac.running().is_some());
}

#[test]
fn a_job_that_does_not_end_stops_the_uninstaller_before_it_removes_anything() {
    let mut mac = installed("1.0.0");
    let before = mac.everything();
    mac.environment.push(("LAUNCHD_ENDS_IN", "1000".into()));
    mac.uninstall(&[]).exits(1).says("launchd does not let go of io.osawatch.agent; nothing was removed");
    assert_eq!(mac.everything(), before);
}

#[test]
fn the_uninstaller_and_the_package_stop_the_job_in_the_same_way() {
    let of = |path: &str| {
        let text = fs::read_to_string(project().join(path)).unwrap();
        let from = text.find("loaded() {").unwrap();
        let end = from + text[from..].find("stop_job() {").unwrap();
        let end = end + text[end..].find("\n}\n").unwrap();
        text[from..end].to_owned()
    };
    assert_eq!(of("packaging/uninstall.sh"), of("packaging/package/mac.sh"));
    assert!(JOB.ends_with("io.osawatch.agent.plist"));
}
