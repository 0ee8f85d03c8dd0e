//! `| head N` and `| tail N`: which of a rule's matches go out.

use std::collections::VecDeque;

use super::held::{Match, bytes};
use crate::eql::Pipe;

/// The bytes of the matches that `tail` keeps; at least one.
const TAIL_BYTES: usize = 8 << 20;

/// The pipes of one query.
#[derive(Debug)]
pub(super) struct Pipes(Vec<State>);

/// The last matches.
#[derive(Debug, Default)]
struct Tail {
    /// So many are wanted.
    count: usize,
    /// Each with the bytes of its events.
    kept: VecDeque<(Match, usize)>,
    bytes: usize,
    evicted: u64,
}

#[derive(Debug)]
enum State {
    /// How many may still pass.
    Head(usize),
    /// Those that are kept until the end.
    Tail(Tail),
}

impl Pipes {
    pub(super) fn new(pipes: &[Pipe]) -> Pipes {
        let state = |pipe: &Pipe| match pipe {
            Pipe::Head(count) => State::Head(*count),
            Pipe::Tail(count) => State::Tail(Tail { count: *count, ..Tail::default() }),
        };
        Pipes(pipes.iter().map(state).collect())
    }

    /// Matches that were wanted and found no room.
    pub(super) fn evicted(&self) -> u64 {
        let evicted = |state: &State| if let State::Tail(tail) = state { tail.evicted } else { 0 };
        self.0.iter().map(evicted).sum()
    }

    /// The matches that go out at once.
    pub(super) fn pass(&mut self, found: Vec<Match>) -> Vec<Match> {
        if found.is_empty() {
            return found;
        }
        self.0.iter_mut().fold(found, |found, state| state.pass(found))
    }

    /// The matches that go out at the end.
    pub(super) fn finish(&mut self) -> Vec<Match> {
        let mut found = Vec::new();
        for state in &mut self.0 {
            found = state.pass(found);
            if let State::Tail(tail) = state {
                found.extend(tail.kept.drain(..).map(|(found, _)| found));
                tail.bytes = 0;
            }
        }
        found
    }
}

impl State {
    fn pass(&mut self, mut found: Vec<Match>) -> Vec<Match> {
        match self {
            State::Head(left) => {
                found.truncate(*left);
                *left -= found.len();
                found
            }
            State::Tail(tail) => {
                found.into_iter().for_each(|found| tail.keep(found));
                Vec::new()
            }
        }
    }
}

impl Tail {
    fn keep(&mut self, found: Match) {
        let bytes = bytes(&found);
        self.bytes += bytes;
        self.kept.push_back((found, bytes));
        while self.kept.len() > self.count || (self.bytes > TAIL_BYTES && self.kept.len() > 1) {
            let is_wanted = self.kept.len() <= self.count;
            let Some((_, bytes)) = self.kept.pop_front() else { break };
            self.bytes -= bytes;
            self.evicted += u64::from(is_wanted);
        }
    }
}
