//! What a live `eslogger` prints, until it ends.

use std::io::{BufRead, BufReader, Read};

use super::Decoder;
use crate::event::{Decoded, Event, Line, field};
use crate::source::live::{Losses, Numbering};

/// A line longer than this is not a message; the rest of it is passed over.
const MAX_LINE: u64 = 8 * 1024 * 1024;

/// Reads events until the output ends or `take` wants no more. What is missing between the numbers of two
/// messages, and lines that are no messages, are counted. Gives back whether there was any event.
pub fn read(output: impl Read, decoder: &Decoder, losses: &Losses, mut take: impl FnMut(Event) -> bool) -> bool {
    let mut output = BufReader::with_capacity(256 * 1024, output);
    let (all, exec, fork, exit) =
        (Numbering::default(), Numbering::default(), Numbering::default(), Numbering::default());
    let (mut line, mut any) = (Vec::new(), false);
    loop {
        line.clear();
        match output.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return any,
            Ok(_) => {}
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == MAX_LINE {
            Losses::add(&losses.malformed_lines, 1);
            if output.skip_until(b'\n').is_err() {
                return any;
            }
            continue;
        }
        let event = match decoder.decode(&Line::from(String::from_utf8_lossy(&line).trim().to_owned())) {
            Ok(Decoded::Event(event)) => event,
            Ok(Decoded::Skipped(_)) => continue,
            Err(_) => {
                Losses::add(&losses.malformed_lines, 1);
                continue;
            }
        };
        any = true;
        let (numbering, lost) = match event.str(field::EVENT_ACTION) {
            Some("exec") => (&exec, &losses.exec_gaps),
            Some("fork") => (&fork, &losses.fork_gaps),
            _ => (&exit, &losses.exit_gaps),
        };
        for (number, numbering, lost) in
            [(field::SEQ_NUM, numbering, lost), (field::GLOBAL_SEQ_NUM, &all, &losses.global_gaps)]
        {
            if let Some(number) = event.int(number).and_then(|number| u64::try_from(number).ok()) {
                Losses::add(lost, numbering.gap(number));
            }
        }
        if !take(event) {
            return any;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::event::Machine;

    fn exit(seq: u64, global: u64) -> String {
        format!(
            r#"{{"time": "2026-01-01T00:00:00Z", "event_type": 15, "seq_num": {seq}, "global_seq_num": {global},
            "process": {{"audit_token": {{"pid": 7, "pidversion": 9}}}}, "event": {{"exit": {{"stat": 0}}}}}}"#
        )
        .replace('\n', " ")
    }

    #[test]
    fn messages_are_read_to_the_end_and_gaps_and_other_lines_are_counted() {
        let long = "x".repeat(MAX_LINE as usize + 10);
        let text = format!("{}\nnot a message\n{long}\n{}\n{}", exit(0, 0), exit(3, 3), exit(4, 5));
        let (losses, mut events) = (Losses::default(), 0);
        let any = read(text.as_bytes(), &Decoder::new(Machine::default(), None), &losses, |_| {
            events += 1;
            true
        });
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        assert!(any);
        assert_eq!((events, count(&losses.malformed_lines)), (3, 2));
        assert_eq!((count(&losses.exit_gaps), count(&losses.global_gaps)), (2, 3));
    }

    #[test]
    fn an_output_without_messages_tells_of_nothing() {
        let losses = Losses::default();
        assert!(!read(&b"usage\n"[..], &Decoder::new(Machine::default(), None), &losses, |_| true));
    }
}
