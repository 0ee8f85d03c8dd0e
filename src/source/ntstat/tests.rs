//! Conversations made of bytes, in both layouts.

use super::*;
use crate::event::{Flow, Phase, ProcessRef, Transport};
use std::time::Duration;

const TCP_KERNEL: u32 = 2;
const UDP_KERNEL: u32 = 4;
const QUIC: u32 = 8;

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

fn received() -> Timestamp {
    Timestamp::from_milliseconds(1_000_100).unwrap()
}

fn requests(client: &mut Client) -> Vec<u32> {
    std::iter::from_fn(|| client.next_request())
        .map(|request| u32::from_le_bytes(request[8..12].try_into().unwrap()))
        .collect()
}

fn ready() -> Client {
    let mut client = Client::new(clock());
    client.start();
    assert_eq!(requests(&mut client), [1002; 6]);
    for provider in [2, 3, 4, 5, 8] {
        client.receive(&header(0x1000 + provider, 0, 16, 0), Duration::ZERO, received());
    }
    assert!(!client.wants_second_connection());
    // UDP subflows are refused: not every kernel has them.
    let mut refusal = header(0x100a, 1, 24, 0);
    put(&mut refusal, 16, &2_u32.to_le_bytes());
    client.receive(&refusal, Duration::ZERO, received());
    assert!(client.wants_second_connection() && !client.wants_second_connection());
    assert_eq!((requests(&mut client), client.failure()), (vec![1007], None));
    client.receive(&header(0x2000, 0, 16, 2), Duration::ZERO, received());
    assert_eq!(requests(&mut client), [1007], "a fragment: the rest is asked for");
    client.receive(&header(0x2000, 0, 16, 0), Duration::ZERO, received());
    assert!(client.is_ready());
    client
}

fn flows(client: &mut Client) -> Vec<Flow> {
    std::iter::from_fn(|| client.next_flow()).collect()
}

#[test]
fn a_connect_event_is_told_once_with_its_process_and_the_close_with_its_bytes() {
    for size in [336, 344, 400] {
        let mut client = ready();
        client.receive(&added(1, TCP_KERNEL), Duration::ZERO, received());
        assert_eq!(requests(&mut client), [1005]);
        let twice = [update(1, TCP_KERNEL, size, 0), update(1, TCP_KERNEL, size, 0)].concat();
        client.receive(&twice, Duration::ZERO, received());
        let told = flows(&mut client);
        assert_eq!(told.len(), 1, "{size}");
        assert_eq!(told[0].phase, Phase::Connected);
        assert_eq!(told[0].remote, "93.184.216.34:443".parse().unwrap());
        assert_eq!(told[0].process, ProcessRef { pid: 50, unique_pid: Some(1050) });
        assert_eq!((told[0].transport, told[0].process_name.as_deref()), (Transport::Tcp, Some("osascript")));
        assert_eq!(told[0].time, Timestamp::from_milliseconds(1_000_020).unwrap(), "480,000 ticks of 125/3 ns");
        assert_eq!(told[0].user_id.is_some(), size >= 344);
        client.receive(&[update(1, TCP_KERNEL, size, 4), removed(1, 0)].concat(), Duration::ZERO, received());
        let told = flows(&mut client);
        assert_eq!((told.len(), told[0].phase), (1, Phase::Closed));
        assert_eq!((told[0].received_bytes, told[0].sent_bytes), (Some(700), Some(300)));
    }
}

#[test]
fn a_flow_first_seen_as_it_closes_is_told_at_the_time_of_its_socket_and_then_closed() {
    let mut client = ready();
    let mut last = update(1, TCP_KERNEL, 344, 4);
    put(&mut last, 152 + 76, &0_u32.to_le_bytes());
    client.receive(&last, Duration::ZERO, received());
    let told = flows(&mut client);
    assert_eq!(told.iter().map(|flow| flow.phase).collect::<Vec<_>>(), [Phase::Connected, Phase::Closed]);
    assert_eq!(told[0].time, Timestamp::from_milliseconds(1_000_010).unwrap());
}

#[test]
fn udp_and_quic_have_their_own_layouts_and_transports() {
    for (provider, size, transport) in
        [(UDP_KERNEL, 272, Transport::Udp), (UDP_KERNEL, 280, Transport::Udp), (QUIC, 344, Transport::Quic)]
    {
        let mut client = ready();
        client.receive(&update(1, provider, size, 0), Duration::ZERO, received());
        assert_eq!(flows(&mut client)[0].transport, transport);
    }
}

#[test]
fn a_flow_that_began_before_the_agent_is_no_news_but_its_end_is() {
    let mut client = ready();
    let mut old = update(1, TCP_KERNEL, 344, 0);
    put(&mut old, 152 + 16, &5_u64.to_le_bytes());
    client.receive(&old, Duration::ZERO, received());
    assert!(flows(&mut client).is_empty());
    put(&mut old, 14, &4_u16.to_le_bytes());
    client.receive(&old, Duration::ZERO, received());
    assert_eq!(flows(&mut client).iter().map(|flow| flow.phase).collect::<Vec<_>>(), [Phase::Closed]);
}

#[test]
fn a_delegated_flow_names_both_processes_and_an_effective_pid_of_0_is_none() {
    let mut client = ready();
    let mut delegated = update(1, TCP_KERNEL, 344, 0);
    put(&mut delegated, 152 + 8, &1077_u64.to_le_bytes());
    put(&mut delegated, 152 + 120, &77_u32.to_le_bytes());
    client.receive(&delegated, Duration::ZERO, received());
    let mut by_uuid = update(2, TCP_KERNEL, 344, 0);
    put(&mut by_uuid, 152 + 8, &0_u64.to_le_bytes());
    put(&mut by_uuid, 152 + 16, &1_250_000_u64.to_le_bytes());
    client.receive(&by_uuid, Duration::ZERO, received());
    let behalf: Vec<_> = flows(&mut client).iter().map(|flow| flow.on_behalf_of).collect();
    assert_eq!(behalf, [Some(ProcessRef { pid: 77, unique_pid: Some(1077) }), None]);
}

#[test]
fn a_listening_socket_is_no_connection() {
    let mut client = ready();
    let mut listener = update(1, TCP_KERNEL, 344, 0);
    put(&mut listener, 152 + 76, &1_u32.to_le_bytes());
    client.receive(&listener, Duration::ZERO, received());
    assert!(flows(&mut client).is_empty());
}

#[test]
fn a_socket_without_a_far_end_is_asked_again_while_its_process_is_watched() {
    let mut client = ready();
    let ms = Duration::from_millis;
    client.receive(&added(1, TCP_KERNEL), ms(0), received());
    let mut unset = update(1, TCP_KERNEL, 336, 0);
    put(&mut unset, 152 + 152, &[0; 8]);
    client.receive(&unset, ms(0), received());
    requests(&mut client);
    assert_eq!(client.next_wakeup(), Some(ms(2)));
    client.poll(ms(2), |_| false);
    assert!(requests(&mut client).is_empty());
    client.poll(ms(12), |process| process.pid == 50);
    assert_eq!(requests(&mut client), [1005]);
    client.receive(&update(1, TCP_KERNEL, 336, 0), ms(13), received());
    assert_eq!(flows(&mut client).len(), 1);
    client.poll(ms(5000), |_| true);
    assert_eq!((requests(&mut client).len(), client.next_wakeup()), (0, None), "no timer when nothing waits");
}

#[test]
fn lost_sources_are_counted_and_the_socket_is_opened_anew_without_telling_twice() {
    let mut client = ready();
    client.receive(&[added(1, TCP_KERNEL), added(4, TCP_KERNEL)].concat(), Duration::ZERO, received());
    client.receive(&update(1, TCP_KERNEL, 344, 0), Duration::ZERO, received());
    assert_eq!(flows(&mut client).len(), 1);
    assert_eq!(client.counters().lost_sources, 2);
    assert!(client.wants_reopen(Duration::from_secs(1)) && !client.wants_reopen(Duration::from_secs(1)));
    client.start();
    client.receive(&update(7, TCP_KERNEL, 344, 0), Duration::ZERO, received());
    assert!(flows(&mut client).is_empty(), "told on the socket before");
}

#[test]
fn what_the_kernel_had_no_room_for_is_counted_and_asked_for_again() {
    let mut client = ready();
    client.receive_overflowed();
    client.poll(Duration::ZERO, |_| false);
    assert_eq!(requests(&mut client), [1007]);
    client.receive(&removed(9, 8), Duration::ZERO, received());
    assert_eq!((client.counters().no_room, client.counters().closed_after_drop), (1, 1));
}

#[test]
fn a_refused_tcp_provider_is_a_failure_with_its_errno() {
    let mut client = Client::new(clock());
    client.start();
    let mut refusal = header(0x1002, 1, 24, 0);
    put(&mut refusal, 16, &1_u32.to_le_bytes());
    client.receive(&refusal, Duration::ZERO, received());
    assert_eq!(client.failure(), Some(1));
}

#[test]
fn every_cut_and_every_changed_byte_of_a_datagram_is_read_or_counted() {
    let whole = [added(1, TCP_KERNEL), update(1, TCP_KERNEL, 344, 4), update(2, UDP_KERNEL, 272, 0)].concat();
    for end in 0..whole.len() {
        let mut client = ready();
        client.receive(&whole[..end], Duration::ZERO, received());
        let complete = [0, 32, 32 + 496].contains(&end);
        assert_eq!(client.counters().malformed, u64::from(!complete), "{end}");
    }
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] = value;
            let mut client = ready();
            client.receive(&changed, Duration::ZERO, received());
            client.poll(Duration::from_secs(1), |_| true);
            assert!(flows(&mut client).len() <= 3);
        }
    }
}
