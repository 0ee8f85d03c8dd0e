//! The secrets of the arguments of a program.

use super::grammar;
use super::known::Known;
use super::mark::{Span, joined};
use super::plain::is_plain;

/// Bytes of each argument that are read together with those beside it.
const MAX_HEAD: usize = 4096;

/// The secrets of arguments: of each alone, of all by the grammar of the command, and of all as one text.
pub(super) fn in_args(args: &[&str], known: &mut Known) -> Vec<Vec<Span>> {
    let mut spans: Vec<Vec<Span>> = args.iter().map(|arg| known.in_text(arg)).collect();
    let is_secret = |found: &grammar::Found| !is_plain(&args[found.word][found.start..]);
    for found in grammar::find(args).0.into_iter().filter(is_secret) {
        let end = args[found.word].len();
        spans[found.word].push(Span { start: found.start, end, kind: found.kind });
    }
    if args.len() > 1 {
        let heads: Vec<&str> = args.iter().map(|arg| &arg[..arg.floor_char_boundary(MAX_HEAD)]).collect();
        let mut of_heads = vec![Vec::new(); args.len()];
        divide(&known.in_text(&heads.join(" ")), &heads, &mut of_heads);
        for (at, span) in
            of_heads.into_iter().enumerate().flat_map(|(at, spans)| spans.into_iter().map(move |s| (at, s)))
        {
            // What reaches the end of a head goes on behind it.
            let end = if span.end == heads[at].len() { args[at].len() } else { span.end };
            spans[at].push(Span { end, ..span });
        }
    }
    args.iter().zip(spans).map(|(arg, spans)| joined(arg, spans)).collect()
}

/// Gives spans of the joined arguments to those that they lie in.
pub(super) fn divide(of_joined: &[Span], args: &[&str], spans: &mut [Vec<Span>]) {
    let (mut start, mut first) = (0, 0);
    for (at, arg) in args.iter().enumerate() {
        let end = start + arg.len();
        while of_joined.get(first).is_some_and(|span| span.end <= start) {
            first += 1;
        }
        for span in of_joined[first..].iter().take_while(|span| span.start < end) {
            let (from, to) = (span.start.max(start) - start, span.end.min(end) - start);
            spans[at].push(Span { start: from, end: to, kind: span.kind });
        }
        start = end + 1;
    }
}
