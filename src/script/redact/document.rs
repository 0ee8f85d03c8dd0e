//! A whole document without its secrets. What was found in one place is left out in all others too.

use serde_json::{Map, Value as Json};

use super::copies::{Copies, may_stand_elsewhere};
use super::known::Known;
use super::mark::{Kind, Span, joined};
use super::members::{ENVIRONMENT, NAMES, OURS, SCRIPT, TEXTS, UNPACKED, is_unpacked, last_part};
use super::names::kind_of;
use super::packed::Packed;
use super::settings::Settings;
use super::{environment, hidden, vector};
use crate::shell::OPENING;

/// A longer text is cut first, and so are the arguments of a process together: what a document can hold is far less, and
/// macOS starts no program with more.
const MAX_TEXT: usize = 1 << 20;
/// How many secrets are searched for in the rest of the document.
const MAX_KNOWN: usize = 512;

pub(super) fn apply(settings: &Settings, read: &mut Known, document: &mut Map<String, Json>) {
    let mut walk = Walk { settings, known: Vec::new(), copies: None, last: None, packed: Packed::default(), read };
    let mut each = |visit: &mut dyn FnMut(&str, &mut Json)| {
        let members = document.iter_mut().filter(|(key, _)| !OURS.contains(&key.as_str()));
        members.for_each(|(key, value)| visit(key, value));
    };
    // Where arguments are apart their ends are known: those first, so that a joined line loses the whole.
    each(&mut |_, value| walk.processes(value));
    walk.copies = Copies::of(&walk.known);
    each(&mut |key, value| walk.member(key, value));
    // All that they were unpacked from has been read.
    each(&mut |key, value| walk.unpacked(key, value));
    if let Some(copies) = Copies::of(&walk.known) {
        each(&mut |key, value| copies.leave_out(settings, key, value));
    }
}

struct Walk<'r> {
    settings: &'r Settings,
    known: Vec<(String, Kind)>,
    /// Those of arguments.
    copies: Option<Copies>,
    /// The arguments that were read last, as they were and as they are shown.
    last: Option<(Vec<String>, Vec<String>)>,
    packed: Packed,
    /// What was found in the texts so far, and in those of earlier documents.
    read: &'r mut Known,
}

fn left_out(bytes: usize) -> String {
    format!("…[{bytes} bytes left out]")
}

impl Walk<'_> {
    /// The arguments of every process of the document.
    fn processes(&mut self, value: &mut Json) {
        match value {
            Json::Object(members) => {
                if self.settings.hides_scripts {
                    let hidden = hidden::in_process(members, &self.settings.marks);
                    self.known.extend(hidden.into_iter().map(|statement| (statement, Kind::Script)));
                }
                self.arguments(members);
                members.iter_mut().for_each(|(_, value)| self.processes(value));
            }
            Json::Array(values) => values.iter_mut().for_each(|value| self.processes(value)),
            _ => {}
        }
    }

    /// Arguments, and the command line that is made of them.
    fn arguments(&mut self, members: &mut Map<String, Json>) {
        let Some(Json::Array(values)) = members.get_mut("args") else { return };
        if self.settings.hides_scripts {
            for text in values.iter_mut() {
                if let Some(shown) = text.as_str().and_then(|text| hidden::in_text(text, &self.settings.marks)) {
                    *text = shown.into();
                }
            }
        }
        let Some(args) = values.iter().map(Json::as_str).collect::<Option<Vec<&str>>>() else { return };
        let line = args.join(" ");
        // An alert has the arguments of a process twice: its own, and in the copy of its event.
        if self.last.as_ref().is_none_or(|(last, _)| *last != args) {
            let redacted = self.vector(&args);
            self.last = Some((args.into_iter().map(str::to_owned).collect(), redacted));
        }
        let Some((_, redacted)) = &self.last else { return };
        let shown = redacted.join(" ");
        *values = redacted.iter().cloned().map(Json::String).collect();
        if let Some(Json::String(text)) = members.get_mut("command_line").filter(|text| text.as_str() == Some(&line)) {
            *text = shown;
        }
    }

    fn vector(&mut self, args: &[&str]) -> Vec<String> {
        let mut left = MAX_TEXT;
        let cut: Vec<&str> = args
            .iter()
            .map(|arg| {
                let kept = &arg[..arg.floor_char_boundary(left)];
                left -= kept.len();
                kept
            })
            .collect();
        let mut redacted = self.whole_vector(&cut);
        for ((arg, kept), shown) in
            args.iter().zip(&cut).zip(&mut redacted).filter(|((arg, kept), _)| arg.len() > kept.len())
        {
            shown.push_str(&left_out(arg.len() - kept.len()));
        }
        redacted
    }

    fn whole_vector(&mut self, args: &[&str]) -> Vec<String> {
        let mut spans =
            if self.settings.finds { vector::in_args(args, self.read) } else { vec![Vec::new(); args.len()] };
        let line = args.join(" ");
        vector::divide(&self.settings.matches(&line), args, &mut spans);
        let each = args.iter().zip(spans);
        each.map(|(arg, mut spans)| {
            spans.extend(self.settings.matches(arg));
            let spans = joined(arg, spans);
            self.packed.read(arg, &spans);
            self.replace(arg, spans)
        })
        .collect()
    }

    fn member(&mut self, key: &str, value: &mut Json) {
        let key = last_part(key);
        if ENVIRONMENT.contains(&key) && self.settings.finds {
            return self.environment(value);
        }
        match value {
            Json::Object(members) => members.iter_mut().for_each(|(key, value)| self.member(key, value)),
            // Done with the processes.
            Json::Array(values) if key == "args" && values.iter().all(Json::is_string) => {}
            // After all others.
            Json::Array(values) if is_unpacked(key, values) => {}
            Json::Array(values) => values.iter_mut().for_each(|value| self.member(key, value)),
            Json::String(_) if NAMES.contains(&key) => {}
            Json::String(text) => {
                if let Some(shown) = self.text(key, text) {
                    *text = shown;
                }
            }
            _ => {}
        }
    }

    /// The texts that were unpacked from scripts.
    fn unpacked(&mut self, key: &str, value: &mut Json) {
        match value {
            Json::Object(members) => members.iter_mut().for_each(|(key, value)| self.unpacked(key, value)),
            Json::Array(values) if is_unpacked(last_part(key), values) => {
                for text in values.iter_mut() {
                    if let Some(shown) = self.text(UNPACKED, text.as_str().unwrap_or_default()) {
                        *text = shown.into();
                    }
                }
            }
            Json::Array(values) => values.iter_mut().for_each(|value| self.unpacked(key, value)),
            _ => {}
        }
    }

    /// A text as it is shown; `None`: as it is.
    fn text(&mut self, key: &str, text: &str) -> Option<String> {
        let cut = text.floor_char_boundary(MAX_TEXT);
        let (whole, left_out) = (&text[..cut], text.len() - cut);
        let hidden = self.settings.hides_scripts.then(|| hidden::in_text(whole, &self.settings.marks)).flatten();
        let whole = hidden.as_deref().unwrap_or(whole);
        let named = kind_of(key).filter(|_| self.settings.finds && !whole.starts_with(OPENING) && !whole.is_empty());
        let mut spans = match named {
            Some(kind) => vec![Span { start: 0, end: whole.len(), kind }],
            None if self.settings.finds => self.read.in_text(whole),
            None => Vec::new(),
        };
        if TEXTS.contains(&key) {
            spans.extend(self.settings.matches(whole));
        }
        if let Some(copies) = &self.copies {
            spans.extend(copies.spans(whole));
        }
        if key == UNPACKED {
            spans.extend(self.packed.spans(whole));
        }
        let spans = joined(whole, spans);
        if key == SCRIPT {
            self.packed.read(whole, &spans);
        }
        if spans.is_empty() && left_out == 0 {
            return hidden;
        }
        let mut out = self.replace(whole, spans);
        if left_out > 0 {
            out.push_str(&self::left_out(left_out));
        }
        Some(out)
    }

    fn environment(&mut self, value: &mut Json) {
        match value {
            Json::Array(variables) => variables.iter_mut().for_each(|variable| self.environment(variable)),
            Json::String(variable) => {
                if let Some((name, value)) = variable.split_once('=') {
                    *variable = format!("{name}={}", self.variable(name, value));
                }
            }
            Json::Object(variables) => {
                for (name, value) in variables.iter_mut() {
                    if let Json::String(text) = value {
                        *text = self.variable(name, text);
                    }
                }
            }
            _ => {}
        }
    }

    fn variable(&mut self, name: &str, value: &str) -> String {
        if value.is_empty() || value.starts_with(OPENING) {
            return value.to_owned();
        }
        match kind_of(name) {
            Some(kind) => self.replace(value, vec![Span { start: 0, end: value.len(), kind }]),
            None if environment::keeps(name) => self.text("env_vars", value).unwrap_or_else(|| value.to_owned()),
            None => self.settings.marks.of(Kind::Environment, value),
        }
    }

    fn replace(&mut self, text: &str, spans: Vec<Span>) -> String {
        for span in &spans {
            let secret = &text[span.start..span.end];
            if span.kind != Kind::Pattern && self.known.len() < MAX_KNOWN && may_stand_elsewhere(secret) {
                self.known.push((secret.to_owned(), span.kind));
            }
        }
        self.settings.marks.replace(text, &spans)
    }
}
