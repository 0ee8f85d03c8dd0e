//! Here-documents: what the lines behind a command are for it, or for the file that it writes.

use super::files;
use super::mark::{Kind, Span};
use super::variables::{covering, printed};
use super::words::Word;

/// What the lines of a document are.
pub(super) enum Lines {
    /// A configuration of curl.
    Config,
    /// The first is a secret: `sudo -S id <<EOF`.
    Secret,
    /// They go to a file: `cat > x <<EOF`.
    File(String),
}

/// A document whose end has not come.
pub(super) struct Document {
    pub(super) lines: Lines,
    end: String,
    /// The line of its command has ended.
    pub(super) is_open: bool,
    /// Its lines so far, and what those print that are commands.
    text: Option<Span>,
    printed: Option<Span>,
}

impl Document {
    /// The document that a command has.
    pub(super) fn of(words: &[Word<'_>], lines: Lines) -> Option<Document> {
        let end = mark(words)?.to_owned();
        Some(Document { lines, end, is_open: false, text: None, printed: None })
    }

    pub(super) fn ends(&self, words: &[Word<'_>]) -> bool {
        matches!(words, [word] if word.text() == self.end)
    }

    /// Takes a line of a file that has this path.
    pub(super) fn line(&mut self, path: &str, words: &[Word<'_>], out: &mut Vec<Span>) {
        words.iter().for_each(|word| files::find(path, word, out));
        let spans = words.iter().filter_map(|word| word.span(0, Kind::Password));
        self.text = covering(self.text.into_iter().chain(spans));
        self.printed = covering(self.printed.into_iter().chain(printed(words)));
    }

    /// What of the file is a secret when it is read as one: what it prints as a script, or all of it.
    pub(super) fn content(&self) -> Option<Span> {
        self.printed.or(self.text)
    }
}

/// The word that ends the document of a command: `<<EOF`, `<< EOF`, `<<-EOF`.
pub(super) fn mark<'w>(words: &'w [Word<'_>]) -> Option<&'w str> {
    let (at, rest) = words.iter().enumerate().find_map(|(at, word)| Some((at, word.text().strip_prefix("<<")?)))?;
    let joined = rest.trim_start_matches('-');
    match joined {
        "" => words.get(at + 1).map(Word::text),
        _ => Some(joined).filter(|mark| !mark.starts_with('<')),
    }
}
