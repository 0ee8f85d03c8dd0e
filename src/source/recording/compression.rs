//! Compressed input, recognised by its content.

use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// A frame that is to be skipped, with which `pzstd` begins.
const ZSTD_SKIPPABLE: &[u8] = &[0x50, 0x2a, 0x4d, 0x18];
const XZ_MAGIC: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const BZIP2_MAGIC: &[u8] = b"BZh";

/// What ends a Zstandard frame: an empty block that is the last, and room for a checksum.
const ZSTD_END: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

/// `xz -9` needs 64 MiB; a stream that asks for more than this is refused.
const XZ_MEMORY_KIB: u32 = 256 << 10;

/// How an input is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, of one member or several.
    Gzip,
    /// Zstandard, of one frame or several.
    Zstd,
    /// xz, of one stream or several.
    Xz,
    /// bzip2, of one stream or several.
    Bzip2,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Xz => "xz",
            Compression::Bzip2 => "bzip2",
        })
    }
}

/// The uncompressed content of a stream. Reads no further than needed: the first line of a
/// pipe may be short, and the next one long in coming.
pub(crate) fn decompressed(mut raw: impl Read + Send + 'static) -> io::Result<(Compression, Box<dyn Read + Send>)> {
    let mut head = Vec::new();
    while [GZIP_MAGIC, ZSTD_MAGIC, ZSTD_SKIPPABLE, XZ_MAGIC, BZIP2_MAGIC]
        .iter()
        .any(|magic| head.len() < magic.len() && magic.starts_with(&head))
    {
        let mut byte = [0];
        match raw.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => head.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let compression = match head.as_slice() {
        GZIP_MAGIC => Compression::Gzip,
        ZSTD_MAGIC | ZSTD_SKIPPABLE => Compression::Zstd,
        XZ_MAGIC => Compression::Xz,
        BZIP2_MAGIC => Compression::Bzip2,
        _ => Compression::None,
    };
    let whole = Cursor::new(head).chain(raw);
    Ok(match compression {
        Compression::None => (compression, Box::new(whole)),
        Compression::Gzip => (compression, Box::new(MultiGzDecoder::new(whole))),
        Compression::Zstd => (compression, Box::new(ZstdReader::new(whole))),
        Compression::Xz => (compression, Box::new(XzReader::new_mem_limit(BufReader::new(whole), true, XZ_MEMORY_KIB))),
        Compression::Bzip2 => (compression, Box::new(MultiBzDecoder::new(whole))),
    })
}

/// Reads every frame of a Zstandard stream, one after the other.
struct ZstdReader<R: Read> {
    source: BufReader<R>,
    decoder: FrameDecoder,
    in_frame: bool,
    /// Why the frame cannot be decoded further.
    failed: Option<io::Error>,
}

impl<R: Read> ZstdReader<R> {
    fn new(source: R) -> ZstdReader<R> {
        ZstdReader { source: BufReader::new(source), decoder: FrameDecoder::new(), in_frame: false, failed: None }
    }

    /// Starts the next frame; false at the end of the stream.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut (&mut self.source).take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(zstd_error(&error)),
            }
        }
        Ok(false)
    }

    /// Decodes another block of the frame. Where that fails, what is decoded and held back, because later blocks may
    /// repeat it, is given before the error is.
    fn decode_block(&mut self) -> io::Result<()> {
        let one = || BlockDecodingStrategy::UptoBlocks(1);
        if let Err(error) = self.decoder.decode_blocks(&mut self.source, one()) {
            let error = zstd_error(&error);
            if self.decoder.decode_blocks(ZSTD_END, one()).is_err() {
                return Err(error);
            }
            self.failed = Some(error);
        }
        Ok(())
    }

    fn end_frame(&mut self) -> io::Result<()> {
        let checksums = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
        self.in_frame = false;
        match checksums {
            (Some(stated), Some(actual)) if stated != actual => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum does not match"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether the stream ended too early, or what is in it is wrong; the rest is about the decoder's insides.
fn zstd_error(error: &(dyn Error + 'static)) -> io::Error {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof) {
            return io::ErrorKind::UnexpectedEof.into();
        }
        cause = error.source();
    }
    io::Error::new(io::ErrorKind::InvalidData, "a frame of it is not valid")
}

impl<R: Read> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.in_frame {
                self.in_frame = self.next_frame()?;
                if !self.in_frame {
                    return Ok(0);
                }
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decode_block()?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            match self.failed.take() {
                Some(error) => return Err(error),
                None => self.end_frame()?,
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A Zstandard frame with its content in one block as it is: no window, 2-byte content size, no checksum.
    pub(in crate::source::recording) fn raw_frame(content: &[u8]) -> Vec<u8> {
        assert!((256..60_000).contains(&content.len()));
        let mut frame = [ZSTD_MAGIC, &[0x60], &(content.len() as u16 - 256).to_le_bytes()].concat();
        frame.extend(&((content.len() as u32) << 3 | 1).to_le_bytes()[..3]);
        frame.extend(content);
        frame
    }

    fn read(bytes: Vec<u8>) -> (Compression, io::Result<Vec<u8>>, usize) {
        let (compression, mut reader) = decompressed(Cursor::new(bytes)).unwrap();
        let mut content = Vec::new();
        let result = reader.read_to_end(&mut content);
        let len = content.len();
        (compression, result.map(|_| content), len)
    }

    #[test]
    fn zstd_frames_are_joined_and_skippable_ones_skipped() {
        let (one, two) = (vec![b'a'; 300], vec![b'b'; 500]);
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"xyz"].concat();
        for first in [&[][..], &skippable] {
            let (compression, content, _) = read([first, &raw_frame(&one), &skippable, &raw_frame(&two)].concat());
            assert_eq!((compression, content.unwrap()), (Compression::Zstd, [&one[..], &two].concat()));
        }
    }

    #[test]
    fn a_cut_frame_gives_what_it_held_whole_and_an_error() {
        let whole = [raw_frame(&[b'a'; 300]), raw_frame(&[b'b'; 500])].concat();
        let (_, content, len) = read(whole[..whole.len() - 10].to_vec());
        assert!(content.is_err());
        assert_eq!(len, 300);
    }

    /// A frame of two blocks within a window that is larger than they are, with a checksum.
    fn windowed_frame(one: &[u8], two: &[u8]) -> Vec<u8> {
        let block =
            |content: &[u8], last: u32| [&((content.len() as u32) << 3 | last).to_le_bytes()[..3], content].concat();
        [ZSTD_MAGIC, &[0x04, 0x70], &block(one, 0), &block(two, 1), &[0; 4]].concat()
    }

    #[test]
    fn what_is_decoded_of_a_cut_frame_is_given_also_where_later_blocks_could_repeat_it() {
        let whole = windowed_frame(&[b'a'; 300], &[b'b'; 500]);
        for (cut, expected) in [(2, 800), (4 + 499, 300)] {
            let (_, content, len) = read(whole[..whole.len() - cut].to_vec());
            assert_eq!(content.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            assert!(len >= expected && len <= 800, "{len}");
        }
        let (_, content, len) = read(whole);
        assert_eq!((content.unwrap_err().kind(), len), (io::ErrorKind::InvalidData, 800), "its checksum is another");
    }

    #[test]
    fn short_and_plain_input_passes_unchanged() {
        for bytes in [&b""[..], b"{", b"\x1f", b"(\xb5/", b"{}\n", b"plain text"] {
            let (compression, content, _) = read(bytes.to_vec());
            assert_eq!((compression, content.unwrap().as_slice()), (Compression::None, bytes));
        }
    }

    #[test]
    fn no_byte_of_a_frame_can_make_reading_panic() {
        let frame = raw_frame(&[b'a'; 300]);
        for position in 4..24 {
            for bit in 0..8 {
                let mut flipped = frame.clone();
                flipped[position] ^= 1 << bit;
                let _ = read(flipped);
            }
        }
    }
}
