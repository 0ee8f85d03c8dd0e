//! What a command writes is no input of it, no other output and no file of someone else's.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::util::{fixtures, osawatch};

fn recording() -> String {
    fixtures().join("replay/public-v4/events.ndjson").display().to_string()
}

/// A folder with an alert file and a file of someone else's.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    osawatch(&["replay", "--alerts", &name(folder.path(), "alerts.ndjson"), &recording()]).exits(0);
    fs::write(folder.path().join("notes.md"), "notes\n").unwrap();
    folder
}

fn name(folder: &Path, file: &str) -> String {
    folder.join(file).display().to_string()
}

#[test]
fn a_page_of_alerts_replaces_neither_the_alerts_nor_a_file_of_someone_else() {
    let folder = folder();
    let path = |file: &str| name(folder.path(), file);
    fs::hard_link(path("alerts.ndjson"), path("link")).unwrap();
    let before = fs::read(path("alerts.ndjson")).unwrap();
    for input in ["alerts.ndjson", "."] {
        for output in ["alerts.ndjson", "./alerts.ndjson", "link"] {
            osawatch(&["alerts", "--html", &path(output), &path(input)]).exits(73).says("is an input");
        }
    }
    osawatch(&["alerts", "--html", &path("notes.md"), &path("alerts.ndjson")])
        .exits(73)
        .says("not written by osawatch");
    assert_eq!(fs::read(path("alerts.ndjson")).unwrap(), before);
    assert_eq!(fs::read_to_string(path("notes.md")).unwrap(), "notes\n");
    for _ in 0..2 {
        osawatch(&["alerts", "--html", &path("page.html"), &path("alerts.ndjson")]).exits(0).says("1 alert in");
    }
}

#[test]
fn a_rotated_alert_file_is_an_input_as_well() {
    let folder = folder();
    let path = |file: &str| name(folder.path(), file);
    let rotated = path("alerts-20260101T000000-000001.ndjson");
    fs::copy(path("alerts.ndjson"), &rotated).unwrap();
    osawatch(&["alerts", "--html", &rotated, &path("alerts.ndjson")]).exits(73).says("is an input");
}

#[test]
fn the_outputs_of_a_replay_are_different_files_however_they_are_named() {
    let folder = folder();
    let path = |file: &str| name(folder.path(), file);
    symlink("new", folder.path().join("link")).unwrap();
    symlink("link", folder.path().join("link-of-link")).unwrap();
    fs::create_dir(folder.path().join("inner")).unwrap();
    let spellings = ["new", "./new", "inner/../new", "link", "link-of-link"];
    for (one, other) in spellings.iter().flat_map(|one| spellings.iter().map(move |other| (*one, *other))) {
        let run = osawatch(&["replay", "--html", &path(one), "--json-summary", &path(other), &recording()]);
        run.exits(73).says("is the file of --html as well");
        assert!(!folder.path().join("new").exists(), "{one} {other}");
    }
    let alerts = fs::read(path("alerts.ndjson")).unwrap();
    for option in ["--html", "--json-summary"] {
        let run =
            osawatch(&["replay", "--alerts", &path("alerts.ndjson"), option, &path("alerts.ndjson"), &recording()]);
        run.exits(73);
        let run = osawatch(&["replay", "--alerts", &path("new"), option, &path("link"), &recording()]);
        run.exits(73).says("is the file of --alerts as well");
    }
    assert_eq!(fs::read(path("alerts.ndjson")).unwrap(), alerts);
    osawatch(&["replay", "--html", "/dev/null", "--json-summary", "/dev/null", &recording()]).exits(0);
    let run = osawatch(&["replay", "--html", &path("one"), "--json-summary", &path("two"), &recording()]);
    run.exits(0);
}

#[test]
fn an_output_is_replaced_whole_and_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = |file: &str| name(folder.path(), file);
    let replay = || osawatch(&["replay", "--quiet", "--json-summary", &path("summary.json"), &recording()]).exits(0);
    replay();
    fs::set_permissions(path("summary.json"), fs::Permissions::from_mode(0o600)).unwrap();
    // Another name of the file as it is now, which is not written to any more.
    fs::hard_link(path("summary.json"), path("before.json")).unwrap();
    fs::write(path("before.json"), "{\"osawatch\":").unwrap();
    replay();
    assert_eq!(fs::read_to_string(path("before.json")).unwrap(), "{\"osawatch\":");
    assert!(fs::read_to_string(path("summary.json")).unwrap().ends_with("}\n"));
    assert_eq!(fs::metadata(path("summary.json")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_the_replay() {
    for option in ["--html", "--json-summary"] {
        let run = osawatch(&["replay", option, "/nowhere/x", &recording()]).exits(73).says("cannot write");
        assert_eq!(run.stdout, "", "no alert was given out");
        osawatch(&["replay", option, "-", &recording()]).exits(64).says("`/dev/stdout` is standard output");
    }
}

#[test]
fn the_results_of_a_rule_test_replace_neither_the_rule_nor_one_another() {
    let folder = folder();
    let path = |file: &str| name(folder.path(), file);
    let text = "[rule]\nrule_id = \"r\"\nname = \"n\"\nquery = 'process where process.name == \"ls\"'\n";
    fs::write(path("r.toml"), text).unwrap();
    for output in ["r.toml", "notes.md", "alerts.ndjson"] {
        let before = fs::read(path(output)).unwrap();
        osawatch(&["rules", "test", "--junit", &path(output), &path("r.toml")])
            .exits(73)
            .says("not written by osawatch");
        assert_eq!(fs::read(path(output)).unwrap(), before);
    }
    let (rule, state) = (path("r.toml"), path("state"));
    let test = |junit: &str| {
        let (junit, baseline) = (path(junit), recording());
        osawatch(&["rules", "test", &rule, "--junit", &junit, "--baseline", &baseline, "--baseline-state", &state])
    };
    test("./state").exits(73).says("--baseline-state").says("is the file of --junit as well");
    for _ in 0..2 {
        test("results.xml").exits(0);
    }
    test("state").exits(73);
    assert!(fs::read_to_string(path("results.xml")).unwrap().contains("<testsuites name=\"osawatch rules\""));
}

#[test]
fn a_manual_page_replaces_no_file_of_someone_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("osawatch-doctor.1"), "mine\n").unwrap();
    let output = folder.path().display().to_string();
    osawatch(&["man", "--output", &output]).exits(73).says("osawatch-doctor.1").says("not written by osawatch");
    assert_eq!(fs::read_to_string(folder.path().join("osawatch-doctor.1")).unwrap(), "mine\n");
    fs::remove_file(folder.path().join("osawatch-doctor.1")).unwrap();
    for _ in 0..2 {
        osawatch(&["man", "--output", &output]).exits(0);
    }
}
