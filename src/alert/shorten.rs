//! Long documents are shortened to what every shipper accepts, with marks that state how much was cut.

use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::line::to_line;
use crate::event::document::{get, insert};
use crate::event::hash::hex;

/// Bytes of a document. Fluent Bit, the strictest of the shippers, stops at 32,768 with the newline; the
/// rest is for what is added on the way out.
pub(super) const MAX_BYTES: usize = 31_000;

/// Where to cut, in this order: copies of the source events first, the environment before the arguments.
const STAGES: [(Part, &[&str]); 4] = [
    (Part::Copies, &["env_vars"]),
    (Part::Copies, &["args", "command_line", "env_vars", "title"]),
    (Part::Copies, &[]),
    (Part::Whole, &[]),
];
/// Bytes of one text and entries of one list, in each round of a stage.
const ROUNDS: [(usize, usize); 4] = [(2048, 64), (512, 16), (128, 8), (48, 4)];
/// Fields named in `osawatch.shortened`.
const MAX_NAMED: usize = 24;
/// Bytes of a key; longer ones are dropped with their values.
const MAX_KEY: usize = 256;
/// Bytes of a name there.
const MAX_NAME: usize = 512;
/// What remains of a document that is long by the number of its fields.
const CORE: [&str; 9] =
    ["@timestamp", "event", "ecs", "message", "rule", "process", "destination", "host", "data_stream"];

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Copies,
    Whole,
}

/// Cuts the document until its line is short enough. Short documents are left as they are.
pub(super) fn shorten(document: &mut Map<String, Json>) {
    if longest(document) <= MAX_BYTES || length(document) <= MAX_BYTES {
        return;
    }
    if let Some(hash) = args_hash(document) {
        insert(document, "osawatch.process.args_sha256", hash.into());
    }
    let mut cuts = Cuts::default();
    drop_long_keys("", document, &mut cuts);
    for (part, names) in STAGES {
        for (bytes, entries) in ROUNDS {
            let cut = Cut { names, bytes, entries };
            cut.apply(document, part, &mut cuts);
            if length(document) + cuts.length() <= MAX_BYTES {
                return cuts.mark(document);
            }
        }
    }
    if let Some(Json::Object(sequence)) = document.get_mut("osawatch").and_then(|ours| ours.get_mut("sequence")) {
        sequence.remove("events");
        cuts.name("osawatch.sequence.events");
    }
    if length(document) + cuts.length() > MAX_BYTES {
        document.retain(|key, _| CORE.contains(&key.as_str()));
        for section in document.values_mut().filter_map(Json::as_object_mut) {
            section.retain(|_, value| !value.is_object());
            let surplus: Vec<String> = section.keys().filter(|key| *key != "id").skip(24).cloned().collect();
            surplus.iter().for_each(|key| drop(section.remove(key)));
        }
        cuts.name("all but the core");
    }
    while length(document) + cuts.length() > MAX_BYTES && drop_longest(document) {}
    cuts.mark(document);
}

/// A key of a document can be as long as a value.
fn drop_long_keys(path: &str, members: &mut Map<String, Json>, cuts: &mut Cuts) {
    if members.keys().any(|key| key.len() > MAX_KEY) {
        members.retain(|key, _| key.len() <= MAX_KEY);
        cuts.name(&format!("{path}(keys of more than {MAX_KEY} bytes)"));
    }
    for (key, value) in members.iter_mut() {
        match value {
            Json::Object(inner) => drop_long_keys(&format!("{path}{key}."), inner, cuts),
            Json::Array(values) => {
                let inner = values.iter_mut().filter_map(Json::as_object_mut);
                inner.for_each(|inner| drop_long_keys(&format!("{path}{key}."), inner, cuts));
            }
            _ => {}
        }
    }
}

/// Drops the longest member of a section, but what names the alert.
fn drop_longest(document: &mut Map<String, Json>) -> bool {
    let sections = document.iter_mut().filter_map(|(_, section)| section.as_object_mut());
    let members = sections.flat_map(|section| {
        let longest = section
            .iter()
            .filter(|(key, _)| *key != "id")
            .map(|(key, value)| (key.len() + value.to_string().len(), key));
        let longest = longest.max().map(|(length, key)| (length, key.clone()));
        longest.map(|(length, key)| (length, key, section))
    });
    match members.max_by_key(|(length, ..)| *length) {
        Some((_, key, section)) => section.remove(&key).is_some(),
        None => false,
    }
}

/// Of all arguments, each with its end: what was cut can still be compared.
fn args_hash(document: &Map<String, Json>) -> Option<String> {
    let args = get(document, "process.args")?.as_array()?;
    let mut hash = Sha256::new();
    for arg in args {
        hash.update(arg.as_str()?);
        hash.update([0]);
    }
    Some(hex(&hash.finalize()))
}

fn length(document: &Map<String, Json>) -> usize {
    to_line(document).len()
}

/// The line of no document is longer: most are short enough by far, and are not written for it. A byte of a text takes
/// six where it is escaped, and a number 24.
fn longest(members: &Map<String, Json>) -> usize {
    fn of(value: &Json) -> usize {
        match value {
            Json::String(text) => 2 + 6 * text.len(),
            Json::Array(values) => 2 + values.iter().map(|value| 1 + of(value)).sum::<usize>(),
            Json::Object(members) => longest(members),
            Json::Null | Json::Bool(_) | Json::Number(_) => 24,
        }
    }
    2 + members.iter().map(|(key, value)| 4 + 6 * key.len() + of(value)).sum::<usize>()
}

#[derive(Default)]
struct Cuts {
    fields: Vec<String>,
    unnamed: u64,
}

impl Cuts {
    fn name(&mut self, field: &str) {
        let field = &field[..field.floor_char_boundary(MAX_NAME)];
        if self.fields.iter().any(|known| known == field) {
            return;
        }
        if self.fields.len() < MAX_NAMED { self.fields.push(field.to_owned()) } else { self.unnamed += 1 }
    }

    fn length(&self) -> usize {
        self.fields.iter().map(|field| field.len() + 3).sum::<usize>() + 64
    }

    fn mark(self, document: &mut Map<String, Json>) {
        insert(document, "osawatch.shortened.fields", self.fields.into());
        if self.unnamed > 0 {
            insert(document, "osawatch.shortened.other_fields", self.unnamed.into());
        }
    }
}

struct Cut {
    /// Fields by the last part of their name; empty: all.
    names: &'static [&'static str],
    bytes: usize,
    entries: usize,
}

impl Cut {
    fn apply(&self, document: &mut Map<String, Json>, part: Part, cuts: &mut Cuts) {
        if part == Part::Whole {
            for (key, value) in document.iter_mut() {
                self.walk(key, key, value, cuts);
            }
            return;
        }
        let copies = document.get_mut("osawatch").and_then(|ours| ours.pointer_mut("/sequence/events"));
        if let Some(Json::Array(copies)) = copies {
            for copy in copies {
                self.walk("osawatch.sequence.events", "", copy, cuts);
            }
        }
    }

    fn walk(&self, path: &str, name: &str, value: &mut Json, cuts: &mut Cuts) {
        let applies = self.names.is_empty() || self.names.contains(&name);
        match value {
            Json::Object(members) => {
                for (key, value) in members.iter_mut() {
                    let name = key.rsplit('.').next().unwrap_or(key);
                    self.walk(&format!("{path}.{key}"), name, value, cuts);
                }
            }
            Json::Array(values) => {
                if applies && values.len() > self.entries && values.iter().all(Json::is_string) {
                    let left_out = values.len() - self.entries + left_out(values.last());
                    values.truncate(self.entries);
                    values.push(format!("…[{left_out} more left out]").into());
                    cuts.name(path);
                }
                for value in values {
                    self.walk(path, name, value, cuts);
                }
            }
            Json::String(text) if applies && text.len() > self.bytes => {
                let (begins, before) = bytes_left_out(text).unwrap_or((text.len(), 0));
                let kept = text.floor_char_boundary(self.bytes.min(begins));
                text.truncate(kept);
                text.push_str(&format!("…[{} bytes left out]", begins - kept + before));
                cuts.name(path);
            }
            _ => {}
        }
    }
}

/// Where the mark of an earlier round begins, and how many bytes that left out.
fn bytes_left_out(text: &str) -> Option<(usize, usize)> {
    let begins = text.rfind("…[")?;
    let count = text[begins..].strip_prefix("…[")?.strip_suffix(" bytes left out]")?;
    Some((begins, count.parse().ok()?))
}

/// How many an earlier round left out, less the entry that states it and counts as one now.
fn left_out(mark: Option<&Json>) -> usize {
    let count = mark.and_then(Json::as_str).and_then(|text| text.strip_prefix("…[")?.strip_suffix(" more left out]"));
    count.and_then(|count| count.parse::<usize>().ok()).map_or(0, |count| count.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shortened(document: Json) -> (Map<String, Json>, usize) {
        let Json::Object(mut document) = document else { unreachable!() };
        // Known before it is written, whatever is escaped in it.
        document
            .insert("!".into(), json!(["\u{1}\"\\é", f64::MIN_POSITIVE * -1.5, i64::MIN, null, [], { "\u{2}": {} }]));
        assert!(length(&document) <= longest(&document));
        document.shift_remove("!");
        shorten(&mut document);
        let length = length(&document);
        (document, length)
    }

    fn alert(args: usize, each: usize, env: usize) -> Json {
        let args: Vec<String> = (0..args).map(|n| format!("{n}{}", "é".repeat(each))).collect();
        let env: Vec<String> = (0..env).map(|n| format!("V{n}={}", "x".repeat(50))).collect();
        let process = json!({"name": "osascript", "args": args, "command_line": args.join(" "), "env_vars": env});
        json!({
            "@timestamp": "t", "event": {"id": "i", "reason": "r"}, "rule": {"id": "x"}, "process": {"name": "osascript", "args": args},
            "osawatch": {"sequence": {"span_ms": 1, "events": [{"process": process}, {"process": process}]}},
        })
    }

    #[test]
    fn a_short_document_is_left_as_it_is() {
        let document = alert(3, 10, 3);
        assert_eq!(Json::Object(shortened(document.clone()).0), document);
    }

    #[test]
    fn the_environment_of_the_copies_goes_first_and_the_arguments_stay() {
        let (document, length) = shortened(alert(3, 10, 2000));
        assert!(length <= MAX_BYTES, "{length}");
        assert_eq!(document["process"]["args"], alert(3, 10, 0)["process"]["args"]);
        let copy = &document["osawatch"]["sequence"]["events"][0]["process"];
        assert_eq!(copy["args"], document["process"]["args"]);
        let env = copy["env_vars"].as_array().unwrap();
        assert_eq!(env.len(), 65);
        assert_eq!(env[64], "…[1936 more left out]");
        assert_eq!(document["osawatch"]["shortened"]["fields"], json!(["osawatch.sequence.events.process.env_vars"]));
    }

    #[test]
    fn long_arguments_are_cut_with_marks_and_their_hash_is_kept() {
        let whole = alert(4, 50_000, 0);
        let (document, length) = shortened(whole.clone());
        assert!(length <= MAX_BYTES, "{length}");
        let arg = document["process"]["args"][1].as_str().unwrap();
        assert!(arg.starts_with("1éé") && arg.ends_with(" bytes left out]"), "{arg}");
        let (kept, left_out) = bytes_left_out(arg).unwrap();
        assert_eq!(kept + left_out, whole["process"]["args"][1].as_str().unwrap().len());
        let mut hash = Sha256::new();
        for arg in whole["process"]["args"].as_array().unwrap() {
            hash.update(arg.as_str().unwrap());
            hash.update([0]);
        }
        let hash = hex(&hash.finalize());
        assert_eq!(document["osawatch"]["process"]["args_sha256"], hash.as_str());
    }

    #[test]
    fn a_list_cut_twice_says_how_many_are_missing_in_all() {
        let (document, length) = shortened(alert(5000, 20, 0));
        assert!(length <= MAX_BYTES, "{length}");
        let args = document["osawatch"]["sequence"]["events"][0]["process"]["args"].as_array().unwrap();
        let kept = args.len() - 1;
        assert_eq!(args[kept], format!("…[{} more left out]", 5000 - kept));
    }

    #[test]
    fn keys_as_long_as_values_are_dropped_and_named() {
        let mut document = alert(1, 1, 1);
        let long = "k".repeat(40_000);
        document["process"][&long] = json!("x");
        document["osawatch"]["sequence"]["events"][0]["process"][&long] = json!({ &long: "x" });
        let (document, length) = shortened(document);
        assert!(length <= MAX_BYTES, "{length}");
        assert_eq!(document["process"]["args"], json!(["0é"]));
        let named = document["osawatch"]["shortened"]["fields"].as_array().unwrap();
        assert_eq!(named[0], "process.(keys of more than 256 bytes)");
    }

    #[test]
    fn many_middling_keys_at_every_depth_still_give_a_short_line() {
        let key = |n: usize| format!("{n}{}", "k".repeat(250));
        let many = |value: Json| -> Json { Json::Object((0..200).map(|n| (key(n), value.clone())).collect()) };
        let mut document = alert(1, 1, 1);
        for section in ["event", "rule", "process", "destination", "host"] {
            document[section] = many(json!("x".repeat(200)));
            document[section]["id"] = json!("i");
        }
        let (document, length) = shortened(document);
        assert!(length <= MAX_BYTES, "{length}");
        assert_eq!((&document["event"]["id"], &document["rule"]["id"]), (&json!("i"), &json!("i")));
    }

    #[test]
    fn a_document_of_too_many_fields_keeps_what_names_it() {
        let many: Map<String, Json> = (0..20_000).map(|n| (format!("f{n}"), json!(n))).collect();
        let mut document = alert(1, 1, 1);
        document["osawatch"]["sequence"]["events"] = json!([many]);
        let (shortened_document, length) = shortened(document.clone());
        assert!(length <= MAX_BYTES, "{length}");
        assert!(get(&shortened_document, "osawatch.sequence.span_ms").is_some());
        document["user"] = Json::Object(many.clone());
        document["event"]["many"] = Json::Object(many);
        let (shortened_document, length) = shortened(document);
        assert!(length <= MAX_BYTES, "{length}");
        assert_eq!(get(&shortened_document, "event.id"), Some(&json!("i")));
        assert_eq!(get(&shortened_document, "rule.id"), Some(&json!("x")));
    }
}
