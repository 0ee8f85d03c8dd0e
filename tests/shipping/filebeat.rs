//! Filebeat, the real one, as nobody and without a network.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::{ALERTS, Site, feed};

const NOBODY: u32 = 65_534;

/// The shipped configuration, with a file in the place of the cluster.
fn configured(site: &Path) -> String {
    let shown = |name: &str| site.join(name).display().to_string();
    let shipped = include_str!("../../packaging/shippers/filebeat.yml");
    let (input, output) = shipped.split_once("output.elasticsearch:").unwrap();
    let (_, rest) = output.split_once("setup.template.enabled").unwrap();
    let file = format!("output.file:\n  path: {}\n  filename: shipped\n  rotate_every_kb: 1000000\n", shown("shipped"));
    // Its list of system calls is older than the libraries here.
    let own = "seccomp.enabled: false\nlogging.to_stderr: true\nlogging.level: critical\n";
    format!(
        "{}{file}setup.template.enabled{rest}{own}",
        input.replace("/var/log/osawatch", &shown("log")).replace("/var/db/osawatch/shipper", &shown("shipper"))
    )
}

/// Filebeat at work.
fn filebeat(site: &Path) -> Child {
    let program = std::env::var_os("OSAWATCH_FILEBEAT").expect("OSAWATCH_FILEBEAT names Filebeat");
    let mut command = Command::new("unshare");
    command.args(["--net", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    command.args(["--strict.perms=false", "-c"]).arg(site.join("filebeat.yml"));
    for (option, name) in [("--path.home", "shipper"), ("--path.data", "shipper/data"), ("--path.logs", "shipper/logs")]
    {
        command.arg(option).arg(site.join(name));
    }
    // It reports each rotation as an error.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("unshare starts")
}

fn prepare(site: &Site) {
    let folder = site.folder.path();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["shipper", "shipped"] {
        fs::create_dir_all(folder.join(name)).unwrap();
        chown(folder.join(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    // A shipper reads alerts through its group, which new files take from the folder.
    chown(folder.join("log"), None, Some(NOBODY)).unwrap();
    fs::set_permissions(folder.join("log"), fs::Permissions::from_mode(0o2750)).unwrap();
    fs::write(folder.join("filebeat.yml"), configured(folder)).unwrap();
}

#[test]
#[ignore = "needs Filebeat: tests/shipping/filebeat.sh"]
fn filebeat_accepts_the_shipped_configuration_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::var_os("OSAWATCH_FILEBEAT").expect("OSAWATCH_FILEBEAT names Filebeat");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/shippers/filebeat.yml");
    let mut command = Command::new(program);
    command.args(["test", "config", "--strict.perms=false", "-E", "seccomp.enabled=false", "-c"]).arg(shipped);
    for option in ["--path.home", "--path.data", "--path.logs"] {
        command.arg(option).arg(folder.path());
    }
    command.env("OSAWATCH_API_KEY", "id:key");
    crate::util::Run::of(&command.output().expect("Filebeat starts")).exits(0);
}

/// Every whole document that has arrived. The last line before a kill may be torn.
fn arrived(site: &Path) -> Vec<Json> {
    let files = fs::read_dir(site.join("shipped")).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let text: Vec<_> = files.map(|file| String::from_utf8_lossy(&file).into_owned()).collect();
    text.iter().flat_map(|text| text.lines()).filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The documents, once as many alerts have arrived, or two minutes are over.
fn waited_for(site: &Path, alerts: usize) -> Vec<Json> {
    #[allow(clippy::disallowed_methods, reason = "a shipper gets two minutes")]
    let began = Instant::now();
    loop {
        let documents = arrived(site);
        let ids: BTreeSet<_> = documents.iter().filter_map(|document| document["event"]["id"].as_str()).collect();
        if ids.len() >= alerts || began.elapsed() > Duration::from_secs(120) {
            return documents;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The same value, however its numbers are written: Filebeat writes 47.0 as 47.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one.as_f64() == other.as_f64(),
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
#[ignore = "needs root and OSAWATCH_FILEBEAT: tests/shipping/filebeat.sh"]
fn filebeat_gets_every_alert_through_fourteen_rotations_and_two_kills_and_sends_none_under_another_id() {
    let mut site = Site::empty();
    prepare(&site);
    let folder = site.folder.path().to_owned();
    site.shipper = Some(filebeat(&folder));
    let (mut child, mut stdin) = site.osawatch();
    for from in [0, ALERTS / 3, ALERTS / 3 * 2] {
        if from > 0 {
            // In the middle of its work: what it had sent and not noted down is sent again.
            assert!(!waited_for(&folder, from / 2).is_empty());
            kill(site.shipper.as_mut().unwrap());
            site.shipper = Some(filebeat(&folder));
        }
        feed(&mut stdin, from..from + ALERTS / 3);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert!(site.files().len() > 14, "{} files", site.files().len());
    let written: Vec<Json> = site
        .written()
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(written.len(), ALERTS);
    let documents = waited_for(&folder, ALERTS);
    kill(site.shipper.as_mut().unwrap());

    let mut by_alert: BTreeMap<&str, Vec<&Json>> = BTreeMap::new();
    for document in &documents {
        by_alert.entry(document["event"]["id"].as_str().expect("event.id")).or_default().push(document);
    }
    let mut ids = BTreeSet::new();
    for alert in &written {
        let copies = by_alert.get(alert["event"]["id"].as_str().unwrap()).unwrap_or_else(|| panic!("lost: {alert}"));
        let id = &copies[0]["@metadata"]["_id"];
        assert!(id.is_string() && ids.insert(id.as_str()), "{id}");
        for copy in copies {
            assert_eq!(copy["@metadata"]["_id"], *id, "a copy has the same id");
            // Filebeat writes times without the zeros at their end.
            let time = |document: &Json| {
                let text = document["@timestamp"].as_str().unwrap().trim_end_matches('Z').to_owned();
                text.trim_end_matches('0').to_owned()
            };
            assert_eq!(time(copy), time(alert));
            for field in ["event", "host", "process", "rule", "osawatch"] {
                assert!(same(&copy[field], &alert[field]), "{field} arrives as it was written: {copy} {alert}");
            }
        }
    }
    assert_eq!(by_alert.len(), ALERTS);
}
