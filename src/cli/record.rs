//! `osawatch record`: the events of this Mac into a file, which `replay` reads anywhere.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use serde_json::{Map, Value as Json};

use super::args::duration;
use super::clock::now;
use super::descriptors;
use super::exit::Failure;
use super::raw_recording::RawRecording;
use super::recorder::{Recorder, Wanted};
use super::run::live_failure;
use super::signals::{self, CONTROLS};
use crate::agent::{self, Agent, Ports, Settings, Stage};
use crate::alert::{Alert, lifecycle};
use crate::detect::RuleSet;
use crate::output::terminal;
use crate::pipeline::{Limits, Pipeline};
use crate::report::{plural, visible};
use crate::script::{Pseudonyms, Redactor};
use crate::source;
use crate::source::live::{Bell, Error as LiveError, ExecSource, NetworkSource, Options, Queues, tap};

/// Users whose names are known beforehand.
const MAX_USERS: usize = 1024;

/// Arguments of `record`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write the events to this file, which must not exist; a name that ends with .gz or .zst is compressed
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Stop after this long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    r#for: Option<Duration>,
    /// From every source there is, also Endpoint Security's undocumented connect event on macOS 26.4 and later
    #[arg(long)]
    all: bool,
    /// Leave out secrets, and give users, home folders, hosts, mail addresses and the addresses of this Mac pseudonyms
    #[arg(long)]
    anonymise: bool,
    /// Also write what the sources send, as they send it, to files in this directory, which must not exist: for the
    /// report of a fault. It holds all secrets and names
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "anonymise")]
    raw: Option<PathBuf>,
    /// Where process events come from
    #[arg(long, value_enum, default_value = "auto")]
    exec_source: ExecSource,
    /// Where connections come from
    #[arg(long, value_enum, default_value = "auto")]
    network_source: NetworkSource,
}

/// There are no rules, so no alerts; what is lost is recorded where it was lost, and its sum in the last document.
struct Losses(Sender<Map<String, Json>>);

impl agent::Sink for Losses {
    fn alert(&mut self, _: Alert) {}

    fn document(&mut self, document: Map<String, Json>) {
        let _ = self.0.try_send(document);
    }
}

/// Pseudonyms for the users and the name of this Mac, and for what else is found.
fn pseudonyms(host: Option<&str>) -> Result<Pseudonyms, Failure> {
    let redactor = Redactor::new(&[], true).map_err(|error| Failure::new(Failure::CONFIG, error))?;
    let mut pseudonyms = Pseudonyms::new(redactor);
    host.into_iter().for_each(|name| pseudonyms.add_host(name));
    let homes = std::fs::read_dir("/Users").into_iter().flatten().flatten().take(MAX_USERS);
    homes.for_each(|home| pseudonyms.add_user(&home.file_name().to_string_lossy()));
    Ok(pseudonyms)
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    descriptors::raise_limit();
    let bell = Bell::default();
    let (control, controls) = bell.channel(CONTROLS);
    let stop = signals::listen(control.clone(), None, &bell)?;
    let (raw_tap, raw_tapped) = args.raw.as_ref().map(|_| tap()).unzip();
    let options = Options {
        exec: args.exec_source,
        network: args.network_source,
        endpoint_security_connect_event: args.all,
        muted: Default::default(),
        watched: Arc::default(),
        queues: Queues::default(),
        raw: raw_tap,
        bell,
    };
    let sensors = source::live(&options).map_err(live_failure)?;
    let pseudonyms = args.anonymise.then(|| pseudonyms(sensors.host_name.as_deref())).transpose()?;
    let raw = args.raw.as_deref().zip(raw_tapped);
    let raw = raw.map(|(directory, tapped)| RawRecording::start(directory, tapped, control.clone())).transpose()?;
    let (recorder, tap) = Recorder::start(&args.output, Wanted { pseudonyms, room: 0, control })?;
    let settings = Settings { run_for: args.r#for, ..Settings::default() };
    let (machine, pipeline) = (sensors.machine.clone(), Pipeline::new(RuleSet::default(), Limits::live()));
    let agent = Agent::start(settings, pipeline, sensors, options.watched, Losses(recorder.documents()));
    let agent = agent.map_err(|error| live_failure(LiveError::Thread(error)))?;
    let ended = agent.with_ports(Ports { control: controls, status: None, tap: Some(tap) }).run(&stop);
    let why = match &ended.result {
        Ok((ending, _)) => ending.to_string(),
        Err(error) => error.to_string(),
    };
    let status = serde_json::to_value(ended.status.brief()).unwrap_or_default();
    let stopped = lifecycle::stopped(now(), &machine, &why, status);
    let recorded = recorder.finish(&stopped, ended.until.left_for(Stage::Recording));
    let lost = ended.status.losses.iter().map(|loss| loss.count).sum::<u64>() + recorded.lost;
    let file = visible(&args.output.display().to_string());
    terminal::say(&format!("{why}: {} in {file}, {lost} lost", plural(recorded.events, "event")));
    if let Some(raw) = raw {
        terminal::say(&raw.finish(ended.until.left_for(Stage::Status))?);
    }
    recorded.result()?;
    ended.result.map(|_| ExitCode::SUCCESS).map_err(|error| {
        Failure::new(if error.not_permitted { Failure::NOT_PERMITTED } else { Failure::UNAVAILABLE }, error)
    })
}
