//! Telemetry of Jamf Protect: messages of Endpoint Security as eslogger prints them, that name the Mac they
//! are of, and connections besides.

use std::net::IpAddr;

use serde::Deserialize;

use super::eslogger;
use crate::event::{Categories, Decoded, Event, Line, Machine, Timestamp, field};

#[derive(Deserialize)]
struct Telemetry {
    time: String,
    host: Host,
    glob_seq_num: Option<i64>,
    event: Body,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Host {
    hostname: Option<String>,
    #[serde(rename = "provisioningUDID")]
    provisioning_udid: Option<String>,
    serial: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    network_connect: Option<Connection>,
}

#[derive(Deserialize)]
struct Connection {
    direction: Option<String>,
    remote_hostname: Option<String>,
    remote_endpoint: Option<Endpoint>,
    local_endpoint: Option<Endpoint>,
    socket_protocol: Option<i64>,
    instigator: Option<Process>,
}

#[derive(Deserialize)]
struct Endpoint {
    host: String,
    port: Number,
}

/// Ports are written as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    Text(String),
}

#[derive(Deserialize)]
struct Process {
    audit_token: Token,
    executable: Option<File>,
}

#[derive(Deserialize)]
struct Token {
    pid: u32,
    pidversion: u32,
    ruid: Option<u32>,
}

#[derive(Deserialize)]
struct File {
    path: String,
}

/// Whether a message comes from Jamf Protect: its counter of all messages has a unique name.
pub(super) fn is_telemetry(line: &Line) -> bool {
    memchr::memmem::find(line.as_str().as_bytes(), b"\"glob_seq_num\"").is_some()
}

/// Decodes a message; `None` when it is not Jamf Protect's after all.
pub(super) fn decode(line: &Line) -> Option<Decoded> {
    let telemetry: Telemetry = serde_json::from_str(line.as_str()).ok()?;
    let Host { hostname, provisioning_udid, serial } = telemetry.host;
    let host_id = provisioning_udid.or(serial).or_else(|| hostname.clone())?;
    let machine = Machine { host_id, boot_id: String::new() };
    let mut event = match telemetry.event.network_connect {
        Some(connection) => {
            let time = Timestamp::parse(&telemetry.time)?;
            connected(time, &connection, &machine, hostname.as_deref())
        }
        None => match eslogger::Decoder::new(machine, hostname).decode(line).ok()? {
            Decoded::Event(event) => event,
            skipped => return Some(skipped),
        },
    };
    if let Some(number) = telemetry.glob_seq_num.filter(|_| event.int(field::GLOBAL_SEQ_NUM).is_none()) {
        event.push_int(field::GLOBAL_SEQ_NUM, number);
    }
    Some(Decoded::Event(event))
}

/// The event that a connection is.
fn connected(time: Timestamp, connection: &Connection, machine: &Machine, host_name: Option<&str>) -> Event {
    let mut event = Event::new(time, Categories::NETWORK);
    let is_inbound = connection.direction.as_deref() == Some("inbound");
    let (action, direction) =
        if is_inbound { ("connection_accepted", "ingress") } else { ("connection_attempted", "egress") };
    let transport = match connection.socket_protocol {
        Some(6) => "tcp",
        Some(17) => "udp",
        _ => "",
    };
    for (field, value) in [
        (field::EVENT_KIND, "event"),
        (field::EVENT_CATEGORY, "network"),
        (field::EVENT_TYPE, "start"),
        (field::EVENT_TYPE, "connection"),
        (field::EVENT_ACTION, action),
        (field::EVENT_MODULE, "jamf_protect"),
        (field::EVENT_PROVIDER, "jamf_protect"),
        (field::HOST_ID, &machine.host_id),
        (field::HOST_NAME, host_name.unwrap_or_default()),
        (field::HOST_OS_TYPE, "macos"),
        (field::NETWORK_DIRECTION, direction),
        (field::NETWORK_TRANSPORT, transport),
    ] {
        if !value.is_empty() {
            event.push_str(field, value);
        }
    }
    if let Some(process) = &connection.instigator {
        push_process(&mut event, process, machine);
    }
    push_endpoints(&mut event, connection, is_inbound);
    event
}

fn push_process(event: &mut Event, process: &Process, machine: &Machine) {
    let Token { pid, pidversion, ruid } = process.audit_token;
    event.push_str(field::PROCESS_ENTITY_ID, &machine.entity_id(pid, pidversion));
    event.push_int(field::PROCESS_PID, pid.into());
    event.push_int(field::PIDVERSION, pidversion.into());
    if let Some(File { path }) = &process.executable {
        event.push_str(field::PROCESS_NAME, path.rsplit('/').next().unwrap_or_default());
        event.push_str(field::PROCESS_EXECUTABLE, path);
    }
    if let Some(user) = ruid {
        event.push_str(field::USER_ID, &user.to_string());
    }
}

fn push_endpoints(event: &mut Event, connection: &Connection, is_inbound: bool) {
    let remote = (field::DESTINATION_IP, field::DESTINATION_PORT);
    let local = (field::SOURCE_IP, field::SOURCE_PORT);
    let (remote, local) = if is_inbound { (local, remote) } else { (remote, local) };
    for ((ip, port), endpoint) in [(remote, &connection.remote_endpoint), (local, &connection.local_endpoint)] {
        let Some(endpoint) = endpoint else { continue };
        if let Ok(address) = endpoint.host.parse::<IpAddr>() {
            event.push_str(ip, &address.to_canonical().to_string());
        }
        let number = match &endpoint.port {
            Number::Number(number) => Some(*number),
            Number::Text(text) => text.parse().ok(),
        };
        if let Some(number) = number {
            event.push_int(port, number);
        }
    }
    if let Some(name) = connection.remote_hostname.as_deref().filter(|name| !is_inbound && !name.is_empty()) {
        event.push_str(field::DESTINATION_DOMAIN, name);
    }
}
