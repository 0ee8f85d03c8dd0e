//! What the members of a document are, by their names.

use serde_json::Value as Json;

/// Parts of an alert that no source wrote.
pub(super) const OURS: [&str; 6] = ["rule", "threat", "ecs", "data_stream", "agent", "labels"];
/// Fields that name things: no secrets, and a document without them is of no use.
pub(super) const NAMES: [&str; 17] = [
    "name",
    "executable",
    "entity_id",
    "id",
    "sha256",
    "sha1",
    "md5",
    "cdhash",
    "@timestamp",
    "created",
    "start",
    "end",
    "ip",
    "address",
    "domain",
    "dataset",
    "module",
];
/// Fields that hold the environment of a process.
pub(super) const ENVIRONMENT: [&str; 4] = ["env_vars", "env", "environment", "Env"];
/// Fields whose text the expressions of the configuration are for.
pub(super) const TEXTS: [&str; 12] = [
    "args",
    "command_line",
    "text",
    "title",
    "env_vars",
    "decoded",
    "urls",
    "message",
    "original",
    "reason",
    "body",
    "content",
];
/// The field of a script's text, and that of what is unpacked from it.
pub(super) const SCRIPT: &str = "text";
pub(super) const UNPACKED: &str = "decoded";

/// The last part of a dotted name.
pub(super) fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

pub(super) fn is_unpacked(key: &str, values: &[Json]) -> bool {
    key == UNPACKED && values.iter().all(Json::is_string)
}
