//! `osawatch status`: how the agent on this machine is.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::clock::now;
use super::config::{LayerArgs, refused};
use super::exit::{Failure, print};
use super::publish::STATUS;
use crate::config::{Config, Problem};
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
        let (config, problems) = match &args.state {
            Some(_) => (Config::default(), Vec::new()),
            None => args.config.read()?,
        };
        let (status, verdict) = look(args.state.as_ref().unwrap_or(&config.alerts.state_directory))?;
        let verdict = with(verdict, &problems, &config.unknown_keys);
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

/// The verdict with what is wrong with the configuration, and which managed keys are left out, where the agent itself has
/// not said it.
fn with(verdict: Verdict, problems: &[Problem], unknown_keys: &[String]) -> Verdict {
    let said = if let Verdict::Degraded(said) = &verdict { said.as_slice() } else { &[] };
    let first = problems.first().map(Problem::to_string);
    let is_said = first.is_some_and(|first| said.iter().any(|said| said.contains(&first)));
    let more = match unknown_keys.len() as u64 {
        0 | 1 => String::new(),
        count => format!(" (and {})", plural(count - 1, "other key")),
    };
    let unknown = unknown_keys.first().map(|first| format!("{first}{more}"));
    let told: Vec<String> = refused(problems).filter(|_| !is_said).into_iter().chain(unknown).collect();
    match verdict {
        _ if told.is_empty() => verdict,
        Verdict::Healthy => Verdict::Degraded(told),
        Verdict::Degraded(said) => Verdict::Degraded(said.into_iter().chain(told).collect()),
        Verdict::NotRunning(why) => Verdict::NotRunning(format!("{why}; {}", told.join("; "))),
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
    let is_held = state::holder(directory).map_err(failed)?.is_some();
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
