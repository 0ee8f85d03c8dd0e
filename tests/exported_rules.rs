//! Rules as Kibana exports them.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::util::{Run, fixtures, osawatch};

/// A rule with the keys that Kibana writes.
fn exported(id: &str, query: &str) -> Value {
    json!({
        "id": "6d5a1c1e-0000-4000-8000-000000000000", "updated_at": "2026-01-01T00:00:00.000Z", "updated_by": "elastic",
        "created_at": "2026-01-01T00:00:00.000Z", "created_by": "elastic", "name": "Curl", "tags": ["OS: macOS"],
        "interval": "5m", "enabled": true, "revision": 1, "description": "d", "risk_score": 73, "severity": "high",
        "license": "", "output_index": "", "meta": {"from": "4m"}, "author": ["A"], "false_positives": [],
        "from": "now-9m", "rule_id": id, "max_signals": 100, "risk_score_mapping": [], "severity_mapping": [],
        "threat": [{"framework": "MITRE ATT&CK", "tactic": {"id": "TA0011", "name": "Command and Control", "reference": "r"},
            "technique": [{"id": "T1105", "name": "Ingress Tool Transfer", "reference": "r", "subtechnique": []}]}],
        "to": "now", "references": [], "version": 2, "exceptions_list": [], "immutable": false,
        "rule_source": {"type": "internal"}, "related_integrations": [{"package": "endpoint", "version": "^9.0.0"}],
        "required_fields": [{"name": "process.name", "type": "keyword", "ecs": true}], "setup": "", "type": "eql",
        "language": "eql", "index": ["logs-endpoint.events.*"], "query": query, "filters": [], "actions": [],
    })
}

fn counts() -> Value {
    json!({"exported_count": 1, "exported_rules_count": 1, "missing_rules": [], "missing_rules_count": 0})
}

fn lines(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("{object}\n")).collect()
}

/// An export in a folder of its own, which goes when this does.
struct Export {
    _folder: tempfile::TempDir,
    file: PathBuf,
}

impl Export {
    fn of(text: &str) -> Export {
        Export::named("export.ndjson", text)
    }

    fn named(name: &str, text: &str) -> Export {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        Export { _folder: folder, file }
    }

    fn check(&self) -> Run {
        osawatch(&["rules", "check", &self.file.display().to_string()])
    }
}

#[test]
fn each_rule_of_an_export_runs_with_what_kibana_states_of_it() {
    let query = "process where host.os.type == \"macos\" and process.name == \"osascript\"";
    let export = Export::of(&lines(&[exported("one", query), exported("two", query), counts()]));
    let run = export.check().exits(0);
    let file = export.file.display().to_string();
    assert_eq!(run.stdout, format!("ok       {file}:1\nok       {file}:2\n2 ok, 0 skipped, 0 in error\n"));
    let input = fixtures().join("replay/public-v4/events.ndjson").display().to_string();
    let alerts = osawatch(&["replay", "--no-builtin", "--rules", &file, &input]).alerts();
    let rules: Vec<&Value> = alerts.iter().map(|alert| &alert["rule"]).collect();
    assert_eq!(rules.len(), 2, "{rules:?}");
    assert_eq!((&rules[0]["id"], &rules[1]["id"]), (&json!("one"), &json!("two")));
    assert_eq!((&rules[0]["version"], &alerts[0]["event"]["risk_score"]), (&json!("2"), &json!(73.0)));
    assert_eq!(alerts[0]["threat"]["technique"]["id"], json!(["T1105"]));
    let shown = osawatch(&["rules", "show", "two", "--rules", &file]).exits(0).stdout;
    assert!(shown.contains(&format!("{file}:2")) && shown.contains("T1105"), "{shown}");
}

#[test]
fn a_rule_of_an_export_is_skipped_for_the_reasons_of_any_rule() {
    let with = |id: &str, key: &str, value: Value| {
        let mut rule = exported(id, "process where true");
        rule[key] = value;
        rule
    };
    let text = lines(&[
        with("a", "language", json!("kuery")),
        with("b", "filters", json!([{"meta": {"alias": null, "negate": true}, "query": {"match_phrase": {"a": "b"}}}])),
        with("c", "type", json!("threshold")),
        exported("d", "file where true"),
        exported("e", "process where host.os.type == \"windows\" and frobnicate(?x)"),
        with("f", "enabled", json!(false)),
        exported("f", "process where true"),
        exported("f", "process where true"),
        counts(),
    ]);
    let run = Export::of(&text).check().exits(0);
    for (line, what) in [
        (0, "ndjson:1: it is written in kuery"),
        (1, "ndjson:2: it has filters"),
        (2, "ndjson:3: it is a threshold rule"),
        (3, "ndjson:4: it needs file events"),
        (4, "ndjson:5: it is for windows"),
        (5, "ndjson:6 (it is off; "),
        (6, "ndjson:7: the rule in "),
        (7, "export.ndjson:6 has the same id (at 8:"),
    ] {
        assert!(run.stdout.lines().nth(line).unwrap().contains(what), "{what}: {}", run.stdout);
    }
    assert!(run.stdout.ends_with("1 ok, 7 skipped, 0 in error\n"), "{}", run.stdout);
    let mut other = exported("o", "any where aws.cloudtrail.user_identity.type == \"Root\"");
    (other["related_integrations"], other["index"]) = (json!([{"package": "aws", "version": "^1.0.0"}]), json!([]));
    let run = Export::of(&lines(&[other])).check().exits(0);
    assert!(run.stdout.contains("ndjson:1: it needs events of aws"), "{}", run.stdout);
}

#[test]
fn what_is_wrong_in_an_export_is_told_with_its_line_and_the_others_are_read() {
    let query = "process where process.args : \"\\\\\\\\é\u{1f600}\\\"\"\n  and process.nmae == 1";
    let slip = |line: String| line.replace("\"severity\":", "\"severty\":");
    let text = lines(&[exported("a", query), exported("b", "process where true")])
        + &slip(lines(&[exported("c", "process where true")]))
        + "{\"name\":\"n\",\"query\":\"process where true\"}\n{\"rule_id\":\"r\",\"name\":7}\n7\n{}\n";
    let run = Export::of(&text).check().exits(1);
    let written = text.lines().next().unwrap();
    let column = written[..written.find("process.nmae").unwrap()].chars().count() + 1;
    for what in [
        format!(
            "export.ndjson:1:{column}: unknown field `process.nmae`; did you mean `process.name`?\n    and process.nmae"
        ),
        "export.ndjson:2\n".to_owned(),
        format!(
            "export.ndjson:3:{}: unknown key `severty`",
            lines(&[exported("c", "process where true")]).find("\"severity\"").unwrap() + 1
        ),
        "export.ndjson:4:1: missing field `rule_id`\n".to_owned(),
        "export.ndjson:5:23: invalid type: integer `7`, expected a string\n".to_owned(),
        "export.ndjson:6:1: expected a JSON object: Kibana exports one for each rule\n".to_owned(),
    ] {
        assert!(run.stdout.contains(&what), "{what}\n{}", run.stdout);
    }
    assert!(run.stdout.ends_with("1 ok, 0 skipped, 5 in error\n"), "{}", run.stdout);
    let whole = lines(&[exported("a", "process where true"), exported("b", "process where true")]);
    let run = Export::of(&whole[..whole.len() - 9]).check().exits(1);
    assert!(run.stdout.contains("export.ndjson:2:") && run.stdout.contains("export the rules again"), "{}", run.stdout);
    let escaped = "{\"rule_id\":\"r\",\"name\":\"n\",\"query\":\"any where \\ud83d\\ude00x\"}";
    let run = Export::of(&format!("\n  {escaped}")).check().exits(1);
    assert!(run.stdout.contains("export.ndjson:2:48: unexpected character '😀'"), "{}", run.stdout);
}

#[test]
fn each_exception_of_a_rule_in_an_export_is_said_to_be_ignored() {
    let mut rule = exported("a", "process where true");
    rule["exceptions_list"] = json!([
        {"id": "1", "list_id": "corp", "type": "detection", "namespace_type": "single"},
        {"id": "2", "list_id": "empty", "type": "rule_default", "namespace_type": "single"},
    ]);
    let list = |id: &str| json!({"list_id": id, "name": id, "type": "detection", "namespace_type": "single"});
    let entry = |list: &str, name: &str| {
        json!({"list_id": list, "item_id": name, "name": name, "type": "simple", "namespace_type": "single",
            "entries": [{"field": "process.name", "operator": "included", "type": "match", "value": "a"}]})
    };
    let connector = json!({"id": "c", "type": "action", "attributes": {"actionTypeId": ".slack"}, "references": []});
    let text = lines(&[
        rule.clone(),
        list("corp"),
        list("empty"),
        entry("corp", "Updater"),
        entry("other", "Not its own"),
        entry("corp", "Jamf"),
        connector,
        counts(),
    ]);
    let run = Export::of(&text).check().exits(0);
    let told = "(exception `Updater` ignored: write it as an [[exception]] of the configuration) \
                (exception `Jamf` ignored: write it as an [[exception]] of the configuration)";
    let end = format!("export.ndjson:1 {told}\n1 ok, 0 skipped, 0 in error\n");
    assert!(run.stdout.ends_with(&end), "{}", run.stdout);
    let alone = Export::of(&lines(&[rule])).check().exits(0);
    assert!(alone.stdout.contains("exceptions_list ignored: the exceptions are not in the file"), "{}", alone.stdout);
}

#[test]
fn what_kibana_would_do_with_the_matches_of_an_exported_rule_is_said_to_be_ignored() {
    let mut rule = exported("a", "process where true");
    rule["actions"] = json!([{"group": "default", "id": "c", "params": {}, "action_type_id": ".slack"}]);
    rule["response_actions"] = json!([{"action_type_id": ".endpoint", "params": {"command": "isolate"}}]);
    rule["alert_suppression"] = json!({"group_by": ["host.id"]});
    let run = Export::of(&lines(&[rule])).check().exits(0);
    for what in ["actions ignored: osawatch only detects", "response_actions ignored", "alert_suppression ignored"] {
        assert!(run.stdout.contains(what), "{what}: {}", run.stdout);
    }
}

#[test]
fn one_rule_or_an_array_of_them_may_be_written_on_several_lines() {
    let [one, other] = ["a", "b"].map(|id| exported(id, "process where true"));
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    let run = Export::named("rule.json", &pretty(&one)).check().exits(0);
    assert!(run.stdout.contains("rule.json:1\n1 ok, 0 skipped"), "{}", run.stdout);
    let array = json!([one, other]);
    let second = pretty(&array).lines().position(|line| line == "  },").unwrap() + 2;
    let run = Export::named("rules.json", &pretty(&array)).check().exits(0);
    assert!(run.stdout.contains("rules.json:2\nok "), "{}", run.stdout);
    assert!(run.stdout.contains(&format!("rules.json:{second}\n2 ok, 0 skipped")), "{}", run.stdout);
}

#[test]
fn a_file_has_so_many_rules() {
    let text = "{\"rule_id\":\"r\",\"name\":\"n\"}\n".repeat(10_002);
    let run = Export::of(&text).check().exits(1);
    assert!(run.stdout.contains("ndjson:10001:1: a file has at most 10000 rules, and this one has more: export fewer"));
    assert!(run.stdout.ends_with("0 ok, 10000 skipped, 1 in error\n"));
}

#[test]
fn a_folder_holds_rules_of_both_kinds_and_recordings_which_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("a.toml", "[rule]\nrule_id = \"a\"\nname = \"n\"\nquery = 'process where true'\n");
    write("b.ndjson", &lines(&[exported("b", "process where true"), exported("a", "process where true"), counts()]));
    write("events.ndjson", "{\"@timestamp\":0,\"event\":{\"category\":\"process\"}}\n");
    let path = folder.path().display().to_string();
    let run = osawatch(&["rules", "check", &path]).exits(0);
    assert!(run.stdout.contains("a.toml has the same id") && run.stdout.ends_with("2 ok, 1 skipped, 0 in error\n"));
    assert!(!run.stdout.contains("events.ndjson"), "{}", run.stdout);
    let config = folder.path().join("config.toml.d");
    fs::create_dir(&config).unwrap();
    let config = config.join("config");
    fs::write(&config, format!("[rules]\npaths = [\"{path}/b.ndjson\", \"{path}/events.ndjson\"]\n")).unwrap();
    let run = osawatch(&["config", "check", &config.display().to_string()]).exits(1);
    assert!(run.stdout.contains("events.ndjson: it holds no rule: no object in it has a rule_id"), "{}", run.stdout);
    assert!(!run.stdout.contains("b.ndjson"), "{}", run.stdout);
    write("b.ndjson", &lines(&[exported("b", "proces where true"), exported("c", "process where zz")]));
    let run = osawatch(&["config", "check", &config.display().to_string()]).exits(78);
    assert!(run.stderr.contains("b.ndjson:1:") && run.stderr.contains("b.ndjson:2:"), "{}", run.stderr);
    let run = osawatch(&["rules", "test", &path]).exits(78);
    assert!(run.stderr.contains("b.ndjson:1:"), "{}", run.stderr);
}
