//! Conversations made of bytes, in both layouts.

use super::*;
use crate::event::{Flow, FlowSource, Phase, ProcessRef, Transport};
use std::net::SocketAddr;
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

/// This process: no flow of its own is told.
const OWN: ProcessRef = ProcessRef { pid: 9, unique_pid: Some(1009) };

fn client() -> Client {
    Client::new(OWN, clock())
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
    let mut client = client();
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
        assert_eq!(requests(&mut client), [1007]);
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
fn before_macos_14_a_connection_to_a_port_that_listens_was_accepted() {
    let mut client = ready();
    let at_port = |source: u64, port: u16, state: u32| {
        let mut bytes = update(source, TCP_KERNEL, 336, 0);
        put(&mut bytes, 152 + 16, &(1_240_000 + source).to_le_bytes());
        put(&mut bytes, 152 + 76, &state.to_le_bytes());
        put(&mut bytes, 152 + 124, &[16, 2]);
        put(&mut bytes, 152 + 126, &port.to_be_bytes());
        bytes
    };
    client.receive(
        &[at_port(1, 8000, 1), at_port(2, 8000, 4), at_port(3, 50_000, 4)].concat(),
        Duration::ZERO,
        received(),
    );
    let inbound = |client: &mut Client| flows(client).iter().map(|flow| flow.inbound).collect::<Vec<_>>();
    assert_eq!(inbound(&mut client), [Some(true), Some(false)]);
    client.receive(&[removed(1, 0), at_port(4, 8000, 4)].concat(), Duration::ZERO, received());
    assert_eq!(inbound(&mut client), [Some(false)]);
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
    assert_eq!(client.next_wakeup(ms(0), true), Some(ms(2)));
    assert_eq!(client.next_wakeup(ms(0), false), Some(ms(1000)), "nothing is urgent while nothing is watched");
    client.poll(ms(2), |_| false);
    assert!(requests(&mut client).is_empty());
    client.poll(ms(12), |process| process.pid == 50);
    assert_eq!(requests(&mut client), [1007]);
    client.receive(&update(1, TCP_KERNEL, 336, 0), ms(13), received());
    assert_eq!(flows(&mut client).len(), 1);
    client.poll(ms(5000), |_| true);
    assert_eq!(
        (requests(&mut client).len(), client.next_wakeup(ms(5000), true)),
        (0, None),
        "no timer when nothing waits"
    );
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
    let mut client = client();
    client.start();
    let mut refusal = header(0x1002, 1, 24, 0);
    put(&mut refusal, 16, &1_u32.to_le_bytes());
    client.receive(&refusal, Duration::ZERO, received());
    assert_eq!(client.failure(), Some(1));
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

#[test]
fn a_host_name_stands_behind_the_descriptor_of_either_length() {
    for (size, kind, name) in [(336, 1, Some("example.com")), (344, 1, Some("example.com")), (336, 0, None)] {
        let mut client = ready();
        client.receive(&extended(size, kind, b"example.com"), Duration::ZERO, received());
        let told = flows(&mut client);
        assert_eq!((told.len(), told[0].remote_name.as_deref()), (1, name), "{size} {kind}");
        assert_eq!(told[0].user_id.is_some(), size == 344, "the length of the descriptor is known");
        assert_eq!(client.counters(), Counters::default());
    }
    let mut client = ready();
    client.receive(&extended(344, 1, b"")[..], Duration::ZERO, received());
    assert_eq!(flows(&mut client)[0].remote_name, None);
}

#[test]
fn the_name_of_a_host_is_asked_for_and_no_interface_is_chosen() {
    let mut client = client();
    client.start();
    let request = client.next_request().unwrap();
    assert_eq!(request.len(), 56);
    assert_eq!(request[16..24], 0x0000_0200_0000_0000_u64.to_le_bytes());
    assert_eq!(request[24..32], 0x3080_u64.to_le_bytes());
}

#[test]
fn flows_of_this_process_are_not_told() {
    let mut client = ready();
    let mut own = update(1, TCP_KERNEL, 344, 0);
    put(&mut own, 152, &1009_u64.to_le_bytes());
    put(&mut own, 152 + 8, &1009_u64.to_le_bytes());
    put(&mut own, 152 + 116, &9_u32.to_le_bytes());
    client.receive(&own, Duration::ZERO, received());
    put(&mut own, 14, &4_u16.to_le_bytes());
    client.receive(&own, Duration::ZERO, received());
    assert!(flows(&mut client).is_empty());
}

const SOCKETS: [&str; 5] = ["127.0.0.1:50001", "127.0.0.1:4000", "127.0.0.1:50002", "127.0.0.1:4001", "127.0.0.1:4002"];

fn sockets() -> Sockets {
    let [tcp, listener, udp, peer, sent_to] = SOCKETS.map(|end| end.parse().unwrap());
    Sockets { tcp: (tcp, listener), udp: (udp, peer), sent_to }
}

/// What the kernel says of a socket of this process, or of another.
fn own_socket(provider: u32, local: SocketAddr, remote: SocketAddr, event: u64) -> Vec<u8> {
    let udp = provider != TCP_KERNEL;
    let mut bytes =
        update(u64::from(provider), if udp { UDP_KERNEL } else { provider }, if udp { 280 } else { 344 }, 0);
    let (pid, ends) = if udp { (128, [56, 84]) } else { (116, [124, 152]) };
    put(&mut bytes, 24, &event.to_le_bytes());
    put(&mut bytes, 144, &provider.to_le_bytes());
    put(&mut bytes, 152, &1009_u64.to_le_bytes());
    put(&mut bytes, 152 + 8, &1009_u64.to_le_bytes());
    put(&mut bytes, 152 + pid, &9_u32.to_le_bytes());
    for (at, end) in ends.into_iter().zip([local, remote]) {
        put(&mut bytes, 152 + at, &[16, 2]);
        put(&mut bytes, 152 + at + 2, &end.port().to_be_bytes());
        put(&mut bytes, 152 + at + 4, &[127, 0, 0, 1]);
    }
    bytes
}

fn tested(others: bool, records: &[Vec<u8>]) -> Findings {
    let mut client = ready();
    if others {
        client.receive(&update(9, UDP_KERNEL, 280, 0), Duration::ZERO, received());
    }
    client.begin_self_test(sockets(), Duration::ZERO);
    records.iter().for_each(|record| client.receive(record, Duration::from_millis(1), received()));
    let at_once = client.self_test_result(Duration::from_millis(1));
    at_once.or_else(|| client.self_test_result(Duration::from_secs(5))).expect("the test is over after five seconds")
}

#[test]
fn the_self_test_finds_our_own_sockets_and_those_of_others() {
    let Sockets { tcp, udp, sent_to } = sockets();
    let records = [
        own_socket(TCP_KERNEL, tcp.0, tcp.1, 0x2000),
        own_socket(UDP_KERNEL, udp.0, udp.1, 0),
        own_socket(10, udp.0, sent_to, 0),
    ];
    let all = tested(true, &records);
    assert_eq!(all, Findings { tcp: true, udp: true, subflow: true, connect_event: true, others: true });
    assert!(all.is_usable() && all.to_string().starts_with("TCP connections are told as they begin"));
    let alone = tested(false, &records);
    assert!(!alone.is_usable() && alone.to_string().contains("of osawatch alone"));
}

#[test]
fn the_self_test_is_not_passed_by_another_layout_another_process_or_other_ends() {
    let Sockets { tcp, udp, .. } = sockets();
    let good = [own_socket(TCP_KERNEL, tcp.0, tcp.1, 0), own_socket(UDP_KERNEL, udp.0, udp.1, 0)];
    let usable = tested(true, &good);
    assert!(usable.is_usable() && !usable.connect_event && !usable.subflow);
    for at in [152, 152 + 116, 152 + 124 + 2, 152 + 152 + 3, 152 + 152 + 7] {
        let mut shifted = good[0].clone();
        shifted[at] ^= 0x55;
        let found = tested(true, &[shifted, good[1].clone()]);
        assert!(!found.is_usable() && found.to_string().contains("layout"), "{at}");
    }
}

#[test]
fn without_a_connect_event_the_self_test_asks_for_another_connection_once() {
    let mut client = ready();
    client.begin_self_test(sockets(), Duration::ZERO);
    let ms = Duration::from_millis;
    let Sockets { tcp, udp, .. } = sockets();
    client.receive(&own_socket(TCP_KERNEL, tcp.0, tcp.1, 0), ms(0), received());
    client.receive(&own_socket(UDP_KERNEL, udp.0, udp.1, 0), ms(0), received());
    assert_eq!(client.next_wakeup(ms(0), false), Some(ms(5000)), "not even one socket of another process");
    client.receive(&update(9, UDP_KERNEL, 280, 0), ms(0), received());
    assert_eq!(client.next_wakeup(ms(0), false), Some(ms(100)));
    assert!(!client.wants_another_connection(ms(99)));
    assert!(client.wants_another_connection(ms(100)) && client.wants_second_connection());
    assert!(!client.wants_another_connection(ms(200)));
    let again: (SocketAddr, SocketAddr) = ("127.0.0.1:50009".parse().unwrap(), sockets().tcp.1);
    client.connected_again(again);
    client.receive(&own_socket(TCP_KERNEL, again.0, again.1, 0x2000), ms(210), received());
    assert_eq!(client.next_wakeup(ms(210), false), Some(ms(400)), "subflows");
    assert!(client.self_test_result(ms(399)).is_none());
    assert!(client.self_test_result(ms(400)).unwrap().connect_event);
}

#[test]
fn a_flow_that_a_scan_found_is_told_once_whoever_tells_first() {
    let scanned = |local: &str| Flow {
        source: FlowSource::NetworkStatistics,
        phase: Phase::Connected,
        time: received(),
        started: None,
        transport: Transport::Tcp,
        local: Some(local.parse().unwrap()),
        remote: "93.184.216.34:443".parse().unwrap(),
        inbound: None,
        process: ProcessRef { pid: 50, unique_pid: Some(1050) },
        pidversion: None,
        on_behalf_of: None,
        process_name: None,
        user_id: None,
        remote_name: None,
        sent_bytes: None,
        received_bytes: None,
    };
    let told = |port: u16| {
        let mut bytes = update(u64::from(port), TCP_KERNEL, 344, 0);
        put(&mut bytes, 152 + 124, &[16, 2]);
        put(&mut bytes, 152 + 126, &port.to_be_bytes());
        put(&mut bytes, 152 + 128, &[10, 0, 0, 1]);
        bytes
    };
    let mut client = ready();
    client.receive(&told(5000), Duration::ZERO, received());
    client.receive_overflowed();
    let second = Duration::from_secs(1);
    assert!(client.wants_scan(Duration::ZERO) && !client.wants_scan(second));
    client.receive_overflowed();
    assert!(!client.wants_scan(Duration::from_millis(999)) && client.wants_scan(second));
    client.scanned(scanned("10.0.0.1:5000"));
    client.scanned(scanned("10.0.0.1:5001"));
    client.receive(&told(5001), Duration::ZERO, received());
    let ports: Vec<u16> = flows(&mut client).iter().filter_map(|flow| flow.local).map(|local| local.port()).collect();
    assert_eq!(ports, [5000, 5001]);
}

#[test]
fn the_time_of_day_follows_a_corrected_clock_and_the_beginning_does_not_move() {
    let mut client = ready();
    let later = Timestamp::from_milliseconds(1_003_000).unwrap();
    client.set_clock(ContinuousClock { ticks: 1_240_000, time: later, ..clock() });
    client.receive(&update(1, TCP_KERNEL, 344, 0), Duration::ZERO, Timestamp::from_milliseconds(1_004_000).unwrap());
    assert_eq!(flows(&mut client)[0].time, Timestamp::from_milliseconds(1_003_010).unwrap());
}

#[test]
fn the_kernels_own_count_of_what_it_could_not_deliver_is_read_or_refused() {
    let words: Vec<u8> = (0..16_u32).flat_map(|word| (1_u32 << word).to_le_bytes()).collect();
    assert_eq!(undelivered(&words), Some((1 << 3) + (1 << 6) + (1 << 11)));
    assert_eq!(undelivered(&words[..47]), None);
}

#[test]
fn any_datagram_is_read_or_counted() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize
    };
    let whole = [added(1, TCP_KERNEL), update(1, TCP_KERNEL, 344, 4), extended(336, 1, b"a"), removed(1, 8)].concat();
    for _ in 0..20_000 {
        let mut client = ready();
        let mut bytes: Vec<u8> = match random() % 2 {
            0 => whole.clone(),
            _ => (0..random() % 700).map(|_| random() as u8).collect(),
        };
        for _ in 0..random() % 12 {
            let at = random() % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random() as u8;
            }
        }
        client.receive(&bytes, Duration::ZERO, received());
        client.poll(Duration::from_secs(2), |_| true);
        let (told, asked) = (flows(&mut client).len(), requests(&mut client).len());
        assert!(told <= bytes.len() / 32 && asked <= bytes.len() / 8, "{told} {asked} of {} bytes", bytes.len());
    }
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
