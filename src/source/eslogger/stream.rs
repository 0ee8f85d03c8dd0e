//! What a live `eslogger` prints: bytes in, events out.

use super::line::Read;
use super::{Decoder, read};
use crate::event::Event;
use crate::source::endpoint_security::Numbering;
use crate::source::live::Losses;

/// A line longer than this is not a message; the rest of it is skipped.
const MAX_LINE: usize = 8 * 1024 * 1024;

/// The output of one child, as far as it was read.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// The beginning of a line.
    line: Vec<u8>,
    /// The line is too long: its rest is skipped.
    skipping: bool,
    numbering: Numbering,
    any: bool,
}

impl Stream {
    /// Takes in what was read. Lines that are no messages, and what is missing between the numbers of two messages,
    /// are counted.
    pub(crate) fn push(&mut self, mut bytes: &[u8], decoder: &Decoder, losses: &Losses, take: &mut impl FnMut(Event)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (rest, after) = (&bytes[..end], &bytes[end + 1..]);
            bytes = after;
            if self.line.is_empty() && !self.skipping && rest.len() < MAX_LINE {
                self.line(rest, decoder, losses, take);
                continue;
            }
            self.hold(rest, losses);
            self.end(decoder, losses, take);
        }
        self.hold(bytes, losses);
    }

    /// Takes in that the line ends here: at its newline, or because the output has ended.
    pub(crate) fn end(&mut self, decoder: &Decoder, losses: &Losses, take: &mut impl FnMut(Event)) {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::take(&mut self.skipping) {
            self.line(&line, decoder, losses, take);
        }
        line.clear();
        self.line = line;
    }

    /// Whether the last line was not read to its end.
    pub(crate) fn is_mid_line(&self) -> bool {
        !self.line.is_empty() || self.skipping
    }

    /// Whether there was any message.
    pub(crate) fn any(&self) -> bool {
        self.any
    }

    fn hold(&mut self, bytes: &[u8], losses: &Losses) {
        if self.skipping {
            return;
        }
        if self.line.len() + bytes.len() >= MAX_LINE {
            Losses::add(&losses.malformed_lines, 1);
            (self.line, self.skipping) = (Vec::new(), true);
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn line(&mut self, line: &[u8], decoder: &Decoder, losses: &Losses, take: &mut impl FnMut(Event)) {
        let text = String::from_utf8_lossy(line);
        match read(text.trim()) {
            _ if text.trim().is_empty() => {}
            Ok(Read::Message(message)) => {
                self.any = true;
                losses.add_gaps(self.numbering.gaps(message.kind(), message.seq_num, message.global_seq_num));
                take(decoder.0.event(&message));
            }
            Ok(Read::Skipped(_)) => {}
            Err(_) => Losses::add(&losses.malformed_lines, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::event::Machine;

    fn exit(seq: u64, global: u64) -> String {
        format!(
            r#"{{"time": "2026-01-01T00:00:00Z", "event_type": 15, "seq_num": {seq}, "global_seq_num": {global},
            "process": {{"audit_token": {{"pid": 7, "pidversion": 9}}}}, "event": {{"exit": {{"stat": 0}}}}}}"#
        )
        .replace('\n', " ")
    }

    /// Events, malformed lines, gaps of exit messages and of all, of an output that arrives in pieces of this many
    /// bytes.
    fn read_in_pieces(text: &str, piece: usize) -> [u64; 4] {
        let (losses, decoder) = (Losses::default(), Decoder::new(Machine::default(), None));
        let (mut stream, mut events) = (Stream::default(), 0);
        text.as_bytes().chunks(piece).for_each(|bytes| stream.push(bytes, &decoder, &losses, &mut |_| events += 1));
        stream.end(&decoder, &losses, &mut |_| events += 1);
        assert_eq!((stream.any(), stream.is_mid_line()), (events > 0, false));
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [events, count(&losses.malformed_lines), count(&losses.exit_gaps), count(&losses.global_gaps)]
    }

    #[test]
    fn messages_are_read_to_the_end_and_gaps_and_other_lines_are_counted() {
        let long = "x".repeat(MAX_LINE + 10);
        let text = format!("{}\nnot a message\n\n{long}\n{}\n{}", exit(0, 0), exit(3, 3), exit(4, 5));
        for piece in [1024, 65_536, text.len()] {
            assert_eq!(read_in_pieces(&text, piece), [3, 2, 2, 3], "{piece}");
        }
    }

    #[test]
    fn a_record_that_comes_byte_by_byte_is_one_record() {
        let text = format!("{}\n{}\n", exit(0, 0), exit(1, 1));
        assert_eq!(read_in_pieces(&text, 1), [2, 0, 0, 0]);
    }

    #[test]
    fn half_a_record_is_known_to_be_unfinished() {
        let (losses, decoder) = (Losses::default(), Decoder::new(Machine::default(), None));
        let mut stream = Stream::default();
        let (text, mut events) = (exit(0, 0), 0);
        stream.push(&text.as_bytes()[..40], &decoder, &losses, &mut |_| events += 1);
        assert!(stream.is_mid_line());
        stream.push(format!("{}\n", &text[40..]).as_bytes(), &decoder, &losses, &mut |_| events += 1);
        assert!(!stream.is_mid_line());
        assert_eq!(events, 1);
    }

    #[test]
    fn a_line_with_deep_or_many_members_is_read_or_counted_and_costs_no_other() {
        let with = |member: String| exit(1, 1).replacen('{', &format!("{{{member},"), 1);
        let exec = |args: String| {
            let event = r#"{"exec": {"target": {"audit_token": {"pid": 7, "pidversion": 9}}, "args": "#;
            exit(1, 1).replace(r#"{"exit": {"stat": 0}}"#, &format!("{event}{args}}}}}"))
        };
        for (line, is_read) in [
            (with(format!(r#""unknown": {}1{}"#, "[".repeat(3_000_000), "]".repeat(3_000_000))), true),
            (with((0..400_000).map(|number| format!(r#""k{number}": 1"#)).collect::<Vec<_>>().join(",")), true),
            (exec(format!("[{}]", vec!["\"a\""; 100_000].join(","))), true),
            (exec(format!("[\"{}\"]", r"\u0000".repeat(1_000_000))), true),
            (exec(format!("{}1{}", r#"{"a":"#.repeat(1_000_000), "}".repeat(1_000_000))), true),
            (with(r#""seq_num": 7"#.to_owned()), false),
            (with(r#""unknown": 1e999"#.to_owned()), true),
        ] {
            let text = format!("{}\n{line}\n{}\n", exit(0, 0), exit(2, 2));
            let [events, malformed, _, _] = read_in_pieces(&text, 65_536);
            let start = &line[..line.floor_char_boundary(80)];
            assert_eq!([events, malformed], if is_read { [3, 0] } else { [2, 1] }, "{start}");
        }
    }

    #[test]
    fn a_usage_text_is_no_message() {
        assert_eq!(read_in_pieces("usage: eslogger\n  exec\n", 4096), [0, 2, 0, 0]);
    }
}
