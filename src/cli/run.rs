//! `osawatch run`: the sensors of this Mac in, alerts out.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

use super::alert_file;
use super::args::duration;
use super::clock::now;
use super::config::LayerArgs;
use super::effective::Effective;
use super::exit::Failure;
use super::rules::Selection;
use super::sink::{self, Format, Sink, Wanted};
use crate::agent::{self, Agent, Counts, Ended, Ending, Settings};
use crate::alert::blind_spots;
use crate::output::terminal;
use crate::pipeline::{self, Limits, Pipeline};
use crate::report::{plural, visible};
use crate::source;
use crate::source::live::{Error as LiveError, ExecSource, NetworkSource, Options, Watched};

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

pub(super) fn run(args: Args) -> Result<ExitCode, Failure> {
    let Effective { config, rules, redactor, blind_spots } = Effective::load(&args.config, &args.selection)?;
    blind_spots.iter().for_each(|text| log::warn!("{text}"));
    let watched = Arc::new(Watched::default());
    let sources = config.as_ref().map(|config| config.sources.clone()).unwrap_or_default();
    let options = Options {
        exec: args.exec_source.unwrap_or(sources.exec),
        network: args.network_source.unwrap_or(sources.network),
        endpoint_security_connect_event: args.endpoint_security_connect_event
            || sources.endpoint_security_connect_event,
        muted: sources.mute,
        watched: Arc::clone(&watched),
    };
    let stop = stop_signals()?;
    let sensors = source::live(&options).map_err(live_failure)?;
    let path = args.alerts.as_deref().or(config.as_ref().map(|config| config.alerts.file.as_path()));
    let mut sink = Sink::open(Wanted {
        format: args.output,
        file: path.map(|path| alert_file::options(path, config.as_ref())),
        system_log: args.syslog || config.as_ref().is_some_and(|config| config.alerts.syslog),
        live: Some(sensors.machine.clone()),
    })?;
    if !blind_spots.is_empty() {
        agent::Sink::document(&mut sink, blind_spots::document(now(), &sensors.machine, &blind_spots));
    }
    let script = config.as_ref().map(|config| config.script.clone()).unwrap_or_default();
    let volume = config.as_ref().map(|config| config.volume.clone()).unwrap_or_default();
    let options = pipeline::Options {
        limits: Limits::live(),
        volume: Some(volume),
        // The agent examines scripts, with their files.
        capture: None,
        redactor: Some(redactor),
        names_come_later: true,
    };
    let (capture, first_sequence) = (script.capture_script, sink.next_sequence());
    let settings = Settings { run_for: args.r#for, capture, first_sequence, ..Settings::default() };
    let agent = Agent::start(settings, Pipeline::new(rules, options), sensors, watched, sink);
    let agent = agent.map_err(|error| live_failure(LiveError::Thread(error)))?;
    finish(agent.run(&stop))
}

fn finish(ended: Ended<Sink>) -> Result<ExitCode, Failure> {
    let Ended { result, sink } = ended;
    // Also what was found before a source failed for good is written.
    let stuck = || Failure::new(Failure::IO, "the last alerts could not be written within 5 s");
    let finished = sink.map(|mut sink| (sink.finish(), sink.counts())).ok_or_else(stuck);
    let (ending, counts) = result.map_err(|error| {
        Failure::new(if error.not_permitted { Failure::NOT_PERMITTED } else { Failure::UNAVAILABLE }, error)
    })?;
    let (finished, written) = finished?;
    terminal::say(&summary(ending, &counts, written));
    finished.map(|()| ExitCode::SUCCESS)
}

fn live_failure(error: LiveError) -> Failure {
    let code = match error {
        LiveError::NotAMac | LiveError::Translated => Failure::UNAVAILABLE,
        LiveError::NotRoot => Failure::NOT_PERMITTED,
        LiveError::Thread(_) => Failure::IO,
    };
    Failure::new(code, error)
}

/// A message for each SIGINT and SIGTERM. A second one ends the program at once: the first may be stuck
/// behind a slow disk.
fn stop_signals() -> Result<Receiver<()>, Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let failed = |error: io::Error| Failure::new(Failure::IO, format!("cannot handle signals: {error}"));
    let asked = Arc::new(std::sync::atomic::AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&asked)).map_err(failed)?;
        signal_hook::flag::register(signal, Arc::clone(&asked)).map_err(failed)?;
    }
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    let (sender, receiver) = bounded(1);
    let wait = move || {
        for _ in signals.forever() {
            let _ = sender.try_send(());
        }
    };
    std::thread::Builder::new().name("osawatch-signals".into()).spawn(wait).map_err(failed)?;
    Ok(receiver)
}

fn summary(ending: Ending, counts: &Counts, out: sink::Counts) -> String {
    let why = match ending {
        Ending::Stopped => "stopped",
        Ending::TimeOver => "time limit reached",
        Ending::SensorsEnded => "the sensors ended",
    };
    let mut text = format!(
        "{why}: {}, {}, {}\n",
        plural(counts.processes, "process event"),
        plural(counts.flows, "flow"),
        plural(out.alerts, "alert")
    );
    let own = [
        ("alerts suppressed by [volume]", counts.held_back),
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
