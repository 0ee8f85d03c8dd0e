//! What was found in one place of a document, wherever else it stands.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Match, MatchKind};
use serde_json::Value as Json;

use super::mark::{Kind, Span, joined};
use super::members::{NAMES, last_part};
use super::settings::Settings;

/// A longer secret is left out where it was found.
const MAX_SECRET: usize = 4096;

/// Short secrets and words are left out only where they were found: they may mean something else elsewhere.
pub(super) fn may_stand_elsewhere(secret: &str) -> bool {
    let is_word = secret.bytes().all(|byte| byte.is_ascii_alphabetic());
    (6..=MAX_SECRET).contains(&secret.len()) && !is_word && !secret.starts_with(['/', '~', '-'])
}

/// Searches a document for what was found in it.
pub(super) struct Copies {
    automaton: AhoCorasick,
    kinds: Vec<Kind>,
}

impl Copies {
    pub(super) fn of(known: &[(String, Kind)]) -> Option<Copies> {
        let mut known: Vec<&(String, Kind)> = known.iter().filter(|(secret, _)| may_stand_elsewhere(secret)).collect();
        known.sort_by(|one, other| one.0.cmp(&other.0));
        known.dedup_by(|one, other| one.0 == other.0);
        if known.is_empty() {
            return None;
        }
        // The one that costs no more to build than its secrets are long.
        let mut longest = AhoCorasick::builder();
        longest.match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::NoncontiguousNFA));
        let automaton = longest.build(known.iter().map(|(secret, _)| secret)).ok()?;
        Some(Copies { automaton, kinds: known.iter().map(|(_, kind)| *kind).collect() })
    }

    pub(super) fn spans(&self, text: &str) -> Vec<Span> {
        let is_part = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_alphanumeric);
        // A short one, or one of hexadecimal digits, may be a part of a hash or an id.
        let is_special = |found: &Match| {
            found.len() >= 8 && text[found.start()..found.end()].bytes().any(|byte| !byte.is_ascii_hexdigit())
        };
        let stands_alone = |found: &Match| {
            is_special(found) || !(is_part(found.end()) || found.start() > 0 && is_part(found.start() - 1))
        };
        let span = |found: Match| {
            let kind = self.kinds[found.pattern().as_usize()];
            Span { start: found.start(), end: found.end(), kind }
        };
        self.automaton.find_iter(text).filter(stands_alone).map(span).collect()
    }

    pub(super) fn leave_out(&self, settings: &Settings, key: &str, value: &mut Json) {
        match value {
            Json::Object(members) => members.iter_mut().for_each(|(key, value)| self.leave_out(settings, key, value)),
            Json::Array(values) => values.iter_mut().for_each(|value| self.leave_out(settings, key, value)),
            Json::String(text) if !NAMES.contains(&last_part(key)) => {
                let spans = self.spans(text);
                if !spans.is_empty() {
                    *text = settings.marks.replace(text, &joined(text, spans));
                }
            }
            _ => {}
        }
    }
}
