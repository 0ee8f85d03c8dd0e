//! libproc: the processes that ran before the agent, and the sockets of watched ones.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::Sender;

use super::sys;
use crate::event::{Flow, FlowSource, Owner, ProcessRef, Timestamp};
use crate::source::live::{Losses, Watched};
use crate::source::process_info::{self, BSD_INFO_SIZE, Socket, UNIQUE_INFO_SIZE, UniqueInfo};
use crate::source::running::{Program, Running};

/// How often the sockets of watched processes are looked at. Nothing runs while none is watched.
const PERIOD: Duration = Duration::from_millis(50);
/// Sockets that are remembered, so that each is told of once.
const MOST_SOCKETS: usize = 65_536;

/// The numbers that name a process; also of one that has ended and was not yet waited for.
pub(super) fn unique_info(pid: u32) -> Option<UniqueInfo> {
    let pid = i32::try_from(pid).ok()?;
    process_info::unique_info(&sys::process_info(pid, sys::UNIQUE_INFO, 1, UNIQUE_INFO_SIZE)?)
}

/// Every process that runs now.
pub(super) fn running() -> Vec<Running> {
    sys::all_pids().into_iter().filter_map(process).collect()
}

/// A process that runs now, after its parent.
pub(super) fn with_parent(pid: u32) -> Vec<Running> {
    let Some(process) = i32::try_from(pid).ok().and_then(process) else { return Vec::new() };
    let parent = i32::try_from(process.info.parent_pid).ok().and_then(self::process);
    parent.into_iter().chain([process]).collect()
}

fn process(number: i32) -> Option<Running> {
    let info = process_info::bsd_info(&sys::process_info(number, libc::PROC_PIDTBSDINFO, 0, BSD_INFO_SIZE)?)?;
    let pid = u32::try_from(number).ok()?;
    Some(Running { pid, info, unique: unique_info(pid)? })
}

/// What a process runs.
pub(super) fn program(pid: u32) -> Program {
    let Ok(number) = i32::try_from(pid) else { return Program::default() };
    let arguments = sys::process_arguments(number).unwrap_or_default();
    (sys::process_path(number), process_info::arguments(&arguments))
}

/// Looks at the sockets of watched processes. What was told is remembered from one call to the next.
#[derive(Default)]
pub(super) struct Poll {
    /// The round in which each socket, by handle and generation, was last seen.
    told: HashMap<(u64, u64), u64>,
    round: u64,
    /// Continuous ticks of the last look: what connected later was not told.
    looked: Option<u64>,
}

impl Poll {
    /// Tells of new connections for at most so long; without a limit for ever.
    #[allow(clippy::disallowed_methods, reason = "to look no longer than some time")]
    pub(super) fn run(&mut self, watched: &Watched, flows: &Sender<Flow>, losses: &Losses, limit: Option<Duration>) {
        let end = limit.map(|limit| Instant::now() + limit);
        self.looked = Some(sys::continuous_ticks().0);
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let pids = watched.wait(left);
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            self.look(&pids, flows, losses);
            std::thread::sleep(PERIOD);
        }
    }

    /// When it last looked, in continuous ticks.
    pub(super) fn looked(&self) -> Option<u64> {
        self.looked
    }

    fn look(&mut self, pids: &[u32], flows: &Sender<Flow>, losses: &Losses) {
        self.looked = Some(sys::continuous_ticks().0);
        self.round += 1;
        let round = self.round;
        for pid in pids {
            for (socket, inbound) in connections(*pid) {
                let seen = self.told.insert((socket.handle, socket.generation), round);
                if seen.is_none() && flows.try_send(flow(*pid, &socket, inbound)).is_err() {
                    Losses::add(&losses.flow_channel_full, 1);
                }
            }
        }
        // A handle is used again only with another generation; what two rounds did not see is gone.
        self.told.retain(|_, last| round - *last < 2);
        if self.told.len() > MOST_SOCKETS {
            self.told.clear();
        }
    }
}

/// The flows that a process has now.
pub(super) fn flows(pid: u32) -> Vec<Flow> {
    connections(pid).iter().map(|(socket, inbound)| flow(pid, socket, *inbound)).collect()
}

fn connections(pid: u32) -> Vec<(Socket, Option<bool>)> {
    let Ok(number) = i32::try_from(pid) else { return Vec::new() };
    let list = sys::descriptors(number);
    let sockets = process_info::socket_descriptors(&list);
    process_info::connections(sockets.filter_map(|fd| process_info::socket(&sys::socket_info(number, fd)?)).collect())
}

#[allow(clippy::disallowed_methods, reason = "a poll has no other time than its own")]
fn flow(pid: u32, socket: &Socket, inbound: Option<bool>) -> Flow {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = Timestamp::from_nanoseconds(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX));
    let owner = Owner::Process(ProcessRef { pid, unique_pid: unique_info(pid).map(|unique| unique.unique_pid) });
    Flow::connected(FlowSource::Libproc, time, socket.transport, socket.remote, owner)
        .with_local(Some(socket.local).filter(|local| local.port() != 0))
        .with_inbound(inbound)
}
