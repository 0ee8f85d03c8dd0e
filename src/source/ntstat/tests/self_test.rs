//! What the self-test finds.

use super::*;

const SOCKETS: [&str; 5] = ["127.0.0.1:50001", "127.0.0.1:4000", "127.0.0.1:50002", "127.0.0.1:4001", "127.0.0.1:4002"];

fn sockets() -> Sockets {
    let [tcp, listener, udp, peer, sent_to] = SOCKETS.map(|end| end.parse().unwrap());
    Sockets { made: 1_200_000, tcp: (tcp, listener), udp: (udp, peer), sent_to }
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
    let mut client = enumerated();
    if others {
        client.receive(&update(9, UDP_KERNEL, 280, 0), Duration::ZERO, received());
    }
    client.client.begin_self_test(sockets(), Duration::ZERO);
    records.iter().for_each(|record| client.receive(record, Duration::from_millis(1), received()));
    let at_once = result(&mut client, Duration::from_millis(1));
    at_once.or_else(|| result(&mut client, Duration::from_secs(5))).expect("the test is over after five seconds")
}

fn result(client: &mut Conversation, now: Duration) -> Option<Findings> {
    client.tick(now, |_| false);
    client.others().into_iter().find_map(|action| match action {
        Action::SelfTested(findings) | Action::Fail(Failure::SelfTest(findings)) => Some(findings),
        _ => None,
    })
}

#[test]
fn the_self_test_finds_our_own_sockets_and_those_of_others() {
    let Sockets { tcp, udp, sent_to, .. } = sockets();
    let records = [
        own_socket(TCP_KERNEL, tcp.0, tcp.1, 0x2000),
        own_socket(UDP_KERNEL, udp.0, udp.1, 0),
        own_socket(10, udp.0, sent_to, 0),
    ];
    let all = tested(true, &records);
    assert_eq!(all, Findings { tcp: true, clock: true, udp: true, subflow: true, connect_event: true, others: true });
    assert!(all.is_usable() && all.to_string().starts_with("TCP connections are reported at connect"));
    let alone = tested(false, &records);
    assert!(!alone.is_usable() && alone.to_string().contains("only our own sockets"));
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
fn the_self_test_is_not_passed_by_times_of_another_clock() {
    let Sockets { tcp, udp, .. } = sockets();
    // Translated by Rosetta, this program has ticks of nanoseconds and the kernel's 24 million a second.
    for (ticks, passes) in [(1_199_999, false), (1_200_000, true), (1_290_000, true), (100_000_000, false)] {
        let mut own = own_socket(TCP_KERNEL, tcp.0, tcp.1, 0x2000);
        put(&mut own, 152 + 16, &u64::to_le_bytes(ticks));
        let found = tested(true, &[own, own_socket(UDP_KERNEL, udp.0, udp.1, 0)]);
        assert_eq!((found.is_usable(), found.to_string().contains("clock")), (passes, !passes), "{ticks}");
    }
}

#[test]
fn a_new_socket_is_tested_again() {
    let mut client = enumerated();
    client.receive(&update(9, UDP_KERNEL, 280, 0), Duration::ZERO, received());
    client.client.begin_self_test(sockets(), Duration::ZERO);
    client.client.start(Duration::ZERO);
    assert_eq!(result(&mut client, Duration::from_secs(5)), None, "no test is running");
    client.client.begin_self_test(sockets(), Duration::ZERO);
    let found = result(&mut client, Duration::from_secs(5)).unwrap();
    assert!(!found.others, "what the socket before showed");
}

#[test]
fn after_sleep_the_kernel_is_tested_again() {
    let mut client = ready();
    let awake = Duration::from_secs(10);
    for (slept, actions) in [(0, vec![]), (3, vec![Action::MakeSockets])] {
        let ticks = clock().ticks + clock().ticks_in(awake + Duration::from_secs(slept));
        client.client.set_clock(clock(), Duration::ZERO);
        client.client.set_clock(ContinuousClock { ticks, ..clock() }, awake);
        client.tick(awake, |_| false);
        assert_eq!(client.others(), actions, "{slept} s of sleep");
    }
}

#[test]
fn flows_are_held_until_the_first_self_test_is_passed() {
    let mut client = enumerated();
    client.receive(&update(9, TCP_KERNEL, 344, 0), Duration::ZERO, received());
    client.client.begin_self_test(sockets(), Duration::ZERO);
    assert_eq!(client.flows().len(), 0);
    let Sockets { tcp, udp, .. } = sockets();
    client.receive(&own_socket(TCP_KERNEL, tcp.0, tcp.1, 0x2000), Duration::ZERO, received());
    client.receive(&own_socket(UDP_KERNEL, udp.0, udp.1, 0), Duration::ZERO, received());
    assert!(result(&mut client, Duration::from_millis(400)).unwrap().is_usable());
    assert_eq!(client.flows().len(), 1);
}

#[test]
fn without_a_connect_event_the_self_test_asks_for_another_connection_once() {
    let mut client = enumerated();
    client.client.begin_self_test(sockets(), Duration::ZERO);
    let ms = Duration::from_millis;
    let Sockets { tcp, udp, .. } = sockets();
    client.receive(&own_socket(TCP_KERNEL, tcp.0, tcp.1, 0), ms(0), received());
    client.receive(&own_socket(UDP_KERNEL, udp.0, udp.1, 0), ms(0), received());
    assert_eq!(client.client.next_wakeup(ms(0), false), Some(ms(5000)), "not even one socket of another process");
    client.receive(&update(9, UDP_KERNEL, 280, 0), ms(0), received());
    assert_eq!(client.client.next_wakeup(ms(0), false), Some(ms(100)));
    for (at, actions) in [(99, vec![]), (100, vec![Action::ConnectSecondSocket, Action::ConnectAgain]), (200, vec![])] {
        client.tick(ms(at), |_| false);
        assert_eq!(client.others(), actions, "{at}");
    }
    let again: (SocketAddr, SocketAddr) = ("127.0.0.1:50009".parse().unwrap(), sockets().tcp.1);
    client.client.connected_again(again);
    client.receive(&own_socket(TCP_KERNEL, again.0, again.1, 0x2000), ms(210), received());
    assert_eq!(client.client.next_wakeup(ms(210), false), Some(ms(400)), "subflows");
    assert!(result(&mut client, ms(399)).is_none());
    assert!(result(&mut client, ms(400)).unwrap().connect_event);
}
