//! What the self-test finds.

use super::*;

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
fn a_new_socket_is_tested_anew() {
    let mut client = ready();
    client.receive(&update(9, UDP_KERNEL, 280, 0), Duration::ZERO, received());
    client.begin_self_test(sockets(), Duration::ZERO);
    client.start();
    assert_eq!(client.next_wakeup(Duration::ZERO, false), None, "no test is under way");
    client.begin_self_test(sockets(), Duration::ZERO);
    let found = client.self_test_result(Duration::from_secs(5)).unwrap();
    assert!(!found.others, "what the socket before showed");
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
