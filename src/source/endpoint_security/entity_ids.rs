//! The entity ids of executions that were named before: each event of an execution names it again, with its parent and the
//! process that is responsible for it, and each id is a hash.

use std::cell::RefCell;

use crate::event::{AuditToken, Machine};

/// Ids that are kept: some for each program that starts, of those that start at a time.
const KEPT: usize = 64;

/// The ids of executions on one machine.
#[derive(Clone, Debug)]
pub(super) struct EntityIds {
    machine: Machine,
    /// The last one of those whose pid leads to the same place.
    kept: RefCell<Vec<(AuditToken, String)>>,
}

impl EntityIds {
    pub(super) fn new(machine: Machine) -> EntityIds {
        EntityIds { machine, kept: RefCell::new(vec![Default::default(); KEPT]) }
    }

    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Passes on the id of the execution that a token names.
    pub(super) fn with<T>(&self, token: AuditToken, take: impl FnOnce(&str) -> T) -> T {
        let (pid, pidversion) = (token.pid(), token.pidversion());
        let (known, id) = &mut self.kept.borrow_mut()[pid as usize % KEPT];
        if id.is_empty() || (known.pid(), known.pidversion()) != (pid, pidversion) {
            (*known, *id) = (token, self.machine.entity_id(pid, pidversion));
        }
        take(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_that_of_its_execution_whatever_was_named_before() {
        let machine = Machine { host_id: "h".into(), boot_id: "b".into() };
        let ids = EntityIds::new(machine.clone());
        let pids = [0, 7, 7 + KEPT as u32, 7, 0, u32::MAX];
        for (pid, pidversion) in pids.into_iter().flat_map(|pid| [(pid, 1), (pid, 1), (pid, 2), (pid, 0)]) {
            let token = AuditToken([501, 501, 20, 501, 20, pid, 1, pidversion]);
            ids.with(token, |id| assert_eq!(id, machine.entity_id(pid, pidversion)));
        }
    }
}
