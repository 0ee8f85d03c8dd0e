//! `osawatch replay`: recorded events in, alerts out.

mod alert_writer;
mod apart;
mod args;
mod excepted;
mod feed;
mod interrupt;
mod wanted;

use std::mem;
use std::num::NonZero;
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Instant;

use log::LevelFilter;

use super::args::in_order;
use super::evidence::{self, OutputFile};
use super::exit::{Failure, source_failure};
use super::given::Given;
use super::sink::{Sink, Wanted};
use super::summary::{Found, Summary};
use super::written::Written;
use super::{alert_file, alert_page};
use crate::config::Config;
use crate::config::trust::Trust;
use crate::detect::Lateness;
use crate::event::Machine;
use crate::output::{Fsync, terminal};
use crate::pipeline::{self, Disorder, Limits, Output, Pipeline};
use crate::report::{Case, Coverage, visible};
use crate::source::recording::{Input, Problem, Recording, Sources};

use alert_writer::{AlertWriter, Alerts, Waiting};
pub(super) use args::Args;
use excepted::Excepted;
use feed::{Feed, Step, Steps};
use interrupt::Interrupt;

/// Malformed values beyond these are only counted.
const SHOWN_PROBLEMS: usize = 10;
/// Inputs that were left out or cut off beyond these are only counted.
const SHOWN_INPUTS: usize = 100;

/// Recordings up to this size are replayed again, sorted, when they turn out to be out of order.
const MAX_SORTED: u64 = 64 << 20;
/// What is held of them then: of such a file nearly always all, but one that is compressed can hold any number of events.
const MAX_SORTED_BYTES: usize = 1 << 30;
/// Steps after which what was found is written, whether more is found or not.
const FLUSH: u64 = 8192;
/// Threads by default, at most: one applies the rules, and that is most of the work.
const MAX_THREADS: usize = 4;

pub(super) fn run(args: Args) -> Result<ExitCode, Failure> {
    in_order(("--from", args.from), ("--to", args.to))?;
    let inputs: Vec<Input> = args.inputs.iter().map(|path| Input::from(path.as_path())).collect();
    let sources = Sources::find(&inputs).map_err(source_failure)?;
    let sources = args.zone.iter().fold(sources, Sources::in_zone);
    evidence::spare(&args.output_files(), &sources)?;
    let config = args.config.load()?;
    let is_small = sources.size().is_some_and(|size| size <= MAX_SORTED);
    let may_sort = is_small && !args.sort && args.lateness.is_none();
    let lateness = args.lateness.unwrap_or(pipeline::LATENESS);
    let lateness = if args.sort { Lateness::Unbounded } else { Lateness::UpTo(lateness) };
    let mut limits = args.limits(lateness);
    let interrupt = Interrupt::listen()?;
    let mut replay = Replay::new(&args, config.as_ref(), sources.clone(), (limits, &interrupt))?;
    let mut sink = Sink::open(wanted(&args, config.as_ref()))?;
    if let Some(path) = &args.alerts {
        sink.leave_out(Written::read(path)?);
    }
    let mut writer = replay.writer(sink, may_sort);
    if let Ending::OutOfOrder(disorder) = replay.run(&mut writer) {
        log::warn!("events are out of order{}; sorting them, as --sort does", cause(disorder));
        let named = (mem::take(&mut replay.named), mem::take(&mut replay.named_inputs));
        replay.steps.end();
        let Alerts { sink, .. } = writer.end();
        limits.sort(MAX_SORTED_BYTES);
        replay = Replay::new(&args, config.as_ref(), sources, (limits, &interrupt))?;
        (replay.named, replay.named_inputs) = named;
        writer = replay.writer(sink, false);
        replay.run(&mut writer);
    }
    replay.conclude(&args, writer.end())
}

fn cause(disorder: Disorder) -> String {
    match disorder {
        Disorder::Late => format!(" by more than {} s", pipeline::LATENESS.as_secs()),
        Disorder::Overtaken => ", and the buffer for events that come late is full".to_owned(),
    }
}

fn wanted(args: &Args, config: Option<&Config>) -> Wanted {
    // A replay can be done again: it waits for no disk, neither for room nor after each line.
    let file = args.alerts.as_ref().map(|path| {
        let mut options = alert_file::options(path, config);
        options.state_directory = None;
        if config.is_none() {
            options.fsync = Fsync::Interval;
        }
        options
    });
    Wanted { format: args.output, file, system_log: false, live: None }
}

/// How a replay ended.
enum Ending {
    /// With all that is wanted.
    Done,
    /// It has to be done again, sorted.
    OutOfOrder(Disorder),
}

struct Replay<'a> {
    args: &'a Args,
    steps: Steps,
    pipeline: Pipeline,
    /// What the report will show, until it is known where alerts go.
    case: Option<Case>,
    excepted: Excepted,
    threads: usize,
    /// The malformed values that were named, and that there are more.
    named: Vec<String>,
    /// The same of inputs: one that is cut off is told also where many values were malformed.
    named_inputs: Vec<String>,
    failure: Option<Failure>,
    began: Instant,
}

impl<'a> Replay<'a> {
    #[allow(clippy::disallowed_methods, reason = "the rate of a run is wall-clock time")]
    fn new(
        args: &'a Args,
        config: Option<&Config>,
        sources: Sources,
        (limits, interrupt): (Limits, &Interrupt),
    ) -> Result<Self, Failure> {
        let mut set = args.selection.load(config, Trust::Anyone)?;
        if !args.host.is_empty() {
            // What a host is chosen by.
            let _ = set.fields.resolve("host.name").and_then(|_| set.fields.resolve("host.hostname"));
        }
        if args.html.is_some() {
            // What the report shows of every connection.
            for name in ["destination.domain", "destination.port", "dns.question.name"] {
                let _ = set.fields.resolve(name);
            }
        }
        let script = config.map(|config| config.script.clone()).unwrap_or_default();
        let redactor = script.redactor().map_err(|error| Failure::new(Failure::CONFIG, error))?;
        let case = args.html.as_ref().map(|_| Case::new(redactor.clone()));
        let volume = config.filter(|config| config.states("volume")).map(|config| config.volume.clone());
        let (capture, redactor) = (Some(script.capture_script), Some(redactor));
        let mut pipeline =
            Pipeline::new(set, pipeline::Options { limits, volume, capture, redactor, names_come_later: false });
        if args.no_prefilter {
            pipeline.ask_every_rule();
        }
        let threads = args.threads.unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS));
        // One applies the rules; one puts events in order, and decodes what others have not.
        let decoders = threads.checked_sub(2);
        let recording = interrupt
            .at_once_during(|| Recording::open_sources(sources, pipeline.fields(), Machine::default(), decoders));
        let (hosts, stop) = (args.host.clone(), interrupt.flag());
        let wanted = wanted::Wanted { from: args.from, to: args.to, hosts, stop };
        let coverage = Coverage::new(pipeline.rules().iter().filter_map(|rule| rule.needs()), pipeline.fields());
        let feed = Feed::new(recording.map_err(source_failure)?, pipeline.lend_intake(), coverage, wanted);
        Ok(Replay {
            args,
            steps: if threads > 1 { Steps::apart(feed) } else { Steps::here(feed) },
            excepted: Excepted { explain: args.explain, from: args.from, counts: vec![0; pipeline.exceptions().len()] },
            pipeline,
            case,
            threads,
            named: Vec::new(),
            named_inputs: Vec::new(),
            failure: None,
            began: Instant::now(),
        })
    }

    /// Who writes the alerts, which can have to wait until it is known whether the recording is in order.
    fn writer(&mut self, sink: Sink, waits: bool) -> AlertWriter {
        let (sequence, waiting) = (sink.next_sequence(), waits.then(Waiting::default));
        let alerts =
            Alerts { sink, sequence, waiting, from: self.args.from, case: self.case.take(), given: Given::default() };
        // A report shows events as well, in their order.
        if self.threads > 1 && alerts.case.is_none() {
            AlertWriter::apart(alerts)
        } else {
            AlertWriter::Here(Box::new(alerts))
        }
    }

    fn run(&mut self, writer: &mut AlertWriter) -> Ending {
        let mut steps: u64 = 0;
        while !writer.is_done() {
            match self.steps.next() {
                Step::Event(ordinal, event) => {
                    writer.observe(event);
                    self.pipeline
                        .observe(event, *ordinal, &mut |output: Output<'_>| take(output, &mut self.excepted, writer));
                    // This thread made it, and frees it.
                    event.context = None;
                }
                other => match mem::replace(other, Step::Idle) {
                    Step::Problem(problem) => self.report(&problem),
                    Step::OutOfOrder(disorder) if writer.waits() => return Ending::OutOfOrder(disorder),
                    Step::OutOfOrder(disorder) if self.args.lateness.is_none() => {
                        let cause = cause(disorder);
                        log::warn!(
                            "events are out of order{cause}: alerts can be missing; use --sort, which holds all in memory"
                        );
                    }
                    Step::Event(..) | Step::OutOfOrder(_) => {}
                    Step::Idle => writer.flush(),
                    Step::Failed(error) => {
                        // The last is said at the end, with the exit code: each is an input that was not read.
                        let before = self.failure.replace(source_failure(error));
                        before.into_iter().for_each(|failure| log::error!("{failure}"));
                    }
                    Step::End => break,
                },
            }
            steps += 1;
            if steps.is_multiple_of(FLUSH) {
                writer.flush();
            }
        }
        if !writer.is_done() {
            self.pipeline.finish(|output| take(output, &mut self.excepted, writer));
        }
        Ending::Done
    }

    /// Reports what was done, and returns the exit code.
    fn conclude(mut self, args: &Args, mut alerts: Alerts) -> Result<ExitCode, Failure> {
        alerts.release();
        let Alerts { mut sink, case, given, .. } = alerts;
        let finished = sink.finish();
        let Feed { recording, coverage, intake, is_stopped, missing, .. } = self.steps.end();
        self.pipeline.take_back(intake);
        for host in missing.iter().map(|host| visible(host)) {
            log::warn!("no event of host `{host}`: no host.id, host.name or host.hostname is that");
        }
        terminal::set_progress(None);
        if let (Some(held), Some(path)) = (given.held(), &args.alerts) {
            log::info!("{}: {held} already there, not written again", path.display());
        }
        let found = Found { given, excepted: self.excepted.counts, is_stopped, missing };
        let summary = Summary::new((&recording, &coverage), &self.pipeline, found, self.began.elapsed());
        let ending = if is_stopped { "interrupted: " } else { "" };
        match log::max_level() {
            // Silence would be an all-clear.
            LevelFilter::Off | LevelFilter::Error | LevelFilter::Warn if summary.is_blind() => {
                summary.remarks().iter().for_each(|remark| log::warn!("no alert was possible: {remark}"));
            }
            LevelFilter::Off | LevelFilter::Error | LevelFilter::Warn => {}
            _ => terminal::say(&format!("{ending}{}", summary.text())),
        }
        finished?;
        if let Some(path) = &args.json_summary {
            OutputFile::summary(path).write(&format!("{}\n", summary.json()))?;
        }
        if let (Some(path), Some(case)) = (&args.html, &case) {
            OutputFile::page(path).write(&summary.page(case))?;
            alert_page::tell_more(case);
        }
        let is_blind = summary.is_blind();
        match self.failure.take() {
            Some(failure) => Err(failure),
            None if is_stopped => Ok(ExitCode::from(130)),
            None if recording.is_truncated() => Ok(Failure::IO.into()),
            None if args.strict && is_blind => Ok(Failure::BLIND.into()),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    /// Names a malformed value, or an input that is left out or cut off, once also where the recording is read again.
    fn report(&mut self, problem: &Problem) {
        let (named, limit, more) = if problem.is_of_input {
            (&mut self.named_inputs, SHOWN_INPUTS, "further inputs that are left out or cut off are only counted")
        } else {
            (&mut self.named, SHOWN_PROBLEMS, "further malformed values are only counted")
        };
        let problem = problem.to_string();
        if named.len() > limit || named.contains(&problem) {
            return;
        }
        log::warn!("{}", if named.len() < limit { &problem } else { more });
        named.push(problem);
    }
}

fn take(output: Output<'_>, excepted: &mut Excepted, writer: &mut AlertWriter) {
    match output {
        Output::Alert(draft) => writer.add(draft),
        Output::Suppressed { rule, exception, position, found } => {
            let line = excepted.note(position, rule, exception, &found);
            line.into_iter().for_each(|line| writer.say(line));
        }
    }
}
