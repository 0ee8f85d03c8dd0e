//! A bomb of each kind for every format that is read: little bytes that could cost much. Each is read by a process of
//! its own that may hold 200 MB, and is ended when it hangs.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use osawatch::fuzzing;

/// Kilobytes of data that the process may hold.
const MEMORY: &str = "204800";
/// A bomb takes seconds, also without optimisation; a hang takes for ever.
const DEADLINE: Duration = Duration::from_secs(300);
/// Names the bomb to the process that reads it.
const BOMB: &str = "OSAWATCH_BOMB";

/// The parser and what it is given.
type Bomb = (&'static str, &'static str, fn() -> Vec<u8>);

const BOMBS: &[Bomb] = &[
    ("ecs_document", "deep objects", || {
        nested(r#"{"@timestamp":0,"event":{"category":"process"},"x":"#, "{\"a\":", "}", 1 << 20)
    }),
    ("ecs_document", "deep arrays", || nested(r#"{"@timestamp":0,"process":{"args":"#, "[", "]", 1 << 20)),
    ("ecs_document", "a name of many parts", || {
        format!(r#"{{"@timestamp":0,"event.category":"process","{}b":1}}"#, "a.".repeat(1 << 20)).into_bytes()
    }),
    ("ecs_document", "a number of many digits", || {
        format!(r#"{{"@timestamp":0,"process":{{"pid":1{0}.{0}e{0}}}}}"#, "9".repeat(1 << 20)).into_bytes()
    }),
    ("ecs_document", "many members of one name", || {
        format!(
            r#"{{"@timestamp":0,"event":{{"category":"process"}}{}}}"#,
            r#","process":{"args":["a"]}"#.repeat(1 << 16)
        )
        .into_bytes()
    }),
    ("ecs_document", "many escapes", || {
        format!(r#"{{"@timestamp":0,"process":{{"name":"{}"}}}}"#, r"\u0000\ud800".repeat(1 << 18)).into_bytes()
    }),
    ("eslogger_line", "deep objects", || nested(r#"{"event":{"exec":{"target":"#, "{\"target\":", "}", 1 << 20)),
    ("eslogger_line", "many arguments", || {
        format!(r#"{{"version":8,"event":{{"exec":{{"args":[{}"a"]}}}}}}"#, "\"a\",".repeat(1 << 19)).into_bytes()
    }),
    ("surrogates", "lone halves", || r"\ud800".repeat(1 << 18).into_bytes()),
    ("recording", "Jamf telemetry, deep", || nested(r#"{"exec":{"args":"#, "{\"args\":", "}", 1 << 20)),
    ("recording", "one line without end", || vec![b'a'; 32 << 20]),
    ("recording", "brackets without end", || vec![b'['; 16 << 20]),
    ("recording", "line feeds", || vec![b'\n'; 1 << 20]),
    ("recording", "gzip", || gzip(&[b'a'; 1 << 20]).repeat(300)),
    ("recording", "gzip of brackets", || gzip(&[b'['; 1 << 20]).repeat(100)),
    ("recording", "zstd", || zstd(&[b'a'; 1 << 20]).repeat(400)),
    ("recording", "xz", || xz(&[b'a'; 1 << 20]).repeat(100)),
    ("recording", "bzip2", || bzip2(&[b'a'; 1 << 20]).repeat(100)),
    ("recording", "gzip in gzip", || (0..40).fold(vec![b'a'; 1 << 20], |bytes, _| gzip(&bytes))),
    ("recording", "a table with a quote without end", || {
        format!("@timestamp,x\n\"{}", "a,\n".repeat(12 << 20)).into_bytes()
    }),
    ("recording", "a table with rows of separators", || {
        format!("@timestamp,x\n{}\n{}\n", ",".repeat(8 << 20), ",".repeat(4 << 20)).into_bytes()
    }),
    ("recording", "a table with a long list", || {
        format!("@timestamp,event.type,tags\n0,\"{}\",\"[{}1]\"\n", "a,".repeat(249_000), "1,".repeat(249_000))
            .into_bytes()
    }),
    ("recording", "a table with many lines of names", || "@timestamp,event.type\n".repeat(1 << 20).into_bytes()),
    ("recording", "a table with many columns", || {
        format!("@timestamp{}\n{}\n", ",a".repeat(1 << 15), ",b".repeat(1 << 15)).into_bytes()
    }),
    ("alert_document", "deep objects", || nested("{\"a\":", "{\"a\":", "}", 100)),
    ("alert_document", "a long text of quotes", || {
        format!(r#"{{"message":"{}"}}"#, "'\\\"".repeat(1 << 18)).into_bytes()
    }),
    ("config_file", "deep arrays", || nested("[sources]\nmute = ", "[", "]", 1 << 18)),
    ("config_file", "deep tables", || format!("[{}a]\n", "a.".repeat(1 << 16)).into_bytes()),
    ("config_file", "many tables", || "[a]\n[[exception]]\n".repeat(1 << 11).into_bytes()),
    ("config_file", "a size of many digits", || {
        format!("[alerts]\nrotate_size = \"{}TiB\"\n", "9".repeat(1 << 20)).into_bytes()
    }),
    ("exception_file", "parentheses", || exception(&"(".repeat(1 << 18))),
    ("exception_file", "nots", || exception(&"not ".repeat(1 << 18))),
    ("exception_file", "a long disjunction", || exception(&format!("{}true", "process.pid == 1 or ".repeat(1 << 13)))),
    ("rule_file", "deep arrays", || nested("[rule]\nname = ", "[", "]", 1 << 18)),
    ("rule_file", "a long sequence", || {
        format!(
            "[rule]\nname = \"r\"\nrule_id = \"r\"\nquery = '''sequence by host.id {}'''\n",
            "[any where true] ".repeat(1 << 13)
        )
        .into_bytes()
    }),
    ("eql_query", "parentheses", || format!("process where {}", "(".repeat(1 << 18)).into_bytes()),
    ("eql_query", "wildcards", || {
        format!("process where process.name like \"{}b\"", "a*".repeat(1 << 14)).into_bytes()
    }),
    ("eql_query", "regular expressions", || {
        br#"process where process.name regex "((((a{1,99}){1,99}){1,99}){1,99}){1,99}""#.to_vec()
    }),
    ("eql_query", "runs", || b"sequence by host.id [process where true] with runs=100000 [any where true]".to_vec()),
    ("eql_query", "deep functions", || format!("process where {}process.pid", "length(".repeat(1 << 18)).into_bytes()),
    ("indicators", "a text that is not UTF-8", || b"a\xff".repeat(1 << 20)),
    ("indicators", "openings", || b"eval(base64 -d echo 'do shell script \"".repeat(1 << 15)),
    ("redaction", "quotes", || b"\"'\\".repeat(1 << 18)),
    ("redaction", "secrets", || b"curl -u a:b\0--password\0c\0".repeat(1 << 14)),
    ("redaction", "assignments", || b"TOKEN=\"a PASSWORD='".repeat(1 << 15)),
    ("redaction", "8 MB of base64 in one argument", || {
        let body = "QUJDRGVm01+/".repeat((8 << 20) / 12);
        format!("osascript\0-e\0do shell script \"echo {body} | base64 -d | sh\"").into_bytes()
    }),
    ("redaction", "scripts in scripts to a megabyte", || {
        let mut text = "x".to_owned();
        while text.len() < 1 << 20 {
            text = format!("do shell script \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        }
        text.into_bytes()
    }),
    ("redaction", "openings of scripts", || b"do shell script \"".repeat(1 << 16)),
    ("redaction", "writers in parentheses", || b"(echo x; --password-file <(echo y | sudo -S ".repeat(1 << 14)),
    ("redaction", "variables of variables", || b"A=$A$A-x; curl -u \"$A:$A\" sh -c '".repeat(1 << 15)),
    ("redaction", "variables of substitutions", || b"X=$(echo $X ".repeat(1 << 16)),
    ("redaction", "documents", || b"cat > ~/.pgpass <<E\na:b:c:d:x\n".repeat(1 << 15)),
    ("script_arguments", "many arguments", || [b"osascript".as_slice(), &b"\0-e\0a".repeat(1 << 18)].concat()),
    ("script_file", "deep arrays of a property list", || {
        nested("<?xml version=\"1.0\"?><plist version=\"1.0\">", "<array>", "</array>", 1 << 20)
    }),
    ("script_file", "shared arrays of a binary property list", shared_arrays),
    ("script_file", "base64 in base64", || {
        (0..30).fold(b"do shell script \"curl\"".to_vec(), |inner, _| base64(&inner))
    }),
    ("script_file", "a compiled script of lengths", || [b"FasdUAS 1.101.10".as_slice(), &[0xff; 4 << 20]].concat()),
    ("script_file", "an entity of an XML document", || {
        let entities: String = (1..40).map(|n| format!("<!ENTITY e{n} \"&e{0};&e{0};\">", n - 1)).collect();
        format!("<?xml version=\"1.0\"?><!DOCTYPE plist [<!ENTITY e0 \"x\">{entities}]><plist><string>&e39;</string></plist>").into_bytes()
    }),
    ("script_file", "concatenations", || b"\"c\" & \"u\" & ".repeat(1 << 17)),
    ("ntstat_datagrams", "zeros", || vec![0; 1 << 20]),
    ("ntstat_datagrams", "sources without end", sources),
    ("ntstat_descriptor", "ones", || vec![0xff; 1 << 20]),
    ("process_arguments", "a count of arguments that are not there", || {
        [&[0xff, 0xff, 0xff, 0x7f], [b'a'; 64].as_slice()].concat()
    }),
    ("process_arguments", "empty arguments", || [&[0xff, 0xff, 0x0f, 0], vec![0; 4 << 20].as_slice()].concat()),
    ("shell", "substitutions that do not end", || b"curl \"$(a ".repeat(1 << 17)),
    ("shell", "literals put together", || b"\"curl | sh\" & (x & ".repeat(1 << 16)),
    ("socket_info", "ones", || vec![0xff; 1 << 20]),
    ("connect_event", "ones", || vec![0xff; 1 << 20]),
];

fn nested(head: &str, open: &str, close: &str, depth: usize) -> Vec<u8> {
    format!("{head}{}1{}", open.repeat(depth), close.repeat(depth)).into_bytes()
}

fn exception(condition: &str) -> Vec<u8> {
    format!("[[exception]]\nname = \"x\"\nrules = \"all\"\nreason = \"r\"\ncondition = '''{condition}'''\n")
        .into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("do shell script \"echo {text} | base64 -d | sh\"").into_bytes()
}

/// Thirty arrays of which each holds the next one eight times.
fn shared_arrays() -> Vec<u8> {
    let (mut bytes, mut offsets) = (b"bplist00".to_vec(), Vec::new());
    for next in 1..=30_u8 {
        offsets.push(bytes.len() as u8);
        bytes.push(0xa4);
        bytes.extend([next; 4]);
    }
    offsets.push(bytes.len() as u8);
    bytes.extend(b"\x51x");
    let table = bytes.len() as u64;
    bytes.extend(&offsets);
    bytes.extend([0, 0, 0, 0, 0, 0, 1, 1]);
    [offsets.len() as u64, 0, table].iter().for_each(|number| bytes.extend(number.to_be_bytes()));
    bytes
}

/// Datagrams that each announce another source.
fn sources() -> Vec<u8> {
    let mut bytes = Vec::new();
    for source in 0..100_000_u64 {
        let length = 32_u8;
        bytes.push(length / 8);
        bytes.extend([0; 8]);
        bytes.extend(10_001_u32.to_le_bytes());
        bytes.extend([length, 0, 0, 0]);
        bytes.extend(source.to_le_bytes());
        bytes.extend([2, 0, 0, 0, 0, 0, 0, 0]);
    }
    bytes
}

/// A process that reads this bomb.
fn reader(bomb: usize) -> Child {
    let limited =
        format!("ulimit -c 0; ulimit -d {MEMORY}; exec \"$0\" --exact corpus::each_parser_has_a_bomb --nocapture");
    let mut command = Command::new("sh");
    command.args(["-c", &limited]).arg(std::env::current_exe().unwrap()).env(BOMB, bomb.to_string());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn each_parser_has_a_bomb() {
    if let Ok(bomb) = std::env::var(BOMB) {
        let (target, _, bytes) = BOMBS[bomb.parse::<usize>().unwrap()];
        return fuzzing::run(target, &bytes());
    }
    for (name, _) in fuzzing::TARGETS {
        assert!(BOMBS.iter().any(|(target, ..)| *target == name), "{name} has no bomb");
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a hang is told by real time")]
fn no_bomb_takes_more_than_200_mb_or_hangs() {
    let mut wrong = String::new();
    for (number, (target, name, _)) in BOMBS.iter().enumerate() {
        let (mut child, began) = (reader(number), Instant::now());
        let ended = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status.success().then_some(()).ok_or(format!("{status}")),
                None if began.elapsed() > DEADLINE => {
                    child.kill().unwrap();
                    break Err("it hangs".to_owned());
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        if let Err(why) = ended {
            let mut said = String::new();
            let _ = std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said);
            wrong += &format!("{target}, {name}: {why}\n{said}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
