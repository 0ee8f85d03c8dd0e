//! The file of a recording: plain, gzip or Zstandard, as its name says.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Map, Value as Json};

use crate::alert::to_line;

/// So much is compressed at once, and no more is held.
const MAX_FRAME: usize = 1 << 20;

/// A recording that is written.
pub(super) enum RecordingFile {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
    /// Whole frames, one after the other, and the text of the next one.
    Zstd(File, Vec<u8>),
}

impl RecordingFile {
    /// Makes the file, which must not exist, readable for its owner alone: command lines hold secrets. `None`: nothing
    /// writes what its name says.
    pub(super) fn create(path: &Path) -> io::Result<Option<RecordingFile>> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("xz" | "bz2" | "zip")) {
            return Ok(None);
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let file = options.open(path)?;
        Ok(Some(match extension {
            Some("gz") => RecordingFile::Gzip(Box::new(GzEncoder::new(BufWriter::new(file), Compression::default()))),
            Some("zst") => RecordingFile::Zstd(file, Vec::new()),
            _ => RecordingFile::Plain(BufWriter::new(file)),
        }))
    }

    pub(super) fn line(&mut self, document: &Map<String, Json>) -> io::Result<()> {
        let line = to_line(document);
        match self {
            RecordingFile::Plain(file) => writeln!(file, "{line}"),
            RecordingFile::Gzip(file) => writeln!(file, "{line}"),
            RecordingFile::Zstd(file, text) => {
                writeln!(text, "{line}")?;
                if text.len() >= MAX_FRAME { frame(file, text) } else { Ok(()) }
            }
        }
    }

    /// What was written is complete in the file.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            RecordingFile::Plain(file) => file.flush(),
            RecordingFile::Gzip(file) => file.flush(),
            RecordingFile::Zstd(file, text) => frame(file, text),
        }
    }

    pub(super) fn finish(self) -> io::Result<()> {
        let file = match self {
            RecordingFile::Plain(file) => file,
            RecordingFile::Gzip(file) => file.finish()?,
            RecordingFile::Zstd(mut file, mut text) => {
                frame(&mut file, &mut text)?;
                return file.sync_all();
            }
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

/// Writes the text as a frame.
fn frame(file: &mut File, text: &mut Vec<u8>) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let compressed = compress_to_vec(text.as_slice(), CompressionLevel::Fastest);
    text.clear();
    file.write_all(&compressed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn document(text: &str) -> Map<String, Json> {
        Map::from_iter([("message".to_owned(), Json::from(text))])
    }

    #[test]
    fn a_name_that_ends_with_zst_is_zstandard_of_whole_frames() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson.zst");
        let mut file = RecordingFile::create(&path).unwrap().unwrap();
        let long: String =
            (0..200_000u32).map(|n| char::from(b'a' + u8::try_from(n % 977 * (n % 31) % 26).unwrap())).collect();
        let lines: Vec<_> = (0..30).map(|n| document(&format!("{n} {long}"))).collect();
        for (n, line) in lines.iter().enumerate() {
            file.line(line).unwrap();
            if n == 3 {
                file.flush().unwrap();
            }
        }
        file.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() < 30 * long.len() / 2, "{}", bytes.len());
        let mut text = String::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            ruzstd::decoding::StreamingDecoder::new(&mut rest).unwrap().read_to_string(&mut text).unwrap();
        }
        let wanted: String = lines.iter().map(|line| to_line(line) + "\n").collect();
        assert!(text == wanted, "what is read is what was written");
    }
}
