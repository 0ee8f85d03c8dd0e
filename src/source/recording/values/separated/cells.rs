//! Rows of separated values, as RFC 4180 writes them: where each ends, and the cells in it.

use std::borrow::Cow;

/// Where in a row the text ends that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// At the start of a cell.
    Start,
    /// In a cell without quotes.
    Bare,
    /// Between quotes.
    Quotes,
    /// Behind a quote that closes a cell, or is the first of two.
    Closed,
}

/// Looks for the end of a row, also in text that comes piece by piece.
#[derive(Debug)]
pub(super) struct Cut {
    separator: u8,
    within: Within,
    /// How much of the row was looked at.
    at: usize,
}

impl Cut {
    pub(super) fn new(separator: u8) -> Cut {
        Cut { separator, within: Within::Start, at: 0 }
    }

    /// How long the row is with its line break; `None` where that has not come. The text is the one of the last time, with
    /// more behind it.
    pub(super) fn end(&mut self, text: &[u8]) -> Option<usize> {
        while let Some(rest) = text.get(self.at..).filter(|rest| !rest.is_empty()) {
            let found = match self.within {
                Within::Quotes => memchr::memchr(b'"', rest),
                Within::Bare => memchr::memchr2(self.separator, b'\n', rest),
                Within::Start | Within::Closed => Some(0),
            };
            let Some(found) = found else {
                self.at = text.len();
                return None;
            };
            self.at += found + 1;
            self.within = match (self.within, rest[found]) {
                (Within::Quotes, _) => Within::Closed,
                (Within::Start | Within::Closed, b'"') => Within::Quotes,
                (_, b'\n') => {
                    let end = self.at;
                    (self.within, self.at) = (Within::Start, 0);
                    return Some(end);
                }
                (_, byte) if byte == self.separator => Within::Start,
                _ => Within::Bare,
            };
        }
        None
    }

    /// What was looked at is gone, and the row goes on.
    pub(super) fn forget(&mut self) {
        self.at = 0;
    }
}

/// The cells of a row, but no more than so many: what is behind those is not looked at.
pub(super) fn cells(row: &str, separator: u8, limit: usize) -> Result<Vec<Cow<'_, str>>, &'static str> {
    let (mut cells, mut rest) = (Vec::new(), row);
    loop {
        let (cell, after) = match rest.strip_prefix('"') {
            Some(inner) => quoted(inner).ok_or("a quote that is not closed")?,
            None => {
                let end = memchr::memchr(separator, rest.as_bytes()).unwrap_or(rest.len());
                (Cow::Borrowed(&rest[..end]), &rest[end..])
            }
        };
        cells.push(cell);
        match after.as_bytes().first() {
            None => return Ok(cells),
            Some(_) if cells.len() > limit => return Ok(cells),
            Some(byte) if *byte == separator => rest = &after[1..],
            Some(_) => return Err("text behind the quote that closes a cell"),
        }
    }
}

/// What is before the quote that closes a cell, where two stand for one, and what is behind it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let (mut cell, mut start) = (Cow::Borrowed(""), 0);
    loop {
        let end = start + memchr::memchr(b'"', &text.as_bytes()[start..])?;
        let after = &text[end + 1..];
        if !after.starts_with('"') {
            cell += &text[start..end];
            return Some((cell, after));
        }
        cell += &text[start..=end];
        start = end + 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rows of a text that comes in pieces of this many bytes.
    fn rows(text: &str, piece: usize) -> Vec<&str> {
        let (mut cut, mut rows, mut start, mut end) = (Cut::new(b','), Vec::new(), 0, 0);
        while end < text.len() || start < end {
            match cut.end(&text.as_bytes()[start..end]) {
                Some(length) => {
                    rows.push(&text[start..start + length]);
                    start += length;
                }
                None if end == text.len() => break,
                None => end = text.len().min(end + piece),
            }
        }
        rows
    }

    #[test]
    fn a_row_ends_at_a_line_break_that_no_quotes_are_around_wherever_the_text_is_cut() {
        let text = "a,b\r\n\"x\ny\",\"say \"\"a\nb\"\"\"\n\"\",\n5\" disk,2\n\n";
        for piece in [1, 2, 3, 5, 100] {
            let expected = ["a,b\r\n", "\"x\ny\",\"say \"\"a\nb\"\"\"\n", "\"\",\n", "5\" disk,2\n", "\n"];
            assert_eq!(rows(text, piece), expected, "{piece}");
        }
    }

    #[test]
    fn cells_are_what_is_between_separators_and_in_quotes() {
        for (row, expected) in [
            ("a,b", Ok(vec!["a", "b"])),
            ("", Ok(vec![""])),
            (",", Ok(vec!["", ""])),
            ("\"a,b\",\"\"\"c\"\"\",\"\"", Ok(vec!["a,b", "\"c\"", ""])),
            ("5\" disk,x", Ok(vec!["5\" disk", "x"])),
            ("a,b,c,d,e", Ok(vec!["a", "b", "c", "d"])),
            ("\"a", Err("a quote that is not closed")),
            ("\"a\"b,c", Err("text behind the quote that closes a cell")),
        ] {
            let found = cells(row, b',', 3);
            let found = found.as_ref().map(|cells| cells.iter().map(|cell| &**cell).collect()).map_err(|text| *text);
            assert_eq!(found, expected, "{row}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(table in prop::collection::vec(prop::collection::vec("[a\",;\n\r é]{0,6}", 1..5), 1..5)) {
            let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let line = |row: &Vec<String>| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n";
            let text: String = table.iter().map(line).collect();
            let read: Vec<Vec<String>> = rows(&text, 3)
                .iter()
                .map(|row| cells(&row[..row.len() - 1], b',', 9).unwrap().into_iter().map(Cow::into_owned).collect())
                .collect();
            prop_assert_eq!(read, table);
        }
    }
}
