//! What the kernel reports: answers to requests, new sources, and what they are.

use std::time::Duration;

use super::{Client, ENOBUFS, Phase, SLEPT, SUBSCRIBE, UPDATE_ALL, UPDATE_ONE};
use crate::event::Timestamp;
use crate::source::ntstat::action::{Action, Failure};
use crate::source::ntstat::message::{self, Described, Message};
use crate::source::ntstat::provider;
use crate::source::ntstat::report::{flow, transport};
use crate::source::ntstat::self_test::Test;

impl Client {
    /// Takes in a datagram that came at `received`.
    pub(crate) fn receive(&mut self, datagram: &[u8], now: Duration, received: Timestamp) {
        for message in message::messages(datagram) {
            match message {
                Ok(message) => self.take(message, now, received),
                Err(()) => self.counters.malformed += 1,
            }
        }
    }

    fn take(&mut self, message: Message, now: Duration, received: Timestamp) {
        match message {
            Message::Success { context, flags } => self.answered(context, flags, None),
            Message::Error { context, errno } => self.answered(context, 0, Some(errno)),
            Message::Added { source, provider } => self.added(source, provider, now),
            Message::Removed { source, flags } => {
                if flags & message::CLOSED_AFTER_DROP != 0 {
                    self.counters.closed_after_drop += 1;
                }
                self.sources.removed(source);
            }
            Message::Described(described) => self.described(&described, now, received),
            Message::Other => {}
        }
    }

    fn answered(&mut self, context: u64, flags: u16, errno: Option<u32>) {
        if context == UPDATE_ALL {
            return match errno {
                None if flags & message::CONTINUATION != 0 => {
                    self.send(message::get_update(UPDATE_ALL, message::ALL));
                }
                None => self.phase = Phase::Ready,
                // Whatever the reason, it is not asked again at once: the kernel could answer the same forever.
                Some(_) => self.no_room(),
            };
        }
        if errno == Some(ENOBUFS) {
            self.no_room();
        }
        let provider = context.checked_sub(SUBSCRIBE).and_then(|provider| u32::try_from(provider).ok());
        let (Phase::Subscribing(pending), Some(provider)) = (&mut self.phase, provider) else { return };
        let Some(at) = pending.iter().position(|pending| *pending == provider) else { return };
        pending.swap_remove(at);
        let is_last = pending.is_empty();
        if let (provider::TCP_KERNEL, Some(errno)) = (provider, errno) {
            return self.actions.push_back(Action::Fail(Failure::Refused(errno)));
        }
        if is_last {
            self.phase = Phase::Enumerating;
            self.actions.push_back(Action::ConnectSecondSocket);
            self.send(message::get_update(UPDATE_ALL, message::ALL));
        }
    }

    fn added(&mut self, id: u64, provider: u32, now: Duration) {
        let lost = self.sources.added(id, provider);
        if lost > 0 {
            self.counters.lost_sources = self.counters.lost_sources.saturating_add(lost);
            self.reopen.ask();
            self.scan.ask();
        }
        if matches!(self.phase, Phase::Ready) {
            self.send(message::get_update(UPDATE_ONE, id));
        }
        self.schedule.add(id, 0, now);
    }

    fn described(&mut self, described: &Described, now: Duration, received: Timestamp) {
        let Described { source: id, provider, closing, ref descriptor, .. } = *described;
        if let Test::Running(test) = &mut self.test {
            let latest = self.clock.ticks.saturating_add(self.clock.ticks_in(now.saturating_sub(self.clock_read)));
            test.observe(described, latest.saturating_add(self.clock.ticks_in(SLEPT)));
        }
        self.sees_others |= descriptor.process.pid != self.own.pid;
        let inbound = self.sources.is_inbound(descriptor);
        let was_described = self.sources.is_described(id);
        let Some(source) = self.sources.described(id, provider, descriptor) else { return };
        let Some(remote) = descriptor.remote.filter(|_| !descriptor.is_listening()) else { return };
        let before = source.remote.replace(remote);
        let transport = transport(source.provider.max(provider));
        if descriptor.process == self.own {
            return;
        }
        // A socket made before the agent began is not new with the remote address that it is first described with, unless
        // it connects just now. What was reported on an earlier socket is not new either.
        let is_old = descriptor.started < self.since;
        let is_news = before != Some(remote)
            && (!is_old || was_described || described.event & message::OUTBOUND != 0)
            && self.seen_flows.remember(descriptor.process.unique_pid, (descriptor.local, remote), descriptor.started);
        let started = self.clock.timestamp(descriptor.started);
        let flow = |time| flow(described, (transport, remote, inbound), time, started);
        if is_news {
            // One that is first seen as it closes can have connected as soon as it was made.
            let is_since_start = closing && before.is_none() && !is_old;
            let at = if is_since_start { started } else { self.clock.timestamp(descriptor.at) };
            // The kernel's own reading when it is between the socket's start and now; else now.
            let time = if (started..=received).contains(&at) { at } else { received };
            self.report(flow(time));
        }
        if closing {
            self.report(flow(received).closed(received));
        }
    }
}
