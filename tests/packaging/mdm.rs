//! Profiles for an MDM: every key is in them, and macOS would take them. What MDMs run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use plist::{Dictionary, Value};
use serde_json::Value as Json;

use super::mac::project;
use crate::util::{Run, osawatch};

/// Keys, and the type of each, that Apple publishes for the payloads used (apple/device-management, `mdm/profiles`, of
/// macOS 15.1); `*` marks those that must be there.
const PUBLISHED: &[(&str, &[(&str, &str)])] = &[
    (
        "com.apple.TCC.configuration-profile-policy",
        &[
            ("Services*", "dictionary"),
            ("Services.SystemPolicyAllFiles", "array"),
            ("Services.SystemPolicyAllFiles.Identifier*", "string"),
            ("Services.SystemPolicyAllFiles.IdentifierType*", "string"),
            ("Services.SystemPolicyAllFiles.CodeRequirement*", "string"),
            ("Services.SystemPolicyAllFiles.StaticCode", "boolean"),
            ("Services.SystemPolicyAllFiles.Authorization", "string"),
        ],
    ),
    (
        "com.apple.servicemanagement",
        &[
            ("Rules*", "array"),
            ("Rules.RuleType*", "string"),
            ("Rules.RuleValue*", "string"),
            ("Rules.TeamIdentifier", "string"),
            ("Rules.Comment", "string"),
        ],
    ),
    ("com.apple.ManagedClient.preferences", &[("PayloadContent*", "dictionary")]),
];

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Boolean(_) => "boolean",
        Value::Integer(_) => "integer",
        Value::Array(_) => "array",
        Value::Dictionary(_) => "dictionary",
        _ => "other",
    }
}

/// Each key of a payload below this name, and its type; those of the dictionaries in an array too.
fn flat(value: &Value, name: &str, found: &mut BTreeMap<String, &'static str>) {
    match value {
        Value::Dictionary(entries) => {
            for (key, value) in entries {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                found.insert(name.clone(), type_name(value));
                flat(value, &name, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| flat(value, name, found)),
        _ => {}
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Boolean(value) => (*value).into(),
        Value::Integer(number) => number.as_signed().into(),
        Value::Array(values) => values.iter().map(json).collect(),
        other => panic!("no default is {other:?}"),
    }
}

pub(super) fn read(path: &Path) -> Dictionary {
    Value::from_file(path).unwrap().into_dictionary().unwrap()
}

fn fill(args: &[&str]) -> Run {
    Run::of(&Command::new(project().join("packaging/mdm/fill.sh")).args(args).output().expect("sh starts"))
}

fn profile(args: &[&str]) -> Dictionary {
    let text = fill(args).exits(0).stdout;
    Value::from_reader(std::io::Cursor::new(text)).unwrap().into_dictionary().unwrap()
}

fn payloads(profile: &Dictionary) -> BTreeMap<&str, &Dictionary> {
    let payloads = profile["PayloadContent"].as_array().unwrap().iter().map(|one| one.as_dictionary().unwrap());
    payloads.map(|one| (one["PayloadType"].as_string().unwrap(), one)).collect()
}

fn keys() -> Vec<Json> {
    serde_json::from_str(&osawatch(&["config", "keys", "--json"]).exits(0).stdout).unwrap()
}

#[test]
fn the_profile_holds_only_keys_that_apple_publishes_each_of_its_type() {
    let profile = profile(&["ABCDE12345"]);
    assert_eq!(profile["PayloadType"].as_string(), Some("Configuration"));
    assert_eq!(profile["PayloadScope"].as_string(), Some("System"));
    let payloads = payloads(&profile);
    assert_eq!(payloads.len(), PUBLISHED.len());
    let mut ids = vec![profile["PayloadUUID"].as_string().unwrap()];
    for (kind, published) in PUBLISHED {
        let payload = payloads[kind];
        ids.push(payload["PayloadUUID"].as_string().unwrap());
        assert_eq!(payload["PayloadVersion"].as_signed_integer(), Some(1));
        let mut found = BTreeMap::new();
        for (key, value) in payload.iter().filter(|(key, _)| !key.starts_with("Payload") || *key == "PayloadContent") {
            found.insert(key.clone(), type_name(value));
            if key != "PayloadContent" {
                flat(value, key, &mut found);
            }
        }
        for (name, kind) in &found {
            assert!(
                published.contains(&(name, kind)) || published.contains(&(&format!("{name}*"), kind)),
                "{name}: {kind}"
            );
        }
        for (name, _) in published.iter().filter(|(name, _)| name.ends_with('*')) {
            assert!(found.contains_key(name.trim_end_matches('*')), "{name}");
        }
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4, "every payload has an id of its own");
    assert!(ids.iter().all(|id| id.len() == 36));
}

#[test]
fn the_profile_grants_access_to_the_signed_bundle_alone_and_locks_the_job() {
    let filled = profile(&["ABCDE12345"]);
    let payloads = payloads(&filled);
    let access = &payloads["com.apple.TCC.configuration-profile-policy"]["Services"].as_dictionary().unwrap()["SystemPolicyAllFiles"];
    let access = access.as_array().unwrap()[0].as_dictionary().unwrap();
    assert_eq!(access["Identifier"].as_string(), Some("io.osawatch.agent"));
    assert_eq!(access["Authorization"].as_string(), Some("Allow"));
    assert_eq!(
        access["CodeRequirement"].as_string().unwrap(),
        "identifier \"io.osawatch.agent\" and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] \
         /* exists */ and certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and certificate \
         leaf[subject.OU] = ABCDE12345"
    );
    let rule = payloads["com.apple.servicemanagement"]["Rules"].as_array().unwrap()[0].as_dictionary().unwrap();
    assert_eq!((rule["RuleType"].as_string(), rule["TeamIdentifier"].as_string()), (Some("Label"), Some("ABCDE12345")));
    let job = read(&project().join("launchd/io.osawatch.agent.plist"));
    assert_eq!(rule["RuleValue"], job["Label"]);
    assert_eq!(job["AssociatedBundleIdentifiers"].as_array().unwrap()[0].as_string(), Some("io.osawatch.agent"));
}

#[test]
fn a_profile_for_a_self_signed_build_names_no_team() {
    let requirement = "identifier \"io.osawatch.agent\" and certificate root = H\"0123\" /* a&b|c<d */";
    let profile = profile(&["--requirement", requirement]);
    let payloads = payloads(&profile);
    let rule = payloads["com.apple.servicemanagement"]["Rules"].as_array().unwrap()[0].as_dictionary().unwrap();
    assert!(!rule.contains_key("TeamIdentifier"));
    let text = format!("{:?}", payloads["com.apple.TCC.configuration-profile-policy"]);
    assert!(text.contains("a&b|c<d"), "{text}");
}

#[test]
fn a_profile_is_not_filled_with_what_cannot_be_right() {
    for (args, sentence) in [
        (&["abcde12345"][..], "abcde12345 is no team id: ten capital letters and digits"),
        (&["ABCDE1234"], "ABCDE1234 is no team id"),
        (
            &["--requirement", "identifier \"com.example\""],
            "the requirement names another program than io.osawatch.agent",
        ),
        (&[], "give a team id, --app or --requirement"),
        (&["--app"], "--app needs the folder of the application"),
    ] {
        assert_eq!(fill(args).exits(1).says(sentence).stdout, "");
    }
}

#[test]
fn the_manifest_and_the_profile_hold_every_key_with_its_type_and_default() {
    let manifest = read(&project().join("packaging/mdm/io.osawatch.agent.plist"));
    let mut described = BTreeMap::new();
    fn walk(entries: &Value, above: &str, found: &mut BTreeMap<String, Dictionary>) {
        for entry in entries.as_array().unwrap().iter().map(|entry| entry.as_dictionary().unwrap()) {
            let name = entry["pfm_name"].as_string().unwrap().replace("{{key}}", "<ID>");
            let name = if above.is_empty() { name } else { format!("{above}.{name}") };
            match entry["pfm_type"].as_string() {
                Some("dictionary") => walk(&entry["pfm_subkeys"], &name, found),
                _ => _ = found.insert(name, entry.clone()),
            }
        }
    }
    walk(&manifest["pfm_subkeys"], "", &mut described);
    let keys = keys();
    let names: Vec<_> = keys.iter().map(|key| key["key"].as_str().unwrap()).collect();
    let again = "run: osawatch config keys --json | packaging/mdm/make.py";
    assert_eq!(described.len(), names.len(), "{again}");
    for key in &keys {
        let entry = described.get(key["key"].as_str().unwrap()).unwrap_or_else(|| panic!("{}: {again}", key["key"]));
        assert_eq!(entry["pfm_type"].as_string(), key["plist_type"].as_str(), "{}: {again}", key["key"]);
        let default = entry.get("pfm_default").map_or(Json::Null, json);
        assert_eq!(default, key["default"], "{}: {again}", key["key"]);
    }
}

#[test]
fn osawatch_takes_the_settings_of_the_profile_and_they_are_its_defaults() {
    let profile = profile(&["ABCDE12345"]);
    let settings = &payloads(&profile)["com.apple.ManagedClient.preferences"]["PayloadContent"];
    let forced = &settings.as_dictionary().unwrap()["io.osawatch.agent"].as_dictionary().unwrap()["Forced"];
    let settings = &forced.as_array().unwrap()[0].as_dictionary().unwrap()["mcx_preference_settings"];
    let mut flat_settings = BTreeMap::new();
    flat(settings, "", &mut flat_settings);
    for key in keys() {
        let name = key["key"].as_str().unwrap().split(".<ID>").next().unwrap();
        assert!(flat_settings.contains_key(name), "{name}: run packaging/mdm/make.py");
    }
    // macOS writes what a profile forces into such a file.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("io.osawatch.agent.plist");
    settings.to_file_xml(&file).unwrap();
    let empty = folder.path().join("config.toml");
    fs::write(&empty, "").unwrap();
    let managed = file.to_str().unwrap();
    let show = |managed: &str| {
        let args = ["config", "show", "--json", "--managed-preferences", managed, empty.to_str().unwrap()];
        let shown: Json = serde_json::from_str(&osawatch(&args).exits(0).stdout).unwrap();
        let values = shown["values"].as_array().unwrap().iter();
        let values = values.filter(|value| value["key"] != "alerts.compress_after");
        values.map(|value| (value["key"].to_string(), value["value"].clone())).collect::<Vec<_>>()
    };
    let nothing = folder.path().join("nothing.plist");
    fs::write(&nothing, "<plist><dict></dict></plist>").unwrap();
    assert_eq!(show(managed), show(nothing.to_str().unwrap()));
}

#[test]
#[ignore = "needs python3"]
fn the_profile_and_the_manifest_are_what_make_py_writes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    fs::write(&file, osawatch(&["config", "keys", "--json"]).exits(0).stdout).unwrap();
    let mut command = Command::new(project().join("packaging/mdm/make.py"));
    let status = command.arg(folder.path()).stdin(fs::File::open(&file).unwrap()).status().unwrap();
    assert!(status.success());
    for name in ["osawatch.mobileconfig", "io.osawatch.agent.plist"] {
        let [made, kept] = [folder.path().join(name), project().join("packaging/mdm").join(name)].map(fs::read);
        assert!(made.unwrap() == kept.unwrap(), "{name}: run make.py");
    }
}

/// What a script of an MDM prints about an osawatch that answers so.
fn reported(name: &str, program: Option<(&str, i32)>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let stand_in = folder.path().join("osawatch");
    if let Some((text, code)) = program {
        fs::write(
            &stand_in,
            format!("#!/bin/sh\n[ \"$*\" = status ] || exit 64\necho '{text}'\necho more\nexit {code}\n"),
        )
        .unwrap();
        fs::set_permissions(&stand_in, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let installed = "/Library/Osawatch/Osawatch.app/Contents/MacOS/osawatch";
    let script = fs::read_to_string(project().join("packaging/mdm").join(name)).unwrap();
    assert!(script.contains(installed));
    let script = script.replace(installed, stand_in.to_str().unwrap());
    Run::of(&Command::new("sh").args(["-c", &script]).output().unwrap()).exits(0).stdout
}

#[test]
fn jamf_and_intune_hear_how_the_agent_is() {
    for (program, line) in [
        (None, "not installed"),
        (Some(("osawatch is healthy", 0)), "healthy"),
        (Some(("osawatch is degraded: blind & <more>", 1)), "degraded: blind & <more>"),
        (Some(("osawatch is not running: none was started", 69)), "not running"),
        (Some(("a bug", 70)), "unknown (exit code 70): a bug"),
    ] {
        let escaped = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        assert_eq!(reported("jamf-extension-attribute.sh", program), format!("<result>{escaped}</result>\n"));
        assert_eq!(reported("intune-custom-attribute.sh", program), format!("{line}\n"));
    }
}
