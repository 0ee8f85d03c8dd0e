//! Personal data in a recording becomes pseudonyms: who reads it can tell one user from another, and not who they are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{Captures, Regex};
use serde_json::{Map, Value as Json};

use super::Redactor;

/// Names that are told apart. Those that come later share one pseudonym.
const MAX_NAMES: usize = 4096;
/// Names that are searched for in every text: each new one costs a search automaton. Further ones are replaced where a
/// field or a path states them.
const MAX_WORDS: usize = 512;
/// A shorter name is part of too many words: it is replaced where a field or a path states it.
const MIN_WORD: usize = 3;
/// Accounts of the system, and the folder of nobody.
const SYSTEM: [&str; 6] = ["root", "daemon", "nobody", "Shared", "Guest", "wheel"];
/// Members of a document whose texts come from osawatch itself.
const OURS: [&str; 4] = ["event", "ecs", "data_stream", "rule"];

static HOME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"(/Users/|/home/)([^/\s"':;,&|)]+)"#).ok());
static CACHE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("(/var/folders/)([^/\\s]+/[^/\\s]+)").ok());
static MAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}").ok());

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    User,
    Host,
    Id,
    Folder,
    Mail,
    AddressV4,
    AddressV6,
}

impl Kind {
    fn pseudonym(self, number: usize) -> String {
        match self {
            Kind::User => format!("user-{number}"),
            Kind::Host => format!("host-{number}"),
            Kind::Id => format!("00000000-0000-4000-8000-{number:012}"),
            Kind::Folder => format!("zz/folder-{number}"),
            Kind::Mail => format!("mail-{number}@example.invalid"),
            // For benchmarks (RFC 2544), and for documentation.
            Kind::AddressV4 => format!("198.18.{}.{}", number / 256, number % 256),
            Kind::AddressV6 => format!("2001:db8::{number:x}"),
        }
    }
}

/// Secrets and personal data are left out of documents, the same name always by the same pseudonym.
#[derive(Debug)]
pub(crate) struct Pseudonyms {
    redactor: Redactor,
    names: HashMap<(Kind, String), String>,
    counts: HashMap<Kind, usize>,
    /// Names that are replaced wherever they are a word, with their pseudonyms.
    words: Vec<(String, String)>,
    finder: Option<AhoCorasick>,
}

impl Pseudonyms {
    /// Pseudonyms for a recording; the redactor leaves the secrets out.
    pub(crate) fn new(redactor: Redactor) -> Pseudonyms {
        Pseudonyms { redactor, names: HashMap::new(), counts: HashMap::new(), words: Vec::new(), finder: None }
    }

    /// The name of a user, which is replaced from the first document on.
    pub(crate) fn add_user(&mut self, name: &str) {
        self.learn(Kind::User, name);
    }

    /// The name of a host.
    pub(crate) fn add_host(&mut self, name: &str) {
        self.learn(Kind::Host, name);
        let short = name.split('.').next().unwrap_or(name);
        if short.len() >= MIN_WORD && short != name && short != "localhost" {
            let pseudonym = self.of(Kind::Host, name);
            self.add_word(short, pseudonym);
        }
    }

    /// Leaves secrets and personal data out of a document.
    pub(crate) fn apply(&mut self, document: &mut Map<String, Json>) {
        self.redactor.apply(document);
        for (key, value) in &mut *document {
            self.fields(key, value);
        }
        let members = document.iter_mut().filter(|(key, _)| !OURS.contains(&key.as_str()));
        members.for_each(|(_, value)| self.texts(value));
    }

    /// The pseudonym of a name.
    fn of(&mut self, kind: Kind, name: &str) -> String {
        if let Some(known) = self.names.get(&(kind, name.to_owned())) {
            return known.clone();
        }
        if self.names.len() >= MAX_NAMES {
            return kind.pseudonym(0);
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let pseudonym = kind.pseudonym(*count);
        self.names.insert((kind, name.to_owned()), pseudonym.clone());
        pseudonym
    }

    fn is_new(&self, kind: Kind, name: &str) -> bool {
        !self.names.contains_key(&(kind, name.to_owned())) && self.names.len() < MAX_NAMES
    }

    fn learn(&mut self, kind: Kind, name: &str) -> String {
        if name.is_empty() || is_of_the_system(name) || self.names.values().any(|known| known == name) {
            return name.to_owned();
        }
        let is_new = self.is_new(kind, name);
        let pseudonym = self.of(kind, name);
        if is_new && name.len() >= MIN_WORD {
            self.add_word(name, pseudonym.clone());
        }
        pseudonym
    }

    fn add_word(&mut self, word: &str, pseudonym: String) {
        if self.words.len() < MAX_WORDS {
            self.words.push((word.to_owned(), pseudonym));
            self.finder = None;
        }
    }

    /// What fields state by their names.
    fn fields(&mut self, key: &str, value: &mut Json) {
        match value {
            Json::Object(members) => {
                for (name, value) in members {
                    match (key, name.as_str(), &mut *value) {
                        ("user" | "real_user" | "saved_user", "name" | "full_name", Json::String(text)) => {
                            *text = self.learn(Kind::User, text);
                        }
                        ("host", "name" | "hostname", Json::String(text)) | ("agent", "name", Json::String(text)) => {
                            self.add_host(text);
                            *text = self.learn(Kind::Host, text);
                        }
                        ("host" | "boot", "id", Json::String(text)) | ("agent", "id", Json::String(text)) => {
                            *text = self.learn(Kind::Id, text);
                        }
                        ("source", "ip" | "address", Json::String(text)) => *text = self.address(text),
                        (_, _, value) => self.fields(name, value),
                    }
                }
            }
            Json::Array(values) => values.iter_mut().for_each(|value| self.fields(key, value)),
            _ => {}
        }
    }

    /// The own end of a connection.
    fn address(&mut self, text: &str) -> String {
        match text.parse::<IpAddr>() {
            Ok(address) if address.is_loopback() || address.is_unspecified() => text.to_owned(),
            Ok(IpAddr::V4(_)) => self.of(Kind::AddressV4, text),
            Ok(IpAddr::V6(_)) => self.of(Kind::AddressV6, text),
            Err(_) => self.learn(Kind::Host, text),
        }
    }

    fn texts(&mut self, value: &mut Json) {
        match value {
            Json::String(text) => {
                let new = self.text(text);
                *text = new;
            }
            Json::Array(values) => values.iter_mut().for_each(|value| self.texts(value)),
            Json::Object(members) => members.iter_mut().for_each(|(_, value)| self.texts(value)),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (pattern, kind) in [(&HOME, Kind::User), (&CACHE, Kind::Folder)] {
            if let Some(pattern) = pattern.as_ref().filter(|pattern| pattern.is_match(&text)) {
                let new = pattern.replace_all(&text, |found: &Captures<'_>| {
                    format!("{}{}", &found[1], self.in_path(kind, &found[2]))
                });
                text = new.into_owned();
            }
        }
        if let Some(pattern) = MAIL.as_ref().filter(|_| text.contains('@')) {
            text = pattern.replace_all(&text, |found: &Captures<'_>| self.of(Kind::Mail, &found[0])).into_owned();
        }
        self.known_words(&text)
    }

    fn in_path(&mut self, kind: Kind, name: &str) -> String {
        let is_pseudonym = name.strip_prefix("user-").or(name.strip_prefix("zz/folder-"));
        if is_of_the_system(name) || is_pseudonym.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit())) {
            return name.to_owned();
        }
        match kind {
            Kind::User => self.learn(kind, name),
            _ => self.of(kind, name),
        }
    }

    /// Replaces the names that are whole words.
    fn known_words(&mut self, text: &str) -> String {
        if self.finder.is_none() {
            let words = self.words.iter().map(|(word, _)| word);
            let builder =
                AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).ascii_case_insensitive(true).build(words);
            self.finder = builder.ok();
        }
        let Some(finder) = &self.finder else { return text.to_owned() };
        let is_word = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
        let (mut out, mut done) = (String::new(), 0);
        for found in finder.find_iter(text) {
            let (before, after) = (text[..found.start()].chars().next_back(), text[found.end()..].chars().next());
            if is_word(before) || is_word(after) {
                continue;
            }
            out += &text[done..found.start()];
            out += &self.words[found.pattern().as_usize()].1;
            done = found.end();
        }
        out + &text[done..]
    }
}

/// Accounts of the system have names that begin with an underscore.
fn is_of_the_system(name: &str) -> bool {
    name.starts_with('_') || name.starts_with('.') || SYSTEM.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pseudonyms() -> Pseudonyms {
        Pseudonyms::new(Redactor::new(&[], true).unwrap())
    }

    fn applied(pseudonyms: &mut Pseudonyms, document: Json) -> Json {
        let Json::Object(mut document) = document else { panic!("an object") };
        pseudonyms.apply(&mut document);
        Json::Object(document)
    }

    #[test]
    fn users_hosts_folders_mail_and_own_addresses_are_pseudonyms_the_same_for_the_same() {
        let mut pseudonyms = pseudonyms();
        let document = json!({
            "event": { "id": "alice" },
            "host": { "name": "Alices-Mac.local", "hostname": "Alices-Mac.local", "id": "5F0E3C9B-1", "boot": { "id": "B-1" } },
            "user": { "name": "alice", "id": "501" },
            "process": {
                "executable": "/Users/alice/bin/tool",
                "args": ["tool", "--to=alice@example.com", "/Users/bob/x", "/private/var/folders/ab/cdefgh/T/x", "alice's malice"],
                "user": { "name": "_spotlight" }, "real_user": { "name": "root" },
            },
            "source": { "ip": "192.168.1.5", "address": "192.168.1.5" }, "destination": { "ip": "93.184.216.34" },
        });
        let found = applied(&mut pseudonyms, document);
        let wanted = json!({
            "event": { "id": "alice" },
            "host": {
                "name": "host-1", "hostname": "host-1", "id": "00000000-0000-4000-8000-000000000001",
                "boot": { "id": "00000000-0000-4000-8000-000000000002" },
            },
            "user": { "name": "user-1", "id": "501" },
            "process": {
                "executable": "/Users/user-1/bin/tool",
                "args": [
                    "tool", "--to=mail-1@example.invalid", "/Users/user-2/x", "/private/var/folders/zz/folder-1/T/x",
                    "user-1's malice",
                ],
                "user": { "name": "_spotlight" }, "real_user": { "name": "root" },
            },
            "source": { "ip": "198.18.0.1", "address": "198.18.0.1" }, "destination": { "ip": "93.184.216.34" },
        });
        assert_eq!(found, wanted);
        let again =
            applied(&mut pseudonyms, json!({ "process": { "command_line": "ssh bob@h /Users/bob on alices-mac" } }));
        assert_eq!(again, json!({ "process": { "command_line": "ssh user-2@h /Users/user-2 on host-1" } }));
    }

    #[test]
    fn a_name_that_is_known_beforehand_is_replaced_in_the_first_document() {
        let mut pseudonyms = pseudonyms();
        pseudonyms.add_user("carol");
        let found = applied(&mut pseudonyms, json!({ "process": { "args": ["say", "hello carol"] } }));
        assert_eq!(found["process"]["args"][1], "hello user-1");
    }

    #[test]
    fn secrets_are_left_out_too() {
        let found = applied(
            &mut pseudonyms(),
            json!({ "process": { "args": ["curl", "-u", "alice:hunter2hunter2", "http://h/"] } }),
        );
        assert!(!found.to_string().contains("hunter2"), "{found}");
    }

    #[test]
    fn names_without_end_share_a_pseudonym_and_take_no_memory() {
        let mut pseudonyms = pseudonyms();
        let args: Vec<String> = (0..MAX_NAMES + 10).map(|n| format!("/Users/u{n}/")).collect();
        let found = applied(&mut pseudonyms, json!({ "process": { "name": args } }));
        assert_eq!(found["process"]["name"][MAX_NAMES + 5], "/Users/user-0/");
        assert_eq!((pseudonyms.names.len(), pseudonyms.words.len()), (MAX_NAMES, MAX_WORDS));
    }
}
