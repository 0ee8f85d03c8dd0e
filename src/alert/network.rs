//! The connection of an alert: addresses, flow hash, and what to search for elsewhere.

use std::net::SocketAddr;

use serde_json::{Map, Value as Json};

use super::community_id::community_id;
use crate::event::document::{get, insert, text};

/// Fills what follows from the addresses, ports and transport that the documents state.
pub(super) fn complete(alert: &mut Map<String, Json>) {
    for side in ["source", "destination"] {
        if let Some(ip) = text(alert, &format!("{side}.ip")) {
            insert(alert, &format!("{side}.address"), ip.into());
        }
    }
    let Some(ip) = text(alert, "destination.ip") else { return };
    insert(alert, "network.type", if ip.contains(':') { "ipv6" } else { "ipv4" }.into());
    if alert.get("network").is_some() {
        insert(alert, "network.direction", "egress".into());
    }
    let protocol = match text(alert, "network.transport").as_deref() {
        Some("tcp") => 6,
        Some("udp") => 17,
        _ => return,
    };
    insert(alert, "network.iana_number", protocol.to_string().into());
    if let (Some(source), Some(destination)) = (end(alert, "source"), end(alert, "destination")) {
        insert(alert, "network.community_id", community_id(source, destination, protocol).into());
    }
}

fn end(alert: &Map<String, Json>, side: &str) -> Option<SocketAddr> {
    let address = text(alert, &format!("{side}.ip"))?.parse().ok()?;
    let port = u16::try_from(get(alert, &format!("{side}.port"))?.as_u64()?).ok()?;
    Some(SocketAddr::new(address, port))
}

/// `related.*`: every address, user, hash and host of the alert, for searches that pivot on them.
pub(super) fn related(alert: &Map<String, Json>) -> Json {
    let gather = |names: &[&str]| {
        let mut values: Vec<Json> = Vec::new();
        for name in names {
            let found = get(alert, name).into_iter().flat_map(|value| match value {
                Json::Array(values) => values.clone(),
                value => vec![value.clone()],
            });
            found.for_each(|value| {
                if !values.contains(&value) {
                    values.push(value)
                }
            });
        }
        values
    };
    let mut related = Map::new();
    for (name, values) in [
        ("ip", gather(&["host.ip", "source.ip", "destination.ip"])),
        ("user", gather(&["user.name", "user.id", "user.effective.name", "process.user.name"])),
        ("hash", gather(&["process.hash.sha256", "process.hash.sha1", "process.hash.md5", "process.hash.cdhash"])),
        ("hosts", gather(&["host.name", "host.hostname", "destination.domain"])),
    ] {
        if !values.is_empty() {
            related.insert(name.into(), Json::Array(values));
        }
    }
    Json::Object(related)
}
