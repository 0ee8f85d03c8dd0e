//! No text, however damaged, does worse than be refused.

use super::*;

const RULES: [&str; 3] = [
    include_str!("../../detect/rules/osascript-network-connection.toml"),
    include_str!("../../detect/rules/automator-descendant-network-connection.toml"),
    include_str!("../../detect/rules/osascript-merged-network-connection.toml"),
];

const OWN: [&str; 2] = [
    "sequence with maxspan=1.5m by ?host.id /* é */ [process where not (process.name like~ (\"a*\", ?\"b\\\") or \
     length(process.name) >= 0x1)] by user.id with runs=2 as e0 [any where ?x.y != null] by user.id // end",
    "process where process.args regex (\"\"\"a\"b\"\"\", \"\\u{1F600}\\n\") and `user.id` not in~ (\"a\") and process.pid in (501, -1.5e3) == true and \
     destination.ip == \"::1\" and cidrMatch(source.ip, \"FE80::/10\") and concat(\"é\", process.pid) : \"é?\"",
];

fn samples() -> Vec<String> {
    let query = |text: &&str| text.parse::<toml::Table>().unwrap()["rule"]["query"].as_str().unwrap().to_owned();
    RULES.iter().map(query).chain(OWN.map(str::to_owned)).collect()
}

/// Parses, compiles and, when that is refused, renders; the place must be in the text.
fn survives(text: &str, fields: &mut Fields) -> bool {
    match compile(text, fields, &mut Lineages::default()) {
        Ok(query) => {
            query
                .stages
                .iter()
                .for_each(|stage| assert!(!stage.selects(&Event::new(Timestamp::default(), Categories::default()))));
            true
        }
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end <= text.len(), "{:?} in {text}", error.span);
            assert!(message_of(&error, text, "query", 1).starts_with("query:"), "{text}");
            false
        }
    }
}

#[test]
fn every_prefix_of_a_query_is_compiled_or_refused() {
    let mut fields = Fields::new();
    for sample in samples() {
        let ends = (0..sample.len()).filter(|end| sample.is_char_boundary(*end));
        let accepted = ends.filter(|end| survives(&sample[..*end], &mut fields)).count();
        assert!(accepted < sample.len() / 2, "{accepted} prefixes of {sample}");
    }
}

#[test]
fn every_change_of_one_byte_is_compiled_or_refused() {
    let mut fields = Fields::new();
    for sample in samples() {
        for at in 0..sample.len() {
            let mut bytes = sample.clone().into_bytes();
            for byte in [bytes[at] ^ 1, b"\"()[]?~\\*/`\n\0= .,9e"[at % 19], 0xff] {
                bytes[at] = byte;
                survives(&String::from_utf8_lossy(&bytes), &mut fields);
            }
        }
    }
}
