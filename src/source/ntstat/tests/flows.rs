//! Which flows are reported, when, and of whom.

use super::*;

#[test]
fn a_connect_event_is_reported_once_with_its_process_and_the_close_with_its_bytes() {
    for size in [336, 344, 400] {
        let mut client = ready();
        client.receive(&added(1, TCP_KERNEL), Duration::ZERO, received());
        assert_eq!(client.requests(), [1007]);
        let twice = [update(1, TCP_KERNEL, size, 0), update(1, TCP_KERNEL, size, 0)].concat();
        client.receive(&twice, Duration::ZERO, received());
        let reported = client.flows();
        assert_eq!(reported.len(), 1, "{size}");
        assert_eq!(reported[0].phase, Phase::Connected);
        assert_eq!(reported[0].remote, "93.184.216.34:443".parse().unwrap());
        assert_eq!(reported[0].owner, Owner::Process(ProcessRef { pid: 50, unique_pid: Some(1050) }));
        assert_eq!((reported[0].transport, reported[0].process_name.as_deref()), (Transport::Tcp, Some("osascript")));
        assert_eq!(reported[0].time, Timestamp::from_milliseconds(1_000_020).unwrap(), "480,000 ticks of 125/3 ns");
        assert_eq!(reported[0].user_id.is_some(), size >= 344);
        client.receive(&[update(1, TCP_KERNEL, size, 4), removed(1, 0)].concat(), Duration::ZERO, received());
        let reported = client.flows();
        assert_eq!((reported.len(), reported[0].phase), (1, Phase::Closed));
        assert_eq!(reported[0].bytes, Some(Bytes { received: 700, sent: 300 }));
    }
}

#[test]
fn a_flow_first_seen_as_it_closes_is_reported_at_the_time_of_its_socket_and_then_closed() {
    let mut client = ready();
    let mut last = update(1, TCP_KERNEL, 344, 4);
    put(&mut last, 152 + 76, &0_u32.to_le_bytes());
    client.receive(&last, Duration::ZERO, received());
    let reported = client.flows();
    assert_eq!(reported.iter().map(|flow| flow.phase).collect::<Vec<_>>(), [Phase::Connected, Phase::Closed]);
    assert_eq!(reported[0].time, Timestamp::from_milliseconds(1_000_010).unwrap());
}

#[test]
fn udp_and_quic_have_their_own_layouts_and_transports() {
    for (provider, size, transport) in
        [(UDP_KERNEL, 272, Transport::Udp), (UDP_KERNEL, 280, Transport::Udp), (QUIC, 344, Transport::Quic)]
    {
        let mut client = ready();
        client.receive(&update(1, provider, size, 0), Duration::ZERO, received());
        assert_eq!(client.flows()[0].transport, transport);
    }
}

#[test]
fn a_flow_that_began_before_the_agent_is_no_news_but_its_end_is() {
    let mut client = ready();
    let mut old = update(1, TCP_KERNEL, 344, 0);
    put(&mut old, 152 + 16, &5_u64.to_le_bytes());
    client.receive(&old, Duration::ZERO, received());
    assert!(client.flows().is_empty());
    put(&mut old, 14, &4_u16.to_le_bytes());
    client.receive(&old, Duration::ZERO, received());
    assert_eq!(client.flows().iter().map(|flow| flow.phase).collect::<Vec<_>>(), [Phase::Closed]);
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
    let owners: Vec<_> = client.flows().iter().map(|flow| (flow.owner.process().pid, flow.via)).collect();
    assert_eq!(owners, [(77, Some(ProcessRef { pid: 50, unique_pid: Some(1050) })), (50, None)]);
}

#[test]
fn in_user_space_an_effective_pid_alone_names_the_process_acted_for() {
    for (provider, epid, eupid, owner) in [
        (TCP_USERLAND, 77, 0, (77, None)),
        (QUIC, 77, 0, (77, None)),
        (TCP_USERLAND, 77, 1077, (77, Some(1077))),
        (TCP_USERLAND, 50, 0, (50, Some(1050))),
        (TCP_USERLAND, 0, 0, (50, Some(1050))),
        (TCP_KERNEL, 77, 0, (50, Some(1050))),
    ] {
        let mut client = ready();
        let mut bytes = update(1, provider, 344, 0);
        put(&mut bytes, 152 + 8, &u64::to_le_bytes(eupid));
        put(&mut bytes, 152 + 120, &u32::to_le_bytes(epid));
        client.receive(&bytes, Duration::ZERO, received());
        let ProcessRef { pid, unique_pid } = client.flows()[0].owner.process();
        assert_eq!((pid, unique_pid), owner, "provider {provider}, epid {epid}, eupid {eupid}");
    }
}

#[test]
fn only_the_kernels_own_sockets_have_a_user() {
    for (provider, size, user_id) in
        [(TCP_KERNEL, 344, Some(501)), (UDP_KERNEL, 280, Some(501)), (TCP_USERLAND, 344, None), (QUIC, 344, None)]
    {
        let mut client = ready();
        let mut bytes = update(1, provider, size, 0);
        put(&mut bytes, 152 + if size == 344 { 328 } else { 268 }, &501_u32.to_le_bytes());
        client.receive(&bytes, Duration::ZERO, received());
        assert_eq!(client.flows()[0].user_id, user_id, "provider {provider}");
    }
}

#[test]
fn a_remote_address_is_a_connection_whatever_the_state_and_is_reported_once() {
    for provider in [TCP_KERNEL, TCP_USERLAND, QUIC] {
        let mut client = ready();
        let in_state = |state: u32| {
            let mut bytes = update(1, provider, 344, 0);
            put(&mut bytes, 152 + 76, &state.to_le_bytes());
            bytes
        };
        client.receive(&in_state(1), Duration::ZERO, received());
        assert_eq!(client.flows().len(), 0, "it listens");
        client.receive(&in_state(0), Duration::ZERO, received());
        assert_eq!(client.flows().len(), 1, "diverted to a proxy, or in a state that user space did not write");
        [2, 4, 5].iter().for_each(|state| client.receive(&in_state(*state), Duration::ZERO, received()));
        assert_eq!(client.flows().len(), 0, "its state moved on");
    }
}

#[test]
fn a_process_that_becomes_watched_is_asked_about_at_once_and_soon_again() {
    let (mut client, ms) = (ready(), Duration::from_millis);
    let mut unset = update(1, TCP_KERNEL, 336, 0);
    put(&mut unset, 152 + 152, &[0; 8]);
    client.receive(&[added(1, TCP_KERNEL), unset].concat(), ms(0), received());
    client.tick(ms(5000), |_| false);
    (0..5).for_each(|_| client.tick(ms(9000), |_| false));
    client.requests();
    let watched = |process: ProcessRef| process.pid == 50;
    // Twice, as when it execs: the second takes the place of the first.
    client.client.watch(ms(9999), watched);
    client.client.watch(ms(10_000), watched);
    assert_eq!(client.requests(), [1007, 1007]);
    let asked: Vec<u64> = (10_000..12_500)
        .filter(|at| {
            client.tick(ms(*at), watched);
            !client.requests().is_empty()
        })
        .collect();
    assert_eq!(asked, [10_010, 10_050, 10_200, 11_200, 12_200]);
}

#[test]
fn a_listening_socket_is_no_connection() {
    let mut client = ready();
    let mut listener = update(1, TCP_KERNEL, 344, 0);
    put(&mut listener, 152 + 76, &1_u32.to_le_bytes());
    client.receive(&listener, Duration::ZERO, received());
    assert!(client.flows().is_empty());
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
    let inbound = |client: &mut Conversation| client.flows().iter().map(|flow| flow.inbound).collect::<Vec<_>>();
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
    client.requests();
    assert_eq!(client.client.next_wakeup(ms(0), true), Some(ms(2)));
    assert_eq!(client.client.next_wakeup(ms(0), false), Some(ms(1000)), "nothing is urgent while nothing is watched");
    client.tick(ms(2), |_| false);
    assert!(client.requests().is_empty());
    client.tick(ms(12), |process| process.pid == 50);
    assert_eq!(client.requests(), [1007]);
    client.receive(&update(1, TCP_KERNEL, 336, 0), ms(13), received());
    assert_eq!(client.flows().len(), 1);
    client.tick(ms(5000), |_| true);
    assert_eq!(
        (client.requests().len(), client.client.next_wakeup(ms(5000), true)),
        (0, None),
        "no timer when nothing waits"
    );
}

/// An update of a UDP socket to an IPv4 address, or to none.
fn udp_to(remote: [u8; 4], flags: u16) -> Vec<u8> {
    let mut bytes = update(1, UDP_KERNEL, 280, flags);
    let [a, b, c, d] = remote;
    let end = if remote == [0; 4] { [0; 8] } else { [16, 2, 0, 53, a, b, c, d] };
    put(&mut bytes, 152 + 84, &end);
    bytes
}

fn started_before_the_agent(mut update: Vec<u8>) -> Vec<u8> {
    put(&mut update, 152 + 16, &5_u64.to_le_bytes());
    update
}

/// The remote addresses of the flows since the last call, and whether each is an end.
fn told(client: &mut Conversation) -> Vec<(String, bool)> {
    client.flows().iter().map(|flow| (flow.remote.ip().to_string(), flow.phase == Phase::Closed)).collect()
}

fn begun(remote: &str) -> (String, bool) {
    (remote.to_owned(), false)
}

#[test]
fn a_udp_socket_that_connects_again_is_told_for_each_address_and_asked_about_while_its_process_is_watched() {
    let (mut client, ms) = (ready(), Duration::from_millis);
    client.receive(&[added(1, UDP_KERNEL), udp_to([127, 0, 0, 1], 0)].concat(), ms(0), received());
    assert_eq!(told(&mut client), [begun("127.0.0.1")]);
    client.requests();
    let is_watched = |process: ProcessRef| process.pid == 50;
    let asked: Vec<u64> = (0..4100)
        .filter(|at| {
            client.tick(ms(*at), is_watched);
            !client.requests().is_empty()
        })
        .collect();
    assert_eq!(asked, [2, 12, 52, 202, 1202, 2202, 3202]);
    let (first, again) = (udp_to([192, 0, 2, 1], 0), udp_to([192, 0, 2, 1], 0));
    client.receive(&[first, again].concat(), ms(4100), received());
    assert_eq!(told(&mut client), [begun("192.0.2.1")]);
    client.receive(&[udp_to([0; 4], 0), udp_to([192, 0, 2, 1], 0)].concat(), ms(4100), received());
    assert_eq!(told(&mut client), [], "dissolved, and connected to the same address");
    client.receive(&udp_to([192, 0, 2, 2], 4), ms(4200), received());
    assert_eq!(told(&mut client), [begun("192.0.2.2"), ("192.0.2.2".into(), true)], "at the latest as it closes");
}

#[test]
fn an_address_that_a_socket_is_first_seen_with_as_it_closes_has_the_time_of_the_report_if_it_had_another() {
    let mut client = ready();
    client.receive(&udp_to([127, 0, 0, 1], 0), Duration::ZERO, received());
    client.receive(&udp_to([192, 0, 2, 1], 4), Duration::ZERO, received());
    assert_eq!(client.flows()[1].time, Timestamp::from_milliseconds(1_000_020).unwrap());
}

#[test]
fn a_socket_made_before_the_agent_is_news_when_it_connects_after_it_was_seen() {
    for (before, now) in [([0; 4], [192, 0, 2, 1]), ([127, 0, 0, 1], [192, 0, 2, 1])] {
        let mut client = ready();
        client.receive(&started_before_the_agent(udp_to(before, 0)), Duration::ZERO, received());
        assert_eq!(told(&mut client), []);
        client.receive(&started_before_the_agent(udp_to(now, 0)), Duration::ZERO, received());
        assert_eq!(told(&mut client), [begun("192.0.2.1")], "{before:?}");
    }
}

#[test]
fn a_socket_made_before_the_agent_is_news_when_the_kernel_says_that_it_connects() {
    let mut client = ready();
    let mut connecting = started_before_the_agent(update(1, TCP_KERNEL, 344, 0));
    put(&mut connecting, 24, &0x2000_u64.to_le_bytes());
    client.receive(&connecting, Duration::ZERO, received());
    assert_eq!(told(&mut client), [begun("93.184.216.34")]);
}

#[test]
fn a_host_name_stands_behind_the_descriptor_of_either_length() {
    for (size, kind, name) in [(336, 1, Some("example.com")), (344, 1, Some("example.com")), (336, 0, None)] {
        let mut client = ready();
        client.receive(&extended(size, kind, b"example.com"), Duration::ZERO, received());
        let reported = client.flows();
        assert_eq!((reported.len(), reported[0].remote_name.as_deref()), (1, name), "{size} {kind}");
        assert_eq!(reported[0].user_id.is_some(), size == 344, "the length of the descriptor is known");
        assert_eq!(client.client.take_counters(), Counters::default());
    }
    let mut client = ready();
    client.receive(&extended(344, 1, b"")[..], Duration::ZERO, received());
    assert_eq!(client.flows()[0].remote_name, None);
}

#[test]
fn the_name_of_a_host_is_asked_for_and_no_interface_is_chosen() {
    let mut client = Conversation::new();
    client.client.start(Duration::ZERO);
    client.drain();
    let request = client.requests[0].clone();
    assert_eq!(request.len(), 56);
    assert_eq!(request[16..24], 0x0000_0200_0000_0000_u64.to_le_bytes());
    assert_eq!(request[24..32], 0x3080_u64.to_le_bytes());
}

#[test]
fn flows_of_this_process_are_not_reported() {
    let mut client = ready();
    let mut own = update(1, TCP_KERNEL, 344, 0);
    put(&mut own, 152, &1009_u64.to_le_bytes());
    put(&mut own, 152 + 8, &1009_u64.to_le_bytes());
    put(&mut own, 152 + 116, &9_u32.to_le_bytes());
    client.receive(&own, Duration::ZERO, received());
    put(&mut own, 14, &4_u16.to_le_bytes());
    client.receive(&own, Duration::ZERO, received());
    assert!(client.flows().is_empty());
}

#[test]
fn the_time_of_day_follows_a_corrected_clock_and_the_beginning_does_not_move() {
    let mut client = ready();
    let later = Timestamp::from_milliseconds(1_003_000).unwrap();
    client.client.set_clock(ContinuousClock { ticks: 1_240_000, time: later, ..clock() }, Duration::ZERO);
    client.receive(&update(1, TCP_KERNEL, 344, 0), Duration::ZERO, Timestamp::from_milliseconds(1_004_000).unwrap());
    assert_eq!(client.flows()[0].time, Timestamp::from_milliseconds(1_003_010).unwrap());
}

#[test]
fn a_time_of_day_that_was_set_is_noticed_and_one_that_is_corrected_by_milliseconds_is_not() {
    let client = ready();
    // 10 ms later by the ticks.
    let read = |ms| ContinuousClock { ticks: 1_240_000, time: Timestamp::from_milliseconds(ms).unwrap(), ..clock() };
    assert!(!client.client.is_clock_set(&read(1_000_010)) && !client.client.is_clock_set(&read(1_000_060)));
    assert!(client.client.is_clock_set(&read(1_000_010 + 3_600_000)));
    assert!(client.client.is_clock_set(&read(1_000_010 - 900_000)));
}
