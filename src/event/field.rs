//! The one table of ECS field names: rules, decoders and alerts all read it.
//!
//! The fields osawatch itself fills have constants; any other field that ECS 9.4 or Elastic Defend
//! defines can be resolved by name, and decoders then extract it from documents that carry it.

use std::sync::OnceLock;

use ahash::HashMap;

/// A field of an [`Event`](super::Event): an index into the [`Fields`](super::Fields) it was resolved by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Field(pub(super) u16);

/// How Elasticsearch indexes a field, which decides how its values compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldType {
    /// `keyword`: exact text; values over 1,024 characters are not indexed (`ignore_above`).
    Keyword,
    /// `wildcard` and text types: exact text of any length.
    Wildcard,
    /// `long`: a 64-bit integer.
    Long,
    /// `float`, `double`: a number.
    Double,
    /// `boolean`.
    Boolean,
    /// `ip`: an IPv4 or IPv6 address.
    Ip,
    /// `date`.
    Date,
    /// `object`, `nested`, `flattened`, `geo_point`: holds fields, has no value to compare.
    Object,
}

impl FieldType {
    fn parse(name: &str) -> FieldType {
        match name {
            "long" | "integer" => FieldType::Long,
            "float" | "double" | "scaled_float" => FieldType::Double,
            "boolean" => FieldType::Boolean,
            "ip" => FieldType::Ip,
            "date" => FieldType::Date,
            "wildcard" | "match_only_text" => FieldType::Wildcard,
            "object" | "nested" | "flattened" | "geo_point" => FieldType::Object,
            _ => FieldType::Keyword,
        }
    }
}

macro_rules! core_fields {
    ($($constant:ident = $name:literal: $kind:ident,)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Core { $($constant,)* }
        pub(super) const CORE: &[(&str, FieldType)] = &[$(($name, FieldType::$kind),)*];
        $(
            #[doc = concat!("`", $name, "`")]
            pub const $constant: Field = Field(Core::$constant as u16);
        )*
    };
}

core_fields! {
    TIMESTAMP = "@timestamp": Date,
    DOCUMENT_ID = "_id": Keyword,
    AGENT_ID = "agent.id": Keyword,
    EVENT_ID = "event.id": Keyword,
    EVENT_ACTION = "event.action": Keyword,
    EVENT_CATEGORY = "event.category": Keyword,
    EVENT_TYPE = "event.type": Keyword,
    EVENT_KIND = "event.kind": Keyword,
    EVENT_MODULE = "event.module": Keyword,
    EVENT_PROVIDER = "event.provider": Keyword,
    EVENT_START = "event.start": Date,
    EVENT_DURATION = "event.duration": Long,
    EVENT_SEQUENCE = "event.sequence": Long,
    HOST_ID = "host.id": Keyword,
    HOST_NAME = "host.name": Keyword,
    HOST_HOSTNAME = "host.hostname": Keyword,
    HOST_BOOT_ID = "host.boot.id": Keyword,
    HOST_OS_TYPE = "host.os.type": Keyword,
    HOST_OS_VERSION = "host.os.version": Keyword,
    USER_ID = "user.id": Keyword,
    USER_NAME = "user.name": Keyword,
    USER_EFFECTIVE_ID = "user.effective.id": Keyword,
    GROUP_ID = "group.id": Keyword,
    PROCESS_ENTITY_ID = "process.entity_id": Keyword,
    PROCESS_PID = "process.pid": Long,
    PROCESS_NAME = "process.name": Keyword,
    PROCESS_EXECUTABLE = "process.executable": Keyword,
    PROCESS_ARGS = "process.args": Keyword,
    PROCESS_ARGS_COUNT = "process.args_count": Long,
    PROCESS_COMMAND_LINE = "process.command_line": Wildcard,
    PROCESS_WORKING_DIRECTORY = "process.working_directory": Keyword,
    PROCESS_ENV_VARS = "process.env_vars": Keyword,
    PROCESS_START = "process.start": Date,
    PROCESS_END = "process.end": Date,
    PROCESS_EXIT_CODE = "process.exit_code": Long,
    PROCESS_SHA256 = "process.hash.sha256": Keyword,
    PROCESS_CDHASH = "process.hash.cdhash": Keyword,
    PROCESS_SIGNATURE_EXISTS = "process.code_signature.exists": Boolean,
    PROCESS_SIGNATURE_VALID = "process.code_signature.valid": Boolean,
    PROCESS_SIGNATURE_TRUSTED = "process.code_signature.trusted": Boolean,
    PROCESS_SIGNATURE_STATUS = "process.code_signature.status": Keyword,
    PROCESS_SIGNING_ID = "process.code_signature.signing_id": Keyword,
    PROCESS_TEAM_ID = "process.code_signature.team_id": Keyword,
    PROCESS_SIGNATURE_FLAGS = "process.code_signature.flags": Keyword,
    PROCESS_GROUP_LEADER_PID = "process.group_leader.pid": Long,
    PROCESS_SESSION_LEADER_PID = "process.session_leader.pid": Long,
    PROCESS_USER_ID = "process.user.id": Keyword,
    PROCESS_REAL_USER_ID = "process.real_user.id": Keyword,
    PROCESS_GROUP_ID = "process.group.id": Keyword,
    PROCESS_TTY_MAJOR = "process.tty.char_device.major": Long,
    PROCESS_TTY_MINOR = "process.tty.char_device.minor": Long,
    PARENT_ENTITY_ID = "process.parent.entity_id": Keyword,
    PARENT_PID = "process.parent.pid": Long,
    PARENT_NAME = "process.parent.name": Keyword,
    PARENT_EXECUTABLE = "process.parent.executable": Keyword,
    PARENT_ARGS = "process.parent.args": Keyword,
    PARENT_ARGS_COUNT = "process.parent.args_count": Long,
    PARENT_COMMAND_LINE = "process.parent.command_line": Wildcard,
    PARENT_SIGNING_ID = "process.parent.code_signature.signing_id": Keyword,
    PARENT_SIGNATURE_EXISTS = "process.parent.code_signature.exists": Boolean,
    PARENT_SIGNATURE_TRUSTED = "process.parent.code_signature.trusted": Boolean,
    PARENT_TEAM_ID = "process.parent.code_signature.team_id": Keyword,
    ANCESTRY = "process.Ext.ancestry": Keyword,
    EFFECTIVE_PARENT_ENTITY_ID = "process.Ext.effective_parent.entity_id": Keyword,
    EFFECTIVE_PARENT_PID = "process.Ext.effective_parent.pid": Long,
    EFFECTIVE_PARENT_NAME = "process.Ext.effective_parent.name": Keyword,
    EFFECTIVE_PARENT_EXECUTABLE = "process.Ext.effective_parent.executable": Keyword,
    EFFECTIVE_PROCESS_ENTITY_ID = "Effective_process.entity_id": Keyword,
    EFFECTIVE_PROCESS_PID = "Effective_process.pid": Long,
    EFFECTIVE_PROCESS_NAME = "Effective_process.name": Keyword,
    EFFECTIVE_PROCESS_EXECUTABLE = "Effective_process.executable": Keyword,
    DESTINATION_IP = "destination.ip": Ip,
    DESTINATION_PORT = "destination.port": Long,
    DESTINATION_ADDRESS = "destination.address": Keyword,
    DESTINATION_DOMAIN = "destination.domain": Keyword,
    SOURCE_IP = "source.ip": Ip,
    SOURCE_PORT = "source.port": Long,
    SOURCE_BYTES = "source.bytes": Long,
    DESTINATION_BYTES = "destination.bytes": Long,
    NETWORK_TRANSPORT = "network.transport": Keyword,
    NETWORK_DIRECTION = "network.direction": Keyword,
    NETWORK_APPLICATION = "network.protocol": Keyword,
    DNS_QUESTION_NAME = "dns.question.name": Keyword,
    PIDVERSION = "osawatch.process.pidversion": Long,
    AUDIT_TOKEN = "osawatch.process.audit_token": Keyword,
    UNIQUE_PID = "osawatch.process.unique_pid": Long,
    PATH_TRUNCATED = "osawatch.process.path_truncated": Boolean,
    ARGS_LEFT_OUT = "osawatch.process.args_left_out": Long,
    STDIN_TYPE = "osawatch.process.stdin_type": Keyword,
    STDOUT_TYPE = "osawatch.process.stdout_type": Keyword,
    STDERR_TYPE = "osawatch.process.stderr_type": Keyword,
    STDIN_PIPE = "osawatch.process.stdin_pipe": Keyword,
    STDOUT_PIPE = "osawatch.process.stdout_pipe": Keyword,
    KERNEL_NAME = "osawatch.process.kernel_name": Keyword,
    IS_PLATFORM_BINARY = "osawatch.process.is_platform_binary": Boolean,
    TTY_PATH = "osawatch.process.tty_path": Keyword,
    SCRIPT_PATH = "osawatch.process.script_path": Keyword,
    EXIT_STATUS = "osawatch.process.exit_status": Long,
    PARENT_PIDVERSION = "osawatch.parent.pidversion": Long,
    ORIGINAL_PARENT_PID = "osawatch.original_parent.pid": Long,
    RESPONSIBLE_PIDVERSION = "osawatch.responsible.pidversion": Long,
    REPLACED_ENTITY_ID = "osawatch.replaced.entity_id": Keyword,
    ATTRIBUTION_METHOD = "osawatch.attribution.method": Keyword,
    ATTRIBUTION_VIA = "osawatch.attribution.via": Keyword,
    ATTRIBUTION_INHERITED = "osawatch.attribution.inherited": Boolean,
    ATTRIBUTION_WAITED_MS = "osawatch.attribution.waited_ms": Long,
    MESSAGE_VERSION = "osawatch.endpoint_security.version": Long,
    SEQ_NUM = "osawatch.endpoint_security.seq_num": Long,
    GLOBAL_SEQ_NUM = "osawatch.endpoint_security.global_seq_num": Long,
}

/// Fields every decoder extracts, because the program itself reads them: what an alert says depends on no rule that
/// happens to name a field.
pub(super) const ALWAYS: &[Field] = &[
    TIMESTAMP,
    DOCUMENT_ID,
    EVENT_ID,
    EVENT_ACTION,
    EVENT_CATEGORY,
    EVENT_TYPE,
    HOST_ID,
    HOST_BOOT_ID,
    USER_ID,
    USER_NAME,
    PROCESS_ENTITY_ID,
    PROCESS_PID,
    PROCESS_NAME,
    PROCESS_EXECUTABLE,
    PROCESS_ARGS,
    PROCESS_COMMAND_LINE,
    PROCESS_WORKING_DIRECTORY,
    PROCESS_START,
    PROCESS_CDHASH,
    PROCESS_SIGNATURE_EXISTS,
    PROCESS_SIGNATURE_TRUSTED,
    PROCESS_SIGNING_ID,
    PROCESS_TEAM_ID,
    PARENT_ENTITY_ID,
    PARENT_PID,
    PARENT_NAME,
    PARENT_EXECUTABLE,
    PARENT_SIGNATURE_EXISTS,
    ANCESTRY,
    EFFECTIVE_PARENT_ENTITY_ID,
    EFFECTIVE_PARENT_PID,
    EFFECTIVE_PARENT_NAME,
    EFFECTIVE_PARENT_EXECUTABLE,
    EFFECTIVE_PROCESS_ENTITY_ID,
    DESTINATION_IP,
    DESTINATION_ADDRESS,
    DESTINATION_DOMAIN,
    DESTINATION_PORT,
    SOURCE_PORT,
    PIDVERSION,
    UNIQUE_PID,
    AUDIT_TOKEN,
    STDIN_PIPE,
    STDOUT_PIPE,
    STDIN_TYPE,
    PATH_TRUNCATED,
    ARGS_LEFT_OUT,
    TTY_PATH,
    SCRIPT_PATH,
    IS_PLATFORM_BINARY,
    ORIGINAL_PARENT_PID,
    REPLACED_ENTITY_ID,
];

/// What `process.code_signature.status` says of a signature that is trusted, and of a program without one: the messages
/// of macOS for these two results of a check, as Elastic Defend has them.
pub const SIGNATURE_STATUS: [&str; 2] = ["No error.", "code object is not signed at all"];

/// Fields with a constant that only recordings fill.
const NEVER_LIVE: &[Field] =
    &[DOCUMENT_ID, AGENT_ID, EVENT_ID, EVENT_SEQUENCE, HOST_OS_VERSION, PROCESS_SHA256, DNS_QUESTION_NAME];

impl Field {
    /// The ECS name of a field that has a constant; `None` for one resolved by name only.
    pub fn core_name(self) -> Option<&'static str> {
        CORE.get(usize::from(self.0)).map(|(name, _)| *name)
    }

    /// Whether the sensors of a live Mac fill it, or what the stream knows of a process.
    pub fn is_filled_live(self) -> bool {
        self.core_name().is_some() && !NEVER_LIVE.contains(&self)
    }

    /// The values that the sensors of a live Mac report, where they know only these.
    pub fn live_values(self) -> Option<&'static [&'static str]> {
        (self == PROCESS_SIGNATURE_STATUS).then_some(&SIGNATURE_STATUS)
    }

    /// The position in the table, for lookup tables.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One row of the ECS 9.4 table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcsField {
    /// The type that ECS gives, as written there.
    pub ecs_type: &'static str,
    /// ECS wants an array of values.
    pub array: bool,
}

/// The ECS 9.4 table, by field name.
pub fn ecs() -> &'static HashMap<&'static str, EcsField> {
    static TABLE: OnceLock<HashMap<&'static str, EcsField>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let rows = include_str!("ecs_fields.tsv").lines().filter(|line| !line.starts_with('#'));
        rows.filter_map(|row| {
            let mut columns = row.split('\t');
            let (name, ecs_type) = (columns.next()?, columns.next()?);
            Some((name, EcsField { ecs_type, array: columns.next() == Some("*") }))
        })
        .collect()
    })
}

/// The type of a field that ECS or Elastic Defend defines.
///
/// Defend's own fields are not in ECS. Its documentation (elastic/endpoint-package) names them:
/// `*.Ext.*` extensions, `Effective_process.*` and `Target.process.*` with the members of
/// `process.*`, and `Persistence.*`.
pub(crate) fn known_type(name: &str) -> Option<FieldType> {
    if let Some(row) = ecs().get(name) {
        return Some(FieldType::parse(row.ecs_type));
    }
    for prefix in ["Effective_process.", "Target.process."] {
        if let Some(member) = name.strip_prefix(prefix) {
            return known_type(&format!("process.{member}"));
        }
    }
    if let Some((_, member)) = name.split_once(".Ext.") {
        let known = ["effective_parent.", "ancestry_process."].iter().find_map(|p| member.strip_prefix(p));
        return Some(known.and_then(|m| known_type(&format!("process.{m}"))).unwrap_or(FieldType::Keyword));
    }
    let persistence = ["args", "executablepath", "keepalive", "name", "path", "runatload"];
    match name.strip_prefix("Persistence.") {
        Some("keepalive" | "runatload") => Some(FieldType::Boolean),
        Some(member) if persistence.contains(&member) => Some(FieldType::Keyword),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_names_agree_with_ecs_on_type() {
        for (name, kind) in CORE {
            if let Some(row) = ecs().get(name) {
                assert_eq!(FieldType::parse(row.ecs_type), *kind, "{name}");
            }
        }
    }
}
