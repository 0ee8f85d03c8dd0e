//! libproc: the processes that ran before the agent, and the sockets of watched ones.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::Sender;

use super::sys;
use crate::event::{Categories, Event, Flow, Machine, Phase, ProcessRef, Timestamp, Transport, field};
use crate::source::live::{Losses, Watched};
use crate::source::process_info::{self, BSD_INFO_SIZE, BsdInfo, Socket, UNIQUE_INFO_SIZE, UniqueInfo};

/// How often the sockets of watched processes are looked at. Nothing runs while none is watched.
const PERIOD: Duration = Duration::from_millis(50);
/// Sockets that are remembered, so that each is told of once.
const MOST_SOCKETS: usize = 65_536;

/// The numbers that name a process; also of one that has ended and was not yet waited for.
pub(super) fn unique_info(pid: u32) -> Option<UniqueInfo> {
    let pid = i32::try_from(pid).ok()?;
    process_info::unique_info(&sys::process_info(pid, sys::UNIQUE_INFO, 1, UNIQUE_INFO_SIZE)?)
}

/// An event for every process, parents before their children. None of them is a start.
pub(super) fn running(machine: &Machine, host_name: Option<&str>) -> Vec<Event> {
    let known = |pid: i32| {
        let info = process_info::bsd_info(&sys::process_info(pid, libc::PROC_PIDTBSDINFO, 0, BSD_INFO_SIZE)?)?;
        let pid = u32::try_from(pid).ok()?;
        Some((pid, info, unique_info(pid)?))
    };
    let mut processes: Vec<(u32, BsdInfo, UniqueInfo)> = sys::all_pids().into_iter().filter_map(known).collect();
    processes.sort_by_key(|(_, info, unique)| (info.started, unique.unique_pid));
    let versions: HashMap<u32, u32> = processes.iter().map(|(pid, _, unique)| (*pid, unique.pidversion)).collect();
    let event = |(pid, info, unique): &(u32, BsdInfo, UniqueInfo)| {
        let mut event = running_process(*pid, info, *unique, machine);
        if let Some(name) = host_name {
            event.push_str(field::HOST_NAME, name);
        }
        if let Some(version) = versions.get(&info.parent_pid) {
            event.push_str(field::PARENT_ENTITY_ID, &machine.entity_id(info.parent_pid, *version));
            event.push_int(field::PARENT_PID, info.parent_pid.into());
        }
        event
    };
    processes.iter().map(event).collect()
}

fn running_process(pid: u32, info: &BsdInfo, unique: UniqueInfo, machine: &Machine) -> Event {
    let mut event = Event::new(Timestamp::from_nanoseconds(info.started), Categories::PROCESS);
    let path = i32::try_from(pid).ok().and_then(sys::process_path);
    let arguments = i32::try_from(pid).ok().and_then(sys::process_arguments).unwrap_or_default();
    let name = path.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or(&info.name);
    for (field, value) in [
        (field::EVENT_KIND, "event"),
        (field::EVENT_CATEGORY, "process"),
        (field::EVENT_TYPE, "info"),
        (field::EVENT_ACTION, "already_running"),
        (field::EVENT_MODULE, "osawatch"),
        (field::HOST_ID, &machine.host_id),
        (field::HOST_BOOT_ID, &machine.boot_id),
        (field::HOST_OS_TYPE, "macos"),
        (field::PROCESS_ENTITY_ID, &machine.entity_id(pid, unique.pidversion)),
        (field::PROCESS_NAME, name),
        (field::PROCESS_EXECUTABLE, path.as_deref().unwrap_or_default()),
        (field::USER_ID, &info.real_user_id.to_string()),
        (field::PROCESS_START, &Timestamp::from_nanoseconds(info.started).to_string()),
    ] {
        if !value.is_empty() {
            event.push_str(field, value);
        }
    }
    event.push_int(field::PROCESS_PID, pid.into());
    event.push_int(field::PIDVERSION, unique.pidversion.into());
    event.push_int(field::UNIQUE_PID, i64::try_from(unique.unique_pid).unwrap_or(i64::MAX));
    let arguments = process_info::arguments(&arguments);
    if !arguments.is_empty() {
        arguments.iter().for_each(|argument| event.push_str(field::PROCESS_ARGS, argument));
        event.push_int(field::PROCESS_ARGS_COUNT, arguments.len() as i64);
        event.push_str(field::PROCESS_COMMAND_LINE, &arguments.join(" "));
    }
    event
}

/// Looks at the sockets of watched processes for the rest of the program.
pub(super) fn poll(watched: &Watched, sender: &Sender<Flow>, losses: &Arc<Losses>) -> ! {
    let mut told: HashMap<(u64, u64), u64> = HashMap::new();
    let mut round = 0;
    loop {
        let pids = watched.wait();
        round += 1;
        for pid in pids {
            for socket in connected(pid) {
                let seen = told.insert((socket.handle, socket.generation), round);
                if seen.is_none() && sender.try_send(flow(pid, &socket)).is_err() {
                    Losses::add(&losses.flow_channel_full, 1);
                }
            }
        }
        // A handle is used again only with another generation; what two rounds did not see is gone.
        told.retain(|_, last| round - *last < 2);
        if told.len() > MOST_SOCKETS {
            told.clear();
        }
        std::thread::sleep(PERIOD);
    }
}

/// The flows that a process has now.
pub(super) fn flows(pid: u32) -> Vec<Flow> {
    connected(pid).iter().map(|socket| flow(pid, socket)).collect()
}

/// The sockets of a process that have a far end and do not listen.
fn connected(pid: u32) -> Vec<Socket> {
    let Ok(number) = i32::try_from(pid) else { return Vec::new() };
    let list = sys::descriptors(number);
    let sockets = process_info::socket_descriptors(&list).filter_map(|fd| {
        let socket = process_info::socket(&sys::socket_info(number, fd)?)?;
        // `TCPS_SYN_SENT` is 2; before it the socket is closed or listens.
        (socket.remote.port() != 0 && socket.tcp_state.is_none_or(|state| state >= 2)).then_some(socket)
    });
    sockets.collect()
}

#[allow(clippy::disallowed_methods, reason = "a poll has no other time than its own")]
fn flow(pid: u32, socket: &Socket) -> Flow {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Flow {
        phase: Phase::Connected,
        time: Timestamp::from_nanoseconds(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)),
        started: None,
        transport: if socket.tcp_state.is_some() { Transport::Tcp } else { Transport::Udp },
        local: Some(socket.local).filter(|local| local.port() != 0),
        remote: socket.remote,
        inbound: None,
        process: ProcessRef { pid, unique_pid: unique_info(pid).map(|unique| unique.unique_pid) },
        on_behalf_of: None,
        process_name: None,
        user_id: None,
        remote_name: None,
        sent_bytes: None,
        received_bytes: None,
    }
}
