//! libproc: the processes that ran before the agent, and the sockets of watched ones.

use std::time::{Duration, Instant};

use super::host::now;
use super::sys;
use crate::event::{Flow, FlowSource, Owner, ProcessRef, Timestamp};
use crate::source::libproc::process::{self, BSD_INFO_SIZE, UNIQUE_INFO_SIZE, UniqueInfo};
use crate::source::libproc::running::{Program, Running};
use crate::source::libproc::seen::SeenSockets;
use crate::source::libproc::socket::{self, Socket};
use crate::source::live::{Losses, Process, RingingSender, Watched};

/// How often the sockets of watched processes are looked at. Nothing runs while none is watched.
const PERIOD: Duration = Duration::from_millis(50);
/// How often a process is read again that changes while it is read.
const READS: usize = 3;
/// How soon they are looked at again after a process has become watched.
const FIRST_PERIOD: Duration = Duration::from_millis(10);

/// The numbers that name a process; also of one that has ended and was not yet waited for.
pub(super) fn unique_info(pid: u32) -> Option<UniqueInfo> {
    let pid = i32::try_from(pid).ok()?;
    process::unique_info(&sys::process_info(pid, sys::UNIQUE_INFO, 1, UNIQUE_INFO_SIZE)?)
}

/// The process with this pid if it was made before a time: its unique pid. Another that has the pid by now was made
/// later.
pub(super) fn made_before(pid: u32, time: Timestamp) -> Option<u64> {
    let process = running_process(i32::try_from(pid).ok()?)?;
    (process.info.started <= time.nanoseconds()).then_some(process.unique.unique_pid)
}

/// The process that has this pid. One that has ended and was not yet waited for is none. FACT: zombie-info
pub(super) fn process(pid: u32) -> Option<Process> {
    let UniqueInfo { unique_pid, pidversion, .. } = running_process(i32::try_from(pid).ok()?)?.unique;
    Some(Process { unique_pid, pidversion })
}

/// Every process that runs now.
pub(super) fn running() -> Vec<Running> {
    sys::all_pids().into_iter().filter_map(running_process).collect()
}

/// A process that runs now, after its parent.
pub(super) fn with_parent(pid: u32) -> Vec<Running> {
    let Some(found) = i32::try_from(pid).ok().and_then(running_process) else { return Vec::new() };
    let parent = i32::try_from(found.info.parent_pid).ok().and_then(running_process);
    parent.into_iter().chain([found]).collect()
}

fn running_process(number: i32) -> Option<Running> {
    let pid = u32::try_from(number).ok()?;
    let read = || {
        let unique = unique_info(pid)?;
        let info = process::bsd_info(&sys::process_info(number, libc::PROC_PIDTBSDINFO, 0, BSD_INFO_SIZE)?)?;
        Some(Running { pid, info, unique })
    };
    // What is read while it runs another program, or ends and another has its pid, is of both.
    let is_of_one = |process: &Running| unique_info(pid) == Some(process.unique);
    (0..READS).find_map(|_| read().filter(is_of_one))
}

/// What has a pid runs.
pub(super) fn program(pid: u32) -> Program {
    let Ok(number) = i32::try_from(pid) else { return Program::default() };
    let (bytes, room) = sys::process_arguments(number).unwrap_or_default();
    let (path, arguments) = (sys::process_path(number), process::arguments(&bytes, room));
    Program { path, arguments, of: unique_info(pid) }
}

/// Looks at the sockets of watched processes. What was reported is remembered from one call to the next.
#[derive(Default)]
pub(super) struct Poll {
    seen: SeenSockets,
    /// Continuous ticks of the last look: what connected later was not reported.
    looked: Option<u64>,
}

impl Poll {
    /// Reports new connections for at most so long; without a limit forever.
    #[allow(clippy::disallowed_methods, reason = "to look no longer than some time")]
    pub(super) fn run(
        &mut self,
        watched: &Watched,
        flows: &RingingSender<Flow>,
        losses: &Losses,
        limit: Option<Duration>,
    ) {
        let end = limit.map(|limit| Instant::now() + limit);
        self.looked = Some(sys::continuous_ticks().0);
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let pids = watched.wait(left);
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            // A process that has just become watched is about to connect.
            let period = if watched.take_new().is_empty() { PERIOD } else { FIRST_PERIOD };
            self.look(&pids, flows, losses);
            watched.wait_new(period);
        }
    }

    /// When it last looked, in continuous ticks.
    pub(super) fn looked(&self) -> Option<u64> {
        self.looked
    }

    fn look(&mut self, pids: &[u32], flows: &RingingSender<Flow>, losses: &Losses) {
        self.looked = Some(sys::continuous_ticks().0);
        for pid in pids {
            let (connections, unreadable) = connections(*pid);
            let unreadable = unreadable.into_iter().filter(|fd| self.seen.is_new_unreadable(*pid, *fd)).count();
            Losses::add(&losses.libproc_unreadable, unreadable as u64);
            for (socket, inbound) in connections {
                let is_full = self.seen.report(&socket, || flows.try_send(flow(*pid, &socket, inbound)).is_ok());
                Losses::add(&losses.flow_channel_full, is_full.into());
            }
        }
        self.seen.end_round();
    }
}

/// The flows that a process has now.
pub(super) fn flows(pid: u32, losses: &Losses) -> Vec<Flow> {
    let (connections, unreadable) = connections(pid);
    Losses::add(&losses.libproc_unreadable, unreadable.len() as u64);
    connections.iter().map(|(socket, inbound)| flow(pid, socket, *inbound)).collect()
}

/// Stands for the descriptors of a process that the kernel did not list.
const NOT_LISTED: i32 = -1;

/// The connections of a process, and the descriptors of its sockets that cannot be read.
fn connections(pid: u32) -> (Vec<(Socket, Option<bool>)>, Vec<i32>) {
    let Ok(number) = i32::try_from(pid) else { return Default::default() };
    let (list, room) = sys::descriptors(number);
    let is_cut = list.len() == room;
    let (mut sockets, mut unreadable) = (Vec::new(), Vec::from_iter(is_cut.then_some(NOT_LISTED)));
    for fd in socket::socket_descriptors(&list) {
        match sys::socket_info(number, fd) {
            Ok(bytes) => sockets.extend(socket::socket(&bytes)),
            // The socket was closed, or its process has ended.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EBADF | libc::ESRCH | libc::ENOENT)) => {}
            Err(_) => unreadable.push(fd),
        }
    }
    (socket::connections(sockets), unreadable)
}

fn flow(pid: u32, socket: &Socket, inbound: Option<bool>) -> Flow {
    let owner = Owner::Process(ProcessRef { pid, unique_pid: unique_info(pid).map(|unique| unique.unique_pid) });
    Flow::connected(FlowSource::Libproc, now(), socket.transport, socket.remote, owner)
        .with_local(Some(socket.local).filter(|local| local.port() != 0))
        .with_inbound(inbound)
}
