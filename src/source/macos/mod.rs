//! The sensors of macOS: they fetch and copy, and decide nothing.

mod control;
mod es;
mod es_connect;
mod es_message;
mod es_mutes;
mod eslogger;
mod feed;
mod host;
mod libproc;
mod lookup;
mod loopback;
mod ntstat;
mod sys;
mod terminal;

use std::sync::Arc;

use crossbeam_channel::{bounded, never};
use endpoint_sec::sys::NewClientError;

use super::eslogger::Decoder;
use super::live::{
    Error, ExecLateness, ExecSource, Executions, HostFacts, Level, Losses, Muted, Options, Queues, Sensors,
    report_channel,
};
use feed::Feed;
use host::Host;
use lookup::{Directory, System};

/// Starts the sensors.
pub(super) fn live(options: &Options) -> Result<Sensors, Error> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::NotRoot);
    }
    if is_translated() {
        return Err(Error::Translated);
    }
    let host = Host::this();
    let Queues { processes, process_bytes, flows } = options.queues;
    let (reports, processes) = report_channel(processes, process_bytes, &options.bell, &options.watched);
    let (flow_sender, flows) = options.bell.channel(flows);
    let (scan, scans) = bounded(1);
    let (losses, exec_lateness) = (Arc::new(Losses::default()), Arc::new(ExecLateness::default()));
    let guard = eslogger::Guard::default();
    let feed = |scans| Feed {
        reports: reports.clone(),
        losses: Arc::clone(&losses),
        scans,
        machine: host.machine.clone(),
        host_name: host.name.clone(),
        lateness: Arc::clone(&exec_lateness),
        raw: options.raw.clone(),
    };
    if options.endpoint_security_connect_event {
        let (feed, flows, version) = (feed(never()), flow_sender.clone(), host.os_version.clone());
        start("osawatch-connect", move || es_connect::run(&feed, &flows, version.as_deref()))?;
    }
    let (watched, notices) = (Arc::clone(&options.watched), feed(never()));
    let network = ntstat::Network { flows: flow_sender, watched, losses: Arc::clone(&losses), notices };
    let execs = Execs::new(feed(scans), options, &host, &guard);
    start("osawatch-exec", move || execs.watch())?;
    let source = options.network;
    start("osawatch-network", move || network.run(source))?;
    let lookup = Box::new(System { machine: host.machine.clone(), host_name: host.name.clone() });
    Ok(Sensors {
        machine: host.machine,
        host_name: host.name,
        os_version: host.os_version,
        processes,
        flows,
        bell: options.bell.clone(),
        exec_lateness,
        losses,
        scan,
        lookup,
        user_names: Box::new(Directory),
        guard: Some(Box::new(guard)),
    })
}

/// An `int`; other processors' programs on Intel Macs do not know the name.
fn is_translated() -> bool {
    sys::sysctl_bytes("sysctl.proc_translated").is_some_and(|bytes| bytes.first() == Some(&1))
}

/// How many processes libproc names now.
pub(super) fn processes() -> usize {
    libproc::running().len()
}

/// Resident memory of this program: `pti_resident_size` of `struct proc_taskinfo`. FACT: task-info
pub(super) fn resident_bytes() -> Option<u64> {
    let pid = i32::try_from(std::process::id()).ok()?;
    let info = sys::process_info(pid, libc::PROC_PIDTASKINFO, 0, size_of::<libc::proc_taskinfo>())?;
    Some(u64::from_ne_bytes(info.get(8..16)?.try_into().ok()?))
}

/// What this Mac says of itself.
pub(super) fn host_facts() -> HostFacts {
    HostFacts { os_version: Host::this().os_version, is_translated: is_translated() }
}

/// The processes of this Mac.
pub(super) fn executions() -> Result<Box<dyn Executions>, Error> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::NotRoot);
    }
    Ok(Box::new(System { machine: Host::this().machine, host_name: None }))
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map(drop).map_err(Error::Thread)
}

/// What the thread of process events needs.
struct Execs {
    feed: Feed,
    source: ExecSource,
    muted: Arc<Muted>,
    os_version: Option<String>,
    decoder: Decoder,
    child: eslogger::Guard,
}

impl Execs {
    fn new(feed: Feed, options: &Options, host: &Host, child: &eslogger::Guard) -> Execs {
        Execs {
            feed,
            source: options.exec,
            muted: Arc::clone(&options.muted),
            os_version: host.os_version.clone(),
            decoder: Decoder::new(host.machine.clone(), host.name.clone()),
            child: child.clone(),
        }
    }

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
        eslogger::run(feed, &self.decoder, &self.child)
    }
}
