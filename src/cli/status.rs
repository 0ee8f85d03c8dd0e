//! `osawatch status`: how the agent on this machine is.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::clock::now;
use super::config::{LayerArgs, refused};
use super::exit::{Failure, print};
use super::publish::STATUS;
use crate::event::Timestamp;
use crate::output::{state, terminal};
use crate::report::plural;
use crate::status::{self, Status, Verdict};

/// How often `--watch` looks.
const LOOK: Duration = Duration::from_secs(2);
/// Moves the cursor to the top left and clears what is below.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print the status as JSON
    #[arg(long, conflicts_with_all = ["watch", "prometheus"])]
    json: bool,
    /// Show it again every two seconds, with the programs that have the most events
    #[arg(long, conflicts_with = "prometheus")]
    watch: bool,
    /// Print metrics in the text format of Prometheus, for the textfile collector
    #[arg(long)]
    prometheus: bool,
    /// The state directory of the agent [default: `state_directory` of the configuration]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(flatten)]
    config: LayerArgs,
}

pub(super) fn run(args: Args) -> Result<ExitCode, Failure> {
    loop {
        let (directory, problems) = match &args.state {
            Some(directory) => (directory.clone(), Vec::new()),
            None => configured(&args.config)?,
        };
        let (status, verdict) = look(&directory)?;
        let verdict = with(verdict, problems);
        let text = match () {
            () if args.json => json(&status, &verdict)?,
            () if args.prometheus => status::prometheus(&status, &verdict),
            () if args.watch => format!("{CLEAR}{}", status::watch(&status, &verdict)),
            () => status::text(&status, &verdict),
        };
        if !args.watch {
            print(&text)?;
            return Ok(match verdict {
                Verdict::Healthy => ExitCode::SUCCESS,
                Verdict::Degraded(_) => ExitCode::from(1),
                Verdict::NotRunning(_) => Failure::UNAVAILABLE.into(),
            });
        }
        if terminal::write(&text).is_err() {
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(LOOK);
    }
}

/// The state directory as far as the configuration tells, and what is wrong with that.
fn configured(layers: &LayerArgs) -> Result<(PathBuf, Vec<String>), Failure> {
    let (config, problems) = layers.read()?;
    let mut told: Vec<String> = refused(&problems).into_iter().collect();
    if let Some((first, others)) = config.unknown_keys.split_first() {
        let more = match others.len() as u64 {
            0 => String::new(),
            count => format!(" (and {})", plural(count, "other key")),
        };
        told.push(format!("{first}{more}"));
    }
    Ok((config.alerts.state_directory, told))
}

/// The verdict with what is wrong with the configuration beside what the agent says.
fn with(verdict: Verdict, problems: Vec<String>) -> Verdict {
    match verdict {
        _ if problems.is_empty() => verdict,
        Verdict::Healthy => Verdict::Degraded(problems),
        Verdict::Degraded(said) => Verdict::Degraded(said.into_iter().chain(problems).collect()),
        Verdict::NotRunning(why) => Verdict::NotRunning(format!("{why}; {}", problems.join("; "))),
    }
}

/// The status of the agent with this state directory, and what to make of it.
fn look(directory: &Path) -> Result<(Status, Verdict), Failure> {
    let failed = |error: std::io::Error| {
        let code = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Failure::NOT_PERMITTED,
            _ => Failure::IO,
        };
        Failure::new(code, format!("{}: cannot read the status: {error}", directory.display()))
    };
    let is_held = state::is_held(directory).map_err(failed)?;
    let Some(text) = state::read(directory, STATUS).map_err(failed)? else {
        let status = Status::default();
        let verdict = match is_held {
            true => Verdict::Degraded(vec!["the agent has not written a status yet".to_owned()]),
            false => Verdict::NotRunning(format!("{} holds no status of an agent", directory.display())),
        };
        return Ok((status, verdict));
    };
    let status: Status = serde_json::from_str(&text)
        .map_err(|error| Failure::new(Failure::DATA, format!("{}: {STATUS}: {error}", directory.display())))?;
    let age = Timestamp::parse(&status.written).map_or(0, |written| {
        let age = now().nanoseconds().saturating_sub(written.nanoseconds()).max(0).unsigned_abs();
        Duration::from_nanos(age).as_secs()
    });
    let verdict = status.verdict(is_held, age);
    Ok((status, verdict))
}

fn json(status: &Status, verdict: &Verdict) -> Result<String, Failure> {
    let (state, why) = match verdict {
        Verdict::Healthy => ("healthy", Vec::new()),
        Verdict::Degraded(problems) => ("degraded", problems.clone()),
        Verdict::NotRunning(why) => ("not_running", vec![why.clone()]),
    };
    let mut document = serde_json::to_value(status).map_err(|error| Failure::new(Failure::IO, error))?;
    if let Some(document) = document.as_object_mut() {
        document.insert("state".into(), state.into());
        document.insert("problems".into(), why.into());
    }
    Ok(format!("{document:#}\n"))
}
