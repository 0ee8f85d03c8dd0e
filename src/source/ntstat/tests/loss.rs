//! What is lost, refused, cut off or hostile.

use super::*;

#[test]
fn lost_sources_are_counted_and_the_socket_is_reopened_without_reporting_twice() {
    let mut client = ready();
    let second = Duration::from_secs(1);
    client.receive(&[added(1, TCP_KERNEL), added(4, TCP_KERNEL)].concat(), Duration::ZERO, received());
    client.receive(&update(1, TCP_KERNEL, 344, 0), Duration::ZERO, received());
    assert_eq!(client.flows().len(), 1);
    assert_eq!(client.client.take_counters().lost_sources, 2);
    client.tick(second, |_| false);
    assert_eq!(client.others(), [Action::Reopen]);
    client.client.start(second);
    client.receive(&update(7, TCP_KERNEL, 344, 0), second, received());
    assert!(client.flows().is_empty(), "reported on the socket before");
    client.receive(&added(9, TCP_KERNEL), 5 * second, received());
    client.tick(5 * second, |_| false);
    assert_eq!(client.others(), [Action::Scan], "not reopened again within ten seconds");
}

#[test]
fn source_numbers_near_the_end_of_their_range_do_not_overflow_the_count() {
    let mut client = ready();
    for id in [u64::MAX, 1, u64::MAX] {
        client.receive(&added(id, TCP_KERNEL), Duration::ZERO, received());
    }
    client.client.start(Duration::ZERO);
    client.receive(&added(u64::MAX, TCP_KERNEL), Duration::ZERO, received());
    assert_eq!(client.client.take_counters().lost_sources, u64::MAX);
}

#[test]
fn what_the_kernel_had_no_room_for_is_counted_and_asked_for_again() {
    let mut client = ready();
    client.client.no_room();
    client.tick(Duration::ZERO, |_| false);
    assert_eq!((client.requests(), client.others()), (vec![1007], vec![Action::Scan]));
    client.receive(&removed(9, 8), Duration::ZERO, received());
    let counters = client.client.take_counters();
    assert_eq!((counters.no_room, counters.closed_after_drop), (1, 1));
    assert_eq!(client.client.take_counters(), Counters::default(), "each is counted once");
}

/// A conversation whose enumeration has just been asked for.
fn asked() -> Conversation {
    let mut client = Conversation::new();
    client.client.start(Duration::ZERO);
    client.requests();
    (2..=10).for_each(|provider| client.receive(&header(0x1000 + provider, 0, 16, 0), Duration::ZERO, received()));
    assert_eq!(client.requests(), [1007]);
    client
}

#[test]
fn an_enumeration_that_fails_is_asked_for_again_after_a_while_whatever_the_error() {
    for errno in [55_u32, 12, 22] {
        let mut client = asked();
        let mut refusal = header(0x2000, 1, 24, 0);
        put(&mut refusal, 16, &errno.to_le_bytes());
        let mut requests = 0;
        for at in 0..1000 {
            let now = Duration::from_millis(at);
            client.tick(now, |_| false);
            let asked = client.requests().len();
            requests += asked;
            (0..asked.max(usize::from(at == 0))).for_each(|_| client.receive(&refusal, now, received()));
        }
        assert_eq!(requests, 4, "errno {errno}: every 250 ms, not in a loop");
        let wakeup = client.client.next_wakeup(Duration::from_millis(1000), false);
        assert_eq!(wakeup, Some(Duration::from_millis(1001)));
    }
}

#[test]
fn a_kernel_that_does_not_report_what_there_is_is_given_up() {
    let mut client = asked();
    assert_eq!(client.client.next_wakeup(Duration::ZERO, false), Some(Duration::from_secs(5)));
    client.tick(Duration::from_millis(5000), |_| false);
    assert_eq!(client.others(), [Action::ConnectSecondSocket]);
    client.tick(Duration::from_millis(5001), |_| false);
    assert_eq!(client.others(), [Action::Fail(Failure::Silent)]);
}

#[test]
fn a_refused_tcp_provider_is_a_failure_with_its_errno() {
    let mut client = Conversation::new();
    client.client.start(Duration::ZERO);
    let mut refusal = header(0x1002, 1, 24, 0);
    put(&mut refusal, 16, &1_u32.to_le_bytes());
    client.receive(&refusal, Duration::ZERO, received());
    assert_eq!(client.others(), [Action::Fail(Failure::Refused(1))]);
}

#[test]
fn a_flow_that_a_scan_found_is_reported_once_whoever_reports_first() {
    let scanned = |local: &str| {
        let owner = Owner::Process(ProcessRef { pid: 50, unique_pid: Some(1050) });
        let remote = "93.184.216.34:443".parse().unwrap();
        let flow = Flow::connected(FlowSource::Libproc, received(), Transport::Tcp, remote, owner);
        flow.with_local(Some(local.parse().unwrap()))
    };
    let reported = |port: u16| {
        let mut bytes = update(u64::from(port), TCP_KERNEL, 344, 0);
        put(&mut bytes, 152 + 16, &(1_240_000 + u64::from(port)).to_le_bytes());
        put(&mut bytes, 152 + 124, &[16, 2]);
        put(&mut bytes, 152 + 126, &port.to_be_bytes());
        put(&mut bytes, 152 + 128, &[10, 0, 0, 1]);
        bytes
    };
    let mut client = ready();
    client.receive(&reported(5000), Duration::ZERO, received());
    client.client.no_room();
    let second = Duration::from_secs(1);
    client.tick(Duration::ZERO, |_| false);
    assert_eq!(client.others(), [Action::Scan]);
    client.client.no_room();
    client.tick(Duration::from_millis(999), |_| false);
    assert_eq!(client.others(), []);
    client.tick(second, |_| false);
    assert_eq!(client.others(), [Action::Scan]);
    client.client.scanned(scanned("10.0.0.1:5000"));
    client.client.scanned(scanned("10.0.0.1:5001"));
    client.receive(&reported(5001), Duration::ZERO, received());
    let mut next = reported(5001);
    put(&mut next, 16, &6000_u64.to_le_bytes());
    put(&mut next, 152 + 16, &1_250_000_u64.to_le_bytes());
    client.receive(&next, Duration::ZERO, received());
    let ports: Vec<u16> = client.flows().iter().filter_map(|flow| flow.local).map(|local| local.port()).collect();
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
        client.tick(Duration::from_secs(2), |_| true);
        let (reported, asked) = (client.flows().len(), client.requests().len());
        assert!(
            reported <= bytes.len() / 32 && asked <= bytes.len() / 8,
            "{reported} {asked} of {} bytes",
            bytes.len()
        );
    }
}

#[test]
fn every_cut_and_every_changed_byte_of_a_datagram_is_read_or_counted() {
    let whole = [added(1, TCP_KERNEL), update(1, TCP_KERNEL, 344, 4), update(2, UDP_KERNEL, 272, 0)].concat();
    for end in 0..whole.len() {
        let mut client = ready();
        client.receive(&whole[..end], Duration::ZERO, received());
        let complete = [0, 32, 32 + 496].contains(&end);
        assert_eq!(client.client.take_counters().malformed, u64::from(!complete), "{end}");
    }
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] = value;
            let mut client = ready();
            client.receive(&changed, Duration::ZERO, received());
            client.tick(Duration::from_secs(1), |_| true);
            assert!(client.flows().len() <= 3);
        }
    }
}
