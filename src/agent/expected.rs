//! Processes that were found running while the report of their exec may be on its way: a scan overtakes a source that
//! reports late. Until it has come, what such a process does is not yet that of one that did not start.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ahash::HashMap;

/// Executions that are remembered.
const MAX_EXPECTED: usize = 16_384;

/// Executions by their keys in the table, and when they were found.
#[derive(Debug, Default)]
pub(super) struct ExpectedExecs {
    found: HashMap<Arc<str>, Duration>,
    order: VecDeque<(Duration, Arc<str>)>,
}

impl ExpectedExecs {
    /// An execution was found.
    pub(super) fn insert(&mut self, key: Arc<str>, now: Duration) {
        self.found.insert(Arc::clone(&key), now);
        self.order.push_back((now, key));
        if self.order.len() > MAX_EXPECTED {
            self.forget_first();
        }
    }

    /// Whether its exec may still be reported: it was before the execution was found, and reports are at most so late.
    pub(super) fn contains(&mut self, key: &str, lateness: Duration, now: Duration) -> bool {
        while self.order.front().is_some_and(|(found, _)| now.saturating_sub(*found) >= lateness) {
            self.forget_first();
        }
        self.found.contains_key(key)
    }

    fn forget_first(&mut self) {
        // One that was found again since is remembered from then on.
        if let Some((found, key)) = self.order.pop_front()
            && self.found.get(&key) == Some(&found)
        {
            self.found.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exec_is_expected_for_the_lateness_and_of_16384_executions() {
        let mut expected = ExpectedExecs::default();
        let second = Duration::from_secs;
        expected.insert("a".into(), second(1));
        assert!(expected.contains("a", second(2), second(2)) && !expected.contains("b", second(2), second(2)));
        assert!(!expected.contains("a", second(2), second(3)));
        [1, 2].into_iter().for_each(|found| expected.insert("again".into(), second(found)));
        assert!(expected.contains("again", second(2), second(3)) && !expected.contains("again", second(2), second(4)));
        (0..=MAX_EXPECTED).for_each(|n| expected.insert(n.to_string().into(), second(4)));
        assert!(!expected.contains("0", second(2), second(4)) && expected.contains("1", second(2), second(4)));
        assert_eq!((expected.found.len(), expected.order.len()), (MAX_EXPECTED, MAX_EXPECTED));
    }
}
