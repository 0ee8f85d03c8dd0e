//! The thread that reads one input and cuts it into blocks, of whole lines where lines are short.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::ahead::{Ahead, Pending};
use super::compression::{Compression, decompressed};
use super::error::{Content, Unreadable};
use crate::event::Block;
use crate::event::block::READ;
use crate::queue::{Receiver, Sender, queue};

/// How much of a line is gathered before it goes out in pieces: events that wait hold the piece they are in.
const MAX_GATHERED: usize = 2 * READ;
/// How much of the start shows what kind of file it is.
const HEAD: usize = 512;
/// Chunks of one input that wait, at most: enough to keep the threads busy that decode ahead, and little to hold.
pub(super) const MAX_CHUNKS: usize = 16;
/// Those of many inputs together, but for two of each.
const MAX_CHUNKS_OF_ALL: usize = 64;

/// What a reader thread sends. The queue closes at the end of the input.
pub(super) enum Chunk {
    /// The first one: how the input is compressed.
    Opened(Compression),
    /// Text. Unless it is `partial`, or the input ended or broke off there, it ends in a newline.
    Text { text: Arc<Block>, repaired: u64, partial: bool, ahead: Option<Pending> },
    /// Reading failed: nothing follows.
    Broken(Unreadable),
}

/// How many chunks of an input wait where there are so many inputs.
pub(super) fn share(inputs: usize) -> usize {
    (MAX_CHUNKS_OF_ALL / inputs.max(1)).clamp(2, MAX_CHUNKS)
}

/// Starts a thread that reads the input, and up to so many chunks ahead; `consumed` counts the bytes as they are stored, and whole lines are decoded
/// `ahead`.
pub(super) fn spawn(
    input: impl Read + Send + 'static,
    consumed: Arc<AtomicU64>,
    ahead: Option<Ahead>,
    chunks: usize,
) -> io::Result<Receiver<Chunk>> {
    let (sender, receiver) = queue(chunks);
    thread::Builder::new().name("reader".into()).spawn(move || {
        let input = Counting { input, consumed };
        // Failing to send means that the receiver has ended: so does the thread.
        let _: Option<()> = match decompressed(input) {
            Ok((compression, input)) => sender.send(Chunk::Opened(compression), 1).and_then(|()| {
                Cutter { sender, ahead, buffer: Block::room(), gathered: 0, unknown: true }.run(input, compression)
            }),
            Err(error) => sender.send(Chunk::Broken(Unreadable::Read(error)), 1),
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
    ahead: Option<Ahead>,
    /// The start of a line whose end has not been read: so many bytes of it. What is behind them was left by others.
    buffer: Vec<u8>,
    gathered: usize,
    /// So far it may be a kind of file that holds no JSON, to be known by its first bytes.
    unknown: bool,
}

impl Cutter {
    /// Reads to the end; `None` when the receiver has ended.
    fn run(mut self, mut input: Box<dyn Read + Send>, compression: Compression) -> Option<()> {
        loop {
            let start = self.gathered;
            if self.buffer.len() < start + READ {
                self.buffer.reserve_exact(start + READ - self.buffer.len());
                self.buffer.resize(start + READ, 0);
            }
            let result = input.read(&mut self.buffer[start..start + READ]);
            self.gathered += result.as_ref().copied().unwrap_or(0);
            match result {
                Ok(0) => return self.finish(),
                Ok(_) => {
                    let gathered = self.gathered;
                    if let Some(content) = Content::of(&self.buffer[..gathered]).filter(|_| self.unknown) {
                        return self.sender.send(Chunk::Broken(Unreadable::Content(content)), 1);
                    }
                    self.cut(start)?;
                    self.unknown &= gathered < HEAD && self.gathered == gathered;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.finish()?;
                    let unreadable = match compression {
                        Compression::None => Unreadable::Read(error),
                        packed => Unreadable::Packed { compression: packed, error },
                    };
                    return self.sender.send(Chunk::Broken(unreadable), 1);
                }
            }
        }
    }

    /// Sends the whole lines of the buffer, of which the bytes from `start` are new.
    fn cut(&mut self, start: usize) -> Option<()> {
        let gathered = &self.buffer[..self.gathered];
        match memchr::memrchr(b'\n', &gathered[start..]) {
            Some(end) => self.send_up_to(start + end + 1, false),
            None if gathered.len() >= MAX_GATHERED => {
                let end = last_boundary(gathered);
                self.send_up_to(end, true)
            }
            None => Some(()),
        }
    }

    fn send_up_to(&mut self, end: usize, partial: bool) -> Option<()> {
        let rest = &self.buffer[end..self.gathered];
        let mut next = Block::room();
        next.resize(next.len().max(rest.len()), 0);
        next[..rest.len()].copy_from_slice(rest);
        self.gathered = rest.len();
        let mut block = std::mem::replace(&mut self.buffer, next);
        block.truncate(end);
        // A whole buffer goes out as it is; a pipe's few bytes are not worth the space it takes.
        if block.len() < block.capacity() / 2 {
            block.shrink_to_fit();
        }
        self.send(block, partial)
    }

    fn finish(&mut self) -> Option<()> {
        let mut rest = std::mem::take(&mut self.buffer);
        rest.truncate(std::mem::take(&mut self.gathered));
        if rest.is_empty() { Some(()) } else { self.send(rest, false) }
    }

    fn send(&self, block: Vec<u8>, partial: bool) -> Option<()> {
        let (text, repaired) = text_of(block);
        let text = Arc::new(Block::from(text));
        let ahead = self.ahead.as_ref().filter(|_| !partial).and_then(|ahead| ahead.decode(&text));
        self.sender.send(Chunk::Text { text, repaired, partial, ahead }, 1)
    }
}

/// Where the last whole character ends.
fn last_boundary(bytes: &[u8]) -> usize {
    let is_start = |at: &usize| bytes[*at] & 0xc0 != 0x80;
    match (bytes.len().saturating_sub(4)..bytes.len()).rev().find(is_start) {
        Some(at) if bytes[at] >= 0xc0 => at,
        _ => bytes.len(),
    }
}

/// The block as text, and how many of its lines were not.
pub(super) fn text_of(block: Vec<u8>) -> (String, u64) {
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
            Chunk::Text { text, repaired, partial, .. } => {
                format!("{}{}{}", &**text, "!".repeat(repaired as usize), if partial { "…" } else { "" })
            }
            Chunk::Broken(unreadable) => unreadable.to_string(),
        };
        let chunks = spawn(pieces, Arc::default(), None, MAX_CHUNKS).unwrap();
        std::iter::from_fn(|| chunks.next(None).ok()).map(show).collect()
    }

    #[test]
    fn blocks_end_at_newlines_wherever_reads_end() {
        assert_eq!(chunks(&[b"a\nb", b"c", b"\nd\n", b"e"]), ["none", "a\n", "bc\nd\n", "e"]);
        assert_eq!(chunks(&[]), ["none"]);
    }

    #[test]
    fn a_long_line_goes_out_in_pieces_that_end_with_a_whole_character() {
        let long = ["x".repeat(MAX_GATHERED - 1).as_bytes(), b"\xc3"].concat();
        let chunks = chunks(&[b"a\n", &long, b"\xa9", b"\nb\n"]);
        assert_eq!((chunks[1].as_str(), chunks[3].as_str()), ("a\n", "é\nb\n"));
        assert_eq!(chunks[2].len(), MAX_GATHERED - 1 + "…".len());
        assert_eq!(chunks.concat().matches('é').count(), 1);
    }

    #[test]
    fn only_lines_that_are_not_utf8_are_repaired() {
        let (text, repaired) = text_of(b"caf\xc3\xa9\nx\xff\ny\xed\xa0\x80\nz\n".to_vec());
        assert_eq!(repaired, 2);
        assert_eq!(text, "café\nx\u{fffd}\ny\u{fffd}\u{fffd}\u{fffd}\nz\n");
    }
}
