//! The shape of an `eslogger` line: what of it osawatch reads, and the message that it is.
//!
//! `eslogger` is "not API in any sense", so whatever an event can do without may be absent or null, and
//! members that are not named here are skipped unread.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};

use super::error::Error;
use crate::event::{AuditToken, Timestamp};
use crate::source::endpoint_security as es;

/// Text that stays in the line when it holds no escape. Within an `Option` or a `Vec`, serde borrows
/// only for a type that requires it.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A line as a message.
#[allow(clippy::large_enum_variant, reason = "nearly every line is a message, and none is kept")]
pub(super) enum Read<'a> {
    Message(es::Message<'a>),
    Skipped(String),
}

/// `es_message_t`.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    time: Text<'a>,
    version: Option<i64>,
    seq_num: Option<i64>,
    global_seq_num: Option<i64>,
    /// Asked for because it marks a line as eslogger's; the event's own key says which event it is.
    #[serde(rename = "event_type")]
    _event_type: IgnoredAny,
    #[serde(borrow)]
    process: Process<'a>,
    #[serde(borrow)]
    event: Body<'a>,
}

/// `es_process_t`.
#[derive(Deserialize)]
struct Process<'a> {
    audit_token: Token,
    /// From message version 4.
    parent_audit_token: Option<Token>,
    /// From message version 4.
    responsible_audit_token: Option<Token>,
    ppid: Option<i64>,
    original_ppid: Option<i64>,
    group_id: Option<i64>,
    session_id: Option<i64>,
    codesigning_flags: Option<i64>,
    is_platform_binary: Option<bool>,
    #[serde(borrow)]
    cdhash: Option<Text<'a>>,
    #[serde(borrow)]
    signing_id: Option<Text<'a>>,
    #[serde(borrow)]
    team_id: Option<Text<'a>>,
    #[serde(borrow)]
    executable: Option<File<'a>>,
    #[serde(borrow)]
    tty: Option<File<'a>>,
    #[serde(borrow)]
    start_time: Option<Text<'a>>,
}

/// `audit_token_t`: an object, or in macOS 26 beta an array. Serde reads a struct from either; the
/// members stand in the order of the array. FACT: eslogger-token
#[derive(Deserialize)]
struct Token {
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

impl From<Token> for AuditToken {
    fn from(token: Token) -> AuditToken {
        let Token { auid, euid, egid, ruid, rgid, pid, asid, pidversion } = token;
        AuditToken([auid, euid, egid, ruid, rgid, pid, asid, pidversion])
    }
}

/// `es_file_t`.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    path: Text<'a>,
    /// The path was longer than the system copies.
    path_truncated: Option<bool>,
    stat: Option<Stat>,
}

/// `struct stat`, of which only a terminal's device number matters. Inode numbers exceed what a double
/// holds; they are not read.
#[derive(Deserialize)]
struct Stat {
    st_rdev: Option<i64>,
}

/// `es_event_exec_t`.
#[derive(Deserialize)]
struct Exec<'a> {
    #[serde(borrow)]
    target: Process<'a>,
    #[serde(borrow)]
    args: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    env: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    cwd: Option<File<'a>>,
    #[serde(borrow)]
    script: Option<File<'a>>,
}

/// `es_event_fork_t`.
#[derive(Deserialize)]
struct Fork<'a> {
    #[serde(borrow)]
    child: Process<'a>,
}

/// `es_event_exit_t`.
#[derive(Deserialize)]
struct Exit {
    stat: i64,
}

/// The event, by the one key of its object.
enum Body<'a> {
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

impl<'a> Line<'a> {
    /// The message, or the name of an event that osawatch does not use.
    pub(super) fn message(self) -> Result<Read<'a>, Error> {
        let Text(time) = self.time;
        let time = Timestamp::parse(&time).ok_or_else(|| Error::BadTime(time.into_owned()))?;
        let event = match self.event {
            Body::Exec(exec) => es::Notification::Exec(Box::new((*exec).into())),
            Body::Fork(fork) => es::Notification::Fork(Box::new(es::Fork { child: fork.child.into() })),
            Body::Exit(exit) => es::Notification::Exit(es::Exit { stat: exit.stat }),
            Body::Other(name) => return Ok(Read::Skipped(name)),
        };
        let number = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        Ok(Read::Message(es::Message {
            time,
            version: self.version,
            seq_num: number(self.seq_num),
            global_seq_num: number(self.global_seq_num),
            process: self.process.into(),
            event,
        }))
    }
}

impl<'a> From<Exec<'a>> for es::Exec<'a> {
    fn from(exec: Exec<'a>) -> es::Exec<'a> {
        es::Exec {
            target: exec.target.into(),
            args: exec.args.map(texts),
            args_count: None,
            args_left_out: 0,
            env: exec.env.map(texts),
            cwd: exec.cwd.map(Into::into),
            script: exec.script.map(Into::into),
            descriptors: [None; 3],
        }
    }
}

impl<'a> From<Process<'a>> for es::Process<'a> {
    fn from(process: Process<'a>) -> es::Process<'a> {
        es::Process {
            audit_token: process.audit_token.into(),
            parent_audit_token: process.parent_audit_token.map(Into::into),
            responsible_audit_token: process.responsible_audit_token.map(Into::into),
            ppid: process.ppid,
            original_ppid: process.original_ppid,
            group_id: process.group_id,
            session_id: process.session_id,
            codesigning_flags: process.codesigning_flags,
            is_platform_binary: process.is_platform_binary,
            cdhash: text(process.cdhash),
            signing_id: text(process.signing_id),
            team_id: text(process.team_id),
            executable: process.executable.map(Into::into),
            tty: process.tty.map(Into::into),
            start_time: text(process.start_time),
        }
    }
}

impl<'a> From<File<'a>> for es::File<'a> {
    fn from(file: File<'a>) -> es::File<'a> {
        let Text(path) = file.path;
        let device = file.stat.and_then(|stat| stat.st_rdev);
        es::File { path, path_truncated: file.path_truncated == Some(true), device }
    }
}

fn text(text: Option<Text<'_>>) -> Option<Cow<'_, str>> {
    text.map(|Text(text)| text)
}

fn texts(texts: Vec<Text<'_>>) -> Vec<Cow<'_, str>> {
    texts.into_iter().map(|Text(text)| text).collect()
}
