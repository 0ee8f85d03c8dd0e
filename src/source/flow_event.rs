//! A flow to an event, before anyone knows which execution made it.

use crate::event::{Categories, Event, Flow, Machine, Phase, ProcessRef, Transport, field};

/// The event of a flow. Its process is named by pid and unique pid; process tracking finds the
/// execution. A process that acts on behalf of another is named in `osawatch.attribution.via`.
pub(crate) fn event(flow: &Flow, machine: &Machine, host_name: Option<&str>) -> Event {
    let mut event = Event::new(flow.time, Categories::NETWORK);
    let (kind, action) = match (flow.phase, flow.inbound) {
        (Phase::Connected, Some(true)) => ("start", "connection_accepted"),
        (Phase::Connected, _) => ("start", "connection_attempted"),
        (Phase::Closed, _) => ("end", "disconnect_received"),
    };
    for (field, value) in [
        (field::EVENT_KIND, "event"),
        (field::EVENT_CATEGORY, "network"),
        (field::EVENT_TYPE, kind),
        (field::EVENT_TYPE, "connection"),
        (field::EVENT_ACTION, action),
        (field::EVENT_MODULE, "osawatch"),
        (field::EVENT_PROVIDER, flow.source.provider()),
        (field::HOST_ID, &machine.host_id),
        (field::HOST_NAME, host_name.unwrap_or_default()),
        (field::HOST_HOSTNAME, host_name.unwrap_or_default()),
        (field::HOST_BOOT_ID, &machine.boot_id),
        (field::HOST_OS_TYPE, "macos"),
    ] {
        if !value.is_empty() {
            event.push_str(field, value);
        }
    }
    if let Some(started) = flow.started {
        event.push_str(field::EVENT_START, &started.to_string());
        let nanoseconds = flow.time.nanoseconds().saturating_sub(started.nanoseconds());
        if flow.phase == Phase::Closed && nanoseconds > 0 {
            event.push_int(field::EVENT_DURATION, nanoseconds);
        }
    }
    push_process(&mut event, flow);
    push_ends(&mut event, flow);
    event
}

fn push_process(event: &mut Event, flow: &Flow) {
    let ProcessRef { pid, unique_pid } = flow.owner.process();
    event.push_int(field::PROCESS_PID, pid.into());
    if let Some(unique_pid) = unique_pid.and_then(|unique_pid| i64::try_from(unique_pid).ok()) {
        event.push_int(field::UNIQUE_PID, unique_pid);
    }
    if let Some(pidversion) = flow.owner.pidversion() {
        event.push_int(field::PIDVERSION, pidversion.into());
    }
    match (flow.via, flow.process_name.as_deref()) {
        (Some(via), name) => {
            event.push_str(field::ATTRIBUTION_VIA, &format!("{}/{}", via.pid, name.unwrap_or_default()));
        }
        (None, Some(name)) if !name.is_empty() => event.push_str(field::KERNEL_NAME, name),
        (None, _) => {}
    }
    if let Some(user_id) = flow.user_id {
        event.push_str(field::USER_ID, &user_id.to_string());
    }
}

fn push_ends(event: &mut Event, flow: &Flow) {
    // ECS: the source is the end that began. An accepted flow began at the remote end.
    let inbound = flow.inbound == Some(true);
    let (source, destination) = if inbound { (Some(flow.remote), flow.local) } else { (flow.local, Some(flow.remote)) };
    if let Some(end) = source {
        event.push_str(field::SOURCE_IP, &end.ip().to_canonical().to_string());
        event.push_int(field::SOURCE_PORT, end.port().into());
    }
    if let Some(end) = destination {
        let address = end.ip().to_canonical().to_string();
        event.push_str(field::DESTINATION_IP, &address);
        event.push_str(field::DESTINATION_ADDRESS, &address);
        event.push_int(field::DESTINATION_PORT, end.port().into());
    }
    if let Some(name) = flow.remote_name.as_deref().filter(|name| !inbound && !name.is_empty()) {
        event.push_str(field::DESTINATION_DOMAIN, name);
    }
    let (transport, application) = match flow.transport {
        Transport::Tcp => ("tcp", None),
        Transport::Udp => ("udp", None),
        Transport::Quic => ("udp", Some("quic")),
    };
    event.push_str(field::NETWORK_TRANSPORT, transport);
    if let Some(application) = application {
        event.push_str(field::NETWORK_APPLICATION, application);
    }
    if let Some(inbound) = flow.inbound {
        event.push_str(field::NETWORK_DIRECTION, if inbound { "ingress" } else { "egress" });
    }
    if flow.phase == Phase::Closed {
        let (out, back) = if inbound {
            (field::DESTINATION_BYTES, field::SOURCE_BYTES)
        } else {
            (field::SOURCE_BYTES, field::DESTINATION_BYTES)
        };
        for (field, bytes) in
            [(out, flow.bytes.map(|bytes| bytes.sent)), (back, flow.bytes.map(|bytes| bytes.received))]
        {
            if let Some(bytes) = bytes.and_then(|bytes| i64::try_from(bytes).ok()) {
                event.push_int(field, bytes);
            }
        }
    }
}
