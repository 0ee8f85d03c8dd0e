//! How `osawatch config` shows keys, values and findings: as TOML with comments, and as JSON.

use serde_json::{Map, Value as Json, json};

use crate::config::keys::{Key, Kind, keys as all_keys};
use crate::config::lint::Lint;
use crate::config::{Config, Origin, bare};
use crate::detect::Exception;
use crate::report::visible;

/// A value in effect.
struct Shown {
    section: String,
    key: String,
    value: Option<toml::Value>,
    origin: Origin,
}

impl Shown {
    fn name(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }
}

/// Every value, in the order of the keys.
fn values(config: &Config) -> Vec<Shown> {
    let table = toml::Table::try_from(config).unwrap_or_default();
    let mut shown = Vec::new();
    for key in all_keys().iter().filter(|key| !matches!(key.kind, Kind::Tables(_))) {
        let mut tables = vec![(String::new(), &table)];
        let mut words: Vec<&str> = key.name.split('.').collect();
        let last = words.pop().unwrap_or_default();
        for word in words {
            tables = tables
                .into_iter()
                .flat_map(|(above, table)| {
                    let named = table.iter().filter(move |(name, _)| word == "<ID>" || *name == word);
                    named.filter_map(move |(name, value)| {
                        let name = bare(name);
                        let section = if above.is_empty() { name } else { format!("{above}.{name}") };
                        Some((section, value.as_table()?))
                    })
                })
                .collect();
        }
        for (section, table) in tables {
            let origin = config.origins.of(&format!("{section}.{last}"));
            shown.push(Shown { section, key: last.to_owned(), value: table.get(last).cloned(), origin });
        }
    }
    shown
}

/// The values as TOML that reads back as itself.
pub(super) fn text(config: &Config, exceptions: &[Exception]) -> String {
    let mut shown = values(config);
    // A section is written once.
    shown.sort_by_key(|shown| shown.section.clone());
    let order: Vec<String> = all_keys().iter().filter_map(|key| Some(key.name.split_once('.')?.0.to_owned())).collect();
    shown.sort_by_key(|shown| {
        let first = shown.section.split('.').next().unwrap_or_default();
        order.iter().position(|section| section == first)
    });
    let (mut out, mut section) = (String::new(), String::new());
    for value in shown {
        if value.section != section {
            out += &format!("{}[{}]\n", if out.is_empty() { "" } else { "\n" }, value.section);
            section.clone_from(&value.section);
        }
        let line = match &value.value {
            Some(set) => format!("{} = {}", value.key, inline(set)),
            None => format!("# {} is not set", value.key),
        };
        out += &format!("{}  # {}\n", visible(&line), visible(&value.origin.to_string()));
    }
    if !exceptions.is_empty() {
        out.push('\n');
    }
    for exception in exceptions {
        let (name, reason) = (&exception.name, &exception.reason);
        let condition = exception.condition_text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = format!("# exception {name} ({reason}): {condition}  # {}", exception.origin);
        out += &visible(&shown);
        out.push('\n');
    }
    out
}

/// A value on one line. JSON's strings are TOML's.
fn inline(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => Json::from(text.as_str()).to_string(),
        toml::Value::Array(values) => format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// The values as JSON.
pub(super) fn json(config: &Config, exceptions: &[Exception]) -> String {
    let values: Vec<Json> = values(config)
        .into_iter()
        .map(|shown| {
            let mut out = Map::new();
            out.insert("key".into(), shown.name().into());
            out.insert("value".into(), shown.value.map_or(Json::Null, |value| json!(value)));
            match shown.origin {
                Origin::Default => _ = out.insert("origin".into(), "default".into()),
                Origin::Managed { file } => {
                    out.insert("origin".into(), "managed".into());
                    out.insert("file".into(), file.into());
                }
                Origin::File { file, place } => {
                    out.insert("origin".into(), "file".into());
                    out.insert("file".into(), file.into());
                    out.insert("line".into(), place.line.into());
                    out.insert("column".into(), place.column.into());
                }
            }
            Json::Object(out)
        })
        .collect();
    let exceptions: Vec<Json> = exceptions
        .iter()
        .map(|exception| {
            json!({
                "name": exception.name,
                "owner": exception.owner,
                "reason": exception.reason,
                "condition": exception.condition_text,
                "expires": exception.expires.map(|time| time.to_string()),
                "origin": exception.origin,
            })
        })
        .collect();
    lines(&json!({ "values": values, "exceptions": exceptions }))
}

/// What a check found, as JSON.
pub(super) fn check_json(problems: &[String], lints: &[Lint]) -> String {
    let of = |blinds| lints.iter().filter(move |lint| lint.blinds == blinds).map(|lint| &lint.text).collect::<Vec<_>>();
    lines(&json!({ "errors": problems, "warnings": of(true), "lints": of(false) }))
}

/// Every key, as a table.
pub(super) fn keys() -> String {
    let default = |key: &Key| key.default_value().map_or("-".to_owned(), |value| inline(&value));
    let rows: Vec<[String; 4]> = all_keys()
        .iter()
        .map(|key| [key.name.to_owned(), key.type_name().to_owned(), default(key), key.range()])
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let [name, kind, value] = [0, 1, 2].map(width);
    let line = |row: &[String; 4]| format!("{:name$}  {:kind$}  {:value$}  {}", row[0], row[1], row[2], row[3]);
    rows.iter().map(|row| line(row).trim_end().to_owned() + "\n").collect()
}

/// Every key, as JSON.
pub(super) fn keys_json() -> String {
    lines(&Json::Array(all_keys().iter().map(Key::json).collect()))
}

fn lines(value: &Json) -> String {
    format!("{value:#}\n")
}
