//! The self-test within the conversation: until the first one is passed no flow is believed.

use std::time::Duration;

use super::{Client, Phase};
use crate::event::Flow;
use crate::source::ntstat::action::{Action, Failure};
use crate::source::ntstat::self_test::{Ends, SelfTest, Sockets, Test};

/// Flows that are held until the first self-test is passed.
const MAX_FLOWS: usize = 65_536;

impl Client {
    /// Begins the self-test: these sockets of our own must appear.
    pub(crate) fn begin_self_test(&mut self, sockets: Sockets, now: Duration) {
        self.test = Test::Running(Box::new(SelfTest::new(self.own, sockets, self.sees_others, now)));
    }

    /// No sockets could be made: the kernel is believed untested.
    pub(crate) fn skip_self_test(&mut self) {
        self.test = Test::Done;
        self.prove();
    }

    /// Another TCP socket for the self-test.
    pub(crate) fn connected_again(&mut self, tcp: Ends) {
        if let Test::Running(test) = &mut self.test {
            test.connected_again(tcp);
        }
    }

    /// Makes the self-test when it is due, and takes in what it found.
    pub(super) fn examine(&mut self, now: Duration) {
        match &mut self.test {
            Test::Due if matches!(self.phase, Phase::Ready) => {
                self.test = Test::Asked;
                self.actions.push_back(Action::MakeSockets);
            }
            Test::Running(test) => {
                if test.wants_nudge(now) {
                    self.actions.extend([Action::ConnectSecondSocket, Action::ConnectAgain]);
                }
                if let Some(findings) = test.result(now) {
                    self.test = Test::Done;
                    if !findings.is_usable() {
                        return self.actions.push_back(Action::Fail(Failure::SelfTest(findings)));
                    }
                    self.actions.push_back(Action::SelfTested(findings));
                    self.prove();
                }
            }
            Test::Due | Test::Asked | Test::Done => {}
        }
    }

    fn prove(&mut self) {
        self.is_proven = true;
        self.actions.extend(self.held.drain(..).map(Action::Flow));
    }

    pub(super) fn report(&mut self, flow: Flow) {
        if self.is_proven {
            return self.actions.push_back(Action::Flow(flow));
        }
        self.held.push_back(flow);
        if self.held.len() > MAX_FLOWS {
            self.held.pop_front();
            self.counters.evicted += 1;
        }
    }
}
