//! `osawatch replay`: recorded events in, alerts out.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::config::ConfigArgs;
use super::exit::Failure;
use super::rules::Selection;
use super::{alert_file, clock::now, summary};
use crate::alert::Alert;
use crate::config::Config;
use crate::detect::Lateness;
use crate::event::Machine;
use crate::output::terminal;
use crate::output::{Fsync, Writer};
use crate::pipeline::{self, Limits, Pipeline};
use crate::report;
use crate::script::Examiner;
use crate::source::recording::{Error as SourceError, Input, Next, Recording};

/// Malformed lines beyond these are only counted.
const SHOWN_PROBLEMS: u64 = 10;

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recordings: ECS documents or eslogger lines, one per line, plain, gzip or zstd; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    config: ConfigArgs,
    /// Say on standard error which exception held back which sequence
    #[arg(long, requires = "config")]
    explain: bool,
    /// Append the alerts to this file; standard output then only gets the report of a terminal, or what --output says
    #[arg(long, value_name = "FILE")]
    alerts: Option<PathBuf>,
    /// How standard output shows alerts [default: text on a terminal, ndjson elsewhere]
    #[arg(long, value_enum)]
    output: Option<Output>,
    /// Accept events in any order, holding them all in memory
    #[arg(long, conflicts_with = "lateness")]
    sort: bool,
    /// How late an event may arrive and still count in its place; 0 takes the input as it comes
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    lateness: Duration,
    /// Process executions to keep track of
    #[arg(long, value_name = "COUNT", default_value_t = Limits::replay().processes.executions, value_parser = at_least_one)]
    max_processes: usize,
    /// Partial sequences to keep for each rule
    #[arg(long, value_name = "COUNT", default_value_t = Limits::replay().sequences, value_parser = at_least_one)]
    max_sequences: usize,
    /// Events to hold back for earlier ones
    #[arg(long, value_name = "COUNT", default_value_t = Limits::replay().reorder, value_parser = at_least_one)]
    max_reorder: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    #[value(alias = "stdout")]
    Ndjson,
}

/// A duration such as `5s`, `1m 30s` or `500ms`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let span = || text.parse::<jiff::SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok());
    seconds.or_else(span).ok_or_else(|| "not a duration; write it as 5s, 500ms or 1m30s".to_owned())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("not a number of at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

pub(super) fn run(args: Args) -> Result<ExitCode, Failure> {
    let config = args.config.load()?;
    let set = args.selection.load(config.as_ref())?;
    let lateness = if args.sort { Lateness::Unbounded } else { Lateness::UpTo(args.lateness) };
    let mut limits = Limits { lateness, reorder: args.max_reorder, sequences: args.max_sequences, ..Limits::replay() };
    limits.processes.executions = args.max_processes;
    let mut pipeline = Pipeline::new(set, limits);
    let script = config.as_ref().map(|config| config.script.clone()).unwrap_or_default();
    let redactor = script.redactor().map_err(|error| Failure::new(Failure::CONFIG, error))?;
    pipeline.examine_scripts(Examiner::recorded(script.capture()), redactor);
    if let Some(config) = config.as_ref().filter(|config| config.states("volume")) {
        pipeline.limit_volume(&config.volume.limits());
    }
    let inputs: Vec<Input> = args.inputs.iter().map(|path| Input::from(path.as_path())).collect();
    let recording = Recording::open(&inputs, pipeline.fields(), Machine::default()).map_err(source_failure)?;
    let sink = Sink::new(&args, config.as_ref())?;
    pipeline.set_next_sequence(sink.file.as_ref().map_or(0, Writer::next_sequence));
    Replay { pipeline, recording, sink, problems: 0 }.run()
}

struct Replay {
    pipeline: Pipeline,
    recording: Recording,
    sink: Sink,
    problems: u64,
}

impl Replay {
    #[allow(clippy::disallowed_methods, reason = "the rate of a run is wall-clock time")]
    fn run(mut self) -> Result<ExitCode, Failure> {
        let interrupted = interrupt_flag()?;
        let began = Instant::now();
        let mut stopped = false;
        let mut failure = None;
        while !self.sink.closed && self.sink.failed.is_none() {
            if interrupted.load(Ordering::Relaxed) {
                stopped = true;
                break;
            }
            match self.recording.next() {
                Next::Event(event) => self.pipeline.push_explained(event, |output| self.sink.take(output)),
                Next::Problem(problem) => self.report(&problem.to_string()),
                Next::Idle => self.sink.flush(),
                Next::Failed(error) => failure = Some(source_failure(error)),
                Next::End => break,
            }
            self.sink.advance(&self.recording);
        }
        if !self.sink.closed && self.sink.failed.is_none() {
            self.pipeline.finish_explained(|output| self.sink.take(output));
        }
        self.sink.finish();
        let counts = self.pipeline.counts();
        let ending = if stopped { "interrupted: " } else { "" };
        let summary = summary::text(&self.recording, &counts, &self.pipeline, began.elapsed());
        terminal::say(&format!("{ending}{summary}"));
        if let Some(error) = self.sink.failed.take() {
            return Err(error);
        }
        match failure {
            Some(failure) => Err(failure),
            None => Ok(if stopped { ExitCode::from(130) } else { ExitCode::SUCCESS }),
        }
    }

    fn report(&mut self, problem: &str) {
        self.problems += 1;
        let text = match self.problems {
            1..=SHOWN_PROBLEMS => problem,
            number if number == SHOWN_PROBLEMS + 1 => "further malformed lines are only counted",
            _ => return,
        };
        log::warn!("{text}");
    }
}

fn interrupt_flag() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // A second signal ends the program at once: the first may be stuck behind a slow disk.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)))
            .map_err(|error| Failure::new(Failure::IO, format!("cannot handle signals: {error}")))?;
    }
    Ok(flag)
}

fn source_failure(error: SourceError) -> Failure {
    let code = match &error {
        SourceError::Open { .. } | SourceError::Directory { .. } => Failure::NO_INPUT,
        SourceError::StdinTwice => Failure::USAGE,
        SourceError::NoKnownFormat { .. } => Failure::DATA,
        _ => Failure::IO,
    };
    Failure::new(code, error)
}

/// Where alerts go.
struct Sink {
    output: Option<Output>,
    stdout: io::BufWriter<io::Stdout>,
    file: Option<Writer>,
    progress: Option<ProgressBar>,
    /// Standard output was closed by its reader, which is its way to say that it has enough.
    closed: bool,
    failed: Option<Failure>,
    steps: u64,
    explain: bool,
}

impl Sink {
    fn new(args: &Args, config: Option<&Config>) -> Result<Sink, Failure> {
        let terminal = io::stdout().is_terminal();
        let output = match (args.output, terminal) {
            (Some(output), _) => Some(output),
            (None, true) => Some(Output::Text),
            (None, false) => args.alerts.is_none().then_some(Output::Ndjson),
        };
        // A replay can be done again: it waits for no disk, neither for room nor after each line.
        let open = |path: &PathBuf| {
            let mut options = alert_file::options(path, config);
            options.state_directory = None;
            if config.is_none() {
                options.fsync = Fsync::Every(Duration::from_secs(1));
            }
            alert_file::open(options)
        };
        let file = args.alerts.as_ref().map(open).transpose()?;
        let stdout = io::BufWriter::new(io::stdout());
        Ok(Sink { output, stdout, file, progress: None, closed: false, failed: None, steps: 0, explain: args.explain })
    }

    fn take(&mut self, output: pipeline::Output<'_>) {
        match output {
            pipeline::Output::Alert(alert) => self.accept(&alert),
            pipeline::Output::HeldBack { rule, exception, found } if self.explain => {
                terminal::say(&summary::held_back(rule, exception, &found));
            }
            pipeline::Output::HeldBack { .. } => {}
        }
    }

    fn accept(&mut self, alert: &Alert) {
        if let Some(file) = &mut self.file {
            file.write(&alert.to_line(), now());
            self.failed = file.trouble().map(|error| Failure::new(Failure::IO, error));
            self.say_notes();
        }
        let written = match self.output {
            None => return,
            Some(Output::Ndjson) => writeln!(self.stdout, "{}", alert.to_line()),
            Some(Output::Text) => {
                let text = report::text(&alert.document);
                terminal::aside(|| writeln!(self.stdout, "{text}").and_then(|()| self.stdout.flush()))
            }
        };
        self.note(written);
    }

    fn note(&mut self, written: io::Result<()>) {
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            Err(error) => {
                self.failed = Some(Failure::new(Failure::IO, format!("cannot write to standard output: {error}")));
            }
        }
    }

    fn say_notes(&mut self) {
        for note in self.file.as_mut().map(Writer::take_notes).unwrap_or_default() {
            if note.is_warning && self.failed.is_none() {
                log::warn!("{}", note.text);
            }
        }
    }

    fn advance(&mut self, recording: &Recording) {
        self.steps += 1;
        if !self.steps.is_multiple_of(8192) {
            return;
        }
        self.flush();
        if self.progress.is_none() && io::stderr().is_terminal() {
            self.progress = recording.total_bytes().map(progress_bar);
            terminal::set_progress(self.progress.clone());
        }
        self.progress.iter().for_each(|bar| bar.set_position(recording.bytes_read()));
    }

    fn flush(&mut self) {
        let flushed = if self.closed { Ok(()) } else { self.stdout.flush() };
        self.note(flushed);
    }

    fn finish(&mut self) {
        self.flush();
        self.say_notes();
        if let Some(Err(error)) = self.file.as_mut().map(|file| file.finish(now())) {
            self.failed.get_or_insert(Failure::new(Failure::IO, error));
        }
        terminal::set_progress(None);
    }
}

fn progress_bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
