//! What the C library does with eslogger's standard output: into a terminal each line at once, into anything else a
//! buffer at a time, wherever a record ends. FACT: eslogger-buffers
use std::io::{self, Write};

pub(super) struct Output<W: Write> {
    to: W,
    /// None: each line at once.
    room: Option<usize>,
    buffer: Vec<u8>,
}
impl<W: Write> Output<W> {
    pub(super) fn new(to: W, room: Option<usize>) -> Output<W> {
        Output { to, room, buffer: Vec::new() }
    }
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        let Some(room) = self.room else { return self.flush() };
        let full = self.buffer.len() / room * room;
        self.to.write_all(&self.buffer[..full])?;
        self.buffer.drain(..full);
        Ok(())
    }
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_full_buffers_and_a_terminal_lines() {
        let mut pipe = Output::new(Vec::new(), Some(8));
        pipe.write(b"12345\n").unwrap();
        assert_eq!(pipe.to, b"");
        pipe.write(b"67890\nabcdef\n").unwrap();
        assert_eq!(pipe.to, b"12345\n67890\nabcd");
        pipe.flush().unwrap();
        assert_eq!(pipe.to, b"12345\n67890\nabcdef\n");
        let mut terminal = Output::new(Vec::new(), None);
        terminal.write(b"1\n").unwrap();
        assert_eq!(terminal.to, b"1\n");
    }
}
