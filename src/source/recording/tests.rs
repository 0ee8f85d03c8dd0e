use std::io::Write;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use serde_json::json;
use tempfile::TempDir;

use super::compression::tests::raw_frame;
use super::*;

fn ecs_line(second: u32, name: &str) -> String {
    json!({"@timestamp": format!("2026-11-22T10:00:{second:02}Z"), "event": {"category": ["process"], "type": ["start"]},
           "host": {"id": "H", "name": "mac", "boot": {"id": "B"}}, "process": {"name": name, "pid": second}})
    .to_string()
}

fn eslogger_line(second: u32, path: &str) -> String {
    let token = |version: u32| json!({"pid": 9, "pidversion": version, "auid": 4294967295u32});
    json!({"time": format!("2026-11-22T10:00:{second:02}.000000000Z"), "version": 9, "event_type": 9,
           "process": {"audit_token": token(1)},
           "event": {"exec": {"target": {"audit_token": token(2), "executable": {"path": path}}, "args": ["a"]}}})
    .to_string()
}

/// A directory with inputs, and what replaying them gives.
struct Case {
    directory: TempDir,
    inputs: Vec<Input>,
}

/// What a recording gave: event names, problems, and the recording at its end.
struct Replayed {
    events: Vec<Event>,
    problems: Vec<Problem>,
    recording: Recording,
}

impl Replayed {
    fn names(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.str(field::PROCESS_NAME).unwrap_or("?")).collect()
    }
}

impl Case {
    fn new(contents: &[&[u8]]) -> Case {
        let directory = TempDir::new().unwrap();
        let write = |(index, content): (usize, &&[u8])| {
            let path = directory.path().join(format!("{index}.ndjson"));
            std::fs::write(&path, content).unwrap();
            Input::File(path)
        };
        let inputs = contents.iter().enumerate().map(write).collect();
        Case { directory, inputs }
    }

    fn open(&self) -> Result<Recording, Error> {
        Recording::open(&self.inputs, &Fields::new(), Machine::default())
    }

    fn replay(&self) -> Replayed {
        let mut recording = self.open().unwrap();
        let (mut events, mut problems) = (Vec::new(), Vec::new());
        loop {
            match recording.next() {
                Next::Event(event) => events.push(event),
                Next::Problem(problem) => problems.push(problem),
                Next::Idle => {}
                Next::Failed(error) => panic!("{error}"),
                Next::End => return Replayed { events, problems, recording },
            }
        }
    }

    fn refusal(&self) -> String {
        let directory = self.directory.path().to_string_lossy().into_owned() + "/";
        match self.open() {
            Err(error) => error.to_string().replace(&directory, ""),
            Ok(_) => panic!("opened"),
        }
    }
}

fn lines(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn inputs_are_merged_by_time_and_each_keeps_its_order() {
    let one = lines(&[ecs_line(1, "a1"), ecs_line(5, "a5"), ecs_line(3, "a3"), ecs_line(9, "a9")]);
    let two = lines(&[ecs_line(1, "b1"), ecs_line(4, "b4"), ecs_line(5, "b5"), ecs_line(6, "b6")]);
    let replayed = Case::new(&[&one, &two]).replay();
    assert_eq!(replayed.names(), ["a1", "b1", "b4", "a5", "a3", "b5", "b6", "a9"]);
    assert_eq!(replayed.recording.totals().events, 8);
    assert_eq!(replayed.recording.bytes_read(), (one.len() + two.len()) as u64);
    assert_eq!(replayed.recording.total_bytes(), Some((one.len() + two.len()) as u64));
}

#[test]
fn eslogger_lines_take_the_host_of_the_ecs_input_whatever_the_order_of_inputs() {
    let (ecs, eslogger) = (lines(&[ecs_line(5, "e")]), lines(&[eslogger_line(1, "/bin/x"), eslogger_line(7, "/y")]));
    let replayed = Case::new(&[&eslogger, &ecs]).replay();
    assert_eq!(replayed.names(), ["x", "e", "y"]);
    let machine = Machine { host_id: "H".into(), boot_id: "B".into() };
    for event in [&replayed.events[0], &replayed.events[2]] {
        assert_eq!((event.str(field::HOST_ID), event.str(field::HOST_BOOT_ID)), (Some("H"), Some("B")));
        assert_eq!(event.str(field::HOST_NAME), Some("mac"));
        assert_eq!(event.str(field::PROCESS_ENTITY_ID), Some(machine.entity_id(9, 2).as_str()));
    }
    let inputs = replayed.recording.inputs();
    assert_eq!((inputs[0].format(), inputs[0].message_version()), (Some(Format::Eslogger), Some(9)));
    assert_eq!((inputs[1].format(), inputs[1].message_version()), (Some(Format::Ecs), None));

    let alone = Case::new(&[&eslogger]).replay();
    assert_eq!(alone.events[0].str(field::HOST_ID), Some("local"));
    let given = Machine { host_id: "G".into(), boot_id: String::new() };
    let mut given = Recording::open(&Case::new(&[&eslogger, &ecs]).inputs, &Fields::new(), given).unwrap();
    let Next::Event(event) = given.next() else { panic!() };
    assert_eq!((event.str(field::HOST_ID), event.str(field::HOST_NAME)), (Some("G"), None));
}

#[test]
fn bad_lines_are_reported_and_counted_and_lines_of_another_format_are_read() {
    let mut content = b"\xef\xbb\xbf\r\n".to_vec();
    content.extend(b"not json\n[1]\n");
    content.extend(lines(&[ecs_line(1, "one")]));
    content.extend(b"\r\n  \n{\"event\":{}}\r\n{\"@timestamp\":\"2026-11-22\",\"event\":{\"category\":\"file\"}}\n");
    content.extend(lines(&[eslogger_line(2, "/x")]));
    content.extend(format!("{}\r\n", ecs_line(2, "two")).bytes());
    content.extend(b"{\"@timestamp\":\"20");
    let replayed = Case::new(&[&content]).replay();
    assert_eq!(replayed.names(), ["one", "x", "two"]);
    let problems: Vec<_> = replayed.problems.iter().map(|problem| problem.to_string()).collect();
    let expected = [
        "2:2: not valid JSON: expected ident",
        "3:2: neither an ECS document nor an eslogger message",
        "7:1: no @timestamp",
        "11:1: truncated last line: the input ends within it",
    ];
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.ends_with(expected), "{problem}");
    }
    assert_eq!(problems.len(), 4);
    assert!(!replayed.recording.is_truncated());
    let expected = Counters {
        lines: 8,
        events: 3,
        skipped: 1,
        malformed: 3,
        torn: 1,
        skipped_kinds: [("file".to_owned(), 1)].into(),
        ..Counters::default()
    };
    assert_eq!(replayed.recording.totals(), expected);
}

#[test]
fn a_last_line_without_a_newline_counts_when_it_is_whole() {
    let replayed = Case::new(&[ecs_line(1, "one").as_bytes()]).replay();
    assert_eq!((replayed.names(), replayed.problems.len()), (vec!["one"], 0));
    let malformed = Case::new(&[&[&lines(&[ecs_line(1, "one")])[..], b"{}"].concat()]).replay();
    assert_eq!((malformed.recording.totals().malformed, malformed.recording.totals().torn), (1, 0));
}

#[test]
fn compressed_inputs_are_read_and_damage_ends_only_that_input() {
    let many: Vec<String> = (0..2000).map(|i| ecs_line(i % 60, &format!("name{i}"))).collect();
    let packed = gzip(&lines(&many));
    let members = [gzip(&lines(&many[..7])), gzip(&lines(&many[7..]))].concat();
    for content in [&packed, &members] {
        let replayed = Case::new(&[content]).replay();
        assert_eq!((replayed.events.len(), replayed.problems.len()), (2000, 0));
        assert_eq!(replayed.recording.inputs()[0].compression(), Some(Compression::Gzip));
    }
    let frames: Vec<u8> = many.chunks(100).flat_map(|some| raw_frame(&lines(some))).collect();
    let replayed = Case::new(&[&frames]).replay();
    assert_eq!((replayed.events.len(), replayed.problems.len()), (2000, 0));
    assert_eq!(replayed.recording.inputs()[0].compression(), Some(Compression::Zstd));
    let cut = Case::new(&[&packed[..packed.len() / 2], &lines(&[ecs_line(59, "other")])]).replay();
    assert!(cut.events.len() > 100 && cut.events.len() < 2001);
    assert!(cut.names().contains(&"other"));
    let last = cut.problems.last().unwrap();
    assert_eq!(last.text, "the gzip data is truncated; the events before it are used");
    assert_eq!(cut.recording.totals().torn, 1);
    assert!(cut.recording.is_truncated());
}

#[test]
fn text_that_is_not_unicode_is_replaced() {
    let line = ecs_line(1, "NAME");
    let mut content = line.replace("NAME", "a\\ud800b").into_bytes();
    content.push(b'\n');
    content.extend(line.replace("NAME", "ok\\ud83d\\ude00").bytes().chain(*b"\n"));
    content.extend(line.bytes().map(|byte| if byte == b'N' { 0xff } else { byte }).chain(*b"\n"));
    content.extend(line.replace("NAME", "c\\udfff").bytes().chain(*b"\n"));
    content.extend(eslogger_line(2, "/x\\ud800").bytes());
    let replayed = Case::new(&[&content]).replay();
    assert_eq!(replayed.names(), ["a\u{fffd}b", "ok😀", "\u{fffd}AME", "c\u{fffd}", "x\\ud800"]);
    assert_eq!(replayed.recording.totals().repaired_text, 3);

    let path = eslogger_line(2, "/PATH").replace("PATH", "x\\ud800");
    let replayed = Case::new(&[path.as_bytes()]).replay();
    assert_eq!(replayed.names(), ["x\u{fffd}"]);
    assert_eq!(replayed.recording.totals().repaired_text, 1);
}

#[test]
fn a_value_that_is_too_long_is_skipped_and_the_next_one_read() {
    let mut content = lines(&[ecs_line(1, "one")]);
    content.extend(b"{\"a\": \"");
    content.resize(content.len() + (9 << 20), b'x');
    content.extend(b"\"}\n");
    content.extend(lines(&[ecs_line(2, "two")]));
    let replayed = Case::new(&[&content]).replay();
    assert_eq!(replayed.names(), ["one", "two"]);
    assert!(replayed.problems[0].to_string().ends_with("2:1: longer than 8 MiB; skipped"));
    let totals = replayed.recording.totals();
    assert_eq!((totals.lines, totals.too_long, totals.malformed), (3, 1, 1));
}

#[test]
fn what_cannot_be_replayed_is_refused_with_a_remedy() {
    let garbage = "{\"a\":1}\n".repeat(10_001);
    let good = lines(&[ecs_line(1, "one")]);
    for (content, refusal) in [
        (&b"{\"took\":3,\"hits\":{\"hits\":[]}}"[..], "0.ndjson: it holds no documents: its arrays are empty"),
        (b"\x7fELF\0\0\0\0", "0.ndjson:1:1: not valid JSON: expected value; this is not text"),
        (b"{\n \"a\": [1 2]\n}\n", "0.ndjson:2:10: not valid JSON: expected `,` or `]`; nothing in it is"),
        (b"\x1f\x8b\x08", "0.ndjson: the gzip data is truncated"),
        (b"\xff\xfe{\0\"\0", "0.ndjson: this is text in UTF-16; convert it: iconv"),
        (b"PK\x03\x04", "unpack it (unzip FILE)"),
        (garbage.as_bytes(), "nothing in it is an ECS document with @timestamp, an eslogger message or"),
    ] {
        let found = Case::new(&[content, &good]).refusal();
        assert!(found.contains(refusal), "{found}");
    }
    assert!(Case::new(&[b""]).refusal().ends_with("0.ndjson: it is empty"));
    let mut case = Case::new(&[]);
    case.inputs = vec![Input::File(case.directory.path().to_owned())];
    assert!(case.refusal().ends_with("no file in this directory is a recording"), "{}", case.refusal());
    case.inputs = vec![Input::File(case.directory.path().join("missing"))];
    assert!(case.refusal().contains("cannot open missing: No such file"), "{}", case.refusal());
    case.inputs = vec!["-".into(), "-".into()];
    assert!(case.refusal().contains("named twice"));
}

#[test]
fn an_empty_file_among_others_is_a_warning() {
    let replayed = Case::new(&[b"", &lines(&[ecs_line(1, "one")])]).replay();
    assert_eq!((replayed.names(), replayed.problems.len()), (vec!["one"], 1));
    assert!(replayed.problems[0].to_string().ends_with("0.ndjson: it is empty"));
}

#[test]
fn a_directory_is_the_recordings_in_it_and_links_are_not_followed() {
    let (one, two) = (lines(&[ecs_line(1, "one")]), lines(&[ecs_line(2, "two")]));
    let mut case = Case::new(&[&one, b"not a recording\n", &two, b""]);
    let root = case.directory.path().to_owned();
    std::fs::create_dir(root.join("deeper")).unwrap();
    std::fs::write(root.join("deeper/3.ndjson"), lines(&[ecs_line(3, "three")])).unwrap();
    std::os::unix::fs::symlink(&root, root.join("deeper/loop")).unwrap();
    std::os::unix::fs::symlink(root.join("0.ndjson"), root.join("again.ndjson")).unwrap();
    case.inputs = vec![Input::File(root.clone())];
    let replayed = case.replay();
    assert_eq!(replayed.names(), ["one", "two", "three"]);
    let texts: Vec<_> = replayed.problems.iter().map(|problem| problem.text.as_str()).collect();
    assert_eq!(texts[..2], ["it is a symbolic link: name what it leads to"; 2]);
    assert!(texts[3].starts_with("nothing in it is an ECS document"), "{texts:?}");
    assert!(Sources::find(&case.inputs).unwrap().hold(&root.join("again.ndjson")));
    assert!(!Sources::find(&case.inputs).unwrap().hold(&root.join("other")));
}

#[test]
fn more_files_than_are_opened_at_once_are_merged_by_time() {
    let contents: Vec<_> =
        (0..200).map(|i: u32| lines(&[ecs_line(i * 7 % 60, &i.to_string()), ecs_line(59, "last")])).collect();
    let contents: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    let replayed = Case::new(&contents).replay();
    assert_eq!((replayed.events.len(), replayed.recording.totals().events), (400, 400));
    assert!(replayed.events.is_sorted_by_key(|event| event.time));
}

#[test]
fn an_input_of_skipped_documents_only_is_fine() {
    let content = b"{\"@timestamp\":\"2026-11-22\",\"event.category\":\"file\"}\n".repeat(10_000);
    let replayed = Case::new(&[&content]).replay();
    assert_eq!((replayed.events.len(), replayed.recording.totals().skipped), (0, 10_000));
}

#[test]
fn no_inputs_are_an_end() {
    assert!(matches!(Case::new(&[]).open().unwrap().next(), Next::End));
}

#[test]
fn of_more_files_than_are_opened_at_once_one_without_events_has_what_is_wrong_in_it_told_once() {
    let other = "{\"@timestamp\":\"2026-11-22\",\"event.category\":\"file\"}\nno json\n";
    let good = lines(&[ecs_line(1, "one")]);
    let bad = [good.as_slice(), b"no json\n"].concat();
    let contents: Vec<&[u8]> = (0..80)
        .map(|i| [good.as_slice(), other.as_bytes(), &bad][usize::from(i == 3) + 2 * usize::from(i == 4)])
        .collect();
    let replayed = Case::new(&contents).replay();
    let problems: Vec<_> = replayed.problems.iter().map(|problem| problem.input.rsplit('/').next().unwrap()).collect();
    assert_eq!((replayed.events.len(), problems), (79, vec!["3.ndjson", "4.ndjson"]));
    assert_eq!(replayed.recording.totals().malformed, 2);
}
