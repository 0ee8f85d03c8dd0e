//! The sensors of macOS: they fetch and copy, and decide nothing.

mod es;
mod eslogger;
mod libproc;
mod loopback;
mod ntstat;
mod sys;

use std::collections::HashMap;
use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};

use super::eslogger::Decoder;
use super::live::{Error, ExecSource, Level, Lookup, Losses, Notice, Options, Report, Sensors};
use crate::event::Machine;

/// Process reports that may wait for the engine: some seconds of a busy Mac.
const PROCESS_CHANNEL: usize = 16_384;
/// Flows that may wait for the engine.
const FLOW_CHANNEL: usize = 8_192;
/// User names that are remembered.
const MOST_USERS: usize = 1_024;

/// Where a source of process events puts what it sees.
struct Feed {
    reports: Sender<Report>,
    losses: Arc<Losses>,
}

impl Feed {
    fn notice(&self, level: Level, text: String) {
        // The engine is gone only when the program ends.
        let _ = self.reports.send(Report::Notice(Notice { level, text }));
    }
}

/// Starts the sensors. The processes that already run come first on the channel.
pub(super) fn live(options: &Options) -> Result<Sensors, Error> {
    if sys::effective_user_id() != 0 {
        return Err(Error::NotRoot);
    }
    let machine = Machine {
        host_id: sys::host_uuid().unwrap_or_default(),
        boot_id: sys::sysctl_text("kern.bootsessionuuid").unwrap_or_default(),
    };
    let (host_name, os_version) = (sys::sysctl_text("kern.hostname"), sys::sysctl_text("kern.osproductversion"));
    let (reports, processes) = bounded(PROCESS_CHANNEL);
    let (flow_sender, flows) = bounded(FLOW_CHANNEL);
    let losses = Arc::new(Losses::default());
    let guard = eslogger::Guard::default();
    let feed = Feed { reports, losses: Arc::clone(&losses) };
    let feed_copy = Feed { reports: feed.reports.clone(), losses: Arc::clone(&losses) };
    let decoder = Decoder::new(machine.clone(), host_name.clone());
    let (exec, version, child) = (options.exec, os_version.clone(), guard.clone());
    start("osawatch-exec", move || watch_processes(&feed, exec, version.as_deref(), &decoder, &child))?;
    let network = ntstat::Network {
        flows: flow_sender,
        watched: Arc::clone(&options.watched),
        losses: Arc::clone(&losses),
        notices: feed_copy,
    };
    let source = options.network;
    start("osawatch-network", move || network.run(source))?;
    let running = libproc::running(&machine, host_name.as_deref());
    let lookup = Box::new(System { users: HashMap::new() });
    let guard: Option<Box<dyn Send>> = Some(Box::new(guard));
    Ok(Sensors { machine, host_name, os_version, running, processes, flows, losses, lookup, guard })
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map(drop).map_err(Error::Thread)
}

fn watch_processes(
    feed: &Feed,
    source: ExecSource,
    os_version: Option<&str>,
    decoder: &Decoder,
    child: &eslogger::Guard,
) {
    if source != ExecSource::Eslogger {
        match es::run(feed, os_version) {
            es::Ending::NotPrivileged => {
                return feed.notice(Level::NotPermitted, "Endpoint Security is open to root only; use sudo".to_owned());
            }
            es::Ending::Fatal(text) => return feed.notice(Level::Fatal, text),
            es::Ending::NotEntitled if source == ExecSource::EndpointSecurity => {
                let text = "this build has no Endpoint Security entitlement; use --exec-source eslogger";
                return feed.notice(Level::Fatal, text.to_owned());
            }
            es::Ending::NotEntitled => feed.notice(
                Level::Info,
                "this build has no Endpoint Security entitlement, so eslogger, which has Apple's, is used".to_owned(),
            ),
        }
    }
    eslogger::run(feed, decoder, child)
}

/// The numbers of a version such as `14.5` or `26.4.1`; 0 where it has none.
fn version_numbers(text: &str) -> (u64, u64, u64) {
    let mut numbers = text.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

/// Questions to this system.
struct System {
    users: HashMap<u32, Option<String>>,
}

impl Lookup for System {
    fn unique_pid(&self, pid: u32, pidversion: u32) -> Option<u64> {
        libproc::unique_info(pid).filter(|info| info.pidversion == pidversion).map(|info| info.unique_pid)
    }

    fn user_name(&mut self, uid: u32) -> Option<String> {
        if self.users.len() >= MOST_USERS {
            self.users.clear();
        }
        self.users.entry(uid).or_insert_with(|| sys::user_name(uid)).clone()
    }
}
