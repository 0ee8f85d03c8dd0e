//! `rules test`: examples in a rule file and beside it, coverage, JUnit, baselines.

use std::fs;
use std::path::Path;

use crate::util::{Run, fixtures, osawatch};

const RULE: &str = "[rule]\nrule_id = \"r\"\nname = \"n\"\nquery = '''\nprocess where process.name == \"ls\" and \
                    (event.type == \"start\" or event.action == \"exec\")\n'''\n";

fn event(id: &str, name: &str, kind: &str) -> String {
    format!(
        r#"{{"@timestamp":"2026-01-01T00:00:00Z","event":{{"id":"{id}","category":"process","type":"{kind}"}},"process":{{"name":"{name}"}}}}"#
    )
}

fn example(name: &str, alerts: &str, events: &[String]) -> String {
    format!("[[example]]\nname = \"{name}\"\nalerts = {alerts}\nevents = '''\n{}\n'''\n", events.join("\n"))
}

fn test(folder: &Path, options: &[&str]) -> Run {
    let path = folder.display().to_string();
    osawatch(&[&["rules", "test", path.as_str()], options].concat())
}

#[test]
fn examples_beside_a_rule_run_with_their_events_or_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("r.toml"), RULE).unwrap();
    fs::write(folder.path().join("ls.ndjson"), event("1", "ls", "start") + "\n" + &event("2", "cp", "start")).unwrap();
    let beside = example("inline", "0", &[event("1", "cp", "start")])
        + "[[example]]\nname = \"recorded\"\nalerts = [[\"1\"]]\nrecording = \"ls.ndjson\"\n";
    fs::write(folder.path().join("r.test.toml"), &beside).unwrap();
    let run = test(folder.path(), &[]).exits(0);
    assert!(run.stdout.contains("2 of 2 examples passed, 0 failed"), "{}", run.stdout);
    fs::write(folder.path().join("r.test.toml"), beside.replace("[[\"1\"]]", "[[\"2\"]]")).unwrap();
    let run = test(folder.path(), &[]).exits(1);
    assert!(run.stdout.contains("r: recorded: FAIL: alerts of [1], expected [2]"), "{}", run.stdout);
}

#[test]
fn a_recording_of_an_example_is_read_as_replay_reads_it() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("r.toml", RULE.as_bytes());
    write("r.test.toml", b"[[example]]\nname = \"x\"\nalerts = [[\"1\"]]\nrecording = \"x\"\n");
    let (one, two) = (event("1", "ls", "start"), event("2", "cp", "start"));
    let hits = format!(r#"{{"hits": {{"hits": [{{"_source": {one}}}, {{"_source": {two}}}]}}}}"#);
    let pretty = format!("{:#}", serde_json::from_str::<serde_json::Value>(&hits).unwrap());
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(pretty.as_bytes()).unwrap();
    for bytes in [format!("[{one},{two}]").into_bytes(), pretty.into_bytes(), packed.finish().unwrap()] {
        write("x", &bytes);
        let run = test(folder.path(), &[]).exits(0);
        assert!(run.stdout.contains("1 of 1 example passed"), "{}", run.stdout);
    }
    write("x", format!("{one}\n{{\"a\": tru}}\n{two}\n").as_bytes());
    let run = test(folder.path(), &[]).exits(1);
    assert!(run.stdout.contains("x:2:10: not valid JSON"), "{}", run.stdout);
}

#[test]
fn a_wrong_example_is_named_with_its_file_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: String| fs::write(folder.path().join("r.toml"), text).unwrap();
    write(RULE.to_owned() + &example("x", "0", &[event("1", "ls", "start").replace("name", "nmae")]));
    let run = test(folder.path(), &[]).exits(1);
    assert!(
        run.stdout.contains("r.toml:11:104: unknown field `process.nmae`; did you mean `process.name`?"),
        "{}",
        run.stdout
    );
    write(RULE.to_owned() + &example("x", "0", &["{\"@timestamp\"".to_owned()]));
    let run = test(folder.path(), &[]).exits(1);
    assert!(run.stdout.contains("r.toml:11:1: "), "{}", run.stdout);
    write(RULE.to_owned() + "[[example]]\nname = \"x\"\nalerts = 0\nrecording = \"none.ndjson\"\n");
    test(folder.path(), &[]).exits(78).says("r.toml:10:13: example `x`: ");
    write(RULE.to_owned() + "[[example]]\nname = \"x\"\nalerts = 0\n");
    test(folder.path(), &[]).exits(78).says("neither `events` nor a `recording`");
}

#[test]
fn coverage_names_the_clauses_that_no_example_needs() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: String| fs::write(folder.path().join("r.toml"), text).unwrap();
    write(RULE.to_owned() + &example("ls", "1", &[event("1", "ls", "start")]));
    let run = test(folder.path(), &["--coverage"]).exits(0);
    assert!(run.stdout.contains("process.name == \"ls\": no example needs it: all pass with true"), "{}", run.stdout);
    assert!(run.stdout.contains("event.action == \"exec\": never true in an example"), "{}", run.stdout);
    assert!(run.stdout.contains("mutation score 33 %: 2 of 6 changes noticed"), "{}", run.stdout);
    let xml = folder.path().join("out.xml");
    let options = ["--coverage", "--min-score", "50", "--junit", &xml.display().to_string()];
    let run = test(folder.path(), &options).exits(1);
    let why = "mutation score 33 % is below --min-score 50";
    assert!(run.stdout.ends_with(&format!("FAIL: {why}\n")), "{}", run.stdout);
    let results = fs::read_to_string(&xml).unwrap();
    assert!(
        results.contains("tests=\"2\" failures=\"1\"") && results.contains(&format!("message=\"{why}\"")),
        "{results}"
    );
    let exec = event("1", "ls", "end").replace("\"type\"", "\"action\":\"exec\",\"type\"");
    let whole = RULE.to_owned()
        + &example("ls", "1", &[event("1", "ls", "start")])
        + &example("cp", "0", &[event("1", "cp", "start")])
        + &example("end", "0", &[event("1", "ls", "end")])
        + &example("exec", "1", &[exec]);
    write(whole.clone());
    let run = test(folder.path(), &["--coverage", "--min-score", "100"]).exits(0);
    assert!(run.stdout.contains("mutation score 100 %"), "{}", run.stdout);
    let stays = "[[osawatch.stays]]\nclause = 'event.action == \"exec\"'\nreason = \"older agents\"\n";
    write(RULE.to_owned() + stays + &example("ls", "1", &[event("1", "ls", "start")]));
    let run = test(folder.path(), &["--coverage"]).exits(0);
    assert!(run.stdout.contains("event.action == \"exec\" stays: older agents"), "{}", run.stdout);
}

#[test]
fn where_nothing_can_be_tested_nothing_passes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.tml"), RULE).unwrap();
    test(folder.path(), &[]).exits(66).says("no file in this directory is a rule");
    let path = folder.path().display().to_string();
    for command in [&["replay", "-", "--rules"][..], &["rules", "check"], &["rules", "list", "--rules"]] {
        osawatch(&[command, &[&path]].concat()).exits(66).says(&path);
    }
    let kuery = RULE.replace("query =", "language = \"kuery\"\nquery =").replacen("\"r\"", "\"k\"", 1);
    fs::write(folder.path().join("kuery.toml"), kuery + &example("x", "1", &[event("1", "ls", "start")])).unwrap();
    test(folder.path(), &[]).exits(66).says("no rule here can run").says("kuery.toml: ");
    fs::write(folder.path().join("good.toml"), RULE).unwrap();
    let run = test(folder.path(), &["--coverage"]).exits(0);
    assert!(run.stdout.starts_with("skipped  ") && run.stdout.contains("kuery.toml: "), "{}", run.stdout);
    assert!(run.stdout.ends_with("mutation score n/a: 0 of 0 changes noticed\n"), "{}", run.stdout);
    let run = test(folder.path(), &["--coverage", "--min-score", "1"]).exits(1);
    assert!(run.stdout.ends_with("FAIL: mutation score n/a is below --min-score 1\n"), "{}", run.stdout);
    let run = osawatch(&[
        "replay",
        "--rules",
        &path,
        &fixtures().join("replay/public-v4/events.ndjson").display().to_string(),
    ]);
    run.exits(0).says("skipped ").says("kuery.toml: ");
}

#[test]
fn junit_has_a_case_for_each_example() {
    let folder = tempfile::tempdir().unwrap();
    let text = RULE.to_owned()
        + &example("good", "1", &[event("1", "ls", "start")])
        + &example("bad & <odd>", "0", &[event("1", "ls", "start")]);
    fs::write(folder.path().join("r.toml"), text).unwrap();
    let file = folder.path().join("out.xml");
    test(folder.path(), &["--junit", &file.display().to_string()]).exits(1);
    let xml = fs::read_to_string(&file).unwrap();
    for part in [
        "tests=\"2\" failures=\"1\" errors=\"0\"",
        "name=\"good\"",
        "name=\"bad &amp; &lt;odd&gt;\"",
        "<failure message=\"1 alert, expected 0\"/>",
    ] {
        assert!(xml.contains(part), "no {part} in {xml}");
    }
    test(folder.path(), &["--junit", "/nowhere/out.xml"]).exits(73);
}

#[test]
fn a_baseline_counts_alerts_with_their_causes_and_compares_them_with_the_last_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("r.toml"), RULE).unwrap();
    fs::write(path("day.ndjson"), event("1", "ls", "start") + "\n" + &event("2", "ls", "start") + "\n").unwrap();
    let run = |recording: &str| {
        osawatch(&[
            "rules",
            "test",
            &path("r.toml"),
            "--baseline",
            &path(recording),
            "--baseline-state",
            &path("state.json"),
        ])
    };
    let first = run("day.ndjson").exits(0);
    assert!(first.stdout.contains("r: 2 alerts\n") && first.stdout.contains("2  ls\n"), "{}", first.stdout);
    let again = run("day.ndjson").exits(0);
    assert!(again.stdout.contains("r: 2 alerts (as before)"), "{}", again.stdout);
    fs::write(path("day.ndjson"), event("1", "ls", "start") + "\n").unwrap();
    let less = run("day.ndjson").exits(0);
    assert!(less.stdout.contains("r: 1 alert (before: 2)"), "{}", less.stdout);
    let (rule, day, other) = (path("r.toml"), path("day.ndjson"), path("other.ndjson"));
    fs::write(&other, event("3", "ls", "start") + "\n").unwrap();
    let twice = osawatch(&["rules", "test", "--baseline", &day, "--baseline", &other, &rule]).exits(0);
    assert!(twice.stdout.contains("r: 2 alerts\n"), "what follows a recording is a rule: {}", twice.stdout);
    let copied = osawatch(&["rules", "test", "--baseline", &day, "--baseline", &day, &rule]).exits(0);
    assert!(copied.stdout.contains("r: 1 alert\n"), "a copy is no further day: {}", copied.stdout);
    fs::write(path("none.ndjson"), "not a recording\n").unwrap();
    run("none.ndjson").exits(65).says("none.ndjson");
    fs::write(path("state.json"), "{").unwrap();
    run("day.ndjson").exits(65).says("state.json:1:1: not the counts of an earlier run");
}

#[test]
fn the_action_checks_rules_and_fails_when_an_example_does() {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/action/test.sh");
    let run = |alerts: &str| {
        let text = RULE.to_owned() + &example("ls", alerts, &[event("1", "ls", "start")]);
        fs::write(folder.path().join("r.toml"), text).unwrap();
        let mut command = std::process::Command::new("bash");
        command.arg(&script).current_dir(folder.path()).env("OSAWATCH", assert_cmd::cargo::cargo_bin!("osawatch"));
        command.env("RULES", "r.toml").output().unwrap()
    };
    let passed = run("1");
    assert_eq!(passed.status.code(), Some(0), "{}", String::from_utf8_lossy(&passed.stderr));
    assert!(String::from_utf8_lossy(&passed.stdout).contains("mutation score"));
    assert!(folder.path().join("osawatch-rules.xml").exists());
    assert_eq!(run("2").status.code(), Some(1));
}

#[test]
fn what_a_rule_is_called_is_no_command_to_the_workflow_that_prints_it() {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/action/test.sh");
    let text =
        RULE.replacen("rule_id = \"", "rule_id = \"::error::", 1) + &example("ls", "1", &[event("1", "ls", "start")]);
    fs::write(folder.path().join("r.toml"), text).unwrap();
    let mut command = std::process::Command::new("bash");
    command.arg(&script).current_dir(folder.path()).env("OSAWATCH", assert_cmd::cargo::cargo_bin!("osawatch"));
    let output = command.env("RULES", "r.toml").env("GITHUB_ACTIONS", "true").output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = stdout.lines().collect();
    let token = lines[0].strip_prefix("::stop-commands::").unwrap();
    assert_eq!((token.len(), output.status.code()), (32, Some(0)), "{stdout}");
    assert_eq!(lines.last(), Some(&&*format!("::{token}::")));
    assert!(lines.iter().any(|line| line.starts_with("::error::")), "{stdout}");
}
