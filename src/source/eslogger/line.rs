//! The shape of an `eslogger` line: what of it osawatch reads. `message` makes it a message of Endpoint Security.
//!
//! `eslogger` is "not API in any sense", so whatever an event can do without may be absent or null, and
//! members that are not named here are skipped unread.

mod message;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::loose::{Loose, Member};
use crate::event::AuditToken;
use crate::source::endpoint_security as es;

/// A line as a message.
#[allow(clippy::large_enum_variant, reason = "nearly every line is a message, and none is kept")]
pub(super) enum Read<'a> {
    Message(es::Message<'a>),
    Skipped(String),
}

/// Text that stays in the line when it holds no escape.
type Text<'a> = Loose<Cow<'a, str>>;

/// `es_message_t`.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow, default)]
    time: Text<'a>,
    #[serde(default)]
    version: Loose<i64>,
    #[serde(default)]
    seq_num: Loose<u64>,
    #[serde(default)]
    global_seq_num: Loose<u64>,
    /// Asked for because it marks a line as eslogger's; the event's own key says which event it is.
    #[serde(rename = "event_type")]
    _event_type: IgnoredAny,
    #[serde(borrow, default)]
    process: Loose<Process<'a>>,
    #[serde(borrow)]
    event: Body<'a>,
}

/// `es_process_t`.
#[derive(Deserialize)]
struct Process<'a> {
    #[serde(default)]
    audit_token: Loose<Token>,
    /// From message version 4.
    #[serde(default)]
    parent_audit_token: Loose<Token>,
    /// From message version 4.
    #[serde(default)]
    responsible_audit_token: Loose<Token>,
    #[serde(default)]
    ppid: Loose<i64>,
    #[serde(default)]
    original_ppid: Loose<i64>,
    #[serde(default)]
    group_id: Loose<i64>,
    #[serde(default)]
    session_id: Loose<i64>,
    #[serde(default)]
    codesigning_flags: Loose<i64>,
    #[serde(default)]
    is_platform_binary: Loose<bool>,
    #[serde(borrow, default)]
    cdhash: Text<'a>,
    #[serde(borrow, default)]
    signing_id: Text<'a>,
    #[serde(borrow, default)]
    team_id: Text<'a>,
    #[serde(borrow, default)]
    executable: Loose<File<'a>>,
    #[serde(borrow, default)]
    tty: Loose<File<'a>>,
    #[serde(borrow, default)]
    start_time: Text<'a>,
}

impl<'de: 'a, 'a> Member<'de> for Process<'a> {
    fn of_map<A: MapAccess<'de>>(map: A) -> Result<Option<Process<'a>>, A::Error> {
        Process::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// `audit_token_t`: an object, or in macOS 26 beta an array. FACT: eslogger-token
/// Serde reads a struct from either; the members are in the order of the array.
#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    auid: Loose<u32>,
    #[serde(default)]
    euid: Loose<u32>,
    #[serde(default)]
    egid: Loose<u32>,
    #[serde(default)]
    ruid: Loose<u32>,
    #[serde(default)]
    rgid: Loose<u32>,
    #[serde(default)]
    pid: Loose<u32>,
    #[serde(default)]
    asid: Loose<u32>,
    #[serde(default)]
    pidversion: Loose<u32>,
}

impl<'de> Member<'de> for Token {
    fn of_map<A: MapAccess<'de>>(map: A) -> Result<Option<Token>, A::Error> {
        Token::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }

    fn of_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Token>, A::Error> {
        let token = Token::deserialize(SeqAccessDeserializer::new(&mut seq))?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(token))
    }
}

impl Token {
    /// A token names an execution by its pid and pid version; without these it names none.
    fn token(self) -> Option<AuditToken> {
        let Token { auid, euid, egid, ruid, rgid, pid, asid, pidversion } = self;
        let word = |word: Loose<u32>| word.0.unwrap_or_default();
        let (pid, pidversion) = (pid.0?, pidversion.0?);
        Some(AuditToken([word(auid), word(euid), word(egid), word(ruid), word(rgid), pid, word(asid), pidversion]))
    }
}

/// `es_file_t`.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow, default)]
    path: Text<'a>,
    /// The path was longer than the system copies.
    #[serde(default)]
    path_truncated: Loose<bool>,
    #[serde(default)]
    stat: Loose<Stat>,
}

impl<'de: 'a, 'a> Member<'de> for File<'a> {
    /// The path alone, as some writers shorten it.
    fn of_text(text: Cow<'de, str>) -> Option<File<'a>> {
        Some(File { path: Loose(Some(text)), path_truncated: Loose(None), stat: Loose(None) })
    }

    fn of_map<A: MapAccess<'de>>(map: A) -> Result<Option<File<'a>>, A::Error> {
        File::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// `struct stat`, of which only a terminal's device number matters. Inode numbers exceed what a double
/// holds; they are not read.
#[derive(Deserialize)]
struct Stat {
    #[serde(default)]
    st_rdev: Loose<i64>,
}

impl<'de> Member<'de> for Stat {
    fn of_map<A: MapAccess<'de>>(map: A) -> Result<Option<Stat>, A::Error> {
        Stat::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// `es_event_exec_t`.
#[derive(Deserialize)]
struct Exec<'a> {
    #[serde(borrow)]
    target: Process<'a>,
    #[serde(borrow, default)]
    args: Loose<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    env: Loose<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    cwd: Loose<File<'a>>,
    #[serde(borrow, default)]
    script: Loose<File<'a>>,
    #[serde(default)]
    fds: Loose<Descriptors>,
}

/// Standard input, output and error, of all descriptors.
#[derive(Default)]
struct Descriptors([es::Descriptor; 3]);

impl<'de> Member<'de> for Descriptors {
    fn of_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Descriptors>, A::Error> {
        let mut all = Descriptors::default();
        while let Some(Loose(descriptor)) = seq.next_element::<Loose<Fd>>()? {
            let Some(Fd { fd, fdtype, pipe }) = descriptor else { continue };
            let place = fd.0.and_then(|fd| usize::try_from(fd).ok()).and_then(|fd| all.0.get_mut(fd));
            if let (Some(place), Some(number)) = (place, fdtype.0) {
                *place = es::Descriptor::of(number, pipe.0.and_then(|pipe| pipe.pipe_id.0));
            }
        }
        Ok(Some(all))
    }
}

/// `es_fd_t`.
#[derive(Deserialize)]
struct Fd {
    #[serde(default)]
    fd: Loose<i64>,
    #[serde(default)]
    fdtype: Loose<u32>,
    #[serde(default)]
    pipe: Loose<Pipe>,
}

impl<'de> Member<'de> for Fd {
    fn of_map<A: MapAccess<'de>>(map: A) -> Result<Option<Fd>, A::Error> {
        Fd::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

#[derive(Deserialize)]
struct Pipe {
    #[serde(default)]
    pipe_id: Loose<u64>,
}

impl<'de> Member<'de> for Pipe {
    fn of_map<A: MapAccess<'de>>(map: A) -> Result<Option<Pipe>, A::Error> {
        Pipe::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
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
    #[serde(default)]
    stat: Loose<i64>,
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
        while let Some(Loose(name)) = map.next_key::<Text<'_>>()? {
            let name = name.unwrap_or_default();
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
