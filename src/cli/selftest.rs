//! `osawatch selftest`: proves on this Mac that a connection of osascript becomes an alert, without outside traffic.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crossbeam_channel::bounded;
use serde_json::{Value as Json, json};

use super::alert_file;
use super::clock::now;
use super::exit::{Failure, print};
use super::run::live_failure;
use super::selftest_player::{Played, Player};
use super::signals::{self, CONTROLS};
use super::sink::{Format, Sink, Wanted};
use crate::agent::{Agent, Ports, Settings};
use crate::detect::RuleSet;
use crate::doctor::play::Directory;
use crate::doctor::{self, Check};
use crate::pipeline::{Limits, Pipeline};
use crate::source;
use crate::source::live::{Bell, Error as LiveError, ExecSource, NetworkSource, Options, Queues, RingingSender, tap};

/// Statuses that may wait for the player, which takes one whenever it looks.
const STATUSES: usize = 4;

/// Arguments of `selftest`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where process events come from
    #[arg(long, value_enum, default_value = "auto")]
    exec_source: ExecSource,
    /// Where connections come from
    #[arg(long, value_enum, default_value = "auto")]
    network_source: NetworkSource,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let bell = Bell::default();
    let ((control, controls), (stop, stopped)) = (bell.channel(CONTROLS), bell.channel(1));
    let signals = signals::listen(control, None, &bell)?;
    let options = Options {
        exec: args.exec_source,
        network: args.network_source,
        endpoint_security_connect_event: false,
        muted: Default::default(),
        watched: Arc::default(),
        queues: Queues::default(),
        raw: None,
        bell,
    };
    let sensors = source::live(&options).map_err(live_failure)?;
    let directory = Directory::create(directory()).map_err(|error| {
        Failure::new(Failure::CANNOT_CREATE, format!("cannot create a directory for the alerts: {error}"))
    })?;
    let file = directory.path().join("alerts.ndjson");
    let sink = Sink::open(Wanted {
        format: Some(Format::None),
        file: Some(alert_file::options(&file, None)),
        system_log: false,
        live: Some(sensors.machine.clone()),
    })?;
    let pipeline = Pipeline::new(RuleSet::built_in_for_any_address(), Limits::live());
    let failed = |error| live_failure(LiveError::Thread(error));
    let agent = Agent::start(Settings::default(), pipeline, sensors, options.watched, sink).map_err(failed)?;
    let ((tap, tapped), (status, statuses)) = (tap(), bounded(STATUSES));
    let agent = agent.with_ports(Ports { control: controls, status: Some(status), tap: Some(tap) });
    let player = Player::new(tapped.copies, statuses, signals, directory);
    let playing = std::thread::Builder::new().name("osawatch-selftest".into());
    let playing = playing.spawn(move || play(player, &stop)).map_err(failed)?;
    let ended = agent.run(&stopped);
    let played = playing.join().map_err(|_| Failure::new(Failure::IO, "the self-test ended early"))?;
    if let Err(error) = ended.result {
        let code = if error.not_permitted { Failure::NOT_PERMITTED } else { Failure::UNAVAILABLE };
        return Err(Failure::new(code, error));
    }
    show(&played, args.json)
}

/// Plays, and ends the agent.
fn play(player: Player, stop: &RingingSender<()>) -> Played {
    let played = player.play();
    let _ = stop.send(());
    played
}

/// A name that nobody has: it is refused when it is taken.
fn directory() -> PathBuf {
    std::env::temp_dir().join(format!("osawatch-selftest-{}-{}", std::process::id(), now().nanoseconds()))
}

fn show(played: &Played, as_json: bool) -> Result<ExitCode, Failure> {
    if played.is_interrupted {
        return Err(Failure::new(Failure::INTERRUPTED, "interrupted: nothing was proved"));
    }
    let checks: Vec<Check> = played.checks.iter().map(|(check, _)| check.clone()).collect();
    if as_json {
        print(&format!("{:#}\n", document(played, &checks)))?;
    } else {
        print(&doctor::text(&checks))?;
    }
    Ok(ExitCode::from(doctor::exit_code(&checks)))
}

/// The checks as `doctor` has them; what was played also has the latency of each link.
fn document(played: &Played, checks: &[Check]) -> Json {
    let mut document = doctor::json(checks);
    let shown = document["checks"].as_array_mut().into_iter().flatten();
    for (check, (_, links)) in shown.zip(&played.checks) {
        if let (Some(check), Some(links)) = (check.as_object_mut(), links) {
            check.insert("links".to_owned(), json!(links));
        }
    }
    document
}
