//! `cargo bench`: events per second of a replay of a 1,000,000-event trace with all built-in rules, with
//! its parts and its floor beside it in one run.
//!
//! * `floor`: serde_json checks that each line is JSON and keeps nothing; no replay can be faster.
//! * `decode`: lines to events.
//! * `matcher`: events, already decoded, through order, process tracking and rules.
//! * `replay`: the whole, from the file.
#![allow(missing_docs, unreachable_pub, reason = "a benchmark has no readers but its own")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use osawatch::detect::RuleSet;
use osawatch::event::{Decoded, Event, Line, Machine};
use osawatch::pipeline::{Limits, Pipeline};
use osawatch::source::recording::{Input, Next, Recording};
use osawatch::source::{Decoder, Decoding};
use serde::de::IgnoredAny;

mod trace;

const EVENTS: u64 = 1_000_000;
/// The parts are measured on the beginning of the trace, to hold it in memory.
const PART: u64 = 100_000;

fn trace_file() -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trace.ndjson");
    let mut out = BufWriter::new(File::create(&path).expect("the trace can be made"));
    trace::write(EVENTS, &mut out).and_then(|()| out.flush()).expect("the trace can be written");
    path
}

fn replay(path: &Path) -> u64 {
    let mut pipeline = Pipeline::new(RuleSet::built_in(), Limits::replay());
    let inputs = [Input::from(path)];
    let mut recording = Recording::open(&inputs, pipeline.fields(), Machine::default()).expect("the trace opens");
    let mut alerts = 0;
    loop {
        match recording.next() {
            Next::Event(event) => pipeline.push(event, |_| alerts += 1),
            Next::End => break,
            _ => {}
        }
    }
    pipeline.finish(|_| alerts += 1);
    alerts
}

fn benches(criterion: &mut Criterion) {
    let path = trace_file();
    let mut text = Vec::new();
    trace::write(PART, &mut text).expect("a trace in memory");
    let block = Arc::new(String::from_utf8(text).expect("the trace is text"));
    let mut lines = Vec::new();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', block.as_bytes()) {
        lines.push(Line::new(&block, start..end));
        start = end + 1;
    }

    let mut group = criterion.benchmark_group("trace");
    group.sample_size(10);
    group.throughput(Throughput::Elements(PART));
    group.bench_function("floor", |bencher| {
        bencher.iter(|| lines.iter().filter(|line| serde_json::from_str::<IgnoredAny>(line.as_str()).is_ok()).count());
    });
    let decoder = Decoder::new(Pipeline::new(RuleSet::built_in(), Limits::replay()).fields(), Machine::default());
    let decode = |line: &Line| match decoder.decode(line, None) {
        Ok(Decoding { decoded: Decoded::Event(event), .. }) => event,
        other => panic!("{other:?}"),
    };
    group.bench_function("decode", |bencher| {
        bencher.iter(|| lines.iter().map(decode).filter(|event| event.id().is_empty()).count())
    });
    let events: Vec<Event> = lines.iter().map(decode).collect();
    group.bench_function("matcher", |bencher| {
        bencher.iter_batched(
            || (Pipeline::new(RuleSet::built_in(), Limits::replay()), events.clone()),
            |(mut pipeline, events)| {
                let mut alerts = 0_u64;
                events.into_iter().for_each(|event| pipeline.push(event, |_| alerts += 1));
                pipeline.finish(|_| alerts += 1);
                (alerts, pipeline)
            },
            criterion::BatchSize::LargeInput,
        );
    });
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("replay", |bencher| bencher.iter(|| replay(&path)));
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
