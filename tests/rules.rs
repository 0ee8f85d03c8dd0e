//! The rules command, and what a rule author sees.

use std::fs;

use crate::util::osawatch;

fn rule(query: &str) -> String {
    format!("[rule]\nrule_id = \"r\"\nname = \"n\"\nquery = '''\n{query}\n'''\n")
}

fn check(text: &str) -> crate::util::Run {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rule.toml");
    fs::write(&file, text).unwrap();
    osawatch(&["rules", "check", &file.display().to_string()])
}

#[test]
fn the_built_in_rules_are_listed_and_shown() {
    let list = osawatch(&["rules", "list"]).exits(0).stdout;
    assert_eq!(list.lines().filter(|line| line.contains("-network-connection")).count(), 22, "{list}");
    let shown = osawatch(&["rules", "show", "osascript-network-connection"]).exits(0).stdout;
    for text in ["T1059.002", "TA0011", "maxspan=30s", "What to look at", "Likely false positives", "How to respond"] {
        assert!(shown.contains(text), "no {text:?} in\n{shown}");
    }
    osawatch(&["rules", "show", "osascript-network-conection"]).exits(64).says("did you mean");
    let unlike = osawatch(&["rules", "show", "x"]).exits(64).says("no rule has the id `x`");
    assert!(!unlike.stderr.contains("did you mean"), "{}", unlike.stderr);
}

#[test]
fn a_rule_that_is_shipped_off_says_so_and_runs_when_it_is_named() {
    let off = [
        "osascript-launchd-network-connection",
        "osascript-terminal-network-connection",
        "shortcuts-network-connection",
    ];
    let list = osawatch(&["rules", "list"]).exits(0).stdout;
    let listed: Vec<&str> =
        list.lines().filter(|line| line.contains(" off ")).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(listed, off);
    let shown = osawatch(&["rules", "show", off[1]]).exits(0).stdout;
    assert!(shown.contains("it is off; `enable` in the section [rules] of the configuration turns it on"), "{shown}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("off.toml");
    let text = rule("process where true") + "[osawatch]\nenabled = false\n";
    fs::write(&file, &text).unwrap();
    let file = file.display().to_string();
    let run = osawatch(&["rules", "check", &file]).exits(0);
    assert!(run.stdout.starts_with("ok ") && run.stdout.contains("(it is off; "), "{}", run.stdout);
    let input = crate::util::fixtures().join("replay/public-v4/events.ndjson").display().to_string();
    let alerts = |further: &[&str]| {
        let run = osawatch(&[&["replay", "--no-builtin", "--rules", &file, &input], further].concat());
        if run.code == 64 { run.stderr } else { run.alerts().len().to_string() }
    };
    assert_eq!(alerts(&["--enable", "r"]), alerts(&["--only", "r"]));
    assert_ne!(alerts(&["--enable", "r"]), "0");
    assert!(alerts(&[]).contains("no rules to run"), "{}", alerts(&[]));
    assert!(alerts(&["--enable", "x"]).contains("no rule has the id `x`"));
}

#[test]
fn the_examples_of_the_built_in_rules_pass_and_need_each_clause() {
    let run = osawatch(&["rules", "test", "--coverage", "--min-score", "100"]).exits(0);
    assert!(run.stdout.contains(" 0 failed"), "{}", run.stdout);
    assert!(!run.stdout.contains("has no example"), "{}", run.stdout);
    assert!(!run.stdout.contains("no example needs it"), "{}", run.stdout);
}

#[test]
fn a_failing_example_fails_the_test() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rule.toml");
    let event = r#"{"@timestamp":"2026-01-01T00:00:00Z","event":{"category":"process"},"process":{"name":"ls"}}"#;
    let text = rule("process where process.name == \"ls\"")
        + &format!("[[example]]\nname = \"ls\"\nalerts = 0\nevents = '{event}'\n");
    fs::write(&file, text).unwrap();
    let run = osawatch(&["rules", "test", &file.display().to_string()]).exits(1);
    assert!(run.stdout.contains("FAIL: 1 alert, expected 0"), "{}", run.stdout);
}

#[test]
fn a_misspelt_field_is_shown_in_its_line_with_a_suggestion() {
    let run = check(&rule("process where process.nmae == \"osascript\"")).exits(1);
    assert!(run.stdout.contains("rule.toml:5:15: unknown field `process.nmae`"), "{}", run.stdout);
    assert!(run.stdout.contains("did you mean `process.name`?"), "{}", run.stdout);
    assert!(run.stdout.contains("^^^^^^^^^^^^"), "{}", run.stdout);
}

#[test]
fn what_eql_has_and_osawatch_has_not_is_refused() {
    for query in [
        "process where true | sort 5",
        "join by host.id [process where true] [network where true]",
        "process where frobnicate(process.name)",
        "sequence [process where true]",
        "process where process.name = \"x\"",
        "process where",
        "sequence by host.id [process where true] by process.pid [network where true]",
    ] {
        let run = check(&rule(query)).exits(1);
        assert!(run.stdout.contains("rule.toml:5:") && run.stdout.contains('^'), "{query}:\n{}", run.stdout);
    }
}

#[test]
fn rules_that_cannot_run_here_are_skipped_and_say_why() {
    for (text, why) in [
        (rule("file where true"), "it needs file events"),
        (
            rule("process where host.os.type == \"windows\" and process.Ext.token.integrity_level_name == \"high\""),
            "it is for windows",
        ),
        (rule("process where true").replace("query", "os_list = [\"linux\"]\nquery"), "it is for linux"),
        (
            rule("any where aws.cloudtrail.user_identity.type == \"Root\"") + "[metadata]\nintegration = [\"aws\"]\n",
            "it needs events of aws",
        ),
        (rule("process where true").replace("query", "language = \"kuery\"\nquery"), "it is written in kuery"),
        (rule("process where true").replace("query", "type = \"threshold\"\nquery"), "it is a threshold rule"),
        (
            rule("process.name:a").replace("query", "type = \"new_terms\"\nlanguage = \"kuery\"\nquery"),
            "it is a new_terms rule",
        ),
        (
            "[rule]\nrule_id = \"m\"\nname = \"n\"\ntype = \"machine_learning\"\n".to_owned(),
            "it is a machine_learning rule",
        ),
        (
            rule("process where true") + "[[rule.filters]]\nquery.match_phrase = { \"process.name\" = \"a\" }\n",
            "it has filters, and osawatch goes by the query alone: write them there",
        ),
        (
            rule("process where true").replace("query", "event_category_override = \"event.type\"\nquery"),
            "its categories are values of event.type",
        ),
        (
            rule("process where true").replace("query", "timestamp_field = \"event.ingested\"\nquery"),
            "its events are in the order of event.ingested",
        ),
        (rule("any where event.category == \"file\" and process.pid == 1"), "it needs file events"),
        (rule("process where descendant of [file where true]"), "it needs file events"),
        (rule("process where host.os.type == \"windows\" and frobnicate(?no.such) | sort x"), "it is for windows"),
        (rule("proces where zzz").replace("query", "tags = [\"OS: Linux\"]\nquery"), "it is for linux"),
        (rule("proces where zzz").replace("query", "index = [\"logs-okta*\"]\nquery"), "it needs events of logs-okta*"),
        ("[tool.black]\nline-length = 120\n".to_owned(), "it is not a rule"),
    ] {
        let run = check(&text).exits(0);
        assert!(run.stdout.contains("skipped") && run.stdout.contains(why), "{}", run.stdout);
    }
}

#[test]
fn a_file_that_is_not_a_rule_is_wrong_with_its_place() {
    let run = check("[rule]\nname = \"x\nquery = 1\n").exits(1);
    assert!(run.stdout.contains("rule.toml:2:"), "{}", run.stdout);
    let run = check("[rule]\nname = \"x\"\n").exits(1);
    assert!(run.stdout.contains("rule_id"), "{}", run.stdout);
}

#[test]
fn the_endpoint_layout_loads_and_its_actions_are_said_to_be_ignored() {
    let text = "[rule]\nid = \"e\"\nname = \"n\"\nos_list = [\"macos\"]\nversion = \"1.0.2\"\nquery = '''\nprocess where event.action == \"exec\"\n'''\n\
        [[actions]]\naction = \"kill_process\"\nfield = \"process.entity_id\"\nstate = 0\n\
        [[threat]]\nframework = \"MITRE ATT&CK\"\n[threat.tactic]\nid = \"TA0002\"\nname = \"Execution\"\nreference = \"r\"\n";
    let run = check(text).exits(0);
    assert!(run.stdout.contains("ok ") && run.stdout.contains("1 [[actions]] ignored"), "{}", run.stdout);
}

#[test]
fn what_kibana_would_do_with_the_matches_of_a_rule_is_said_to_be_ignored() {
    let text = rule("process where true").replace("query", "timestamp_field = \"@timestamp\"\nfilters = []\nquery");
    let run = check(&(text + "[rule.alert_suppression]\ngroup_by = [\"host.id\"]\n")).exits(0);
    assert!(run.stdout.contains("ok ") && run.stdout.contains("alert_suppression ignored"), "{}", run.stdout);
    let text = rule("process where true").replace("query", "tiebreaker_field = \"event.sequence\"\nquery");
    let run = check(&(text.clone() + "[[rule.exceptions_list]]\nid = \"e\"\n")).exits(0);
    assert!(run.stdout.contains("exceptions_list ignored"), "{}", run.stdout);
    assert!(!run.stdout.contains("tiebreaker_field"), "{}", run.stdout);
    let run = check(&text.replace("process where true", "sequence [process where true] [network where true]")).exits(0);
    assert!(run.stdout.contains("tiebreaker_field ignored"), "{}", run.stdout);
}

#[test]
fn a_rule_that_is_disabled_in_kibana_is_off() {
    let run = check(&rule("process where true").replace("query", "enabled = false\nquery")).exits(0);
    assert!(run.stdout.contains("ok ") && run.stdout.contains("(it is off; `enable`"), "{}", run.stdout);
}

#[test]
fn an_error_in_a_query_with_escapes_is_where_it_is_written() {
    let text = "[rule]\nrule_id = \"r\"\nname = \"n\"\nquery = \"\"\"\nprocess where process.args : \"a\\\\\\\\b\" and\n  \
        process.args : \"\\u00e9\\\\\\\\d\" and process.nmae == 1\n\"\"\"\n";
    let run = check(text).exits(1);
    assert!(run.stdout.contains("rule.toml:6:36: unknown field `process.nmae`"), "{}", run.stdout);
    let run =
        check("[rule]\nrule_id = \"r\"\nname = \"n\"\nquery = \"any where process.args : \\\"a\\\" and pid == 1\"\n")
            .exits(1);
    assert!(run.stdout.contains("rule.toml:4:45: unknown field `pid`"), "{}", run.stdout);
}

#[test]
fn a_rule_with_the_id_of_a_built_in_one_is_said_to_run_without_that_alone() {
    let text = rule("process where true").replace("rule_id = \"r\"", "rule_id = \"osascript-network-connection\"");
    let run = check(&text).exits(0);
    assert!(run.stdout.contains("(the built-in rule of this id runs instead, unless --no-builtin"), "{}", run.stdout);
    assert!(!check(&rule("process where true")).exits(0).stdout.contains("built-in"));
}

#[test]
fn of_two_rules_with_one_id_the_first_runs() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.toml", "b.toml"] {
        fs::write(folder.path().join(name), rule("process where true")).unwrap();
    }
    let run = osawatch(&["rules", "check", &folder.path().display().to_string()]).exits(0);
    assert!(
        run.stdout.contains("has the same id (at 2:11) and runs instead") && run.stdout.contains("1 ok, 1 skipped"),
        "{}",
        run.stdout
    );
}

#[test]
fn slips_of_the_pen_in_a_rule_file_are_errors_with_their_place() {
    let good = rule("process where true");
    for (text, what) in [
        (good.replace("name =", "nmae ="), "rule.toml:3:1: unknown key `nmae`; did you mean `name`?"),
        (
            good.replace("[rule]", "[rule]\nseverty = \"high\""),
            "rule.toml:2:1: unknown key `severty`; did you mean `severity`?",
        ),
        (good.clone() + "[[exmple]]\nname = \"x\"\n", "rule.toml:7:3: unknown table `exmple`; did you mean `example`?"),
        (good.clone() + "[osawatch]\nyeilds_to = []\n", "rule.toml:8:1: unknown field `yeilds_to`"),
        (good.replace("\"n\"", "\" \""), "rule.toml:3:8: the name of the rule is empty"),
        (good.replace("\"r\"", "\"\""), "rule.toml:2:11: the rule_id of the rule is empty"),
        (rule("proces where true"), "rule.toml:5:1: unknown event category `proces`; did you mean `process`?"),
    ] {
        let run = check(&text).exits(1);
        assert!(run.stdout.contains(what), "{what}:\n{}", run.stdout);
    }
}

#[test]
fn a_rule_whose_pipe_lets_nothing_through_says_so() {
    let run = check(&rule("process where true | head 0")).exits(0);
    assert!(run.stdout.contains("ok ") && run.stdout.contains("(it finds nothing: "), "{}", run.stdout);
}

#[test]
fn a_rule_that_is_blind_to_some_of_its_events_says_so() {
    let run = check(&rule("any where event.category in (\"process\", \"file\")")).exits(0);
    assert!(run.stdout.contains("ok ") && run.stdout.contains("does not see the file events"), "{}", run.stdout);
}

#[test]
fn a_rule_that_can_never_alert_on_a_live_mac_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, query) in [
        ("field.toml", "process where process.name == \"a\" and process.parent.thread.id > 1"),
        ("negated.toml", "process where not process.parent.thread.id == 1"),
        ("one-of.toml", "process where process.parent.thread.id == 1 or process.name == \"a\""),
        ("key.toml", "sequence by agent.id [process where true] [network where true]"),
        ("tail.toml", "process where true | tail 1"),
        ("value.toml", "process where process.code_signature.status == \"invalid Info.plist\""),
        ("value-reported.toml", "process where process.code_signature.status : (\"trusted\", \"no error*\")"),
        ("trust.toml", "process where process.parent.code_signature.trusted == false"),
        (
            "parent.toml",
            "process where process.parent.args_count > 3 and process.parent.code_signature.exists == false",
        ),
    ] {
        fs::write(folder.path().join(name), rule(query).replace("\"r\"", &format!("\"{name}\""))).unwrap();
    }
    let run = osawatch(&["rules", "check", "--live", &folder.path().display().to_string()]).exits(0);
    let named: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with("never ")).collect();
    assert_eq!(named.len(), 4, "{}", run.stdout);
    for what in [
        "field.toml: it needs process.parent.thread.id, which no sensor",
        "key.toml: stage 1 needs agent.id",
        "tail.toml: `tail` is decided at the end",
        "value.toml: it needs a value of process.code_signature.status that no sensor",
    ] {
        assert!(named.iter().any(|line| line.contains(what)), "{what}: {}", run.stdout);
    }
}
