use serde_json::{Value, json};

use super::*;
use crate::event::{Categories, Event, field};
use crate::event::{Fields, Scalar, document, ecs};

fn token(pid: u32, pidversion: u32) -> Value {
    json!({"auid": 4294967295u32, "euid": 0, "egid": 0, "ruid": 501, "rgid": 20, "pid": pid, "asid": 100001,
           "pidversion": pidversion})
}

fn file(path: &str) -> Value {
    json!({"path": path, "path_truncated": false, "stat": {"st_ino": 1152921500312525701u64, "st_dev": -7, "st_rdev": 0}})
}

fn process(pid: u32, pidversion: u32, path: &str) -> Value {
    json!({"audit_token": token(pid, pidversion), "parent_audit_token": token(40, 41),
           "responsible_audit_token": token(30, 31), "ppid": 40, "original_ppid": 40, "group_id": 50,
           "session_id": 20, "codesigning_flags": 0x2000_0001u32, "is_platform_binary": true,
           "is_es_client": false, "cdhash": "00AABBCCDDEEFF112233445566778899AABBCCDD",
           "signing_id": "com.example.tool", "team_id": null, "executable": file(path), "tty": null,
           "start_time": "2026-11-22T10:00:00.000001Z"})
}

fn message(version: u32, event_type: u32, event: Value) -> Value {
    json!({"schema_version": 1, "version": version, "time": "2026-11-22T10:00:01.000000002Z", "mach_time": 5,
           "event_type": event_type, "action_type": 1, "action": {"result": {"result_type": 0, "result": {"auth": 0}}},
           "seq_num": 7, "global_seq_num": 9, "thread": null, "process": process(50, 51, "/bin/sh"),
           "event": event})
}

fn exec() -> Value {
    let mut target = process(50, 52, "/usr/bin/osascript");
    target["tty"] = json!({"path": "/dev/ttys003", "path_truncated": false, "stat": {"st_rdev": 268435459}});
    let exec = json!({"target": target, "args": ["osascript", "-e", "say \"é\"\n"], "env": ["A=1", "B=2"],
                      "cwd": file("/Users/me"), "script": file("/tmp/run.sh"), "fds": [{"fd": 0, "fdtype": 1}],
                      "last_fd": 2, "image_cputype": 16777228, "image_cpusubtype": -2147483646,
                      "dyld_exec_path": "/usr/bin/osascript"});
    message(9, 9, json!({"exec": exec}))
}

fn machine() -> Machine {
    Machine { host_id: "H".into(), boot_id: "B".into() }
}

fn decode_text(text: String) -> Result<Decoded, Error> {
    Decoder::new(machine(), Some("mac.local".into())).decode(&Line::from(text))
}

/// Decodes the message as Foundation writes it, with each slash escaped.
fn decode(message: &Value) -> Event {
    match decode_text(message.to_string().replace('/', "\\/")) {
        Ok(Decoded::Event(event)) => event,
        other => panic!("{other:?}: {message}"),
    }
}

fn document(event: &Event) -> Value {
    let mut document = document::document(event);
    document["event"].as_object_mut().unwrap().remove("id");
    Value::Object(document)
}

#[test]
fn an_exec_is_its_target() {
    let id = |pid, version| machine().entity_id(pid, version);
    let expected = json!({
        "@timestamp": "2026-11-22T10:00:01.000000002Z",
        "event": {"kind": "event", "category": ["process"], "type": ["start"], "action": "exec",
                  "module": "osawatch", "provider": "eslogger"},
        "host": {"id": "H", "name": "mac.local", "hostname": "mac.local", "boot": {"id": "B"}, "os": {"type": "macos"}},
        "user": {"id": "501", "effective": {"id": "0"}},
        "group": {"id": "20"},
        "process": {
            "entity_id": id(50, 52), "pid": 50, "name": "osascript", "executable": "/usr/bin/osascript",
            "start": "2026-11-22T10:00:00.000001Z",
            "hash": {"cdhash": "00aabbccddeeff112233445566778899aabbccdd"},
            "code_signature": {"signing_id": "com.example.tool", "exists": true, "valid": true, "trusted": true, "status": "No error.",
                               "flags": "536870913"},
            "group_leader": {"pid": 50}, "session_leader": {"pid": 20},
            "real_user": {"id": "501"}, "user": {"id": "0"}, "group": {"id": "20"},
            "tty": {"char_device": {"major": 16, "minor": 3}},
            "Ext": {"effective_parent": {"entity_id": id(30, 31), "pid": 30}},
            "parent": {"entity_id": id(40, 41), "pid": 40},
            "args": ["osascript", "-e", "say \"é\"\n"], "args_count": 3, "command_line": "osascript -e say \"é\"\n",
            "working_directory": "/Users/me", "env_vars": ["A=1", "B=2"]
        },
        "Effective_process": {"entity_id": id(30, 31), "pid": 30},
        "osawatch": {
            "process": {"pidversion": 52, "audit_token": "4294967295,0,0,501,20,50,100001,52", "tty_path": "/dev/ttys003", "is_platform_binary": true,
                        "stdin_type": "file",
                        "script_path": "/tmp/run.sh"},
            "responsible": {"pidversion": 31}, "parent": {"pidversion": 41},
            "replaced": {"entity_id": id(50, 51)},
            "endpoint_security": {"version": 9, "seq_num": 7, "global_seq_num": 9}
        }
    });
    let event = decode(&exec());
    assert_eq!(document(&event), expected);
    assert_eq!(event.categories, Categories::PROCESS);
}

#[test]
fn a_fork_is_its_child_and_the_forking_process_its_parent() {
    let mut child = process(60, 61, "/bin/sh");
    child["audit_token"] = json!([4294967295u32, 501, 20, 501, 20, 60, 100001, 61]);
    let event = decode(&message(10, 11, json!({"fork": {"child": child}})));
    assert_eq!(event.str(field::PROCESS_ENTITY_ID), Some(machine().entity_id(60, 61).as_str()));
    assert_eq!(event.stated(field::PARENT_ENTITY_ID).collect::<Vec<_>>(), [Scalar::Str(&machine().entity_id(50, 51))]);
    assert_eq!((event.int(field::PARENT_PID), event.int(field::PARENT_PIDVERSION)), (Some(50), Some(51)));
    assert_eq!((event.str(field::PARENT_NAME), event.str(field::PARENT_EXECUTABLE)), (Some("sh"), Some("/bin/sh")));
    assert_eq!((event.str(field::EVENT_ACTION), event.str(field::EVENT_TYPE)), (Some("fork"), Some("start")));
    assert_eq!((event.str(field::PROCESS_USER_ID), event.str(field::USER_EFFECTIVE_ID)), (Some("501"), None));
    assert_eq!(event.str(field::REPLACED_ENTITY_ID), None);
}

#[test]
fn an_exit_has_a_code_unless_a_signal_ended_the_process() {
    for (stat, code) in [(19968, Some(78)), (0, Some(0)), (9, None), (134, None)] {
        let event = decode(&message(9, 15, json!({"exit": {"stat": stat}})));
        assert_eq!((event.int(field::EXIT_STATUS), event.int(field::PROCESS_EXIT_CODE)), (Some(stat), code));
        assert_eq!(event.str(field::PROCESS_END), Some("2026-11-22T10:00:01.000000002Z"));
        assert_eq!((event.str(field::EVENT_ACTION), event.str(field::EVENT_TYPE)), (Some("end"), Some("end")));
        assert_eq!(event.int(field::PIDVERSION), Some(51));
        assert_eq!(event.int(field::PARENT_PIDVERSION), Some(41));
    }
}

#[test]
fn a_path_that_was_cut_off_and_a_hash_of_zeros_are_known_for_what_they_are() {
    let mut exec = exec();
    let cut = |exec: &Value| decode(exec).stated(field::PATH_TRUNCATED).next() == Some(Scalar::Bool(true));
    for (truncated, said) in [(json!(true), true), (json!(false), false), (Value::Null, false)] {
        exec["event"]["exec"]["target"]["executable"]["path_truncated"] = truncated;
        assert_eq!(cut(&exec), said);
    }
    exec["event"]["exec"]["target"]["cdhash"] = json!("0".repeat(40));
    assert_eq!(decode(&exec).str(field::PROCESS_CDHASH), None, "no signature");
}

#[test]
fn a_signature_is_trusted_or_not_only_where_the_flags_of_the_kernel_tell() {
    const ADHOC: u32 = 0x2000_0003;
    const SIGNED: u32 = 0x2000_0001;
    let (no_error, not_signed) = (Some("No error."), Some("code object is not signed at all"));
    for (flags, is_platform, trusted, status) in [
        (json!(SIGNED), json!(true), Some(true), no_error),
        (json!(0x2000_0000u32), json!(true), Some(false), None),
        (json!(SIGNED), json!(false), None, None),
        (json!(SIGNED), Value::Null, None, None),
        (json!(ADHOC), json!(false), Some(false), None),
        (json!(0), json!(false), Some(false), not_signed),
        (Value::Null, json!(true), None, None),
    ] {
        let mut exec = exec();
        exec["event"]["exec"]["target"]["codesigning_flags"] = flags.clone();
        exec["event"]["exec"]["target"]["is_platform_binary"] = is_platform.clone();
        let event = decode(&exec);
        let is_trusted = event.stated(field::PROCESS_SIGNATURE_TRUSTED).next();
        assert_eq!(is_trusted, trusted.map(Scalar::Bool), "{flags} {is_platform}");
        assert_eq!(event.str(field::PROCESS_SIGNATURE_STATUS), status, "{flags} {is_platform}");
    }
}

#[test]
fn a_process_that_is_its_own_responsible_one_has_none() {
    let mut exec = exec();
    for token in [token(50, 52), token(50, 51), Value::Null] {
        exec["event"]["exec"]["target"]["responsible_audit_token"] = token;
        let event = decode(&exec);
        assert_eq!(event.str(field::EFFECTIVE_PARENT_ENTITY_ID), None);
        assert_eq!(event.int(field::RESPONSIBLE_PIDVERSION), None);
    }
}

#[test]
fn each_message_version_and_what_may_be_missing_is_read() {
    for version in 6..=12 {
        let mut line = exec();
        line["version"] = json!(version);
        let exec = line["event"]["exec"].as_object_mut().unwrap();
        if version < 7 {
            exec.remove("dyld_exec_path");
        }
        if version >= 10 {
            exec["target"]["cs_validation_category"] = json!(1);
        }
        if version >= 11 {
            exec.insert("entitlements".into(), json!({"com.apple.private.x": true, "deep": {"list": [1, null]}}));
            exec["target"]["cdhash_full"] = json!("00");
        }
        if version >= 12 {
            line["novelty"] = json!([{"a": 1e300}]);
            line["event_type"] = json!("exec");
        }
        assert_eq!(decode(&line).int(field::MESSAGE_VERSION), Some(version));
    }
    let bare = json!({"time": "2026-11-22T10:00:01Z", "event_type": 9, "process": {"audit_token": {"pid": 1, "pidversion": 2}},
        "event": {"exec": {"target": {"audit_token": {"pid": 1, "pidversion": 3}, "ppid": 4, "team_id": "", "args": null}}}});
    let event = decode(&bare);
    assert_eq!((event.int(field::PARENT_PID), event.str(field::PARENT_ENTITY_ID)), (Some(4), None));
    for absent in [field::PROCESS_NAME, field::PROCESS_TEAM_ID, field::PROCESS_COMMAND_LINE, field::TTY_PATH] {
        assert_eq!(event.stated(absent).count(), 0);
    }
}

#[test]
fn the_environment_is_kept_in_part_and_arguments_whole() {
    let mut line = exec();
    line["event"]["exec"]["env"] = (0..500).map(|i| format!("V{i}=x")).collect();
    line["event"]["exec"]["args"] = (0..500).map(|_| "y".repeat(1000)).collect();
    let event = decode(&line);
    assert_eq!(event.stated(field::PROCESS_ENV_VARS).count(), 100);
    assert_eq!(event.stated(field::PROCESS_ARGS).count(), 500);
    assert_eq!(event.str(field::PROCESS_COMMAND_LINE).unwrap().len(), 500 * 1001 - 1);
}

#[test]
fn other_events_are_skipped_by_name_and_other_lines_refused() {
    let skipped = decode_text(message(9, 10, json!({"open": {"file": file("/x")}})).to_string());
    assert!(matches!(skipped, Ok(Decoded::Skipped(name)) if name == "open"));
    let mut late = exec();
    late["time"] = json!("yesterday");
    let mut timeless = exec();
    timeless.as_object_mut().unwrap().remove("time");
    let mut untyped = exec();
    untyped.as_object_mut().unwrap().remove("event_type");
    for (text, error) in [
        (late.to_string(), "time \"yesterday\" is not a time"),
        (timeless.to_string(), "an eslogger message without a `time`"),
        (untyped.to_string(), "not an eslogger message: missing field `event_type`"),
        (message(9, 9, json!({})).to_string(), "not an eslogger message: the event is empty"),
        ("{\"time\"".into(), "not valid JSON: EOF"),
    ] {
        let found = decode_text(text).unwrap_err().to_string();
        assert!(found.starts_with(error), "{found}");
    }
}

#[test]
fn a_machine_without_an_id_is_the_local_one() {
    let decoder = Decoder::new(Machine::default(), None);
    let Ok(Decoded::Event(event)) = decoder.decode(&Line::from(exec().to_string())) else { panic!() };
    assert_eq!(event.str(field::HOST_ID), Some("local"));
    assert_eq!((event.str(field::HOST_NAME), event.str(field::HOST_BOOT_ID)), (None, None));
}

#[test]
fn no_prefix_and_no_flipped_bit_makes_a_decoder_panic() {
    let (eslogger, mut ecs) = (Decoder::new(machine(), None), ecs::Decoder::new(&Fields::new()));
    let mut both = |text: String| {
        let line = Line::from(text);
        let events = [
            eslogger.decode(&line).ok().and_then(|decoded| match decoded {
                Decoded::Event(event) => Some(event),
                Decoded::Skipped(_) => None,
            }),
            ecs.decode(&line).ok().and_then(|decoded| match decoded {
                Decoded::Event(event) => Some(event),
                Decoded::Skipped(_) => None,
            }),
        ];
        for event in events.iter().flatten() {
            assert!(!event.id().is_empty());
            assert!(event.values().all(|(_, value)| value.text().len() < 10_000));
        }
    };
    let exec = exec();
    let samples = [exec.to_string().replace('/', "\\/"), Value::Object(document::document(&decode(&exec))).to_string()];
    for sample in &samples {
        for end in (0..sample.len()).filter(|end| sample.is_char_boundary(*end)) {
            both(sample[..end].to_owned());
        }
        for at in 0..sample.len() {
            for bit in 0..8 {
                let mut bytes = sample.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                both(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
}

#[test]
fn a_message_that_is_written_is_read_as_the_same_event() {
    let mut child = process(60, 61, "/bin/sh");
    child["tty"] = json!({"path": "/dev/ttys003", "path_truncated": true, "stat": {"st_rdev": 268435459}});
    let mut piped = exec();
    piped["event"]["exec"]["fds"] = json!([{"fd": 0, "fdtype": 6, "pipe": {"pipe_id": 77}}, {"fd": 1, "fdtype": 2}]);
    for message in [
        exec(),
        piped,
        message(10, 11, json!({"fork": {"child": child}})),
        message(6, 15, json!({"exit": {"stat": 19968}})),
    ] {
        let line = message.to_string();
        let Ok(Read::Message(read)) = read(&line) else { panic!("{line}") };
        let again: Value = serde_json::from_str(&written(&read)).unwrap();
        assert_eq!(document(&decode(&again)), document(&decode(&message)), "{line}");
        assert_eq!(again["event_type"], message["event_type"]);
    }
}
