//! The text of a script in arguments and command lines, where a script's text is not to be captured.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value as Json};

use super::mark::{Kind, Marks};
use crate::script::arguments;
use crate::shell::OPENING;

/// From the first statement on: what follows may belong to it, which a joined line does not show.
static STATEMENT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\bosascript\b["']?(?:\s+-[is]+|\s+-[ls]\s*\S+)*\s+-[is]*e\s*"#).ok());
/// What a shell gives osascript on standard input.
static INPUT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"\bosascript\b[^\n|;]*<<-?"#).ok());
static PIPE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"\|\s*(?:\S*/)?osascript\b"#).ok());

/// Leaves the statements out of the arguments of an osascript, and its command line. Returns them.
pub(super) fn in_process(process: &mut Map<String, Json>, marks: &Marks) -> Vec<String> {
    let is_osascript = |text: &str| text.rsplit('/').next() == Some("osascript");
    let named = process.get("name").and_then(Json::as_str).is_some_and(is_osascript);
    let Some(Json::Array(args)) = process.get_mut("args") else { return Vec::new() };
    let texts: Vec<&str> = args.iter().map(|arg| arg.as_str().unwrap_or_default()).collect();
    if !named && !texts.first().is_some_and(|first| is_osascript(first)) {
        return Vec::new();
    }
    let line = texts.join(" ");
    let found = arguments::statements(texts.get(1..).unwrap_or_default());
    let mut hidden = Vec::new();
    for (at, start) in found {
        if let Some(Json::String(arg)) = args.get_mut(at + 1) {
            let statement = arg.split_off(start);
            arg.push_str(&marks.of(Kind::Script, &statement));
            hidden.push(statement);
        }
    }
    let texts: Vec<&str> = args.iter().map(|arg| arg.as_str().unwrap_or_default()).collect();
    let shown = texts.join(" ");
    if let Some(Json::String(command_line)) =
        process.get_mut("command_line").filter(|text| text.as_str() == Some(&line))
    {
        *command_line = shown;
    }
    hidden
}

/// A text that has an osascript with its script in it, without the script.
pub(super) fn in_text(text: &str, marks: &Marks) -> Option<String> {
    if !text.contains("osascript") {
        return None;
    }
    let found = [&STATEMENT, &INPUT].into_iter().filter_map(|pattern| Some(pattern.as_ref()?.find(text)?.end())).min();
    let mut shown = found.filter(|end| *end < text.len() && !text[*end..].starts_with(OPENING)).map(|end| {
        let (before, script) = text.split_at(end);
        format!("{before}{}", marks.of(Kind::Script, script))
    });
    let from = shown.as_deref().unwrap_or(text);
    let piped = PIPE.as_ref().and_then(|pattern| pattern.find(from)).map(|pipe| from.split_at(pipe.start()));
    if let Some((writer, rest)) = piped.filter(|(writer, _)| writes(writer)) {
        shown = Some(format!("{} {rest}", marks.of(Kind::Script, writer.trim_end())));
    }
    shown
}

fn writes(writer: &str) -> bool {
    !writer.starts_with(OPENING) && ["echo", "printf", "<<"].iter().any(|command| writer.contains(command))
}
