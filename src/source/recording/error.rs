//! Why a recording cannot be replayed, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::compression::Compression;
use super::lines::TOO_LONG;
use super::origin::Problem;
use crate::visible::visible;

/// Why a recording cannot be replayed.
#[derive(Debug)]
pub enum Error {
    /// The file cannot be opened.
    Open {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The directory holds no recording.
    NoRecording {
        /// The directory.
        path: PathBuf,
    },
    /// The directory holds more files than are merged.
    TooManyFiles {
        /// The directory.
        path: PathBuf,
        /// How many are.
        limit: usize,
    },
    /// Standard input was named twice.
    StdinTwice,
    /// No thread could be started to read the input.
    Thread {
        /// The input's name.
        input: String,
        /// The error of the system.
        error: io::Error,
    },
    /// The input cannot be read from its start on.
    Unreadable {
        /// The input's name.
        input: String,
        /// Why.
        unreadable: Unreadable,
    },
    /// The input holds no value of a known format.
    NoKnownFormat {
        /// The input's name.
        input: String,
        /// What it holds instead.
        content: Unknown,
        /// The first thing that is wrong in it.
        first: Option<Box<Problem>>,
    },
}

/// Why reading an input ended before its end.
#[derive(Debug)]
pub enum Unreadable {
    /// Reading failed.
    Read(io::Error),
    /// What it was unpacked from is cut off or damaged.
    Packed {
        /// How it is compressed.
        compression: Compression,
        /// The error of the decoder.
        error: io::Error,
    },
    /// It is a file of another kind.
    Content(Content),
}

/// A kind of file that is not a recording, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text in UTF-16 or UTF-32, by the name that iconv has for it.
    Unicode(&'static str),
    /// A tar archive.
    Tar,
    /// A zip archive.
    Zip,
    /// A 7-Zip archive.
    SevenZip,
    /// A binary property list.
    PropertyList,
    /// Something that was compressed again, first with the tool of this name.
    Compressed(&'static str),
}

/// What an input holds that has no value of a known format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Nothing at all.
    Empty,
    /// Search responses or arrays without documents.
    NoDocuments,
    /// Something that is not text.
    Binary,
    /// Values that are too long.
    TooLong,
    /// A table without a row that is an event.
    Separated,
    /// Lines that have other text before their JSON.
    Prefixed,
    /// Text, or JSON of another kind.
    Other,
}

impl Content {
    pub(super) fn of(start: &[u8]) -> Option<Content> {
        match start {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some(Content::Unicode("UTF-32")),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(Content::Unicode("UTF-16")),
            [1..=0x7f, 0, 0, 0, 1..=0x7f, 0, 0, 0, ..] => Some(Content::Unicode("UTF-32LE")),
            [0, 0, 0, 1..=0x7f, 0, 0, 0, 1..=0x7f, ..] => Some(Content::Unicode("UTF-32BE")),
            [1..=0x7f, 0, 1..=0x7f, 0, ..] => Some(Content::Unicode("UTF-16LE")),
            [0, 1..=0x7f, 0, 1..=0x7f, ..] => Some(Content::Unicode("UTF-16BE")),
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => Some(Content::Zip),
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Some(Content::SevenZip),
            [0x1f, 0x8b, ..] => Some(Content::Compressed("gzip")),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Content::Compressed("zstd")),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Content::Compressed("xz")),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => Some(Content::Compressed("bzip2")),
            _ if start.starts_with(b"bplist") => Some(Content::PropertyList),
            _ if start.get(257..262) == Some(b"ustar") => Some(Content::Tar),
            _ => None,
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Content::Unicode(name) => {
                return write!(f, "this is text in {name}; convert it: iconv -f {name} -t UTF-8 FILE > FILE.ndjson");
            }
            Content::Compressed(inner) => {
                return write!(
                    f,
                    "this is compressed twice, with {inner} inside; take the outer layer off and replay what is left: \
                     gunzip, zstd -d, xz -d or bzip2 -d FILE"
                );
            }
            Content::Tar => "this is a tar archive; unpack it (tar -xf FILE) and replay the files in it",
            Content::Zip => "this is a zip archive; unpack it (unzip FILE) and replay the files in it",
            Content::SevenZip => "this is a 7-Zip archive; unpack it (7z x FILE) and replay the files in it",
            Content::PropertyList => "this is a binary property list; osawatch reads JSON",
        })
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Read(error) => write!(f, "reading failed: {error}"),
            Unreadable::Packed { compression, error } if error.kind() == io::ErrorKind::UnexpectedEof => {
                write!(f, "the {compression} data is truncated")
            }
            Unreadable::Packed { compression, error } => write!(f, "the {compression} data is damaged: {error}"),
            Unreadable::Content(content) => content.fmt(f),
        }
    }
}

impl Unknown {
    /// What an input without a value of a known format holds, from how it starts.
    pub(super) fn of(start: &str) -> Unknown {
        let text = start.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace());
        let is_unreadable = |c: &char| *c == '\u{fffd}' || (c.is_control() && !c.is_whitespace());
        let unreadable = text.chars().filter(is_unreadable).count();
        if text.contains('\0') || unreadable * 10 > text.chars().count() {
            return Unknown::Binary;
        }
        let line = text.lines().next().unwrap_or_default().trim_end();
        let is_json = line.starts_with(['{', '[']);
        if !is_json && line.ends_with('}') && line.contains("{\"") { Unknown::Prefixed } else { Unknown::Other }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unknown::Empty => "it is empty",
            Unknown::NoDocuments => "it holds no documents: its arrays are empty",
            Unknown::Binary => {
                "this is not text; osawatch reads JSON, plain or compressed with gzip, zstd, xz or bzip2"
            }
            Unknown::TooLong => return write!(f, "its values are {TOO_LONG}"),
            Unknown::Separated => {
                "no row of this table is an event: the columns of one are @timestamp, event.category, event.type and what \
                 else the rules ask for, or that with its JSON, such as _raw or message"
            }
            Unknown::Prefixed => {
                "there is text before the JSON of each line, as syslog puts it there; take it off: sed 's/^[^{]*//' FILE > \
                 FILE.ndjson"
            }
            Unknown::Other => {
                "nothing in it is an ECS document with @timestamp, an eslogger message or Jamf Protect telemetry"
            }
        })
    }
}

fn name(path: &Path) -> String {
    visible(&path.to_string_lossy())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Open { path, error } => {
                write!(f, "cannot open {}: {error}", name(path))?;
                match error.kind() {
                    io::ErrorKind::NotFound => f.write_str("; check the path"),
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("; run osawatch as a user who may read it, for instance with sudo")
                    }
                    _ if error.raw_os_error() == Some(libc::EMFILE) => {
                        f.write_str("; raise the limit with `ulimit -n 4096`, or replay fewer files at a time")
                    }
                    _ => Ok(()),
                }
            }
            Error::NoRecording { path } => write!(f, "{}: no file in this directory is a recording", name(path)),
            Error::TooManyFiles { path, limit } => {
                let path = name(path);
                write!(
                    f,
                    "{path} holds more than {limit} files; replay its directories one by one, or all as one stream: \
                     find {path} -type f -exec cat {{}} + | osawatch replay --sort -"
                )
            }
            Error::StdinTwice => f.write_str("standard input (-) is named twice; name it once"),
            Error::Thread { input, error } => write!(f, "cannot start a thread to read {input}: {error}"),
            Error::Unreadable { input, unreadable } => write!(f, "{input}: {unreadable}"),
            Error::NoKnownFormat { content, first: Some(problem), .. } => write!(f, "{problem}; {content}"),
            Error::NoKnownFormat { input, content, first: None } => write!(f, "{input}: {content}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Open { error, .. } | Error::Thread { error, .. } => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_kinds_of_file_are_known_by_their_first_bytes() {
        let tar = [&[b'x'; 257][..], b"ustar\0"].concat();
        for (start, content) in [
            (&b"\xff\xfe{\0"[..], Some(Content::Unicode("UTF-16"))),
            (b"{\0\"\0", Some(Content::Unicode("UTF-16LE"))),
            (b"\0{\0\"", Some(Content::Unicode("UTF-16BE"))),
            (b"\xff\xfe\0\0{\0\0\0", Some(Content::Unicode("UTF-32"))),
            (b"\0\0\xfe\xff\0\0\0{", Some(Content::Unicode("UTF-32"))),
            (b"{\0\0\0\"\0\0\0", Some(Content::Unicode("UTF-32LE"))),
            (b"\0\0\0{\0\0\0\"", Some(Content::Unicode("UTF-32BE"))),
            (b"PK\x03\x04", Some(Content::Zip)),
            (&tar, Some(Content::Tar)),
            (b"PK\x07\x08PK\x03\x04", Some(Content::Zip)),
            (b"bplist00", Some(Content::PropertyList)),
            (b"\x1f\x8b\x08", Some(Content::Compressed("gzip"))),
            (b"BZh91AY&SY", Some(Content::Compressed("bzip2"))),
            (b"BZh9 text", None),
            (b"{\"a\": 1}", None),
            (b"\0\0\0\0{", None),
        ] {
            assert_eq!(Content::of(start), content, "{start:?}");
        }
    }

    #[test]
    fn what_is_not_text_is_told_from_text_of_another_kind() {
        for (start, content) in [
            ("{\"a\":1}\n", Unknown::Other),
            ("time,pid\n", Unknown::Other),
            ("2026-01-01T00:00:00Z stdout F {\"a\":1}\n", Unknown::Prefixed),
            ("<14>1 - mac eslogger - - - {\"@timestamp\":1,\"b\":2}\r\n", Unknown::Prefixed),
            ("\u{fffd}PNG\0\0", Unknown::Binary),
            ("\u{fffd}7zXZ", Unknown::Binary),
        ] {
            assert_eq!(Unknown::of(start), content, "{start:?}");
        }
    }
}
