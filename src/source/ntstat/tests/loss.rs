//! What is lost, refused, cut off or hostile.

use super::*;

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
fn an_enumeration_for_which_there_was_no_room_is_asked_for_again() {
    let mut client = client();
    client.start();
    requests(&mut client);
    (2..=10).for_each(|provider| client.receive(&header(0x1000 + provider, 0, 16, 0), Duration::ZERO, received()));
    assert_eq!(requests(&mut client), [1007]);
    let mut no_room = header(0x2000, 1, 24, 0);
    put(&mut no_room, 16, &55_u32.to_le_bytes());
    client.receive(&no_room, Duration::ZERO, received());
    client.poll(Duration::ZERO, |_| false);
    assert_eq!((requests(&mut client), client.is_ready()), (vec![1007], false));
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

#[test]
fn a_flow_that_a_scan_found_is_told_once_whoever_tells_first() {
    let scanned = |local: &str| {
        let owner = Owner::Process(ProcessRef { pid: 50, unique_pid: Some(1050) });
        let remote = "93.184.216.34:443".parse().unwrap();
        let flow = Flow::connected(FlowSource::Libproc, received(), Transport::Tcp, remote, owner);
        flow.with_local(Some(local.parse().unwrap()))
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
    let mut next = told(5001);
    put(&mut next, 16, &6000_u64.to_le_bytes());
    put(&mut next, 152 + 16, &1_250_000_u64.to_le_bytes());
    client.receive(&next, Duration::ZERO, received());
    let ports: Vec<u16> = flows(&mut client).iter().filter_map(|flow| flow.local).map(|local| local.port()).collect();
    assert_eq!(ports, [5000, 5001, 5001], "the last is another connection between the same ends");
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
