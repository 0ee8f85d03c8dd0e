//! The sensors of macOS: they fetch and copy, and decide nothing.

mod control;
mod es;
mod es_connect;
mod eslogger;
mod libproc;
mod loopback;
mod ntstat;
mod sys;
mod terminal;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, bounded, never};
use endpoint_sec::sys::NewClientError;

use super::eslogger::Decoder;
use super::libproc::running;
use super::live::{
    Error, ExecLateness, ExecSource, Level, Lookup, Losses, Notice, Options, Report, ReportSender, Sensors, UserNames,
    report_channel,
};
use crate::event::{Budget, Event, Machine, Timestamp};

/// Process reports that may wait for the engine: some seconds of a busy Mac.
const PROCESS_CHANNEL: usize = 16_384;
/// Flows that may wait for the engine.
const FLOW_CHANNEL: usize = 8_192;
/// How late `eslogger` may report an exec: it buffers, and nobody promises when it writes.
const ESLOGGER_LATENESS: Duration = Duration::from_secs(30);

/// Where a source of process events puts what it sees.
struct Feed {
    reports: ReportSender,
    losses: Arc<Losses>,
    scans: Receiver<()>,
    machine: Machine,
    host_name: Option<String>,
}

impl Feed {
    fn notice(&self, level: Level, text: String) {
        // The engine is gone only when the program ends.
        let _ = self.reports.send(Report::Notice(Notice { level, text }));
    }

    /// Reports the processes that run now.
    fn scan(&self) {
        let host_name = self.host_name.as_deref();
        for event in running::events(libproc::running(), libproc::program, &self.machine, host_name) {
            // Room is left for the events that come meanwhile, whose thread may not wait.
            while self.reports.is_half_full() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let _ = self.reports.send(Report::Running(Box::new(event)));
        }
    }
}

/// Starts the sensors.
pub(super) fn live(options: &Options) -> Result<Sensors, Error> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::NotRoot);
    }
    // An `int`; other processors' programs on Intel Macs do not know the name.
    if sys::sysctl_bytes("sysctl.proc_translated").is_some_and(|bytes| bytes.first() == Some(&1)) {
        return Err(Error::Translated);
    }
    let machine = Machine {
        host_id: sys::host_uuid().unwrap_or_default(),
        boot_id: sys::sysctl_text("kern.bootsessionuuid").unwrap_or_default(),
    };
    let (host_name, os_version) = (sys::sysctl_text("kern.hostname"), sys::sysctl_text("kern.osproductversion"));
    let (reports, processes) = report_channel(PROCESS_CHANNEL, Budget::LIVE.reports);
    let (flow_sender, flows) = bounded(FLOW_CHANNEL);
    let (scan, scans) = bounded(1);
    let (losses, exec_lateness) = (Arc::new(Losses::default()), Arc::new(ExecLateness::default()));
    let guard = eslogger::Guard::default();
    let feed = |scans| Feed {
        reports: reports.clone(),
        losses: Arc::clone(&losses),
        scans,
        machine: machine.clone(),
        host_name: host_name.clone(),
    };
    if options.endpoint_security_connect_event {
        let (feed, flows, version) = (feed(never()), flow_sender.clone(), os_version.clone());
        start("osawatch-connect", move || es_connect::run(&feed, &flows, version.as_deref()))?;
    }
    let network = ntstat::Network {
        flows: flow_sender,
        watched: Arc::clone(&options.watched),
        losses: Arc::clone(&losses),
        notices: feed(never()),
    };
    let execs = Execs {
        feed: feed(scans),
        source: options.exec,
        muted: options.muted.clone(),
        os_version: os_version.clone(),
        decoder: Decoder::new(machine.clone(), host_name.clone()),
        child: guard.clone(),
        lateness: Arc::clone(&exec_lateness),
    };
    start("osawatch-exec", move || execs.watch())?;
    let source = options.network;
    start("osawatch-network", move || network.run(source))?;
    let lookup = Box::new(System { machine: machine.clone(), host_name: host_name.clone() });
    let guard: Option<Box<dyn Send>> = Some(Box::new(guard));
    Ok(Sensors {
        machine,
        host_name,
        os_version,
        processes,
        flows,
        exec_lateness,
        losses,
        scan,
        lookup,
        user_names: Box::new(Directory),
        guard,
    })
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map(drop).map_err(Error::Thread)
}

/// What the thread of process events needs.
struct Execs {
    feed: Feed,
    source: ExecSource,
    muted: Vec<PathBuf>,
    os_version: Option<String>,
    decoder: Decoder,
    child: eslogger::Guard,
    lateness: Arc<ExecLateness>,
}

impl Execs {
    /// Reports process events for the rest of the program, or why there can be none.
    fn watch(&self) {
        let feed = &self.feed;
        if self.source != ExecSource::Eslogger {
            match es::run(feed, self.os_version.as_deref(), &self.muted) {
                es::Ending::NotPrivileged => {
                    let text = es::sentence(&NewClientError::NotPrivileged).to_owned();
                    return feed.notice(Level::NotPermitted, text);
                }
                es::Ending::Fatal(text) => return feed.notice(Level::Fatal, text),
                es::Ending::NotEntitled if self.source == ExecSource::EndpointSecurity => {
                    let text = "this build has no Endpoint Security entitlement; use --exec-source eslogger";
                    return feed.notice(Level::Fatal, text.to_owned());
                }
                es::Ending::NotEntitled => {
                    let text =
                        "this build has no Endpoint Security entitlement, so eslogger, which has Apple's, is used";
                    feed.notice(Level::Info, text.to_owned());
                }
            }
        }
        self.lateness.set(ESLOGGER_LATENESS);
        eslogger::run(feed, &self.decoder, &self.child)
    }
}

/// The time of day.
#[allow(clippy::disallowed_methods, reason = "what has no time of its own gets that of its arrival")]
fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// The name of a user, getpwuid_r(3).
fn user_name(uid: u32) -> Option<String> {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid));
    user.ok().flatten().map(|user| user.name)
}

/// The numbers of a version such as `14.5` or `26.4.1`; 0 where it has none.
fn version_numbers(text: &str) -> (u64, u64, u64) {
    let mut numbers = text.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

/// Questions to this system.
struct System {
    machine: Machine,
    host_name: Option<String>,
}

impl Lookup for System {
    fn unique_pid(&self, pid: u32, pidversion: u32) -> Option<u64> {
        libproc::unique_info(pid).filter(|info| info.pidversion == pidversion).map(|info| info.unique_pid)
    }

    fn running(&self, pid: u32, unique_pid: u64) -> Vec<Event> {
        let processes = libproc::with_parent(pid);
        if processes.last().is_none_or(|process| process.unique.unique_pid != unique_pid) {
            return Vec::new();
        }
        running::events(processes, libproc::program, &self.machine, self.host_name.as_deref()).collect()
    }
}

/// Questions to the directory.
struct Directory;

impl UserNames for Directory {
    fn name(&mut self, uid: u32) -> Option<String> {
        user_name(uid)
    }
}
