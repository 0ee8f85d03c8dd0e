//! `cargo bench --bench replay [-- PART]`: `osawatch replay` of a 1,000,000-event trace, against its limits, each ratio of
//! runs that take turns.
//!
//! * `floor`: one thread that checks with serde_json that each line is JSON and keeps nothing; the time and the processor
//!   time of a replay with all built-in rules, as multiples of it. On one core, the time of a replay on one thread.
//! * `busy`: the same for a trace with forks, known ancestors and connections that end, and the executions given up.
//! * `compressed`: gzip, zstd and xz, as multiples of their decompressors alone, and of the least that unpacking and a
//!   replay of the plain file can take on these cores together.
//! * `pretty`: the same documents on many lines, for each byte, as a multiple of one line each.
//! * `rules`: 180 rules more, as a multiple of the built-in ones.
//! * `engine`: events, already decoded, through order, process tracking and rules on one core.
//! * `scale`: 1, 3, 10 and 30 million events, and to read them alone, each from the disk, as the largest do not fit the
//!   memory; it needs 26 GB of disk, and runs only when it is named.
#![allow(missing_docs, unreachable_pub, reason = "a benchmark has no readers but its own")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use osawatch::detect::RuleSet;
use osawatch::event::{Block, Decoded, Event, Line, Machine};
use osawatch::pipeline::{Limits, Pipeline};
use osawatch::source::{Decoder, Decoding};
use serde::de::IgnoredAny;

mod busy;
mod trace;

const EVENTS: u64 = 1_000_000;
/// Of what takes longer for each event, or is held in memory.
const PART: u64 = 200_000;
/// Runs of each, in turn; the median counts.
const RUNS: usize = 3;

fn main() {
    let wanted = std::env::args().nth(1).filter(|arg| !arg.starts_with('-'));
    println!("{:<52} {:>12} {:>12} {:>8}", "what", "measured", "limit", "ratio");
    for (name, part) in [
        ("floor", floor as fn()),
        ("busy", busy),
        ("compressed", compressed),
        ("pretty", pretty),
        ("rules", rules),
        ("engine", engine),
        ("scale", scale),
    ] {
        if wanted.as_deref().map_or(name != "scale", |wanted| wanted == name) {
            part();
        }
    }
}

fn row(what: &str, measured: f64, limit: f64, unit: &str) {
    println!("{what:<52} {measured:>9.2} {unit:<2} {limit:>9.2} {unit:<2} {:>8.2}", measured / limit);
}

/// What a run took.
#[derive(Clone, Copy)]
struct Cost {
    time: f64,
    processor: f64,
}

/// The median of the runs of each, which take turns.
fn in_turn<const N: usize>(parts: [&dyn Fn() -> Cost; N]) -> [Cost; N] {
    let rounds: Vec<[Cost; N]> = (0..RUNS).map(|_| parts.map(|part| part())).collect();
    std::array::from_fn(|part| {
        let median = |of: fn(&Cost) -> f64| {
            let mut figures: Vec<f64> = rounds.iter().map(|round| of(&round[part])).collect();
            figures.sort_by(f64::total_cmp);
            figures[RUNS / 2]
        };
        Cost { time: median(|cost| cost.time), processor: median(|cost| cost.processor) }
    })
}

fn measured(who: UsageWho, run: impl FnOnce()) -> Cost {
    let processor = || {
        let usage = getrusage(who).expect("the system counts");
        (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6
    };
    let (before, began) = (processor(), Instant::now());
    run();
    Cost { time: began.elapsed().as_secs_f64(), processor: processor() - before }
}

/// The program itself, as a responder runs it.
fn replay(args: &[&str], path: &Path) -> Cost {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osawatch"));
    command.arg("replay").args(args).arg(path).stdout(Stdio::null()).stderr(Stdio::null());
    measured(UsageWho::RUSAGE_CHILDREN, || assert!(command.status().expect("osawatch runs").success()))
}

/// The largest that a replay was so far, in MB.
fn resident() -> f64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system counts").max_rss() as f64 / 1024.0
}

fn checked(path: &Path) -> Cost {
    measured(UsageWho::RUSAGE_SELF, || {
        let mut lines = BufReader::with_capacity(1 << 16, File::open(path).expect("the trace opens"));
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).expect("the trace can be read") > 0 {
            black_box(serde_json::from_slice::<IgnoredAny>(&line).is_ok());
            line.clear();
        }
    })
}

fn made(name: &str, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut out = BufWriter::new(File::create(&path).expect("the trace can be made"));
    // What the system still has to write to the disk would take time from what is measured.
    let written = write(&mut out).and_then(|()| out.flush()).and_then(|()| out.get_ref().sync_all());
    written.expect("the trace can be written");
    path
}

fn trace_file(events: u64) -> PathBuf {
    made(&format!("trace-{events}.ndjson"), |out| trace::write(events, out))
}

fn floor() {
    of_floor(trace_file(EVENTS));
}

fn busy() {
    println!("a trace with forks and known ancestors");
    of_floor(made("busy.ndjson", |out| busy::write(EVENTS, out)));
}

/// Executions that a replay gives up with the default limits.
fn given_up(path: &Path) -> f64 {
    let folder = tempfile::tempdir().expect("a directory can be made");
    let summary = folder.path().join("summary.json");
    replay(&["--json-summary", summary.to_str().expect("its name is text")], path);
    let summary = fs::read(summary).expect("there is a summary");
    let summary: serde_json::Value = serde_json::from_slice(&summary).expect("it is JSON");
    summary["evicted"]["executions"].as_f64().expect("it counts executions")
}

fn of_floor(path: PathBuf) {
    let one = || replay(&["--threads", "1"], &path);
    let [floor, replayed, one] = in_turn([&|| checked(&path), &|| replay(&[], &path), &one]);
    println!("{:<52} {:>9.2} s", "floor: a million lines checked to be JSON", floor.time);
    row("replay: time, of the floor's", replayed.time / floor.time, 1.0 / 0.6, "");
    row("  processor time", replayed.processor / floor.time, 2.5, "");
    row("  on one thread: time", one.time / floor.time, 1.0 / 0.35, "");
    row("  resident, at most", resident(), 64.0, "MB");
    println!("{:<52} {:>9}", "  executions given up", given_up(&path));
    fs::remove_file(path).expect("what was made can be removed");
}

fn written(path: &Path, name: &str, write: impl FnOnce(&[u8], &mut File) -> io::Result<()>) -> PathBuf {
    let to = path.with_extension(name);
    let text = fs::read(path).expect("the trace can be read");
    write(&text, &mut File::create(&to).expect("a file can be made")).expect("it can be written");
    to
}

fn unpacked(mut reader: impl Read) -> Cost {
    measured(UsageWho::RUSAGE_SELF, || {
        io::copy(&mut reader, &mut io::sink()).expect("what was packed can be unpacked");
    })
}

fn compressed() {
    let path = trace_file(PART);
    let gzip = written(&path, "gz", |text, out| {
        let mut packer = flate2::write::GzEncoder::new(out, flate2::Compression::default());
        packer.write_all(text).and_then(|()| packer.finish().map(drop))
    });
    let zstd = written(&path, "zst", |text, out| {
        out.write_all(&ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest))
    });
    let xz = written(&path, "xz", |text, out| {
        let mut packer = lzma_rust2::XzWriter::new(out, lzma_rust2::XzOptions::with_preset(6))?;
        packer.write_all(text).and_then(|()| packer.finish().map(drop))
    });
    let open = |path: &Path| BufReader::new(File::open(path).expect("what was packed opens"));
    let alone = [
        &(|| unpacked(flate2::bufread::MultiGzDecoder::new(open(&gzip)))) as &dyn Fn() -> Cost,
        &|| unpacked(ruzstd::decoding::StreamingDecoder::new(open(&zstd)).expect("it is zstd")),
        &|| unpacked(lzma_rust2::XzReader::new(open(&xz), true)),
    ];
    let cores = available_parallelism().map_or(1, NonZero::get) as f64;
    for ((name, packed), alone) in [("gzip", &gzip), ("zstd", &zstd), ("xz", &xz)].into_iter().zip(alone) {
        let [alone, plain, replayed] = in_turn([alone, &|| replay(&[], &path), &|| replay(&[], packed)]);
        row(&format!("{name}: time, of its decompressor's alone"), replayed.time / alone.time, 1.1, "");
        // One core unpacks, and what both take together all cores share at best.
        let least = alone.time.max((alone.processor + plain.processor) / cores);
        println!("{:<52} {:>9.2}", "  of the least that both can take", replayed.time / least);
    }
    [path, gzip, zstd, xz].iter().for_each(|path| fs::remove_file(path).expect("what was made can be removed"));
}

fn pretty() {
    let path = trace_file(PART);
    let pretty = written(&path, "json", |text, out| {
        let mut out = BufWriter::new(out);
        for document in serde_json::Deserializer::from_slice(text).into_iter::<serde_json::Value>() {
            serde_json::to_writer_pretty(&mut out, &document?)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    });
    let bytes = |path: &Path| fs::metadata(path).expect("it was made").len() as f64;
    let [lines, spread] = in_turn([&|| replay(&[], &path), &|| replay(&[], &pretty)]);
    row("pretty-printed: time for each byte", spread.time / bytes(&pretty) / (lines.time / bytes(&path)), 1.5, "");
    [path, pretty].iter().for_each(|path| fs::remove_file(path).expect("what was made can be removed"));
}

/// Rules as they are written for macOS: most name a program, some a parent or an argument, and a third are sequences.
fn rule(number: usize) -> String {
    let query = match number % 3 {
        0 => {
            format!(r#"process where event.type == "start" and process.name : "tool-{number}" and process.args : "-*""#)
        }
        1 => format!(
            r#"process where event.type == "start" and process.parent.name in ("daemon-{number}", "agent-{number}") and
            process.args : ("*/tmp/x{number}*", "--hidden-{number}")"#
        ),
        _ => format!(
            r#"sequence by process.entity_id with maxspan=30s [process where event.type == "start" and
            process.name == "helper-{number}"] [network where not cidrmatch(destination.ip, "10.0.0.0/8")]"#
        ),
    };
    format!(
        "[rule]\nrule_id = \"bench-{number}\"\nname = \"Rule {number}\"\nseverity = \"low\"\nrisk_score = 21\n\
        type = \"eql\"\nlanguage = \"eql\"\nquery = '''{query}'''\n"
    )
}

fn rules() {
    let path = trace_file(PART);
    let folder = tempfile::tempdir().expect("a directory can be made");
    for number in 0..180 {
        fs::write(folder.path().join(format!("{number}.toml")), rule(number)).expect("a rule can be written");
    }
    let more = ["--rules", folder.path().to_str().expect("its name is text")];
    let [few, many] = in_turn([&|| replay(&[], &path), &|| replay(&more, &path)]);
    row("180 rules more: processor time, of the built-in's", many.processor / few.processor, 2.0, "");
    fs::remove_file(path).expect("what was made can be removed");
}

fn engine() {
    let mut text = Vec::new();
    trace::write(PART, &mut text).expect("a trace in memory");
    let block = Arc::new(Block::from(String::from_utf8(text).expect("the trace is text")));
    let mut decoder = Decoder::new(Pipeline::new(RuleSet::built_in(), Limits::replay()).fields(), Machine::default());
    let mut start = 0;
    let mut events = Vec::new();
    for end in memchr::memchr_iter(b'\n', block.as_bytes()) {
        match decoder.decode(&Line::new(&block, start..end), None) {
            Ok(Decoding { decoded: Decoded::Event(event), .. }) => events.push(event),
            other => panic!("{other:?}"),
        }
        start = end + 1;
    }
    let observed = || {
        let (mut pipeline, events): (_, Vec<Event>) =
            (Pipeline::new(RuleSet::built_in(), Limits::replay()), events.clone());
        let cost = measured(UsageWho::RUSAGE_SELF, || {
            let mut alerts = 0_u64;
            events.into_iter().for_each(|event| pipeline.push(event, |_| alerts += 1));
            pipeline.finish(|_| alerts += 1);
            black_box(alerts);
        });
        Cost { time: cost.time / PART as f64, ..cost }
    };
    let [engine] = in_turn([&observed]);
    row("engine, one core: time for an event", engine.time * 1e6, 0.5, "µs");
}

/// Has the system forget what it holds of a file in memory.
#[cfg(target_os = "linux")]
fn forget(path: &Path) {
    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
    let file = File::open(path).expect("the trace opens");
    posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).expect("the system forgets");
}

/// There is no call for it.
#[cfg(not(target_os = "linux"))]
fn forget(_: &Path) {}

fn scale() {
    let mut first = None;
    for millions in [1, 3, 10, 30] {
        let path = trace_file(millions * EVENTS);
        forget(&path);
        let cost = replay(&[], &path);
        forget(&path);
        let reading = measured(UsageWho::RUSAGE_SELF, || {
            let mut file = File::open(&path).expect("the trace opens");
            io::copy(&mut file, &mut io::sink()).expect("the trace can be read");
        });
        fs::remove_file(path).expect("what was made can be removed");
        let each = Cost { time: cost.time / millions as f64, processor: cost.processor / millions as f64 };
        let first = *first.get_or_insert(each);
        let [time, reading] = [cost.time, reading.time].map(Duration::from_secs_f64);
        row(&format!("{millions} million events, {time:.1?}: time for each, of one"), each.time / first.time, 1.1, "");
        row("  processor time", each.processor / first.processor, 1.1, "");
        println!("  reading alone {reading:.1?}");
    }
    row("  resident, at most", resident(), 64.0, "MB");
}
