//! The execution behind an event that names its process by pid.
//!
//! Recordings of two sources can meet in one run: execs by audit token from `eslogger`, connections
//! from a source that has other entity ids or none. Such an event belongs to the execution of its pid
//! that was running at its time. `osawatch.attribution.method` states it.

use std::sync::Arc;

use super::key::Key;
use super::room::{Map, make_room};
use crate::event::field;
use crate::event::{Categories, Event, Machine, Scalar, Timestamp};

/// Executions of one pid that are remembered: a process can exec itself without end.
const MAX_OF_PID: usize = 64;

/// Executions known by audit token, by host and pid.
#[derive(Debug, Default)]
pub(super) struct Owners {
    by_host: Map<String, ByPid>,
}

/// Those of one host: a pid of another is another process.
type ByPid = Map<i64, Vec<Owner>>;

#[derive(Debug)]
struct Owner {
    key: Key,
    pidversion: i64,
    unique_pid: Option<i64>,
    /// Its unique pid is that of the execution before or after it in the same process; else an event named it.
    is_inferred: bool,
    /// An exec began it: it is the same process as the one that it replaced.
    continues: bool,
    /// An event reported its start; otherwise it was found running.
    is_reported: bool,
    started: Timestamp,
    exited: Option<Timestamp>,
    /// Another execution took its pid: the exec of another program, or another process.
    replaced: Option<Timestamp>,
}

impl Owner {
    fn ended(&self) -> Option<Timestamp> {
        self.exited.into_iter().chain(self.replaced).min()
    }

    /// Whether it ran at this time: it had begun, and had not ended.
    fn ran_at(&self, time: Timestamp) -> bool {
        self.started <= time && self.ended().is_none_or(|ended| time <= ended)
    }
}

impl Owners {
    /// Records an execution in its place among those of its pid, in whichever order they are reported: it ends the
    /// one before it, and the one after it ends it. Keys are those of the table. Returns when one ended that is given up
    /// for it; one that still runs ends now.
    pub(super) fn started(&mut self, key: &Key, event: &Event) -> Option<Timestamp> {
        let (pid, pidversion) = event.int(field::PROCESS_PID).zip(event.int(field::PIDVERSION))?;
        let owners = self.of_pid(key.host(), pid);
        let is_reported = event.is_type("start");
        let known = owners.iter().position(|owner| owner.key == *key);
        // One that was found running is reported later, and then its time is known better.
        let known = match known {
            Some(at) if is_reported && !owners[at].is_reported => Some(owners.remove(at)),
            Some(_) => return None,
            None => None,
        };
        let mut given_up = None;
        if owners.len() < 4 {
            // Tens of thousands of pids have one or two executions: room for more would be most of the table.
            owners.reserve_exact(1);
        } else if owners.len() >= MAX_OF_PID {
            given_up = Some(owners.remove(0).ended().unwrap_or(event.time));
        }
        // Of those at one time, the one that is reported later is the later one.
        let (started, continues) = (event.time, is_exec(event));
        let at = owners.partition_point(|owner| owner.started <= started);
        let replaced = owners.get(at).map(|owner| owner.started);
        if let Some(before) = owners[..at].last_mut() {
            before.replaced = Some(started);
        }
        let told = known.as_ref().filter(|known| !known.is_inferred).and_then(|known| known.unique_pid);
        let exited = known.and_then(|known| known.exited);
        let unique_pid = event.int(field::UNIQUE_PID).or(told);
        let (key, is_inferred) = (key.clone(), false);
        let owner =
            Owner { key, pidversion, unique_pid, is_inferred, continues, is_reported, started, exited, replaced };
        owners.insert(at, owner);
        if at + 1 < owners.len() {
            // It was reported late: what was inferred across its place may be of another process.
            infer(owners);
            return given_up;
        }
        // An exec keeps the unique pid; the exec's own event may not say it.
        let before = owners[..at].iter().rfind(|earlier| is_replaced(earlier, &owners[at]));
        match unique_pid {
            Some(unique_pid) => spread(owners, at, unique_pid),
            None => {
                let inferred = before.and_then(|before| before.unique_pid);
                (owners[at].unique_pid, owners[at].is_inferred) = (inferred, inferred.is_some());
            }
        }
        given_up
    }

    fn of_pid(&mut self, host: &str, pid: i64) -> &mut Vec<Owner> {
        let by_pid = self.by_host.entry_ref(host).or_default();
        make_room(by_pid);
        by_pid.entry(pid).or_default()
    }

    /// Records that an execution ended.
    pub(super) fn ended(&mut self, key: &Key, pid: Option<i64>, time: Timestamp) {
        let owners = self.by_host.get_mut(key.host()).zip(pid).and_then(|(by_pid, pid)| by_pid.get_mut(&pid));
        let Some(owners) = owners else { return };
        if let Some(owner) = owners.iter_mut().find(|owner| owner.key == *key) {
            owner.exited.get_or_insert(time);
            if owner.replaced.is_some_and(|replaced| time < replaced) {
                // What has the pid after it is another process.
                infer(owners);
            }
        }
    }

    /// Removes an execution of this pid.
    pub(super) fn forget(&mut self, key: &Key, pid: Option<i64>) {
        let Some((by_pid, pid)) = self.by_host.get_mut(key.host()).zip(pid) else { return };
        let Some(owners) = by_pid.get_mut(&pid) else { return };
        owners.retain(|owner| owner.key != *key);
        if owners.is_empty() {
            by_pid.remove(&pid);
            if by_pid.is_empty() {
                self.by_host.remove(key.host());
            }
        }
    }

    /// Gives an event that states a pid the entity id of the execution it belongs to, unless it names
    /// a known execution itself.
    pub(super) fn attribute(&mut self, event: &mut Event, mut is_known: impl FnMut(&Event, &str) -> bool) {
        let stated = event.str(field::PROCESS_ENTITY_ID);
        if stated.is_some() && self.by_host.is_empty() {
            return;
        }
        let Some(pid) = event.int(field::PROCESS_PID) else { return };
        if let (None, Some(pidversion)) = (stated, event.int(field::PIDVERSION)) {
            let (Ok(pid), Ok(pidversion)) = (u32::try_from(pid), u32::try_from(pidversion)) else { return };
            let text = |field| event.str(field).unwrap_or_default().to_owned();
            let machine = Machine { host_id: text(field::HOST_ID), boot_id: text(field::HOST_BOOT_ID) };
            let entity_id = machine.entity_id(pid, pidversion);
            assign(event, &entity_id, "audit_token");
            return;
        }
        let starts_anew = event.is_type("start") && event.categories.intersects(Categories::PROCESS);
        if starts_anew || stated.is_some_and(|entity_id| is_known(event, entity_id)) {
            return;
        }
        let unique_pid = event.int(field::UNIQUE_PID);
        let host = event.str(field::HOST_ID).unwrap_or_default();
        let at = self.running(pid, event);
        let found = at.zip(self.by_host.get_mut(host).and_then(|by_pid| by_pid.get_mut(&pid)));
        let Some((at, owners)) = found else {
            if stated.is_none() && event.categories.intersects(Categories::NETWORK) {
                event.push_str(field::ATTRIBUTION_METHOD, "none");
            }
            return;
        };
        let by_unique_pid = owners[at].unique_pid.is_some() && owners[at].unique_pid == unique_pid;
        if let Some(unique_pid) = unique_pid.filter(|_| owners[at].ended().is_none_or(|ended| event.time <= ended)) {
            // No other process had the pid then: later reports can name this one by its unique pid.
            learn(owners, at, unique_pid);
        }
        let owner = &owners[at];
        let (pidversion, started) = (owner.pidversion, owner.started);
        let entity_id = owner.key.entity_id().to_owned();
        // A socket made before this program was started, by the one that it replaced or that forked it.
        if by_unique_pid && event.str(field::EVENT_START).and_then(Timestamp::parse).is_some_and(|made| made < started)
        {
            event.push_bool(field::ATTRIBUTION_INHERITED, true);
        }
        assign(event, &entity_id, if by_unique_pid { "unique_pid" } else { "pid" });
        if event.int(field::PIDVERSION).is_none() {
            event.push_int(field::PIDVERSION, pidversion);
        }
    }

    /// The key of the execution that the event belongs to, when it is known, and whether its start was reported.
    pub(super) fn owner(&self, event: &Event) -> Option<(Arc<str>, bool)> {
        let pid = event.int(field::PROCESS_PID)?;
        let at = self.running(pid, event)?;
        let owners = self.owners(event.str(field::HOST_ID).unwrap_or_default(), pid)?;
        owners.get(at).map(|owner| (owner.key.text().into(), owner.is_reported))
    }

    /// The execution that ran under a pid at a time.
    pub(super) fn at(&self, host: &str, pid: i64, time: Timestamp) -> Option<&Key> {
        self.owners(host, pid)?.iter().rfind(|owner| owner.ran_at(time)).map(|owner| &owner.key)
    }

    fn owners(&self, host: &str, pid: i64) -> Option<&[Owner]> {
        Some(self.by_host.get(host)?.get(&pid)?)
    }

    /// Which execution of this pid it is: the latest that had started by the event's time, of the same unique pid
    /// where both are known, and else still running then, or when the socket was made. A report can come after the
    /// exit of a process, for the kernel keeps its pid and unique pid in the socket.
    fn running(&self, pid: i64, event: &Event) -> Option<usize> {
        let host = event.str(field::HOST_ID).unwrap_or_default();
        let unique_pid = event.int(field::UNIQUE_PID);
        let pidversion = event.int(field::PIDVERSION);
        let made = event.str(field::EVENT_START).and_then(Timestamp::parse);
        let is_same = |owner: &Owner| unique_pid.is_some() && owner.unique_pid == unique_pid;
        let owners = self.owners(host, pid)?;
        let maker = made.and_then(|made| owners.iter().rposition(|owner| owner.ran_at(made)));
        // A process that got the pid after the one that made the socket had ended has nothing to do with it.
        let is_of_maker = |at: usize| {
            maker.is_none_or(|maker| {
                at <= maker || owners[maker..=at].windows(2).all(|pair| is_replaced(&pair[0], &pair[1]))
            })
        };
        let candidates = owners.iter().enumerate().filter(|(at, owner)| {
            let same = is_same(owner);
            let other = unique_pid.is_some() && owner.unique_pid.is_some() && !same;
            let made = made.is_some_and(|made| owner.ran_at(made));
            let running = same || made || (owner.ended().is_none_or(|ended| event.time <= ended) && is_of_maker(*at));
            let named = pidversion == Some(owner.pidversion);
            let fits = owner.started <= event.time && !other && running && pidversion.is_none();
            named || fits
        });
        candidates.max_by_key(|(at, owner)| (is_same(owner), owner.started, *at)).map(|(at, _)| at)
    }
}

/// Records the unique pid of an execution, and of those of the same process before and after it.
fn learn(owners: &mut [Owner], at: usize, unique_pid: i64) {
    if owners[at].unique_pid.is_none() {
        owners[at].unique_pid = Some(unique_pid);
        spread(owners, at, unique_pid);
    }
}

/// Infers the unique pid of those of the same process before and after an execution.
fn spread(owners: &mut [Owner], at: usize, unique_pid: i64) {
    let infer = |owner: &mut Owner| {
        if owner.unique_pid.is_none() {
            (owner.unique_pid, owner.is_inferred) = (Some(unique_pid), true);
        }
    };
    let mut later = at;
    while let Some(earlier) = (0..later).rev().find(|earlier| is_replaced(&owners[*earlier], &owners[later])) {
        infer(&mut owners[earlier]);
        later = earlier;
    }
    let mut earlier = at;
    while let Some(later) = (earlier + 1..owners.len()).find(|later| is_replaced(&owners[earlier], &owners[*later])) {
        infer(&mut owners[later]);
        earlier = later;
    }
}

/// Infers again all that no event named.
fn infer(owners: &mut [Owner]) {
    for owner in owners.iter_mut().filter(|owner| owner.is_inferred) {
        (owner.unique_pid, owner.is_inferred) = (None, false);
    }
    for at in 0..owners.len() {
        if let Some(unique_pid) = owners[at].unique_pid.filter(|_| !owners[at].is_inferred) {
            spread(owners, at, unique_pid);
        }
    }
}

/// Whether the later one replaced the earlier one in place.
fn is_replaced(earlier: &Owner, later: &Owner) -> bool {
    later.continues
        && earlier.replaced == Some(later.started)
        && earlier.exited.is_none_or(|exited| exited >= later.started)
}

fn is_exec(event: &Event) -> bool {
    event.any(field::EVENT_ACTION, |action| action == Scalar::Str("exec"))
}

fn assign(event: &mut Event, entity_id: &str, method: &str) {
    event.remove(field::PROCESS_ENTITY_ID);
    event.push_str(field::PROCESS_ENTITY_ID, entity_id);
    event.push_str(field::ATTRIBUTION_METHOD, method);
}
