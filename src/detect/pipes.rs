//! `| head N` and `| tail N`: which of a rule's matches go out.

use std::collections::VecDeque;

use super::held::Match;
use crate::eql::Pipe;

/// The pipes of one query.
#[derive(Debug)]
pub(super) struct Pipes(Vec<State>);

#[derive(Debug)]
enum State {
    /// How many may still pass.
    Head(usize),
    /// How many of the last are kept until the end.
    Tail(usize, VecDeque<Match>),
}

impl Pipes {
    pub(super) fn new(pipes: &[Pipe]) -> Pipes {
        let state = |pipe: &Pipe| match pipe {
            Pipe::Head(count) => State::Head(*count),
            Pipe::Tail(count) => State::Tail(*count, VecDeque::new()),
        };
        Pipes(pipes.iter().map(state).collect())
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
            if let State::Tail(_, kept) = state {
                found.extend(kept.drain(..));
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
            State::Tail(count, kept) => {
                kept.extend(found);
                kept.drain(..kept.len().saturating_sub(*count));
                Vec::new()
            }
        }
    }
}
