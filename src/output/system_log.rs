//! Alerts to the system log (RFC 5424), for sites that collect it. The file is the durable way.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::detect::rule::Severity;
use crate::event::Timestamp;
use crate::event::document::{get, insert, text};
use crate::report::visible;

/// Where the system log listens: on Linux, on macOS.
const SOCKETS: [&str; 2] = ["/dev/log", "/var/run/syslog"];
/// Security and authorization messages that not everyone may read.
const AUTHPRIV: u8 = 10;
/// What is sent of an alert too long for one datagram: macOS takes 2,048 bytes.
const SHORT: [&str; 14] = [
    "@timestamp",
    "event.id",
    "event.kind",
    "event.sequence",
    "event.severity",
    "event.reason",
    "rule.id",
    "rule.name",
    "host.id",
    "user.name",
    "process.pid",
    "process.executable",
    "destination.ip",
    "destination.port",
];
/// Bytes of one value in the short form.
const SHORT_VALUE: usize = 256;

/// The system log.
#[derive(Debug)]
pub(crate) struct SystemLog {
    socket: UnixDatagram,
    path: PathBuf,
}

impl SystemLog {
    /// The system log of this machine.
    pub(crate) fn open() -> io::Result<SystemLog> {
        let path = SOCKETS.iter().find(|path| Path::new(path).exists());
        let path = path.ok_or_else(|| io::Error::other(format!("no socket at {}", SOCKETS.join(" or "))))?;
        SystemLog::at(Path::new(path))
    }

    fn at(path: &Path) -> io::Result<SystemLog> {
        let socket = UnixDatagram::unbound()?;
        // A log that does not read must not hold up the engine.
        socket.set_nonblocking(true)?;
        Ok(SystemLog { socket, path: path.to_owned() })
    }

    /// Sends an alert; of one that is too long, what names it.
    pub(crate) fn send(&self, document: &Map<String, Json>, now: Timestamp) -> io::Result<()> {
        let sent = self.socket.send_to(message(document, document, now).as_bytes(), &self.path);
        match sent {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EMSGSIZE | libc::ENOBUFS)) => {
                self.socket.send_to(message(document, &short(document), now).as_bytes(), &self.path).map(drop)
            }
            other => other.map(drop),
        }
    }
}

fn short(document: &Map<String, Json>) -> Map<String, Json> {
    let mut short = Map::new();
    for name in SHORT {
        let value = match get(document, name) {
            Some(Json::String(text)) => text[..text.floor_char_boundary(SHORT_VALUE)].into(),
            Some(value) => value.clone(),
            None => continue,
        };
        insert(&mut short, name, value);
    }
    short
}

/// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG`, RFC 5424 section 6.
fn message(document: &Map<String, Json>, body: &Map<String, Json>, now: Timestamp) -> String {
    let number = get(document, "event.severity").and_then(Json::as_u64).unwrap_or(0);
    let severity = match Severity::ALL.into_iter().find(|severity| severity.number() == number) {
        Some(Severity::Critical) => 2,
        Some(Severity::High) => 3,
        Some(Severity::Medium) => 4,
        Some(Severity::Low) | None => 5,
    };
    // RFC 5424 knows times to the microsecond, and names of printable ASCII.
    let now = now.to_string();
    let (seconds, fraction) = now.trim_end_matches('Z').split_once('.').unwrap_or((now.trim_end_matches('Z'), "0"));
    let fraction = &fraction[..fraction.len().min(6)];
    let host = text(document, "host.name").unwrap_or_default();
    let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    let host = if host.is_empty() { "-" } else { &host };
    let body = visible(&Json::Object(body.clone()).to_string());
    let priority = AUTHPRIV * 8 + severity;
    format!("<{priority}>1 {seconds}.{fraction}Z {host} osawatch {} alert - {body}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(reason: &str) -> Map<String, Json> {
        let document = serde_json::json!({
            "@timestamp": "2026-01-15T09:30:00Z", "event": {"id": "x", "severity": 73, "reason": reason},
            "rule": {"id": "r"}, "host": {"name": "mac one"},
        });
        document.as_object().unwrap().clone()
    }

    #[test]
    fn an_alert_is_one_datagram_of_rfc_5424_and_a_long_one_goes_out_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = UnixDatagram::bind(&path).unwrap();
        let syslog = SystemLog::at(&path).unwrap();
        let now = Timestamp::parse("2026-01-15T09:30:00.123456789Z").unwrap();
        let mut bytes = vec![0; 65536];
        syslog.send(&document("a\u{1b}b"), now).unwrap();
        let length = log.recv(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        let head = format!("<83>1 2026-01-15T09:30:00.123456Z macone osawatch {} alert - {{", std::process::id());
        assert!(text.starts_with(&head), "{text}");
        assert!(!text.contains('\u{1b}'));

        let long = document(&"x".repeat(4 << 20));
        let sent = syslog.send(&long, now);
        sent.unwrap();
        let length = log.recv(&mut bytes).unwrap();
        assert!(length < 1024, "{length}");
        assert!(String::from_utf8_lossy(&bytes[..length]).contains("\"id\":\"r\""));
    }
}
