//! Exceptions as a user writes them, on a recording with one alert.

use std::fs;

use serde_json::Value;

use crate::util::{Run, fixtures, osawatch};

const HEAD: &str = "[[exception]]\nname = \"known\"\nrules = \"all\"\nreason = \"test\"\n";

fn replay(config: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, config).unwrap();
    let input = fixtures().join("replay/public-v4/events.ndjson").display().to_string();
    osawatch(&["replay", "--config", &file.display().to_string(), "--explain", &input])
}

#[test]
fn a_condition_sees_every_event_of_the_sequence() {
    for condition in [
        "events[0].process.name == \"osascript\" and events[1].destination.port == 443",
        "cidrMatch(events[1].destination.ip, \"93.184.216.0/24\")",
        "destination.ip == \"93.184.216.34\" and not events[0].destination.ip != null",
        "events[0].process.entity_id == events[1].process.entity_id",
    ] {
        let run = replay(&format!("{HEAD}condition = '{condition}'\n")).exits(0);
        assert_eq!(run.alerts().len(), 0, "{condition}");
        let run = run.says("suppressed by exception `known` (test): osascript-network-connection");
        let run = run.says(" to 93.184.216.34 on mac-7 at 2026-01-15T09:30:11.616000000Z\n");
        run.says(" to 93.184.216.34").says("1 sequence suppressed by exceptions\n       1  known\n");
    }
}

#[test]
fn a_sequence_that_does_not_meet_the_condition_goes_out() {
    for condition in [
        "events[1].process.name == \"curl\"",
        "events[7].process.name == \"osascript\"",
        "events[0].destination.port == 443",
    ] {
        let run = replay(&format!("{HEAD}condition = '{condition}'\n")).exits(0);
        assert_eq!(run.alerts().len(), 1, "{condition}");
        run.says("0 sequences suppressed by exceptions\n       0  known\n");
    }
}

#[test]
fn an_exception_ends_with_its_day_by_the_time_of_the_completing_event() {
    for (expires, alerts) in
        [("2026-01-14", 1), ("2026-01-15", 0), ("2026-01-15T09:30:11.616Z", 1), ("2026-01-15T09:30:12Z", 0)]
    {
        let run = replay(&format!("{HEAD}condition = 'true'\nexpires = {expires}\n")).exits(0);
        assert_eq!(run.alerts().len(), alerts, "{expires}");
    }
}

#[test]
fn an_exception_for_another_rule_holds_nothing_back() {
    let text = HEAD.replace("\"all\"", "[\"another\"]");
    assert_eq!(replay(&format!("{text}condition = 'true'\n")).exits(0).alerts().len(), 1);
}

#[test]
fn a_bad_exception_is_refused_where_it_stands() {
    let text = format!("{HEAD}condition = 'process.nmae == \"x\"'\n");
    replay(&text).exits(78).says("config.toml:5:14: exception `known`: unknown field `process.nmae`");
    replay(&format!("{HEAD}condition = 'events[x].process.name == \"x\"'\n")).exits(78).says(":5:21: ");
    replay(&format!("{HEAD}condition = 'true'\nexpires = 10:00:00\n")).exits(78).says("config.toml:6:11: `expires`");
    replay(&format!("{HEAD}condition = 'true'\nrule = 1\n")).exits(78).says("config.toml:6:1: unknown field `rule`");
    let text = HEAD.replace("\"all\"", "\"some\"");
    replay(&format!("{text}condition = 'true'\n")).exits(78).says("config.toml:3:9: ");
}

#[test]
fn a_rule_cannot_name_the_events_of_a_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rule.toml");
    let query = "process where events[0].process.name == \"x\"";
    fs::write(&file, format!("[rule]\nrule_id = \"r\"\nname = \"n\"\nquery = '{query}'\n")).unwrap();
    let run = osawatch(&["rules", "check", &file.display().to_string()]).exits(1);
    assert!(run.stdout.contains("only in the condition of an exception"), "{}", run.stdout);
}

#[test]
fn exceptions_stand_in_files_beside_the_configuration_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, "").unwrap();
    let beside = folder.path().join("exceptions.d");
    fs::create_dir(&beside).unwrap();
    fs::write(beside.join("10-known.toml"), format!("{HEAD}condition = 'true'\n")).unwrap();
    fs::write(beside.join("notes.txt"), "no exception").unwrap();
    let (input, file) =
        (fixtures().join("replay/public-v4/events.ndjson").display().to_string(), file.display().to_string());
    let run = osawatch(&["replay", "--config", &file, "--explain", &input]).exits(0);
    assert!(run.alerts().is_empty());
    run.says("1 sequence suppressed by exceptions\n       1  known\n");
    fs::write(beside.join("20-wrong.toml"), "[[exception]]\nname = \"x\"\n").unwrap();
    osawatch(&["config", "check", &file])
        .exits(78)
        .says("20-wrong.toml:1:1: missing fields `rules`, `condition`, `reason`");
}

/// A program in whose tree osascript connects: executable, team id, signing id.
type Program = (&'static str, &'static str, &'static str);

/// For each preset a program that it is for, and one beside it whose tree it does not hold back.
const PRESETS: [(&str, Program, Program); 35] = [
    ("jamf", ("/usr/local/jamf/bin/jamf", "483DWKW443", ""), ("/usr/local/jamf/bin/jamf", "", "jamf")),
    (
        "intune",
        ("/Library/Intune/Microsoft Intune Agent.app/Contents/MacOS/IntuneMdmDaemon", "UBF8T346G9", ""),
        ("/Applications/Microsoft Word.app/Contents/MacOS/Microsoft Word", "UBF8T346G9", ""),
    ),
    (
        "kandji",
        ("/Library/Kandji/kandji-daemon", "P3FGV63VK7", ""),
        ("/Library/Kandji/kandji-daemon", "AAAAAAAAAA", ""),
    ),
    ("jumpcloud", ("/opt/jc/bin/jumpcloud-agent", "N985MXSH85", ""), ("/opt/jc/bin/jumpcloud-agent", "", "")),
    ("mosyle", ("/Library/Application Support/Mosyle/MosyleMDM", "", ""), ("/Users/ada/Mosyle/MosyleMDM", "", "")),
    ("addigy", ("/Library/Addigy/collector", "", ""), ("/Users/Shared/Library/Addigy/collector", "", "")),
    (
        "ninjarmm",
        ("/Applications/NinjaRMMAgent/programfiles/ninjarmm-macagent", "", ""),
        ("/tmp/ninjarmm-macagent", "", ""),
    ),
    ("rippling", ("/opt/rippling/agent", "", ""), ("/opt/ripple/agent", "", "")),
    (
        "atera",
        ("/Library/Application Support/com.atera.ateraagent/agent", "", ""),
        ("/tmp/com.atera.ateraagent/agent", "", ""),
    ),
    ("labtech", ("/usr/local/ltechagent/ltechagent", "", ""), ("/usr/local/ltech", "", "")),
    ("solarwinds", ("/usr/local/rmmagent/rmmagentd", "", ""), ("/usr/local/bin/rmmagentd", "", "")),
    ("munki", ("/usr/local/munki/managedsoftwareupdate", "", ""), ("/usr/local/bin/managedsoftwareupdate", "", "")),
    ("super", ("/Library/Management/super/super", "", ""), ("/usr/local/bin/super", "", "")),
    (
        "raycast",
        ("/Applications/Raycast.app/Contents/MacOS/Raycast", "SY64MV22J9", ""),
        ("/Applications/Raycast.app/Contents/MacOS/Raycast", "", ""),
    ),
    (
        "alfred",
        ("/Applications/Alfred 5.app/Contents/MacOS/Alfred", "XZZXE9SED4", ""),
        ("/Users/ada/Downloads/Alfred 5.app/Contents/MacOS/Alfred", "XZZXE9SED4", ""),
    ),
    (
        "karabiner",
        ("/Library/karabiner_console_user_server", "G43BCU2T37", ""),
        ("/Library/karabiner_console_user_server", "", ""),
    ),
    (
        "docker",
        ("/Applications/Docker.app/Contents/MacOS/com.docker.backend", "9BNSXJN65R", ""),
        ("/Applications/Docker.app/Contents/MacOS/com.docker.backend", "", "com.docker"),
    ),
    (
        "jetbrains-toolbox",
        ("/Applications/JetBrains Toolbox.app/Contents/MacOS/jetbrains-toolbox", "2ZEFAR8TH3", ""),
        ("/tmp/jetbrains-toolbox", "", ""),
    ),
    (
        "chatgpt-and-codex",
        ("/Applications/ChatGPT.app/Contents/MacOS/ChatGPT", "2DC432GLL2", ""),
        ("/Applications/ChatGPT.app/Contents/MacOS/ChatGPT", "", "com.openai.chat"),
    ),
    (
        "claude",
        ("/Users/ada/.local/bin/claude", "Q6L2SF6YDW", "com.anthropic.claude-code"),
        ("/Users/ada/.local/bin/claude", "", "com.anthropic.claude-code"),
    ),
    ("cursor", ("/Applications/Cursor.app/Contents/MacOS/Cursor", "VDXQ22DGB9", ""), ("/tmp/Cursor", "", "")),
    ("homebrew-casks", ("/opt/homebrew/Library/ruby", "", ""), ("/usr/bin/ruby", "", "")),
    (
        "epson",
        ("/Applications/EPSON Software Updater", "TXAEAV5RN4", ""),
        ("/Applications/EPSON Software Updater", "", ""),
    ),
    (
        "fiery",
        ("/Applications/Fiery Software Manager.app/Contents/MacOS/fsm", "5N677U7DA8", ""),
        ("/Applications/Fiery Software Manager.app/Contents/MacOS/fsm", "", "fsm"),
    ),
    (
        "izotope",
        ("/Applications/iZotope Product Portal.app/Contents/MacOS/portal", "QGULMAPEB2", ""),
        ("/Applications/iZotope Product Portal.app/Contents/MacOS/portal", "", "com.izotope.productportal.app"),
    ),
    (
        "steinberg",
        ("/Applications/Steinberg Download Assistant/Steinberg Download Assistant", "5PMY476BJ6", ""),
        ("/Applications/Steinberg Download Assistant/Steinberg Download Assistant", "", ""),
    ),
    (
        "logic",
        ("/Applications/Logic Pro X.app/Contents/MacOS/Logic Pro X", "", "com.apple.logic10"),
        ("/Applications/Logic Pro X.app/Contents/MacOS/Logic Pro X", "", "logic"),
    ),
    ("steelseries", ("/Applications/SteelSeries GG", "6WGL6CHFH2", ""), ("/Applications/SteelSeries GG", "", "")),
    ("avast", ("/Applications/Avast.app/Contents/MacOS/Avast", "6H4HRTU5E3", ""), ("/tmp/Avast", "", "")),
    (
        "symantec-liveupdate",
        ("/Library/Application Support/Symantec/LiveUpdate", "9PTGMPNXZ2", ""),
        ("/Library/Application Support/Symantec/LiveUpdate", "", ""),
    ),
    (
        "platypus",
        ("/Applications/Platypus.app/Contents/MacOS/Platypus", "55GP2M789L", "org.sveinbjorn.Platypus"),
        ("/Applications/Mine.app/Contents/MacOS/Mine", "", "org.sveinbjorn.Platypus"),
    ),
    (
        "keyboard-maestro",
        ("/Applications/Keyboard Maestro.app/Contents/MacOS/Keyboard Maestro Engine", "QMHRBA4LGH", ""),
        ("/Applications/Keyboard Maestro.app/Contents/MacOS/Keyboard Maestro Engine", "", ""),
    ),
    (
        "bettertouchtool",
        ("/Applications/BetterTouchTool.app/Contents/MacOS/BetterTouchTool", "DAFVSXZ82P", ""),
        ("/tmp/BetterTouchTool.app/Contents/MacOS/BetterTouchTool", "DAFVSXZ82X", ""),
    ),
    (
        "webcatalog",
        ("/Applications/WebCatalog.app/Contents/MacOS/WebCatalog", "36UJGA8U65", "com.webcatalog.jordan"),
        ("/Applications/Mail.app/Contents/MacOS/Mail", "", "com.webcatalog.jordan.mail"),
    ),
    (
        "automator-applications-and-what-they-start",
        ("/Applications/Sync.app/Contents/MacOS/Automator Application Stub", "ABCDE12345", ""),
        ("/Applications/Sync.app/Contents/MacOS/Automator Application Stub", "ZZZZZ12345", ""),
    ),
];

/// A tree on a host: the program, sudo, a shell, launchctl asuser, and osascript, which connects.
fn tree(host: &str, (executable, team_id, signing_id): Program) -> String {
    let programs = [executable, "/usr/bin/sudo", "/bin/sh", "/bin/launchctl", "/usr/bin/osascript"];
    let mut lines = String::new();
    for (at, executable) in programs.iter().enumerate() {
        let name = executable.rsplit('/').next().unwrap();
        let mut document = serde_json::json!({
            "@timestamp": format!("2026-05-06T07:08:{at:02}Z"), "host": { "id": host, "os": { "type": "macos" } },
            "event": { "category": ["process"], "type": ["start"], "action": "exec" },
            "process": {
                "entity_id": format!("e{at}"), "name": name, "executable": executable, "pid": 500 + at,
                "args": [name, "tell application \"x\" to quit"],
            },
        });
        let process = &mut document["process"];
        if at > 0 {
            process["parent"] = serde_json::json!({ "entity_id": format!("e{}", at - 1), "pid": 499 + at });
        } else {
            process["code_signature"] = serde_json::json!({ "exists": true });
            for (name, value) in [("team_id", team_id), ("signing_id", signing_id)] {
                if !value.is_empty() {
                    process["code_signature"][name] = value.into();
                }
            }
        }
        lines += &format!("{document}\n");
        if name == "osascript" {
            document["event"] = serde_json::json!({ "category": ["network"], "type": ["start"] });
            document["@timestamp"] = "2026-05-06T07:08:09Z".into();
            document["destination"] = serde_json::json!({ "ip": "93.184.216.34", "port": 443 });
            lines += &format!("{document}\n");
        }
    }
    lines
}

/// The presets with their entries turned on, in a folder with an empty configuration.
fn presets_turned_on(folder: &std::path::Path) -> String {
    let presets = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/exceptions.d");
    let file = folder.join("config.toml");
    fs::write(&file, "").unwrap();
    fs::create_dir(folder.join("exceptions.d")).unwrap();
    for entry in fs::read_dir(presets).unwrap() {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        assert_eq!(text.parse::<toml::Table>().unwrap().len(), 0, "{:?} is on", entry.path());
        let uncommented = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') || rest.starts_with("  ") => rest.to_owned() + "\n",
            _ => line.to_owned() + "\n",
        };
        let on: String = text.lines().map(uncommented).collect();
        fs::write(folder.join("exceptions.d").join(entry.file_name()), on).unwrap();
    }
    file.display().to_string()
}

#[test]
fn the_presets_are_off_as_shipped_and_each_holds_back_its_tree_and_not_the_one_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = presets_turned_on(folder.path());
    osawatch(&["config", "check", &file]).exits(0);
    let mut lines = String::new();
    for (name, program, beside) in PRESETS {
        lines += &tree(&format!("{name}, its own"), program);
        lines += &tree(&format!("{name}, beside"), beside);
    }
    let args = ["replay", "--sort", "--only", "osascript-network-connection", "--config", &file, "--explain", "-"];
    let run = crate::util::osawatch_with_input(&args, lines.as_bytes()).exits(0);
    let hosts: Vec<String> =
        run.alerts().iter().map(|alert| alert["host"]["id"].as_str().unwrap().to_owned()).collect();
    let wanted: Vec<String> = PRESETS.iter().map(|(name, ..)| format!("{name}, beside")).collect();
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    assert_eq!(sorted(hosts), sorted(wanted));
    for (name, ..) in PRESETS {
        run.stderr
            .lines()
            .find(|line| line.contains(&format!("exception `{name}`")))
            .unwrap_or_else(|| panic!("{name}"));
    }
    // Two presets are about an event of their own, not about a tree.
    let shown = osawatch(&["config", "show", &file]).exits(0).stdout;
    let all =
        shown.lines().filter_map(|line| line.strip_prefix("# exception ")).map(|line| line.split(' ').next().unwrap());
    let others: Vec<&str> = all.filter(|name| !PRESETS.iter().any(|(known, ..)| known == name)).collect();
    assert_eq!(others, ["automator-applications", "developers-to-own-hosts"]);
}

#[test]
fn the_presets_for_events_hold_back_the_signed_stub_and_the_people_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = presets_turned_on(folder.path());
    let mut lines = String::new();
    let mut add = |host: &str, name: &str, team: &str, user: &str, folder: &str, ip: &str| {
        for (second, category) in [(1, "process"), (2, "network")] {
            let mut document = serde_json::json!({
                "@timestamp": format!("2026-05-06T07:08:{second:02}Z"), "host": { "id": host, "os": { "type": "macos" } },
                "event": { "category": [category], "type": ["start"], "action": "exec" }, "user": { "name": user },
                "process": {
                    "entity_id": "e", "name": name, "executable": format!("/x/{name}"), "pid": 5,
                    "working_directory": folder, "code_signature": { "team_id": team },
                },
            });
            if category == "network" {
                document["destination"] = serde_json::json!({ "ip": ip, "port": 443 });
            }
            lines += &format!("{document}\n");
        }
    };
    let stub = "Automator Application Stub";
    add("a stub", stub, "ABCDE12345", "ada", "/", "93.184.216.34");
    add("another's stub", stub, "ZZZZZ12345", "ada", "/", "93.184.216.34");
    add("a developer's script", "osascript", "", "ada", "/Users/ada/src/tool", "93.184.216.34");
    add("another's script", "osascript", "", "mallory", "/Users/ada/src/tool", "93.184.216.34");
    add("a script elsewhere", "osascript", "", "ada", "/private/tmp", "93.184.216.34");
    add("a script to another host", "osascript", "", "ada", "/Users/ada/src/tool", "8.8.8.8");
    let args = ["replay", "--sort", "--config", &file, "--explain", "-"];
    let run = crate::util::osawatch_with_input(&args, lines.as_bytes()).exits(0);
    let run = run.says("automator-applications").says("developers-to-own-hosts");
    let hosts: Vec<Value> = run.alerts().iter().map(|alert| alert["host"]["id"].clone()).collect();
    let mut hosts: Vec<&str> = hosts.iter().filter_map(Value::as_str).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["a script elsewhere", "a script to another host", "another's script", "another's stub"]);
}

#[test]
fn a_cap_of_the_configuration_holds_back_in_a_replay_and_one_alert_sums_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let mut events = String::new();
    for n in 0..5 {
        let process = format!(
            "\"process\":{{\"name\":\"osascript\",\"entity_id\":\"e{n}\",\"executable\":\"/usr/bin/osascript\"}}"
        );
        let host = "\"host\":{\"id\":\"h\",\"os\":{\"type\":\"macos\"}}";
        events += &format!(
            "{{\"@timestamp\":\"2026-01-15T09:30:0{n}Z\",\"event\":{{\"category\":[\"process\"],\"type\":[\"start\"]}},{host},{process}}}\n"
        );
        events += &format!(
            "{{\"@timestamp\":\"2026-01-15T09:30:0{n}.5Z\",\"event\":{{\"category\":[\"network\"],\"type\":[\"start\"]}},{host},{process},\"destination\":{{\"ip\":\"93.184.216.34\",\"port\":443}}}}\n"
        );
    }
    let replay = |config: &str| {
        fs::write(&file, config).unwrap();
        crate::util::osawatch_with_input(&["replay", "--config", &file.display().to_string(), "-"], events.as_bytes())
            .exits(0)
    };
    assert_eq!(replay("").alerts().len(), 5, "a replay has no cap of its own");
    let run = replay("[volume]\nmax_alerts = 2\n");
    let alerts = run.alerts();
    assert_eq!(alerts.len(), 3);
    let summary = &alerts[2];
    assert_eq!(summary["event"]["action"], "alerts_held_back");
    assert_eq!(summary["event"]["sequence"], 2);
    assert_eq!(summary["message"], summary["rule"]["name"]);
    assert_eq!(summary["osawatch"]["held_back"]["alerts"], 3);
    let group = &summary["osawatch"]["held_back"]["groups"][0];
    assert_eq!(group["destination"], "93.184.216.34:443");
    assert_eq!((&group["process"], &group["alerts"]), (&"/usr/bin/osascript".into(), &3.into()));
    let held_back = &summary["osawatch"]["held_back"];
    assert_eq!(held_back["destinations"], serde_json::json!(["93.184.216.34:443"]));
    assert_eq!((&held_back["other_destinations"], &summary["related"]["ip"][0]), (&0.into(), &"93.184.216.34".into()));
    run.says("3 alerts suppressed by [volume]");
    // The limit is that of a Mac: what floods one hides nothing of another.
    let other = events.replace("\"id\":\"h\"", "\"id\":\"i\"").replace("\"entity_id\":\"e", "\"entity_id\":\"f");
    let both = format!("{events}{}", other.lines().take(2).map(|line| format!("{line}\n")).collect::<String>());
    let run =
        crate::util::osawatch_with_input(&["replay", "--config", &file.display().to_string(), "-"], both.as_bytes());
    let alerts = run.exits(0).alerts();
    assert_eq!(alerts.iter().filter(|alert| alert["host"]["id"] == "i").count(), 1);
    let summaries: Vec<_> = alerts.iter().filter(|alert| alert["event"]["code"] == "summary").collect();
    assert_eq!((summaries.len(), &summaries[0]["host"]["id"]), (1, &"h".into()));
    assert_eq!(summaries[0]["event"]["reason"], "3 more alerts of this rule were suppressed, 2 were written");
}

#[test]
fn rules_check_lints_exceptions_that_do_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let entry = |name: &str, rest: &str| format!("[[exception]]\nname = \"{name}\"\nreason = \"test\"\n{rest}\n");
    let text = [
        "[rules]\ndisable = [\"none\"]\n[volume.rules.nor-this]\nmax_alerts = 1\n".to_owned(),
        entry("expired", "rules = \"all\"\ncondition = 'user.name == \"a\"'\nexpires = 2020-01-01"),
        entry("unknown", "rules = [\"osascript-network-conection\"]\ncondition = 'user.name == \"b\"'"),
        entry("beyond", "rules = [\"osascript-network-connection\"]\ncondition = 'events[2].process.name == \"b\"'"),
        entry("both", "rules = \"all\"\ncondition = 'process.name == \"a\" and process.name == \"b\"'"),
        entry("first", "rules = \"all\"\ncondition = 'user.name == \"c\"'"),
        entry("second", "rules = [\"osascript-network-connection\"]\ncondition = 'user.name  ==  \"c\"'"),
        entry(
            "fine",
            "rules = [\"osascript-network-connection\"]\ncondition = 'process.args == \"a\" and process.args == \"b\"'",
        ),
    ];
    fs::write(&file, text.concat()).unwrap();
    let run = osawatch(&["rules", "check", "--config", &file.display().to_string()]).exits(1);
    for said in [
        "`disable` names `none`, and no rule has that id",
        "[volume.rules] names `nor-this`",
        "exception `expired`: expired at 2020-01-02T00:00:00",
        "exception `unknown`: no rule has the id `osascript-network-conection`",
        "exception `beyond`: never true: there is no events[2] in a sequence of 2",
        "exception `both`: never true: process.name cannot be `a` and `b` at once",
        "exception `second`: `first` suppresses everything it would",
        "7 exceptions, 7 lints",
    ] {
        assert!(run.stdout.contains(said), "no {said:?} in\n{}", run.stdout);
    }
}
