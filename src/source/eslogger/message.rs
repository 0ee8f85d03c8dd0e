//! The shape of an `eslogger` line: what of it osawatch reads.
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
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A line: `es_message_t`.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) time: Text<'a>,
    pub(super) version: Option<i64>,
    pub(super) seq_num: Option<i64>,
    pub(super) global_seq_num: Option<i64>,
    /// Asked for because it marks a line as eslogger's; the event's own key says which event it is.
    #[serde(rename = "event_type")]
    _event_type: IgnoredAny,
    #[serde(borrow)]
    pub(super) process: Process<'a>,
    #[serde(borrow)]
    pub(super) event: Body<'a>,
}

/// `es_process_t`.
#[derive(Deserialize)]
pub(super) struct Process<'a> {
    pub(super) audit_token: Token,
    /// From message version 4.
    pub(super) parent_audit_token: Option<Token>,
    /// From message version 4.
    pub(super) responsible_audit_token: Option<Token>,
    pub(super) ppid: Option<i64>,
    pub(super) group_id: Option<i64>,
    pub(super) session_id: Option<i64>,
    pub(super) codesigning_flags: Option<i64>,
    pub(super) is_platform_binary: Option<bool>,
    #[serde(borrow)]
    pub(super) cdhash: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) signing_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) team_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) executable: Option<File<'a>>,
    #[serde(borrow)]
    pub(super) tty: Option<File<'a>>,
    #[serde(borrow)]
    pub(super) start_time: Option<Text<'a>>,
}

/// `audit_token_t`: an object, or in macOS 26 beta an array. Serde reads a struct from either; the
/// members stand in the order of the array.
#[derive(Deserialize)]
pub(super) struct Token {
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

impl Token {
    pub(super) fn audit_token(&self) -> AuditToken {
        let Token { auid, euid, egid, ruid, rgid, pid, asid, pidversion } = *self;
        AuditToken([auid, euid, egid, ruid, rgid, pid, asid, pidversion])
    }
}

/// `es_file_t`.
#[derive(Deserialize)]
pub(super) struct File<'a> {
    #[serde(borrow)]
    pub(super) path: Text<'a>,
    pub(super) stat: Option<Stat>,
}

/// `struct stat`, of which only a terminal's device number matters. Inode numbers exceed what a double
/// holds; they are not read.
#[derive(Deserialize)]
pub(super) struct Stat {
    pub(super) st_rdev: Option<i64>,
}

/// `es_event_exec_t`.
#[derive(Deserialize)]
pub(super) struct Exec<'a> {
    #[serde(borrow)]
    pub(super) target: Process<'a>,
    #[serde(borrow)]
    pub(super) args: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) env: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) cwd: Option<File<'a>>,
    #[serde(borrow)]
    pub(super) script: Option<File<'a>>,
}

/// `es_event_fork_t`.
#[derive(Deserialize)]
pub(super) struct Fork<'a> {
    #[serde(borrow)]
    pub(super) child: Process<'a>,
}

/// `es_event_exit_t`.
#[derive(Deserialize)]
pub(super) struct Exit {
    pub(super) stat: i64,
}

/// The event, by the one key of its object.
pub(super) enum Body<'a> {
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
