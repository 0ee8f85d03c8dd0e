//! Every key of the configuration: what the program says of them, and what the manifest for an MDM is made of.

use std::ops::RangeInclusive;

use serde_json::{Map, Value as Json, json};

use self::Kind::{Boolean, Choice, Duration, DurationOrNone, Integer, Path, Size, Tables, Text, Texts};
use super::{Config, value};
use crate::detect::volume;
use crate::quantity::{write_duration, write_size};

/// One key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// Its name, such as `alerts.keep_files`. `<ID>` stands for the id of a rule.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// A change is applied while the agent runs.
    pub reloads: bool,
    /// What it is, in one sentence.
    pub about: &'static str,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// True or false.
    Boolean,
    /// A whole number.
    Integer(RangeInclusive<u64>),
    /// A text such as `30s`; in milliseconds.
    Duration(RangeInclusive<u64>),
    /// The same, or zero, which turns it off.
    DurationOrNone(RangeInclusive<u64>),
    /// A text such as `16MiB`; in bytes.
    Size(RangeInclusive<u64>),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
    /// An absolute path.
    Path,
    /// Texts.
    Texts,
    /// Tables with these keys.
    Tables(&'static [&'static str]),
}

/// Every key, in the order of the shipped file.
pub(crate) fn keys() -> Vec<Key> {
    let mut keys = of_alerts();
    keys.extend(of_detection());
    keys.extend(of_operation());
    keys
}

/// One that a reload applies.
fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, reloads: true, about }
}

/// One that the next start applies.
fn at_start(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, reloads: false, about }
}

fn of_alerts() -> Vec<Key> {
    vec![
        key("alerts.file", Path, "The alert file, one JSON document per line."),
        at_start("alerts.state_directory", Path, "What is kept between runs."),
        key("alerts.fsync", Choice(&["always", "interval"]), "When alerts are forced to the disk."),
        key("alerts.fsync_interval", Duration(value::FSYNC_INTERVAL), "How often, when `fsync` is `interval`."),
        key("alerts.rotate_size", Size(value::ROTATE_SIZE), "Bytes of the file at which it is rotated."),
        key("alerts.rotate_age", Duration(value::ROTATE_AGE), "Age of the file at which it is rotated."),
        key("alerts.keep_files", Integer(value::KEEP_FILES), "Rotated files to keep."),
        key("alerts.keep_age", Duration(value::KEEP_AGE), "How long rotated files are kept."),
        key("alerts.keep_size", Size(value::KEEP_SIZE), "Bytes of all alert files to keep, at least `rotate_size`."),
        key("alerts.compress_after", Integer(value::KEEP_FILES), "The newest rotated files, which stay uncompressed."),
        key("alerts.syslog", Boolean, "Also send alerts to the system log."),
        key("script.capture_script", Choice(&["full", "hash", "off"]), "What an alert holds of the script."),
        key("script.redact", Texts, "Regular expressions whose matches are left out of alerts."),
        key("script.redact_defaults", Boolean, "Leave out passwords, tokens and keys that osawatch finds by itself."),
        key("script.redact_key", Text, "Equal secrets get equal marks under this key."),
    ]
}

fn of_detection() -> Vec<Key> {
    vec![
        key("volume.max_alerts", Integer(volume::MAX_ALERTS), "Alerts of one rule in one window; 0 is no limit."),
        key("volume.window", Duration(volume::WINDOW), "The window, from the first alert in it."),
        key("volume.rules.<ID>.max_alerts", Integer(volume::MAX_ALERTS), "The limit of one rule."),
        at_start("sources.exec", Choice(&["auto", "es", "eslogger"]), "Where process events come from."),
        at_start("sources.network", Choice(&["auto", "ntstat", "libproc"]), "Where connections come from."),
        at_start(
            "sources.endpoint_security_connect_event",
            Boolean,
            "Also use Endpoint Security's undocumented connect event.",
        ),
        key("sources.mute", Texts, "Programs whose processes Endpoint Security does not report: whole paths."),
        key(
            "rules.paths",
            Texts,
            "Rule files, or folders of them; relative to the folder of the configuration, where `rules` may be missing.",
        ),
        key("rules.disable", Texts, "Ids of rules that do not run."),
        key("rules.enable", Texts, "Ids of rules that run although they are off by default."),
    ]
}

fn of_operation() -> Vec<Key> {
    vec![
        key("agent.heartbeat", DurationOrNone(value::HEARTBEAT), "How often the agent writes how it is."),
        key(
            "agent.log_level",
            Choice(&["error", "warning", "info", "debug"]),
            "What of its messages is logged; `-v` and `-q` come first.",
        ),
        key(
            "limits.cpu",
            Integer(value::CPU),
            "Percent of one core over a minute; above it, optional work is left out.",
        ),
        at_start(
            "limits.memory",
            Size(value::MEMORY),
            "Bytes of events, executions, reports and alerts that are held; beyond it the oldest are evicted and counted.",
        ),
        at_start("limits.process_queue", Integer(value::QUEUE), "Process reports that may wait for the engine."),
        at_start("limits.flow_queue", Integer(value::QUEUE), "Connections that may wait for the engine."),
        at_start(
            "limits.alert_queue",
            Size(value::ALERT_QUEUE),
            "Bytes of alerts that wait in memory when neither the alert file nor the state directory takes them.",
        ),
        key("response.action", Choice(&["none", "terminate"]), "What is done about an alert."),
        key("response.dry_run", Boolean, "Only report what would be done."),
        key("response.grace", Duration(value::GRACE), "How long a process may take for its end before it is killed."),
        key("response.rules.<ID>.action", Choice(&["none", "terminate"]), "The action of one rule."),
        key(
            "exception",
            Tables(&["name", "rules", "condition", "owner", "reason", "expires"]),
            "Conditions under which an alert is not wanted; those of all files and of the managed preferences apply.",
        ),
    ]
}

impl Key {
    /// What it is when no file states it; `None`: nothing.
    pub(crate) fn default_value(&self) -> Option<toml::Value> {
        value_of(&Config::default(), self.name)
    }

    /// Its range in words.
    pub(crate) fn range(&self) -> String {
        let of = |range: &RangeInclusive<u64>, write: fn(u64) -> String| {
            format!("{} to {}", write(*range.start()), write(*range.end()))
        };
        match &self.kind {
            Kind::Boolean => "true, false".to_owned(),
            Kind::Integer(range) => of(range, |number| number.to_string()),
            Kind::Duration(range) => of(range, milliseconds),
            Kind::DurationOrNone(range) => format!("{}, or 0s for none", of(range, milliseconds)),
            Kind::Size(range) => of(range, write_size),
            Kind::Choice(words) => words.join(", "),
            Kind::Tables(keys) => keys.join(", "),
            Kind::Path => "an absolute path".to_owned(),
            Kind::Text | Kind::Texts => "any".to_owned(),
        }
    }

    /// The name of its type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Boolean => "boolean",
            Kind::Integer(_) => "integer",
            Kind::Duration(_) | Kind::DurationOrNone(_) => "duration",
            Kind::Size(_) => "size",
            Kind::Choice(_) => "choice",
            Kind::Text => "text",
            Kind::Path => "path",
            Kind::Texts => "list of texts",
            Kind::Tables(_) => "list of tables",
        }
    }

    /// The key as JSON.
    pub(crate) fn json(&self) -> Json {
        let mut out = Map::new();
        out.insert("key".into(), self.name.into());
        out.insert("type".into(), self.type_name().into());
        out.insert("plist_type".into(), self.plist_type().into());
        out.insert("default".into(), self.default_value().map_or(Json::Null, |value| json!(value)));
        let bounds = match &self.kind {
            Kind::Integer(range) => Some((json!(range.start()), json!(range.end()))),
            Kind::Duration(range) | Kind::DurationOrNone(range) => {
                Some((milliseconds(*range.start()).into(), milliseconds(*range.end()).into()))
            }
            Kind::Size(range) => Some((write_size(*range.start()).into(), write_size(*range.end()).into())),
            _ => None,
        };
        if let Some((minimum, maximum)) = bounds {
            out.insert("minimum".into(), minimum);
            out.insert("maximum".into(), maximum);
        }
        match &self.kind {
            Kind::Choice(words) => _ = out.insert("choices".into(), json!(words)),
            Kind::Tables(keys) => _ = out.insert("keys".into(), json!(keys)),
            Kind::DurationOrNone(_) => _ = out.insert("off".into(), "0s".into()),
            _ => {}
        }
        out.insert("applied".into(), if self.reloads { "on reload" } else { "at start" }.into());
        out.insert("description".into(), self.about.into());
        Json::Object(out)
    }

    /// The element that a property list has for it.
    fn plist_type(&self) -> &'static str {
        match self.kind {
            Kind::Boolean => "boolean",
            Kind::Integer(_) => "integer",
            Kind::Texts | Kind::Tables(_) => "array",
            _ => "string",
        }
    }
}

fn milliseconds(number: u64) -> String {
    write_duration(std::time::Duration::from_millis(number))
}

/// The value of a key in effect.
pub(crate) fn value_of(config: &Config, name: &str) -> Option<toml::Value> {
    let table = toml::Table::try_from(config).ok()?;
    let (last, sections) = name.rsplit_once('.').map(|(above, last)| (last, above.split('.')))?;
    let mut at = &table;
    for section in sections {
        at = at.get(section)?.as_table()?;
    }
    at.get(last).cloned()
}
