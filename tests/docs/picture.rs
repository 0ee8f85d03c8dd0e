//! The picture of a terminal in README, made from what the command prints.

use std::fs;

use super::{project, updates};
use crate::util::osawatch;

const COLUMNS: usize = 118;
const LINE_HEIGHT: usize = 19;
const CHARACTER_WIDTH: f64 = 7.83;
const PICTURE: &str = "docs/images/alert.svg";

/// A line as a terminal of [`COLUMNS`] breaks it, the rest below the text it belongs to.
fn wrapped(line: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest: Vec<char> = line.chars().collect();
    while rest.len() > COLUMNS {
        let space = rest[..COLUMNS].iter().rposition(|c| *c == ' ').filter(|at| *at > 20).unwrap_or(COLUMNS);
        lines.push(rest[..space].iter().collect());
        let indent = std::iter::repeat_n(' ', 15);
        rest = indent.chain(rest[space..].iter().copied().skip_while(|c| *c == ' ')).collect();
    }
    lines.push(rest.into_iter().collect());
    lines
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// One row: labels dimmed, severities and what was redacted in colour.
fn row(number: usize, line: &str) -> String {
    let y = 58 + number * LINE_HEIGHT;
    let text = escaped(line);
    let text = ["CRITICAL", "HIGH", "MEDIUM", "LOW"].iter().fold(text, |text, severity| {
        text.replacen(&format!("  {severity}  "), &format!(r#"  <tspan class="severity">{severity}</tspan>  "#), 1)
    });
    let label = line.get(2..15).filter(|label| line.starts_with("  ") && !label.starts_with(' '));
    let text = match label {
        Some(label) => {
            text.replacen(&escaped(label), &format!(r#"<tspan class="label">{}</tspan>"#, escaped(label)), 1)
        }
        None => text,
    };
    format!(r#"<text x="18" y="{y}" xml:space="preserve">{text}</text>"#)
}

fn picture(command: &str, output: &str) -> String {
    let lines: Vec<String> =
        [format!("$ {command}"), String::new()].into_iter().chain(output.lines().flat_map(wrapped)).collect();
    let (width, height) = ((COLUMNS as f64 * CHARACTER_WIDTH) as usize + 36, lines.len() * LINE_HEIGHT + 64);
    let rows: Vec<String> =
        lines.iter().enumerate().filter(|(_, line)| !line.is_empty()).map(|(n, line)| row(n, line)).collect();
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="osawatch replay, and the alerts it prints">
<style>text {{ font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d8dee9 }} .label {{ fill: #7f8ea3 }} .severity {{ fill: #ffb454; font-weight: bold }}</style>
<rect width="100%" height="100%" rx="9" fill="#1b1f27"/>
<circle cx="22" cy="20" r="6" fill="#ff5f57"/><circle cx="42" cy="20" r="6" fill="#febc2e"/><circle cx="62" cy="20" r="6" fill="#28c840"/>
{}
</svg>
"##,
        rows.join("\n")
    )
}

#[test]
fn the_picture_of_the_terminal_shows_what_the_command_prints() {
    let recording = project().join("examples/ordinary-hour.ndjson.gz");
    let run = osawatch(&["replay", "--output", "text", recording.to_str().unwrap()]).exits(0);
    let drawn = picture("osawatch replay examples/ordinary-hour.ndjson.gz", run.stdout.trim_end());
    let path = project().join(PICTURE);
    if updates() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, drawn).unwrap();
    } else {
        assert!(fs::read_to_string(&path).unwrap() == drawn, "run with OSAWATCH_ACCEPT=1, and look at {PICTURE}");
    }
}
