//! What package managers read: Homebrew's formula and cask, which are run, Munki's pkginfo and AutoPkg's recipe.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use plist::Dictionary;
use serde_json::{Value as Json, json};

use super::mac::{APP, LOGS, SETTINGS, STATE, project};
use super::mdm::read;
use crate::util::Run;

/// Keys of a pkginfo that Munki reads, of those it has.
const MUNKI: &[&str] = &[
    "blocking_applications",
    "catalogs",
    "category",
    "description",
    "display_name",
    "installer_item_hash",
    "installer_item_location",
    "installer_item_size",
    "installs",
    "minimum_os_version",
    "name",
    "receipts",
    "supported_architectures",
    "unattended_install",
    "unattended_uninstall",
    "uninstall_method",
    "uninstall_script",
    "uninstallable",
    "version",
];

/// Processors of AutoPkg and the arguments that each takes, of those it has.
const AUTOPKG: &[(&str, &[&str])] = &[
    ("GitHubReleasesInfoProvider", &["asset_regex", "github_repo"]),
    ("URLDownloader", &["filename"]),
    ("EndOfCheckPhase", &[]),
    ("CodeSignatureVerifier", &["expected_authority_names", "input_path"]),
    ("MunkiImporter", &["pkg_path", "pkginfo", "repo_subdirectory"]),
];

fn installed() -> String {
    format!("/{APP}")
}

/// The files of a release, filled in.
fn filled(dist: &Path) {
    fs::write(dist.join("osawatch-1.2.3-macos-universal.pkg"), "package").unwrap();
    fs::write(dist.join("osawatch-1.2.3-macos-universal.zip"), "zip").unwrap();
    let mut command = Command::new(project().join("packaging/managers/fill.sh"));
    Run::of(&command.arg("example/osawatch").arg(dist).output().expect("bash starts")).exits(0);
}

fn recipe_pkginfo(recipe: &Dictionary) -> &Dictionary {
    let last = recipe["Process"].as_array().unwrap().last().unwrap().as_dictionary().unwrap();
    last["Arguments"].as_dictionary().unwrap()["pkginfo"].as_dictionary().unwrap()
}

#[test]
fn package_managers_get_version_address_and_checksums_of_the_release() {
    let folder = tempfile::tempdir().unwrap();
    let dist = folder.path();
    filled(dist);
    let read_text = |name: &str| fs::read_to_string(dist.join("managers").join(name)).unwrap();
    let sum = |text: &str| {
        <sha2::Sha256 as sha2::Digest>::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let cask = read_text("cask.rb");
    assert!(cask.contains(&sum("package")) && cask.contains("version \"1.2.3\""), "{cask}");
    assert!(cask.contains("https://github.com/example/osawatch/releases/download/v1.2.3/osawatch-#{version}-macos"));
    let formula = read_text("formula.rb");
    assert!(
        formula.contains(&sum("zip")) && formula.contains("v1.2.3/osawatch-1.2.3-macos-universal.zip"),
        "{formula}"
    );
    let munki = read(&dist.join("managers/munki.plist"));
    assert_eq!(munki["installer_item_hash"].as_string(), Some(sum("package").as_str()));
    assert_eq!(
        munki["installs"].as_array().unwrap()[0].as_dictionary().unwrap()["path"].as_string(),
        Some("/Library/Osawatch/Osawatch.app")
    );
    let recipe = read(&dist.join("managers/osawatch.munki.recipe"));
    assert_eq!(recipe["Input"].as_dictionary().unwrap()["REPOSITORY"].as_string(), Some("example/osawatch"));
    for script in [&munki["uninstall_script"], &recipe_pkginfo(&recipe)["uninstall_script"]] {
        let script = script.as_string().unwrap();
        let shipped = format!("{}/Contents/Resources/uninstall.sh", installed());
        assert_eq!(script, format!("#!/bin/sh\nexec {shipped} --keep-data\n"));
    }
    for entry in fs::read_dir(dist.join("managers")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains('@'), "nothing is left to fill in: {text}");
    }
    let mut command = Command::new(project().join("packaging/managers/fill.sh"));
    Run::of(&command.arg("https://example").output().unwrap()).exits(64).says("is no OWNER/NAME");
}

#[test]
fn munki_and_autopkg_are_given_only_keys_that_they_know() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let keys = |of: &Dictionary| of.keys().cloned().collect::<BTreeSet<_>>();
    let munki = read(&folder.path().join("managers/munki.plist"));
    assert_eq!(keys(&munki), MUNKI.iter().map(|key| (*key).to_owned()).collect());
    let recipe = read(&folder.path().join("managers/osawatch.munki.recipe"));
    assert!(keys(recipe_pkginfo(&recipe)).is_subset(&keys(&munki)));
    let steps = recipe["Process"].as_array().unwrap().iter().map(|step| step.as_dictionary().unwrap());
    let steps = steps.map(|step| {
        let arguments = step.get("Arguments").map_or_else(BTreeSet::new, |all| keys(all.as_dictionary().unwrap()));
        (step["Processor"].as_string().unwrap().to_owned(), arguments)
    });
    let known = AUTOPKG.iter().map(|(name, arguments)| {
        ((*name).to_owned(), arguments.iter().map(|argument| (*argument).to_owned()).collect::<BTreeSet<_>>())
    });
    assert_eq!(steps.collect::<Vec<_>>(), known.collect::<Vec<_>>());
}

/// What a formula or cask says, and, for the formula, what its installation leaves in a folder.
fn brewed(file: &Path, prefix: &Path) -> Json {
    let checked = Command::new("ruby").args(["-W2", "-c"]).arg(file).output().expect("ruby starts");
    assert_eq!((&checked.stdout[..], &checked.stderr[..]), (&b"Syntax OK\n"[..], &b""[..]), "{file:?}");
    let mut command = Command::new("ruby");
    command.arg("-W2").arg(project().join("tests/packaging/stand-ins/homebrew.rb")).arg(file).arg(prefix);
    command.current_dir(Path::new(env!("CARGO_BIN_EXE_osawatch")).parent().unwrap());
    let run = Run::of(&command.output().unwrap()).exits(0);
    assert_eq!(run.stderr, "", "no warning");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
#[ignore = "needs ruby: apt-get install ruby"]
fn the_formula_installs_the_command_with_its_completions_and_passes_its_own_test() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let file = folder.path().join("managers/formula.rb");
    let text = fs::read_to_string(&file).unwrap();
    // The command that is at hand has another version than the release.
    fs::write(&file, text.replace("1.2.3", env!("CARGO_PKG_VERSION"))).unwrap();
    let said = brewed(&file, folder.path());
    assert_eq!(said["license"], env!("CARGO_PKG_LICENSE"));
    assert_eq!(said["depends_on"], json!({"macos": "ventura"}));
    for name in ["bin/osawatch", "completions/bash", "completions/zsh", "completions/fish"] {
        assert!(fs::metadata(folder.path().join(name)).unwrap().len() > 0, "{name}");
    }
}

#[test]
#[ignore = "needs ruby: apt-get install ruby"]
fn the_cask_installs_the_package_keeps_data_at_an_upgrade_and_zaps_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let said = brewed(&folder.path().join("managers/cask.rb"), folder.path());
    assert_eq!(said["cask"], "osawatch");
    let url = said["url"].as_str().unwrap();
    assert_eq!(url.rsplit('/').next(), said["pkg"].as_str());
    assert_eq!(said["pkg"], "osawatch-1.2.3-macos-universal.pkg");
    let script = json!({
        "executable": format!("{}/Contents/Resources/uninstall.sh", installed()),
        "args": ["--keep-data"],
        "sudo": true
    });
    assert_eq!(said["uninstall"], json!({"script": script, "pkgutil": "io.osawatch.agent.pkg"}));
    let data: Vec<_> = [SETTINGS, STATE, LOGS].iter().map(|folder| format!("/{folder}")).collect();
    assert_eq!(said["zap"], json!({"delete": data}));
}
