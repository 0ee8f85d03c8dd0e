//! Rows of text for a terminal of any width: what does not fit continues below where it began.

use unicode_width::UnicodeWidthChar;

use crate::detect::rule::Severity;

/// Columns of a narrow terminal, and of lines that one can still follow.
const WIDTHS: (usize, usize) = (40, 200);
/// The column of a value.
const VALUE: usize = 15;

/// How text is laid out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    /// The columns of the terminal; `None`: lines are as long as they are.
    pub width: Option<usize>,
    /// Severities are coloured.
    pub colour: bool,
}

impl Layout {
    /// A row with its label.
    pub(super) fn row(self, label: &str, value: &str) -> String {
        self.rows(label, &[value.to_owned()])
    }

    /// Several lines under one label.
    pub(super) fn rows(self, label: &str, values: &[String]) -> String {
        let lines = values.iter().flat_map(|value| self.wrapped(value, VALUE, VALUE));
        let row = |(at, line): (usize, String)| format!("  {:<12} {line}\n", if at == 0 { label } else { "" });
        lines.enumerate().map(row).collect()
    }

    /// The first row: when, how grave, what.
    pub(super) fn title(self, time: &str, severity: Severity, name: &str) -> String {
        let shown = severity.to_string().to_uppercase();
        let begun = time.chars().count() + shown.len() + 4;
        let mut lines = self.wrapped(name, begun, 4).into_iter();
        let mut out = format!("{time}  {}  {}\n", self.coloured(severity, &shown), lines.next().unwrap_or_default());
        lines.for_each(|line| out += &format!("    {line}\n"));
        out
    }

    /// Text with this indent, in lines that fit.
    pub(crate) fn indented(self, indent: usize, text: &str) -> String {
        let lines = self.wrapped(text, indent, indent).into_iter();
        lines.map(|line| format!("{:indent$}{line}\n", "")).collect()
    }

    /// The name of a severity in its colour.
    pub(super) fn coloured(self, severity: Severity, text: &str) -> String {
        let colour = match severity {
            _ if !self.colour => return text.to_owned(),
            Severity::Low => "36",
            Severity::Medium => "33",
            Severity::High => "31",
            Severity::Critical => "1;31",
        };
        format!("\x1b[{colour}m{text}\x1b[0m")
    }

    /// The text in pieces that fit behind what is already in its first and its further lines. It is broken at spaces; a
    /// word that fits no line is broken where the line ends.
    fn wrapped(self, text: &str, first: usize, further: usize) -> Vec<String> {
        let Some(width) = self.width.map(|width| width.clamp(WIDTHS.0, WIDTHS.1)) else { return vec![text.to_owned()] };
        let (mut lines, mut line, mut left) = (Vec::new(), String::new(), width.saturating_sub(first));
        for (at, word) in text.split(' ').enumerate() {
            let (columns, space) = (columns_of(word), usize::from(at > 0));
            if columns + space > left && columns <= width - further {
                lines.push(std::mem::take(&mut line));
                left = width - further;
            } else if space > 0 && left > 0 {
                line.push(' ');
                left -= 1;
            }
            for letter in word.chars() {
                let columns = letter.width().unwrap_or(0);
                if columns > left {
                    lines.push(std::mem::take(&mut line));
                    left = width - further;
                }
                line.push(letter);
                left -= columns;
            }
        }
        lines.push(line);
        lines
    }
}

fn columns_of(text: &str) -> usize {
    text.chars().map(|letter| letter.width().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(width: usize, text: &str) -> Vec<String> {
        Layout { width: Some(width), colour: false }.wrapped(text, VALUE, VALUE)
    }

    #[test]
    fn lines_are_broken_at_spaces_and_only_a_word_that_fits_none_within() {
        assert_eq!(wrapped(40, "one two three four five six"), ["one two three four five", "six"]);
        assert_eq!(wrapped(200, "one two three four five six"), ["one two three four five six"]);
        let path = format!("open /{}/x now", "a".repeat(40));
        let lines = wrapped(40, &path);
        assert_eq!(lines.concat().replace(' ', ""), path.replace(' ', ""), "nothing is left out");
        assert!(lines.iter().all(|line| columns_of(line) <= 25), "{lines:?}");
        assert_eq!(Layout::default().wrapped(&path, VALUE, VALUE), [path]);
    }

    #[test]
    fn wide_letters_take_two_columns_at_every_width() {
        let text = "表示するdialog 確認してください".repeat(4);
        for width in [1, 40, 80, 200, 1000] {
            let room = width.clamp(40, 200) - VALUE;
            assert!(wrapped(width, &text).iter().all(|line| columns_of(line) <= room), "{width}");
        }
    }

    #[test]
    fn what_goes_on_stands_below_where_it_began() {
        let row = Layout { width: Some(40), colour: false }.row("command", "osascript -e one two three four");
        assert_eq!(row, "  command      osascript -e one two\n               three four\n");
    }

    #[test]
    fn only_a_terminal_that_takes_colours_gets_them() {
        let title = |colour| Layout { width: None, colour }.title("T", Severity::High, "n");
        assert_eq!((title(false).as_str(), title(true).as_str()), ("T  HIGH  n\n", "T  \x1b[31mHIGH\x1b[0m  n\n"));
    }
}
