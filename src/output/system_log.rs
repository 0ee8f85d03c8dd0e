//! Alerts to the system log, for sites that collect it. The file is the durable way.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::detect::rule::Severity;
use crate::event::Timestamp;
use crate::event::document::{get, insert, text};
use crate::visible::visible_json;

/// Where the system log listens, and how it is spoken to: on Linux, on macOS.
const SOCKETS: [(&str, Layout); 2] = [("/dev/log", Layout::Rfc5424), ("/var/run/syslog", Layout::Bsd)];
/// Security and authorization messages that not everyone may read.
const AUTHPRIV: u8 = 10;
/// What is sent of an alert too long for one datagram.
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
/// Bytes of that: macOS takes no longer datagram.
const SHORT_MESSAGE: usize = 2048;
/// Bytes of one value in it; the first that make a message so short.
const SHORT_VALUES: [usize; 5] = [256, 128, 64, 32, 16];

/// How a message is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG`, RFC 5424 section 6.
    Rfc5424,
    /// `<PRI>TAG[PID]: MSG`, the only one that Apple's syslogd takes apart. The time, which it reads as local time and to
    /// the second, is left out: it enters that of the receipt. FACT: syslogd-message
    Bsd,
}

/// The system log.
#[derive(Debug)]
pub(crate) struct SystemLog {
    socket: UnixDatagram,
    path: PathBuf,
    layout: Layout,
}

impl SystemLog {
    /// The system log of this machine.
    pub(crate) fn open() -> io::Result<SystemLog> {
        let found = SOCKETS.iter().find(|(path, _)| Path::new(path).exists());
        let paths = || SOCKETS.map(|(path, _)| path).join(" or ");
        let (path, layout) = found.ok_or_else(|| io::Error::other(format!("no socket at {}", paths())))?;
        SystemLog::at(Path::new(path), *layout)
    }

    fn at(path: &Path, layout: Layout) -> io::Result<SystemLog> {
        let socket = UnixDatagram::unbound()?;
        // A log that does not read must not hold up the engine.
        socket.set_nonblocking(true)?;
        Ok(SystemLog { socket, path: path.to_owned(), layout })
    }

    /// Sends an alert; of one that is too long, what names it.
    pub(crate) fn send(&self, document: &Map<String, Json>, now: Timestamp) -> io::Result<()> {
        let sent = self.socket.send_to(self.message(document, document, now).as_bytes(), &self.path);
        match sent {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EMSGSIZE | libc::ENOBUFS)) => {
                self.socket.send_to(self.short_message(document, now).as_bytes(), &self.path).map(drop)
            }
            other => other.map(drop),
        }
    }

    /// What names an alert: as much of each value as all of them have room for, escapes included.
    fn short_message(&self, document: &Map<String, Json>, now: Timestamp) -> String {
        let mut message = String::new();
        for bytes in SHORT_VALUES {
            message = self.message(document, &short(document, bytes), now);
            if message.len() <= SHORT_MESSAGE {
                break;
            }
        }
        message
    }

    fn message(&self, document: &Map<String, Json>, body: &Map<String, Json>, now: Timestamp) -> String {
        let number = get(document, "event.severity").and_then(Json::as_u64).unwrap_or(0);
        let severity = match Severity::ALL.into_iter().find(|severity| severity.number() == number) {
            Some(Severity::Critical) => 2,
            Some(Severity::High) => 3,
            Some(Severity::Medium) => 4,
            Some(Severity::Low) | None => 5,
        };
        let (priority, pid) = (AUTHPRIV * 8 + severity, std::process::id());
        let body = visible_json(&Json::Object(body.clone()).to_string());
        match self.layout {
            Layout::Rfc5424 => {
                let (time, host) = (microseconds(now), host(document));
                format!("<{priority}>1 {time} {host} osawatch {pid} alert - {body}")
            }
            Layout::Bsd => format!("<{priority}>osawatch[{pid}]: {body}"),
        }
    }
}

fn short(document: &Map<String, Json>, bytes: usize) -> Map<String, Json> {
    let mut short = Map::new();
    for name in SHORT {
        let value = match get(document, name) {
            Some(Json::String(text)) => text[..text.floor_char_boundary(bytes)].into(),
            Some(value) => value.clone(),
            None => continue,
        };
        insert(&mut short, name, value);
    }
    short
}

/// RFC 5424 knows times to the microsecond,
fn microseconds(time: Timestamp) -> String {
    let time = time.to_string();
    let (seconds, fraction) = time.trim_end_matches('Z').split_once('.').unwrap_or((time.trim_end_matches('Z'), "0"));
    format!("{seconds}.{}Z", &fraction[..fraction.len().min(6)])
}

/// and names of printable ASCII.
fn host(document: &Map<String, Json>) -> String {
    let host = text(document, "host.name").unwrap_or_default();
    let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    if host.is_empty() { "-".to_owned() } else { host }
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

    /// What the log receives of an alert: all before the body, and that.
    fn received(layout: Layout, document: &Map<String, Json>) -> (String, Json, usize) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = UnixDatagram::bind(&path).unwrap();
        let now = Timestamp::parse("2026-01-15T09:30:00.123456789Z").unwrap();
        SystemLog::at(&path, layout).unwrap().send(document, now).unwrap();
        let mut bytes = vec![0; 1 << 20];
        let length = log.recv(&mut bytes).unwrap();
        let text = std::str::from_utf8(&bytes[..length]).unwrap();
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text}");
        let (head, body) = text.split_at(text.find('{').unwrap());
        (head.to_owned(), serde_json::from_str(body).unwrap(), length)
    }

    #[test]
    fn an_alert_is_one_datagram_whose_body_is_its_json_whatever_characters_it_holds() {
        let pid = std::process::id();
        let heads = [
            (Layout::Rfc5424, format!("<83>1 2026-01-15T09:30:00.123456Z macone osawatch {pid} alert - ")),
            // What asl_syslog_input_convert takes apart: no colon before that behind the pid.
            (Layout::Bsd, format!("<83>osawatch[{pid}]: ")),
        ];
        let alert = document("a\u{1b}b\u{202e}c\u{200d}d\u{9b}e\u{7f}\u{e0041}\n\"");
        for (layout, wanted) in heads {
            let (head, body, _) = received(layout, &alert);
            assert_eq!((head, body), (wanted, Json::Object(alert.clone())));
        }
    }

    #[test]
    fn a_long_alert_goes_out_short_and_is_json_too() {
        for layout in [Layout::Rfc5424, Layout::Bsd] {
            let (_, body, length) = received(layout, &document(&"x".repeat(4 << 20)));
            assert!(length < 1024, "{length}");
            assert_eq!((&body["rule"]["id"], &body["event"]["reason"]), (&"r".into(), &"x".repeat(256).into()));
        }
    }

    #[test]
    fn a_short_message_of_values_that_all_have_to_be_escaped_is_one_that_macos_takes() {
        let mut alert = document("");
        insert(&mut alert, "host.name", "h".repeat(300).into());
        for name in SHORT.into_iter().filter(|name| !["event.severity", "process.pid"].contains(name)) {
            insert(&mut alert, name, "\u{1}".repeat(5000).into());
        }
        insert(&mut alert, "message", "x".repeat(4 << 20).into());
        for layout in [Layout::Rfc5424, Layout::Bsd] {
            let (_, body, length) = received(layout, &alert);
            assert!(length <= SHORT_MESSAGE, "{length}");
            assert!(body["process"]["executable"].as_str().unwrap().starts_with('\u{1}'));
        }
    }
}
