//! Conversations made of bytes, in both layouts.

mod flows;
mod loss;
mod self_test;

use super::action::Failure;
use super::report::Counters;
use super::self_test::Findings;
use super::*;
use crate::event::{Bytes, Flow, FlowSource, Owner, Phase, ProcessRef, Transport};
use std::net::SocketAddr;
use std::time::Duration;

const TCP_KERNEL: u32 = 2;

const UDP_KERNEL: u32 = 4;

const TCP_USERLAND: u32 = 3;

const QUIC: u32 = 8;

/// This process: no flow of its own is reported.
const OWN: ProcessRef = ProcessRef { pid: 9, unique_pid: Some(1009) };

fn clock() -> ContinuousClock {
    ContinuousClock { numer: 125, denom: 3, ticks: 1_000_000, time: Timestamp::from_milliseconds(1_000_000).unwrap() }
}

fn header(context: u64, kind: u32, length: usize, flags: u16) -> Vec<u8> {
    let mut bytes = context.to_le_bytes().to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.resize(length, 0);
    bytes
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn added(source: u64, provider: u32) -> Vec<u8> {
    let mut bytes = header(0, 10001, 32, 0);
    put(&mut bytes, 16, &source.to_le_bytes());
    put(&mut bytes, 24, &provider.to_le_bytes());
    bytes
}

fn removed(source: u64, flags: u16) -> Vec<u8> {
    let mut bytes = header(0, 10002, 24, flags);
    put(&mut bytes, 16, &source.to_le_bytes());
    bytes
}

/// An update of a socket of pid 50, unique pid 1050, to 93.184.216.34:443.
fn update(source: u64, provider: u32, size: usize, flags: u16) -> Vec<u8> {
    let udp = provider == UDP_KERNEL;
    let (pid, remote) = if udp { (128, 84) } else { (116, 152) };
    let mut descriptor = vec![0; size];
    put(&mut descriptor, 0, &1050_u64.to_le_bytes());
    put(&mut descriptor, 8, &1050_u64.to_le_bytes());
    put(&mut descriptor, 16, &1_240_000_u64.to_le_bytes());
    put(&mut descriptor, 24, &1_480_000_u64.to_le_bytes());
    put(&mut descriptor, pid, &50_u32.to_le_bytes());
    put(&mut descriptor, remote, &[16, 2, 1, 187, 93, 184, 216, 34]);
    if !udp {
        put(&mut descriptor, 76, &2_u32.to_le_bytes());
        put(&mut descriptor, 196, b"osascript");
    }
    let mut bytes = header(0, 10006, 152 + size, flags);
    put(&mut bytes, 16, &source.to_le_bytes());
    put(&mut bytes, 40, &700_u64.to_le_bytes());
    put(&mut bytes, 56, &300_u64.to_le_bytes());
    put(&mut bytes, 144, &provider.to_le_bytes());
    put(&mut bytes, 152, &descriptor);
    bytes
}

/// An update with the host name that `nstat_domain_info` carries.
fn extended(descriptor: usize, kind: u32, name: &[u8]) -> Vec<u8> {
    let mut bytes = update(1, TCP_KERNEL, descriptor, 0);
    put(&mut bytes, 8, &10007_u32.to_le_bytes());
    let at = bytes.len();
    bytes.resize(at + 8 + 1056, 0);
    put(&mut bytes, at, &kind.to_le_bytes());
    put(&mut bytes, at + 4, &1056_u32.to_le_bytes());
    put(&mut bytes, at + 8, name);
    let length = bytes.len() as u16;
    put(&mut bytes, 12, &length.to_le_bytes());
    bytes
}

/// A client, and what it wanted done since that was last looked at.
struct Conversation {
    client: Client,
    requests: Vec<Vec<u8>>,
    flows: Vec<Flow>,
    others: Vec<Action>,
}

impl Conversation {
    fn new() -> Conversation {
        let client = Client::new(OWN, clock(), clock().ticks);
        Conversation { client, requests: Vec::new(), flows: Vec::new(), others: Vec::new() }
    }

    fn receive(&mut self, datagram: &[u8], now: Duration, received: Timestamp) {
        self.client.receive(datagram, now, received);
        self.drain();
    }

    fn tick(&mut self, now: Duration, watched: impl Fn(ProcessRef) -> bool) {
        self.client.tick(now, watched);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(action) = self.client.next_action() {
            match action {
                Action::Send(request) => self.requests.push(request),
                Action::Flow(flow) => self.flows.push(flow),
                // The tests that are about the clock read it themselves.
                Action::ReadClock => {}
                other => self.others.push(other),
            }
        }
    }

    /// The types of the requests since the last call.
    fn requests(&mut self) -> Vec<u32> {
        self.drain();
        let requests = std::mem::take(&mut self.requests);
        requests.iter().map(|request| u32::from_le_bytes(request[8..12].try_into().unwrap())).collect()
    }

    fn flows(&mut self) -> Vec<Flow> {
        self.drain();
        std::mem::take(&mut self.flows)
    }

    /// What is neither a request nor a flow, since the last call.
    fn others(&mut self) -> Vec<Action> {
        self.drain();
        std::mem::take(&mut self.others)
    }
}

fn received() -> Timestamp {
    Timestamp::from_milliseconds(1_000_100).unwrap()
}

/// A conversation in which the kernel has granted everything but UDP subflows: not every kernel has them.
fn enumerated() -> Conversation {
    let mut client = Conversation::new();
    client.client.start(Duration::ZERO);
    assert_eq!(client.requests(), [1002; 6]);
    for provider in [2, 3, 4, 5, 8] {
        client.receive(&header(0x1000 + provider, 0, 16, 0), Duration::ZERO, received());
    }
    assert_eq!(client.others(), []);
    let mut refusal = header(0x100a, 1, 24, 0);
    put(&mut refusal, 16, &2_u32.to_le_bytes());
    client.receive(&refusal, Duration::ZERO, received());
    assert_eq!((client.others(), client.requests()), (vec![Action::ConnectSecondSocket], vec![1007]));
    client.receive(&header(0x2000, 0, 16, 2), Duration::ZERO, received());
    assert_eq!(client.requests(), [1007], "a fragment: the rest is asked for");
    client.receive(&header(0x2000, 0, 16, 0), Duration::ZERO, received());
    client.tick(Duration::ZERO, |_| false);
    assert_eq!(client.others(), [Action::MakeSockets]);
    client
}

/// The same, and what the kernel says is believed.
fn ready() -> Conversation {
    let mut client = enumerated();
    client.client.skip_self_test();
    client
}
