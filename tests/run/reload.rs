//! Reloads, good and bad, under load.

use super::*;

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_reloads_good_and_bad_under_load_lose_no_event_and_exchange_the_alert_file() {
    const ROUNDS: u32 = 9;
    let mut mac = Mac::new("");
    for round in 0..ROUNDS {
        let next = mac.path(&format!("next{round}.toml"));
        let text = match round % 3 {
            0 => mac.configuration("a.ndjson", "[limits]\ncpu = 90\n[agent]\nlog_level = \"debug\"\n"),
            1 => mac.configuration("b.ndjson", "[agent]\nheartbeat = 7\n"),
            _ => mac.configuration("b.ndjson", "[sources]\nmute = [\"/usr/bin/true\"]\nexec = \"es\"\n"),
        };
        fs::write(&next, text).unwrap();
        let exchange = format!("mv {} {}", next.display(), mac.path("config.toml").display());
        mac = mac.then([
            osascripts(10_000 + 1000 * round, 40, 300),
            json!({"sh": exchange}),
            json!({"signal": "HUP"}),
            osascripts(500_000 + 1000 * round, 40, 300),
        ]);
    }
    let mac = mac.then([json!({"after_ms": 2000}), json!({"signal": "TERM"})]);
    let run = mac.run(&[]).exits(0);
    let files = ["alerts.ndjson", "a.ndjson", "b.ndjson"].map(|file| mac.documents(file));
    assert!(files.iter().all(|documents| !alerted(documents).is_empty()), "each file has had its time");
    let alerts = alerted(files.iter().flatten());
    assert_eq!(alerts.len() as u32, ROUNDS * 80, "{}", run.stderr);
    let all: Vec<Json> = files.iter().flatten().cloned().collect();
    let sequences: Vec<u64> = all.iter().filter_map(|document| document["event"]["sequence"].as_u64()).collect();
    let once: std::collections::BTreeSet<u64> = sequences.iter().copied().collect();
    assert_eq!(once.len(), sequences.len(), "each line is written once");
    assert!(count(&all, "configuration_reloaded") >= 3 && count(&all, "configuration_refused") >= 1);
    let refused = all.iter().find(|document| document["event"]["action"] == "configuration_refused").unwrap();
    assert!(refused["message"].as_str().unwrap().contains("config.toml:7:13: "), "{refused}");
    let later = all.iter().any(|document| {
        document["message"]
            .as_str()
            .is_some_and(|message| message.ends_with("; `sources.exec` takes effect at the next start"))
    });
    assert!(later, "{}", run.stderr);
    nothing_is_lost(&files[2]);
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_reload_mutes_and_unmutes_programs() {
    let mac = Mac::new("");
    let write = |name: &str, rest: &str| {
        let path = mac.path(name);
        fs::write(&path, mac.configuration("alerts.ndjson", rest)).unwrap();
        format!("mv {} {}", path.display(), mac.path("config.toml").display())
    };
    let mute = write("mute.toml", "[sources]\nmute = [\"/bin/zsh\"]\n");
    let unmute = write("unmute.toml", "");
    let reload = |command: String| [json!({"sh": command}), json!({"signal": "HUP"}), json!({"after_ms": 1500})];
    let mac = mac
        .then([osascripts(10_000, 1, 1), json!({"after_ms": 500})])
        .then(reload(mute))
        .then([osascripts(20_000, 1, 1), json!({"after_ms": 500})])
        .then(reload(unmute))
        .then([osascripts(30_000, 1, 1), json!({"after_ms": 1500}), json!({"signal": "TERM"})]);
    let run = mac.run(&[]).exits(0);
    let documents = mac.documents("alerts.ndjson");
    let starts: Vec<&Json> = documents.iter().filter(|document| document["event"]["kind"] == "alert").collect();
    let was_seen = |pid: u64| starts.iter().any(|alert| alert["process"]["pid"] == pid);
    assert!(was_seen(10_000) && was_seen(30_000) && !was_seen(20_000), "{}\n{documents:#?}", run.stderr);
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_the_log_has_the_level_of_the_configuration_and_options_come_first() {
    let end = || [json!({"after_ms": 300}), json!({"signal": "TERM"})];
    let quiet = Mac::new("[agent]\nlog_level = \"error\"\n").then(end());
    assert!(!quiet.run(&[]).exits(0).stderr.contains("info: "));
    quiet.run(&["--verbose"]).exits(0).says("info: process events come from Endpoint Security");
    let change = Mac::new("[agent]\nlog_level = \"error\"\n");
    let next = change.path("next.toml");
    fs::write(&next, change.configuration("alerts.ndjson", "")).unwrap();
    let command = format!("mv {} {}", next.display(), change.path("config.toml").display());
    let change = change.then([json!({"sh": command}), json!({"signal": "HUP"}), json!({"after_ms": 1500})]);
    let change = change.then([json!({"signal": "USR1"}), json!({"after_ms": 500})]).then(end());
    change.run(&[]).exits(0).says("info: osawatch is healthy");
}
