//! `osawatch replay`: recorded events in, alerts out.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{at_least_one, duration};
use super::config::ConfigArgs;
use super::exit::Failure;
use super::rules::Selection;
use super::sink::{Format, Sink, Wanted};
use super::{alert_file, summary};
use crate::config::trust::Trust;
use crate::detect::Lateness;
use crate::event::Machine;
use crate::output::Fsync;
use crate::output::terminal;
use crate::pipeline::{self, Limits, Pipeline};
use crate::script::Examiner;
use crate::source::recording::{Error as SourceError, Input, Next, Recording, Unreadable};

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
    output: Option<Format>,
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

pub(super) fn run(args: Args) -> Result<ExitCode, Failure> {
    let config = args.config.load()?;
    let set = args.selection.load(config.as_ref(), Trust::Anyone)?;
    let lateness = if args.sort { Lateness::Unbounded } else { Lateness::UpTo(args.lateness) };
    let mut limits = Limits { lateness, reorder: args.max_reorder, sequences: args.max_sequences, ..Limits::replay() };
    limits.processes.executions = args.max_processes;
    let mut pipeline = Pipeline::new(set, limits);
    let script = config.as_ref().map(|config| config.script.clone()).unwrap_or_default();
    let redactor = script.redactor().map_err(|error| Failure::new(Failure::CONFIG, error))?;
    pipeline.examine_scripts(Examiner::recorded(script.capture_script), redactor);
    if let Some(config) = config.as_ref().filter(|config| config.states("volume")) {
        pipeline.limit_volume(&config.volume);
    }
    let inputs: Vec<Input> = args.inputs.iter().map(|path| Input::from(path.as_path())).collect();
    let recording = Recording::open(&inputs, pipeline.fields(), Machine::default()).map_err(source_failure)?;
    // A replay can be done again: it waits for no disk, neither for room nor after each line.
    let file = args.alerts.as_ref().map(|path| {
        let mut options = alert_file::options(path, config.as_ref());
        options.state_directory = None;
        if config.is_none() {
            options.fsync = Fsync::Interval;
        }
        options
    });
    let sink = Sink::open(Wanted { format: args.output, file, system_log: false, live: None })?;
    pipeline.set_next_sequence(sink.next_sequence());
    Replay { pipeline, recording, sink, explain: args.explain, progress: Progress::default(), problems: 0 }.run()
}

struct Replay {
    pipeline: Pipeline,
    recording: Recording,
    sink: Sink,
    explain: bool,
    progress: Progress,
    problems: u64,
}

impl Replay {
    #[allow(clippy::disallowed_methods, reason = "the rate of a run is wall-clock time")]
    fn run(mut self) -> Result<ExitCode, Failure> {
        let interrupted = interrupt_flag()?;
        let began = Instant::now();
        let mut stopped = false;
        let mut failure = None;
        while !self.sink.is_done() {
            if interrupted.load(Ordering::Relaxed) {
                stopped = true;
                break;
            }
            match self.recording.next() {
                Next::Event(event) => {
                    self.pipeline.push_explained(event, |output| take(output, &mut self.sink, self.explain));
                }
                Next::Problem(problem) => self.report(&problem.to_string()),
                Next::Idle => self.sink.flush(),
                Next::Failed(error) => failure = Some(source_failure(error)),
                Next::End => break,
            }
            if self.progress.is_due() {
                self.sink.flush();
                self.progress.show(&self.recording);
            }
        }
        if !self.sink.is_done() {
            self.pipeline.finish_explained(|output| take(output, &mut self.sink, self.explain));
        }
        let finished = self.sink.finish();
        terminal::set_progress(None);
        let counts = self.pipeline.counts();
        let ending = if stopped { "interrupted: " } else { "" };
        let summary = summary::text(&self.recording, &counts, &self.pipeline, began.elapsed());
        terminal::say(&format!("{ending}{summary}"));
        finished?;
        match failure {
            Some(failure) => Err(failure),
            None if stopped => Ok(ExitCode::from(130)),
            None if self.recording.is_truncated() => Ok(Failure::IO.into()),
            None => Ok(ExitCode::SUCCESS),
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

fn take(output: pipeline::Output<'_>, sink: &mut Sink, explain: bool) {
    match output {
        pipeline::Output::Alert(alert) => sink.write_alert(*alert),
        pipeline::Output::HeldBack { rule, exception, found } if explain => {
            terminal::say(&summary::held_back(rule, exception, &found));
        }
        pipeline::Output::HeldBack { .. } => {}
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
        SourceError::Open { .. } | SourceError::NoRecording { .. } | SourceError::TooManyFiles { .. } => {
            Failure::NO_INPUT
        }
        SourceError::StdinTwice => Failure::USAGE,
        SourceError::NoKnownFormat { .. } | SourceError::Unreadable { unreadable: Unreadable::Content(_), .. } => {
            Failure::DATA
        }
        _ => Failure::IO,
    };
    Failure::new(code, error)
}

/// The progress bar, where standard error is a terminal and the size of the input is known.
#[derive(Default)]
struct Progress {
    bar: Option<ProgressBar>,
    steps: u64,
}

impl Progress {
    /// Whether it is time to show how far the replay has come.
    fn is_due(&mut self) -> bool {
        self.steps += 1;
        self.steps.is_multiple_of(8192)
    }

    fn show(&mut self, recording: &Recording) {
        if self.bar.is_none() && io::stderr().is_terminal() {
            self.bar = recording.total_bytes().map(progress_bar);
            terminal::set_progress(self.bar.clone());
        }
        self.bar.iter().for_each(|bar| bar.set_position(recording.bytes_read()));
    }
}

fn progress_bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
