//! The shape of an `eslogger` line, which is the shape of an Endpoint Security message: what of it
//! osawatch reads. A client of our own fills the same.
//!
//! `eslogger` is "not API in any sense", so whatever an event can do without may be absent or null, and
//! members that are not named here are passed over unread.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};

use crate::event::AuditToken;

/// Text that stays in the line when it holds no escape. Within an `Option` or a `Vec`, serde borrows
/// only for a type that says so.
#[derive(Deserialize)]
pub(in crate::source) struct Text<'a>(#[serde(borrow)] pub(in crate::source) Cow<'a, str>);

/// A line: `es_message_t`.
#[derive(Deserialize)]
pub(in crate::source) struct Message<'a> {
    #[serde(borrow)]
    pub(in crate::source) time: Text<'a>,
    pub(in crate::source) version: Option<i64>,
    pub(in crate::source) seq_num: Option<i64>,
    pub(in crate::source) global_seq_num: Option<i64>,
    /// Asked for because it marks a line as eslogger's; the event's own key says which event it is.
    #[serde(rename = "event_type")]
    pub(in crate::source) _event_type: IgnoredAny,
    #[serde(borrow)]
    pub(in crate::source) process: Process<'a>,
    #[serde(borrow)]
    pub(in crate::source) event: Body<'a>,
}

/// `es_process_t`.
#[derive(Default, Deserialize)]
pub(in crate::source) struct Process<'a> {
    pub(in crate::source) audit_token: Token,
    /// From message version 4.
    pub(in crate::source) parent_audit_token: Option<Token>,
    /// From message version 4.
    pub(in crate::source) responsible_audit_token: Option<Token>,
    pub(in crate::source) ppid: Option<i64>,
    pub(in crate::source) group_id: Option<i64>,
    pub(in crate::source) session_id: Option<i64>,
    pub(in crate::source) codesigning_flags: Option<i64>,
    pub(in crate::source) is_platform_binary: Option<bool>,
    #[serde(borrow)]
    pub(in crate::source) cdhash: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::source) signing_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::source) team_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::source) executable: Option<File<'a>>,
    #[serde(borrow)]
    pub(in crate::source) tty: Option<File<'a>>,
    #[serde(borrow)]
    pub(in crate::source) start_time: Option<Text<'a>>,
}

/// `audit_token_t`: an object, or in macOS 26 beta an array. Serde reads a struct from either; the
/// members stand in the order of the array.
#[derive(Default, Deserialize)]
pub(in crate::source) struct Token {
    #[serde(default)]
    auid: u32,
    #[serde(default)]
    euid: u32,
    #[serde(default)]
    egid: u32,
    #[serde(default)]
    ruid: u32,
    #[serde(default)]
    rgid: u32,
    pid: u32,
    #[serde(default)]
    asid: u32,
    pidversion: u32,
}

impl From<[u32; 8]> for Token {
    /// From the words of an `audit_token_t`.
    fn from([auid, euid, egid, ruid, rgid, pid, asid, pidversion]: [u32; 8]) -> Token {
        Token { auid, euid, egid, ruid, rgid, pid, asid, pidversion }
    }
}

impl Token {
    pub(in crate::source) fn audit_token(&self) -> AuditToken {
        let Token { auid, euid, egid, ruid, rgid, pid, asid, pidversion } = *self;
        AuditToken([auid, euid, egid, ruid, rgid, pid, asid, pidversion])
    }
}

/// `es_file_t`.
#[derive(Deserialize)]
pub(in crate::source) struct File<'a> {
    #[serde(borrow)]
    pub(in crate::source) path: Text<'a>,
    /// The path was longer than the system copies.
    pub(in crate::source) path_truncated: Option<bool>,
    pub(in crate::source) stat: Option<Stat>,
}

/// `struct stat`, of which only a terminal's device number matters. Inode numbers exceed what a double
/// holds; they are not read.
#[derive(Deserialize)]
pub(in crate::source) struct Stat {
    pub(in crate::source) st_rdev: Option<i64>,
}

/// `es_event_exec_t`.
#[derive(Deserialize)]
pub(in crate::source) struct Exec<'a> {
    #[serde(borrow)]
    pub(in crate::source) target: Process<'a>,
    #[serde(borrow)]
    pub(in crate::source) args: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(in crate::source) env: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(in crate::source) cwd: Option<File<'a>>,
    #[serde(borrow)]
    pub(in crate::source) script: Option<File<'a>>,
    /// What standard input, output and error are; only an Endpoint Security client of our own knows.
    #[serde(skip)]
    pub(in crate::source) descriptors: [Option<&'static str>; 3],
    /// Bytes of arguments that were not copied.
    #[serde(skip)]
    pub(in crate::source) args_left_out: usize,
}

/// `es_event_fork_t`.
#[derive(Deserialize)]
pub(in crate::source) struct Fork<'a> {
    #[serde(borrow)]
    pub(in crate::source) child: Process<'a>,
}

/// `es_event_exit_t`.
#[derive(Deserialize)]
pub(in crate::source) struct Exit {
    pub(in crate::source) stat: i64,
}

/// The event, by the one key of its object.
pub(in crate::source) enum Body<'a> {
    Exec(Box<Exec<'a>>),
    Fork(Box<Fork<'a>>),
    Exit(Exit),
    Other(String),
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BodyVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the event under its name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body<'de>, A::Error> {
        let mut body = None;
        while let Some(Text(name)) = map.next_key()? {
            let read = match &*name {
                "exec" => Body::Exec(map.next_value()?),
                "fork" => Body::Fork(map.next_value()?),
                "exit" => Body::Exit(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    Body::Other(name.into_owned())
                }
            };
            body.get_or_insert(read);
        }
        body.ok_or_else(|| A::Error::custom("the event is empty"))
    }
}
