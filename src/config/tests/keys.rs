use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::Config;
use crate::config::keys::{Kind, keys};
use crate::quantity::write_duration;

/// A configuration of one key, as TOML.
fn stated(name: &str, value: &str) -> String {
    let name = name.replace("<ID>", "x");
    // The file must be able to hold a rotated file of the largest size.
    match name.as_str() {
        "alerts.rotate_size" => format!("{name} = {value}\nalerts.keep_size = \"1PiB\"\n"),
        "alerts.keep_size" => format!("{name} = {value}\nalerts.rotate_size = \"64KiB\"\n"),
        _ => format!("{name} = {value}\n"),
    }
}

#[track_caller]
fn accepts(name: &str, value: &str, is_accepted: bool) {
    let read = Config::parse("c.toml", &stated(name, value));
    assert_eq!(read.is_ok(), is_accepted, "{name} = {value}: {read:?}");
}

#[test]
fn the_table_of_keys_has_every_key_and_no_other() {
    let mut of_table: BTreeSet<String> = keys().iter().map(|key| key.name.replace("<ID>", "x")).collect();
    assert!(of_table.remove("exception"), "its entries are no part of the values");
    let text = "alerts.compress_after = 2\nvolume.rules.x.max_alerts = 1\nresponse.rules.x.action = \"none\"\n";
    let shown: toml::Table = Config::parse("c.toml", text).unwrap().to_toml().unwrap().parse().unwrap();
    let mut of_code = BTreeSet::new();
    let mut open: Vec<(String, toml::Value)> = shown.into_iter().collect();
    while let Some((name, value)) = open.pop() {
        match value {
            toml::Value::Table(table) => {
                open.extend(table.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)))
            }
            _ => _ = of_code.insert(name),
        }
    }
    assert_eq!(of_table, of_code);
}

#[test]
fn each_range_of_the_table_of_keys_is_the_one_that_is_read() {
    for key in keys() {
        let text = |ms: u64| format!("\"{}\"", write_duration(Duration::from_millis(ms)));
        let (low, high, below, above) = match &key.kind {
            Kind::Integer(range) => {
                let number = |number: u64| number.to_string();
                (number(*range.start()), number(*range.end()), "-1".to_owned(), number(range.end() + 1))
            }
            Kind::Duration(range) | Kind::DurationOrNone(range) => (
                text(*range.start()),
                text(*range.end()),
                range.start().checked_sub(1).map_or("\"-1s\"".to_owned(), text),
                text(range.end() + 1),
            ),
            Kind::Size(range) => {
                let bytes = |bytes: u64| format!("\"{bytes}B\"");
                (bytes(*range.start()), bytes(*range.end()), bytes(range.start() - 1), bytes(range.end() + 1))
            }
            Kind::Choice(words) => {
                words.iter().for_each(|word| accepts(key.name, &format!("{word:?}"), true));
                accepts(key.name, "\"other\"", false);
                continue;
            }
            _ => continue,
        };
        for (value, is_accepted) in [(low, true), (high, true), (below, false), (above, false)] {
            accepts(key.name, &value, is_accepted);
        }
    }
    accepts("agent.heartbeat", "\"0s\"", true);
    accepts("alerts.file", "\"alerts\"", false);
}

#[test]
fn the_documentation_names_the_default_and_the_range_of_every_key() {
    let page = include_str!("../../../docs/configuration.md");
    for key in keys() {
        let default = key.default_value().map_or("none".to_owned(), |value| format!("`{value}`"));
        let row = format!("| `{}` | {} | {default} | {} |", key.name, key.type_name(), key.range());
        assert!(page.contains(&row), "docs/configuration.md has no row\n{row}");
    }
}
