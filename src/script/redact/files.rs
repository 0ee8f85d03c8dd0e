//! Files whose lines have a password in a place: `echo h:5432:db:ada:x > ~/.pgpass`.

use super::mark::{Kind, Span};
use super::plain::is_plain;
use super::words::Word;

/// What precedes the password in a line of libpq: host, port, database and user, each with its colon.
const PGPASS: usize = 4;

/// Finds the passwords of a word that is written to a file.
pub(super) fn find(path: &str, word: &Word<'_>, out: &mut Vec<Span>) {
    if !path.ends_with("pgpass") {
        return;
    }
    let mut from = 0;
    for line in word.text().split_inclusive('\n') {
        let end = from + line.trim_end_matches("\\n").trim_end().len();
        let start = line.match_indices(':').nth(PGPASS - 1).map(|(at, _)| from + at + 1);
        if let Some(start) = start.filter(|start| *start < end && !is_plain(&word.text()[*start..end])) {
            out.extend(word.part(start, end, Kind::Password));
        }
        from += line.len();
    }
}
