//! The file itself: opened with care, and errors that say where.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::{Config, Error, ExceptionFile};

/// A configuration is a few pages of text; this bounds what a mistaken path can cost.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a configuration file. Run by root, it refuses one that others than its owner may write.
pub fn load(path: &Path) -> Result<Config, Error> {
    let origin = path.display().to_string();
    let wrong = |why: &dyn std::fmt::Display| Error(format!("{origin}: {why}"));
    let text = read(path).map_err(|error| wrong(&error))?;
    let mut config = Config::parse(&origin, &text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for rules in &mut config.rules.paths {
        *rules = folder.join(&*rules);
    }
    config.exception_files = exception_files(&folder.join("exceptions.d"))?;
    Ok(config)
}

/// The `.toml` files of the folder, in order of name; none when there is no such folder.
fn exception_files(folder: &Path) -> Result<Vec<ExceptionFile>, Error> {
    let wrong = |path: &Path, error: io::Error| Error(format!("{}: {error}", path.display()));
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| wrong(folder, error))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| wrong(folder, error))?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let parse = |path: &std::path::PathBuf| {
        let text = read(path).map_err(|error| wrong(path, error))?;
        ExceptionFile::parse(&path.display().to_string(), &text)
    };
    paths.iter().map(parse).collect()
}

fn read(path: &Path) -> io::Result<String> {
    // Opening a named pipe must not wait for a writer that never comes.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = File::options().read(true).custom_flags(nonblocking).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if rustix::process::geteuid().is_root() && metadata.mode() & 0o022 != 0 {
        let mode = metadata.mode() & 0o7777;
        return Err(io::Error::other(format!("others than its owner may write it (mode {mode:04o}); chmod go-w it")));
    }
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is longer than {MAX_BYTES} bytes")));
    }
    Ok(text)
}

/// An error at a byte of the text.
pub(super) fn error_at(origin: &str, text: &str, at: usize, why: &str) -> Error {
    let before = &text[..text.floor_char_boundary(at.min(text.len()))];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    Error(format!("{origin}:{line}:{column}: {why}"))
}

pub(super) fn toml_error(origin: &str, text: &str, error: &toml::de::Error) -> Error {
    let at = error.span().map_or(0, |span| span.start);
    let why = error.message();
    error_at(origin, text, at, &format!("{why}{}", suggestion(why).unwrap_or_default()))
}

/// serde words it "unknown field `x`, expected one of `a`, `b`"; the nearest of those is suggested.
fn suggestion(why: &str) -> Option<String> {
    let rest = why.strip_prefix("unknown ")?;
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let written = quoted.next()?;
    let (distance, near) = quoted.map(|known| (strsim::damerau_levenshtein(known, written), known)).min()?;
    (distance <= 1 + near.len() / 4).then(|| format!("; did you mean `{near}`?"))
}

/// The byte where the value of a key begins.
pub(super) fn place_of(text: &str, path: &[&str]) -> Option<usize> {
    let document = toml::de::DeTable::parse(text).ok()?;
    let (last, tables) = path.split_last()?;
    let mut table = document.get_ref();
    for name in tables {
        table = table.get(*name)?.get_ref().as_table()?;
    }
    Some(table.get(*last)?.span().start)
}
