//! The thread that reads one input and cuts it into blocks of whole lines.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::compression::{Compression, decompressed};

/// The longest line that is read.
pub(super) const MAX_LINE: usize = 8 << 20;
/// How much is read at a time.
const BLOCK: usize = 256 << 10;
/// How many blocks wait for the decoder: enough to keep it busy, and little to hold.
const WAITING: usize = 2;

/// What a reader thread sends. The channel closes at the end of the input.
pub(super) enum Chunk {
    /// The first one: how the input is compressed.
    Opened(Compression),
    /// Lines. The last one ends in a newline, unless the input ended or broke off there.
    Lines { text: Arc<String>, repaired: u64 },
    /// A line longer than [`MAX_LINE`], in place of it.
    TooLong,
    /// Reading failed: nothing follows.
    Broken(String),
}

/// Starts a thread that reads the input; `consumed` counts the bytes as they are stored.
pub(super) fn spawn(input: impl Read + Send + 'static, consumed: Arc<AtomicU64>) -> io::Result<Receiver<Chunk>> {
    let (sender, receiver) = bounded(WAITING);
    thread::Builder::new().name("reader".into()).spawn(move || {
        let input = Counting { input, consumed };
        // Failing to send means that nobody listens any more: the thread ends.
        let _: Option<()> = match decompressed(input) {
            Ok((compression, input)) => sender
                .send(Chunk::Opened(compression))
                .ok()
                .and_then(|()| Cutter { sender, buffer: Vec::new(), discarding: false }.run(input, compression)),
            Err(error) => sender.send(Chunk::Broken(format!("reading failed: {error}"))).ok(),
        };
    })?;
    Ok(receiver)
}

struct Counting<R> {
    input: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.consumed.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

struct Cutter {
    sender: Sender<Chunk>,
    /// The start of a line whose end has not been read.
    buffer: Vec<u8>,
    /// Inside a line that is too long.
    discarding: bool,
}

impl Cutter {
    /// Reads to the end; `None` when the receiver is gone.
    fn run(mut self, mut input: Box<dyn Read + Send>, compression: Compression) -> Option<()> {
        loop {
            let start = self.buffer.len();
            self.buffer.resize(start + BLOCK, 0);
            let result = input.read(&mut self.buffer[start..]);
            self.buffer.truncate(start + result.as_ref().copied().unwrap_or(0));
            match result {
                Ok(0) => return self.finish(),
                Ok(_) => self.cut(start)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.finish()?;
                    let what = match compression {
                        Compression::None => "reading failed".to_owned(),
                        packed => format!("the {packed} data breaks off or is damaged"),
                    };
                    return self.sender.send(Chunk::Broken(format!("{what}: {error}"))).ok();
                }
            }
        }
    }

    /// Sends the whole lines of the buffer, of which the bytes from `start` are new.
    fn cut(&mut self, start: usize) -> Option<()> {
        if self.discarding {
            let Some(end) = memchr::memchr(b'\n', &self.buffer) else {
                self.buffer.clear();
                return Some(());
            };
            self.sender.send(Chunk::TooLong).ok()?;
            self.discarding = false;
            self.buffer.drain(..=end);
            return self.cut(0);
        }
        if let Some(end) = memchr::memrchr(b'\n', &self.buffer[start..]) {
            let (whole, rest) = self.buffer.split_at(start + end + 1);
            // A whole buffer goes out as it is; a pipe's few bytes are not worth the space it takes.
            let mut next = Vec::with_capacity(rest.len() + BLOCK);
            next.extend_from_slice(rest);
            let len = whole.len();
            let mut block = std::mem::replace(&mut self.buffer, next);
            block.truncate(len);
            if block.len() < block.capacity() / 2 {
                block.shrink_to_fit();
            }
            self.send(block)?;
        }
        if self.buffer.len() > MAX_LINE {
            self.buffer = Vec::new();
            self.discarding = true;
        }
        Some(())
    }

    fn finish(&mut self) -> Option<()> {
        if self.discarding {
            return self.sender.send(Chunk::TooLong).ok();
        }
        let rest = std::mem::take(&mut self.buffer);
        if rest.is_empty() { Some(()) } else { self.send(rest) }
    }

    fn send(&self, block: Vec<u8>) -> Option<()> {
        let (text, repaired) = text_of(block);
        self.sender.send(Chunk::Lines { text: Arc::new(text), repaired }).ok()
    }
}

/// The block as text, and how many of its lines were not.
fn text_of(block: Vec<u8>) -> (String, u64) {
    let bytes = match String::from_utf8(block) {
        Ok(text) => return (text, 0),
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(bytes.len() + 64);
    let mut repaired = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        repaired += u64::from(matches!(line, std::borrow::Cow::Owned(_)));
        text.push_str(&line);
    }
    (text, repaired)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its pieces one per read.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let count = self.0[0].as_slice().read(buffer)?;
            self.0[0].drain(..count);
            if self.0[0].is_empty() {
                self.0.remove(0);
            }
            Ok(count)
        }
    }

    fn chunks(pieces: &[&[u8]]) -> Vec<String> {
        let pieces = Pieces(pieces.iter().map(|piece| piece.to_vec()).collect());
        let show = |chunk| match chunk {
            Chunk::Opened(compression) => compression.to_string(),
            Chunk::Lines { text, repaired } => format!("{text}{}", "!".repeat(repaired as usize)),
            Chunk::TooLong => "too long".to_owned(),
            Chunk::Broken(text) => text,
        };
        spawn(pieces, Arc::default()).unwrap().iter().map(show).collect()
    }

    #[test]
    fn blocks_end_at_newlines_wherever_reads_end() {
        assert_eq!(chunks(&[b"a\nb", b"c", b"\nd\n", b"e"]), ["none", "a\n", "bc\nd\n", "e"]);
        assert_eq!(chunks(&[]), ["none"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_not_kept() {
        let long = vec![b'x'; MAX_LINE + 1];
        assert_eq!(chunks(&[b"a\n", &long, &long, b"\nb\n"]), ["none", "a\n", "too long", "b\n"]);
        assert_eq!(chunks(&[b"a\n", &long]), ["none", "a\n", "too long"]);
    }

    #[test]
    fn only_lines_that_are_not_utf8_are_repaired() {
        let (text, repaired) = text_of(b"caf\xc3\xa9\nx\xff\ny\xed\xa0\x80\nz\n".to_vec());
        assert_eq!(repaired, 2);
        assert_eq!(text, "café\nx\u{fffd}\ny\u{fffd}\u{fffd}\u{fffd}\nz\n");
    }
}
