//! `osawatch run`: the sensors of this Mac in, alerts out.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use crossbeam_channel::{Receiver, bounded};
use serde_json::{Map, Value as Json};

use super::config::ConfigArgs;
use super::exit::Failure;
use super::replay::duration;
use super::rules::Selection;
use crate::agent::{Agent, Counts, Ending, Settings, Sink};
use crate::alert::report::{self, visible};
use crate::alert::{Alert, WriteError, Writer};
use crate::detect::Lateness;
use crate::event::Timestamp;
use crate::pipeline::{Limits, Pipeline};
use crate::source;
use crate::source::live::{Error as LiveError, ExecSource, Level, NetworkSource, Notice, Options, Watched};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    config: ConfigArgs,
    /// Append the alerts to this file
    #[arg(long, value_name = "FILE")]
    alerts: Option<PathBuf>,
    /// How standard output shows alerts [default: text on a terminal; elsewhere ndjson, or none with --alerts]
    #[arg(long, value_enum)]
    output: Option<Output>,
    /// Stop after this long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    r#for: Option<Duration>,
    /// Where process events come from; auto is Endpoint Security where this build has the entitlement, else eslogger
    #[arg(long, value_enum, default_value_t = Exec::Auto)]
    exec_source: Exec,
    /// Where connections come from; auto is the kernel's network statistics, else the sockets of watched processes
    #[arg(long, value_enum, default_value_t = Net::Auto)]
    net_source: Net,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Net {
    Auto,
    Ntstat,
    Libproc,
}

impl From<Net> for NetworkSource {
    fn from(net: Net) -> NetworkSource {
        match net {
            Net::Auto => NetworkSource::Auto,
            Net::Ntstat => NetworkSource::Ntstat,
            Net::Libproc => NetworkSource::Libproc,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Ndjson,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Exec {
    Auto,
    Es,
    Eslogger,
}

impl From<Exec> for ExecSource {
    fn from(exec: Exec) -> ExecSource {
        match exec {
            Exec::Auto => ExecSource::Auto,
            Exec::Es => ExecSource::EndpointSecurity,
            Exec::Eslogger => ExecSource::Eslogger,
        }
    }
}

pub(super) fn run(args: Args) -> Result<ExitCode, Failure> {
    let config = args.config.load()?;
    let set = args.selection.load(config.as_ref())?;
    let limits = Limits { lateness: Lateness::UpTo(Duration::ZERO), ..Limits::default() };
    let watched = Arc::new(Watched::default());
    let (exec, network) = (args.exec_source.into(), args.net_source.into());
    let options = Options { exec, network, watched: Arc::clone(&watched) };
    let stop = stop_signals()?;
    let sensors = source::live(&options).map_err(live_failure)?;
    let mut out = Out::new(&args)?;
    let pipeline = Pipeline::new(set, limits);
    let settings = Settings { run_for: args.r#for, ..Settings::default() };
    let agent = Agent::new(settings, pipeline, sensors, watched, &mut out);
    let ended = agent.run(&stop);
    let (ending, counts) = ended.map_err(|error| {
        Failure::new(if error.not_permitted { Failure::NOT_PERMITTED } else { Failure::UNAVAILABLE }, error)
    })?;
    eprint!("{}", summary(ending, &counts, out.alerts));
    match out.failed.take() {
        Some(failure) => Err(failure),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn live_failure(error: LiveError) -> Failure {
    let code = match error {
        LiveError::NotAMac => Failure::UNAVAILABLE,
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

fn summary(ending: Ending, counts: &Counts, alerts: u64) -> String {
    let why = match ending {
        Ending::Stopped => "stopped",
        Ending::TimeOver => "time over",
        Ending::SensorsEnded => "the sensors ended",
    };
    let mut text = format!("{why}: {} process events, {} flows, {alerts} alerts\n", counts.processes, counts.flows);
    let own = [
        ("flows of no known process", counts.unattributed),
        ("flows that could not wait for their process", counts.waiting_overflowed),
        ("processes whose sockets could not be watched", counts.unwatched),
    ];
    for (name, count) in own.into_iter().chain(counts.lost.iter().copied()).filter(|(_, count)| *count > 0) {
        text += &format!("  {name}: {count}\n");
    }
    text
}

/// Where alerts go, and notices for people.
struct Out {
    output: Output,
    file: Option<Writer>,
    alerts: u64,
    failed: Option<Failure>,
}

impl Out {
    fn new(args: &Args) -> Result<Out, Failure> {
        let output = match (args.output, io::stdout().is_terminal()) {
            (Some(output), _) => output,
            (None, true) => Output::Text,
            (None, false) if args.alerts.is_some() => Output::None,
            (None, false) => Output::Ndjson,
        };
        let file = args.alerts.as_deref().map(Writer::open).transpose();
        let file = file.map_err(|error: WriteError| Failure::new(Failure::CANNOT_CREATE, error))?;
        Ok(Out { output, file, alerts: 0, failed: None })
    }

    fn line(&mut self, line: &str) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_line(line)
        {
            self.failed = Some(Failure::new(Failure::IO, error));
        }
    }

    fn print(&mut self, text: &str) {
        let mut stdout = io::stdout().lock();
        if let Err(error) = writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
            // The file still gets the alerts.
            self.output = Output::None;
            eprintln!("osawatch: cannot write to standard output: {error}");
        }
    }
}

impl Sink for Out {
    fn alert(&mut self, alert: &Alert) {
        let mut document = alert.document.clone();
        if let Some(Json::Object(event)) = document.get_mut("event") {
            event.insert("created".into(), now().to_string().into());
        }
        self.alerts += 1;
        match self.output {
            Output::Text => {
                self.line(&Json::Object(document).to_string());
                self.print(&report::text(alert));
            }
            _ => self.document(document),
        }
    }

    fn document(&mut self, document: Map<String, Json>) {
        let line = Json::Object(document).to_string();
        self.line(&line);
        if self.output == Output::Ndjson {
            self.print(&line);
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let level = match notice.level {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Fatal | Level::NotPermitted => "error",
        };
        eprintln!("{} osawatch: {level}: {}", now(), visible(&notice.text));
    }
}

#[allow(clippy::disallowed_methods, reason = "event.created is when this program made the alert")]
fn now() -> Timestamp {
    let now = jiff::Timestamp::now();
    Timestamp::from_nanoseconds(i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX))
}
