//! `osawatch run`: the sensors of this Mac in, alerts out.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded, unbounded};

use super::alert_file;
use super::args::duration;
use super::case::CaseDirectory;
use super::clock::now;
use super::config::LayerArgs;
use super::descriptors;
use super::effective::{self, Effective};
use super::exit::Failure;
pub(super) use super::exit::live_failure;
use super::life::Life;
use super::live_sink::{Fixed, LiveSink};
use super::logger::{self, Verbosity};
use super::publish::{Publisher, processor_time};
use super::recorder::{self, Recorder};
use super::reload::{Reloader, Targets};
use super::rules::Selection;
use super::seen::Seen;
use super::signals::{self, CONTROLS};
use super::sink::{self, Format, Sink, Wanted};
use crate::agent::{self, Agent, Control, Counts, Deadline, Ended, Ending, Ports, Settings, Stage};
use crate::alert::{blind_spots, lifecycle};
use crate::config::{self, Config};
use crate::detect::RuleSet;
use crate::event::Machine;
use crate::output::terminal;
use crate::pipeline::{self, Limits, Pipeline};
use crate::report::{plural, visible};
use crate::script::{Capture, Program};
use crate::source;
use crate::source::live::{Bell, Error as LiveError, ExecSource, Muted, NetworkSource, Options, Watched};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    config: LayerArgs,
    /// Append the alerts to this file [default: `file` of the configuration, if given]
    #[arg(long, value_name = "FILE")]
    alerts: Option<PathBuf>,
    /// Also send the alerts to the system log
    #[arg(long)]
    syslog: bool,
    /// How to show alerts on standard output [default: text on a terminal; elsewhere ndjson, or none with an alert file]
    #[arg(long, value_enum)]
    output: Option<Format>,
    /// Keep the state of the agent in this directory [default: `state_directory` of the configuration, if given]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Leave alerts, a recording, a report page and a summary in this directory, which must not exist, and nothing
    /// elsewhere; no configuration is read
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "alerts", "state", "syslog"])]
    case: Option<PathBuf>,
    /// Stop after this long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    r#for: Option<Duration>,
    /// Where process events come from; auto, the default, is Endpoint Security where this build has the entitlement,
    /// else eslogger
    #[arg(long, value_enum)]
    exec_source: Option<ExecSource>,
    /// Where connections come from; auto, the default, is the kernel's network statistics, else the sockets of
    /// watched processes
    #[arg(long, value_enum, alias = "net-source")]
    network_source: Option<NetworkSource>,
    /// Also use Endpoint Security's undocumented connect event, on macOS 26.4 and later
    #[arg(long, alias = "es-connect-event")]
    endpoint_security_connect_event: bool,
}

pub(super) fn run(args: Args, verbosity: Verbosity) -> Result<ExitCode, Failure> {
    let (seen, loaded) = match args.case {
        Some(_) => (Seen::default(), Effective::without_configuration(&args.selection)),
        None => {
            let read = || Effective::load_into(RuleSet::default(), &args.config, &args.selection);
            Seen::before(&args.config, read)
        }
    };
    let loaded = loaded?;
    let config = loaded.config.as_ref();
    logger::set_level(verbosity, config);
    loaded.warn(&args.config.layers());
    descriptors::raise_limit();
    let directory = args.state.as_deref().or(config.map(|config| config.alerts.state_directory.as_path()));
    let life = Life::begin(directory)?;
    let bell = Bell::default();
    let ((control, controls), (reload, reloads)) = (bell.channel(CONTROLS), bounded(1));
    let fixed = Fixed { file: args.alerts.clone(), system_log: args.syslog, verbosity };
    let reloader = Reloader::new((&args.config, &args.selection), fixed, (seen, &loaded));
    let stop = signals::listen(control.clone(), reloader.is_some().then_some(reload), &bell)?;
    let options = options(&args, config, &life, bell);
    let sensors = source::live(&options).map_err(live_failure)?;
    let mut case = args.case.as_deref().map(CaseDirectory::create).transpose()?;
    let record = |case: &CaseDirectory| {
        let wanted = recorder::Wanted { pseudonyms: None, room: CaseDirectory::ROOM, control: control.clone() };
        Recorder::start(&case.recording(), wanted)
    };
    let (recorder, tap) = case.as_ref().map(record).transpose()?.unzip();
    let mut sink = open_sink(&args, case.as_ref(), config, &sensors.machine)?;
    introduce(&mut sink, &loaded, &life, &sensors.machine, &options);
    let failed = |error| live_failure(LiveError::Thread(error));
    for what in life.left_out() {
        let _ = control.try_send(Control::LeaveOut(what.to_owned()));
    }
    let (status, published) = Publisher::new(life.state.clone(), sink.gauge()).start().map_err(failed)?;
    let (outputs, exchanged) = unbounded();
    if let Some(reloader) = reloader {
        let muted = Arc::clone(&options.muted);
        let targets = Targets { control, outputs, muted, scan: sensors.scan.clone() };
        reloader.start(reloads, targets).map_err(failed)?;
    }
    let response = config.map(|config| config.response.clone()).unwrap_or_default();
    let (settings, pipeline) = prepare(&args, loaded, &life, sink.next_sequence())?;
    let sink = LiveSink::new(sink, &response, sensors.machine.clone(), exchanged)?;
    let (machine, ports) = (sensors.machine.clone(), Ports { control: controls, status: Some(status), tap });
    let agent = Agent::start(settings, pipeline, sensors, options.watched, sink).map_err(failed)?;
    case.iter_mut().for_each(CaseDirectory::begin);
    let ended = agent.with_ports(ports).run(&stop);
    end(ended, &machine, (recorder, case), &published)
}

/// What was found is written, and last of all that the agent stopped, and how it was.
fn end(
    ended: Ended<LiveSink>,
    machine: &Machine,
    (recorder, case): (Option<Recorder>, Option<CaseDirectory>),
    published: &Receiver<Publisher>,
) -> Result<ExitCode, Failure> {
    let Ended { result, sink, status, until } = ended;
    let why = match &result {
        Ok((ending, _)) => ending.to_string(),
        Err(error) => error.to_string(),
    };
    let stopped = lifecycle::stopped(now(), machine, &why, serde_json::to_value(status.brief()).unwrap_or_default());
    let mut sink = sink.map(|sink| sink.finish(until.left_for(Stage::Responses)));
    sink.iter_mut().for_each(|sink| agent::Sink::document(sink, stopped.clone()));
    let finished = finish(result, sink, until);
    let recorded = recorder.map(|recorder| recorder.finish(&stopped, until.left_for(Stage::Recording)));
    let recorded = recorded.unwrap_or_default();
    let closed = case.map_or(Ok(()), |case| case.close(&why, &status, &recorded));
    Publisher::finish(published, status, until.left_for(Stage::Status));
    let code = finished?;
    closed.and(recorded.result()).map(|()| code)
}

/// What is said before anything is watched: what the rules cannot see, how the run before ended, and that this one began.
fn introduce(sink: &mut Sink, loaded: &Effective, life: &Life, machine: &Machine, options: &Options) {
    if !loaded.blind_spots.is_empty() {
        agent::Sink::document(sink, blind_spots::document(now(), machine, &loaded.blind_spots));
    }
    let rules = loaded.rules.rules.iter().filter(|rule| rule.inert().is_none()).count();
    let documents = life.documents(machine, rules, options);
    documents.into_iter().for_each(|document| agent::Sink::document(sink, document));
}

/// What the agent may use of the Mac.
fn limits(config: Option<&Config>) -> config::Limits {
    config.map(|config| config.limits.clone()).unwrap_or_default()
}

/// What is asked of the sensors.
fn options(args: &Args, config: Option<&Config>, life: &Life, bell: Bell) -> Options {
    let sources = config.map(|config| config.sources.clone()).unwrap_or_default();
    let connect_event = args.endpoint_security_connect_event || sources.endpoint_security_connect_event;
    Options {
        exec: args.exec_source.unwrap_or(sources.exec),
        network: args.network_source.unwrap_or(sources.network),
        endpoint_security_connect_event: connect_event && !life.is_careful,
        muted: Arc::new(Muted::new(sources.mute)),
        watched: Arc::new(Watched::new(|signing_id, name| Program::known_by(signing_id, name).is_some())),
        queues: limits(config).queues(),
        raw: None,
        bell,
    }
}

fn open_sink(
    args: &Args,
    case: Option<&CaseDirectory>,
    config: Option<&Config>,
    machine: &Machine,
) -> Result<Sink, Failure> {
    let path = args.alerts.as_deref().or(config.map(|config| config.alerts.file.as_path()));
    let file = path.map(|path| alert_file::options(path, config));
    Sink::open(Wanted {
        format: args.output,
        file: file.or(case.map(CaseDirectory::alerts)),
        system_log: args.syslog || config.is_some_and(|config| config.alerts.syslog),
        live: Some(machine.clone()),
    })
}

fn prepare(args: &Args, loaded: Effective, life: &Life, first_sequence: u64) -> Result<(Settings, Pipeline), Failure> {
    let config = loaded.config.as_ref();
    let script = config.map(|config| config.script.clone()).unwrap_or_default();
    let budget = limits(config).budget();
    let options = pipeline::Options {
        limits: Limits::live_within(budget),
        volume: Some(config.map(|config| config.volume.clone()).unwrap_or_default()),
        // The agent examines scripts, with their files.
        capture: None,
        redactor: Some(loaded.redactor),
        names_come_later: true,
    };
    let capture = if life.is_careful { Capture::Off } else { script.capture_script };
    let (run_for, heartbeat) = (args.r#for, effective::heartbeat(config));
    let cpu_limit = effective::cpu_limit(config);
    let used = Settings { budget, cpu_limit, processor_time, ..Settings::default() };
    let settings = Settings { run_for, capture, first_sequence, heartbeat, ..used };
    Ok((settings, Pipeline::new(loaded.rules, options)))
}

fn finish(
    result: Result<(Ending, Counts), agent::Error>,
    sink: Option<Sink>,
    until: Deadline,
) -> Result<ExitCode, Failure> {
    // Also what was found before a source failed for good is written.
    let stuck = || Failure::new(Failure::IO, "the last alerts could not be written before osawatch had to end");
    let finished = sink.map(|mut sink| (sink.finish_within(until.left_for(Stage::File)), sink.counts()));
    let finished = finished.ok_or_else(stuck);
    let (ending, counts) = result.map_err(|error| {
        Failure::new(if error.not_permitted { Failure::NOT_PERMITTED } else { Failure::UNAVAILABLE }, error)
    })?;
    let (finished, written) = finished?;
    terminal::say(&summary(ending, &counts, written));
    finished.map(|()| ExitCode::SUCCESS)
}

fn summary(ending: Ending, counts: &Counts, out: sink::Counts) -> String {
    let mut text = format!(
        "{ending}: {}, {}, {}\n",
        plural(counts.processes, "process event"),
        plural(counts.flows, "flow"),
        plural(out.alerts, "alert")
    );
    let own = [
        ("alerts suppressed by [volume]", counts.suppressed),
        ("alerts delayed by the disk", out.file.delayed),
        ("alerts lost, as the backlog was full", out.file.lost),
        ("alerts that the system log rejected", out.not_in_system_log),
        ("flows without a known process", counts.unattributed),
        ("executions evicted less than a minute after their exit", counts.evicted_executions),
        ("network reports that the kernel did not deliver since it started, to any program", counts.undelivered),
    ];
    for (name, count) in own.into_iter().chain(counts.lost.iter().copied()).filter(|(_, count)| *count > 0) {
        text += &format!("  {name}: {count}\n");
    }
    for (name, count) in &counts.excepted {
        text += &visible(&format!("  suppressed by exception `{name}`: {count}"));
        text += "\n";
    }
    text
}
