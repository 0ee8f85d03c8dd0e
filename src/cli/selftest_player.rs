//! Plays the parts of the self-test beside the agent, and follows what becomes of each.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, select};
use serde_json::{Map, Value as Json};

use crate::agent::Told;
use crate::doctor::Check;
use crate::doctor::chain::Chain;
use crate::doctor::play::{Directory, Part, Play};
use crate::event::{Charge, Event};
use crate::source::live::SourceKind;
use crate::status::Source;

/// How long the sources have until they work. eslogger's self-test takes ten seconds to be sure of silence.
const READY: Duration = Duration::from_secs(15);
/// How often a program is started meanwhile: eslogger is known to work when it reports something.
const PERIOD: Duration = Duration::from_secs(1);
/// What it runs.
const PROGRAM: &str = "/usr/bin/true";
/// How often the listeners and the file are looked at.
const TICK: Duration = Duration::from_millis(5);

/// What came of it.
pub(super) struct Played {
    /// The checks, and the links of what was played.
    pub(super) checks: Vec<(Check, Option<Map<String, Json>>)>,
    /// A signal ended it before the end.
    pub(super) is_interrupted: bool,
}

/// Plays the parts.
pub(super) struct Player {
    events: Receiver<(Event, Charge)>,
    statuses: Receiver<Told>,
    signals: Receiver<()>,
    directory: Directory,
    sources: BTreeMap<String, Source>,
    began: Instant,
    is_interrupted: bool,
}

impl Player {
    #[allow(clippy::disallowed_methods, reason = "the sensors are given real time")]
    pub(super) fn new(
        events: Receiver<(Event, Charge)>,
        statuses: Receiver<Told>,
        signals: Receiver<()>,
        directory: Directory,
    ) -> Player {
        let (sources, began) = (BTreeMap::new(), Instant::now());
        Player { events, statuses, signals, directory, sources, began, is_interrupted: false }
    }

    /// Waits for the sources, and plays every part at once.
    pub(super) fn play(mut self) -> Played {
        self.wait_for_sources();
        let mut checks: Vec<_> = SourceKind::ALL.into_iter().map(|kind| (self.source(kind), None)).collect();
        if !self.is_interrupted {
            checks.extend(self.play_parts());
        }
        Played { checks, is_interrupted: self.is_interrupted }
    }

    fn wait_for_sources(&mut self) {
        let mut next_child = Duration::ZERO;
        while self.began.elapsed() < READY && !self.is_interrupted {
            if SourceKind::ALL.into_iter().all(|kind| self.sources.get(kind.name()).is_some_and(works)) {
                return;
            }
            if self.began.elapsed() >= next_child {
                next_child = self.began.elapsed() + PERIOD;
                let mut command = Command::new(PROGRAM);
                command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                let _ = command.status();
            }
            self.take(&mut []);
        }
    }

    /// Takes what comes next, or nothing for the time of a tick.
    fn take(&mut self, chains: &mut [Chain]) {
        select! {
            recv(self.events) -> event => match event {
                Ok((event, _)) => {
                    let now = self.began.elapsed();
                    chains.iter_mut().for_each(|chain| chain.observe(&event, std::process::id(), now));
                }
                // The agent has ended by itself.
                Err(_) => self.is_interrupted = true,
            },
            recv(self.statuses) -> told => {
                let sources = told.into_iter().flat_map(|told| told.status.sources);
                self.sources.extend(sources.map(|source| (source.kind.clone(), source)));
            }
            recv(self.signals) -> _ => self.is_interrupted = true,
            default(TICK) => {}
        }
    }

    fn source(&self, kind: SourceKind) -> Check {
        let (name, remedy) = match kind {
            SourceKind::Exec => ("process events", "sudo osawatch doctor says what is missing, with a remedy"),
            SourceKind::Network => ("connections", "sudo osawatch doctor says what is missing, with a remedy"),
        };
        match self.sources.get(kind.name()) {
            Some(source) if works(source) && source.finding.is_empty() => Check::pass(name, source.name.clone()),
            Some(source) if works(source) => Check::pass(name, format!("{}: {}", source.name, source.finding)),
            Some(source) if source.works.is_some() => {
                Check::fail(name, format!("{}: {}", source.name, source.finding), remedy)
            }
            _ => Check::fail(name, format!("no source works after {} s", READY.as_secs()), remedy),
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a play has real time")]
    fn play_parts(&mut self) -> Vec<(Check, Option<Map<String, Json>>)> {
        let exec = self.sources.get(SourceKind::Exec.name()).map(|source| source.name.clone()).unwrap_or_default();
        let (limit, began) = (limit(&exec), self.began.elapsed());
        let (mut plays, mut chains, mut not_started) = (Vec::new(), Vec::new(), Vec::new());
        for part in Part::ALL {
            let started = self.began.elapsed();
            match Play::start(part, self.directory.path()) {
                Ok(play) => {
                    chains.push(Chain::new(part, (play.pid(), play.port()), started));
                    plays.push(play);
                }
                Err(error) => {
                    let finding = format!("{} cannot be started here: {error}", part.program());
                    let remedy = "nothing can be done on this Mac; the other parts do not need it";
                    not_started.push((Check::skipped(part.name(), finding, remedy), None));
                }
            }
        }
        let file = self.directory.path().join("alerts.ndjson");
        let mut looked = began;
        while self.began.elapsed() < began + limit && !self.is_interrupted {
            if chains.iter().all(Chain::is_whole) {
                break;
            }
            self.take(&mut chains);
            if self.began.elapsed() < looked + TICK {
                continue;
            }
            let now = Instant::now();
            looked = self.began.elapsed();
            for (play, chain) in plays.iter_mut().zip(&mut chains) {
                play.tick(now);
                chain.connected = play.connected().map(|at| at.saturating_duration_since(self.began));
                chain.ended = play.ended().map(|ended| ended.to_string());
            }
            read(&file, &mut chains, looked);
        }
        chains.iter().map(|chain| (chain.check(limit), Some(chain.links()))).chain(not_started).collect()
    }
}

fn works(source: &Source) -> bool {
    source.works == Some(true)
}

/// What the alert file holds by now: a handful of lines.
fn read(file: &Path, chains: &mut [Chain], now: Duration) {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    // The last line may be under way.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    for alert in whole.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok()) {
        chains.iter_mut().for_each(|chain| chain.read(&alert, now));
    }
}

/// How long a play has, by the source of process events: eslogger may print late.
fn limit(exec_source: &str) -> Duration {
    Duration::from_secs(if exec_source == "eslogger" { 45 } else { 15 })
}
