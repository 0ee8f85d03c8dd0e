//! The executions that a process descends from.

use std::sync::Arc;

use super::Execution;

/// The executions that one descends from, nearest first, sharing the list of its parent.
#[derive(Debug)]
pub struct Ancestors {
    nearest: Arc<Execution>,
    further: Option<Arc<Ancestors>>,
    depth: usize,
}

impl Ancestors {
    /// At least this many of the nearest ancestors are known, if there are that many.
    pub const KEPT: usize = 32;

    /// A list with one more ancestor. Lists are at most twice [`Ancestors::KEPT`] long: a chain of
    /// processes has no end, and each would keep all before it in memory.
    pub fn new(nearest: Arc<Execution>, further: Option<&Arc<Ancestors>>) -> Arc<Ancestors> {
        let further = match further {
            Some(list) if list.depth >= 2 * Ancestors::KEPT => {
                let mut kept: Vec<_> = list.iter().take(Ancestors::KEPT).cloned().collect();
                let mut copy = None;
                while let Some(nearest) = kept.pop() {
                    copy = Some(Ancestors::new(nearest, copy.as_ref()));
                }
                copy
            }
            other => other.cloned(),
        };
        let depth = 1 + further.as_ref().map_or(0, |further| further.depth);
        Arc::new(Ancestors { nearest, further, depth })
    }

    /// The nearest of them.
    pub fn nearest(&self) -> &Arc<Execution> {
        &self.nearest
    }

    /// Whether it holds this execution and no other.
    pub(crate) fn is_only(&self, execution: &Arc<Execution>) -> bool {
        self.further.is_none() && Arc::ptr_eq(&self.nearest, execution)
    }

    /// The ancestors, nearest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Execution>> {
        let lists = std::iter::successors(Some(self), |list| list.further.as_deref());
        lists.map(|list| &list.nearest).take(Ancestors::KEPT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_a_million_processes_keeps_its_nearest_ancestors_and_is_dropped_without_recursion() {
        let mut list = None;
        for pid in 0..1_000_000 {
            list = Some(Ancestors::new(Arc::new(Execution::named("", Some(pid), None, None)), list.as_ref()));
        }
        let pids: Vec<_> = list.unwrap().iter().map(|execution| execution.pid().unwrap()).collect();
        assert_eq!(pids, (1_000_000 - 32..1_000_000).rev().collect::<Vec<_>>());
    }
}
