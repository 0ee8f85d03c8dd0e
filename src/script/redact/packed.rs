//! What a script packs where a secret stands is a secret when it is unpacked: `password ("a" & "b")`.

use super::super::unpack::unpack;
use super::super::unpacked::Unpacked;
use super::mark::Span;

/// Texts of all scripts of a document.
const MAX_TEXTS: usize = 128;

/// The texts that are packed in those that were read, and where each is made of a secret.
#[derive(Default)]
pub(super) struct Packed {
    texts: Vec<(String, Vec<Span>)>,
}

impl Packed {
    /// Takes what is packed in a text that has these secrets, in order.
    pub(super) fn read(&mut self, text: &str, secrets: &[Span]) {
        if secrets.is_empty() || self.texts.len() >= MAX_TEXTS {
            return;
        }
        for unpacked in unpack(text) {
            let spans = made_of(&unpacked, secrets);
            if !spans.is_empty() {
                self.texts.push((unpacked.text, spans));
            }
        }
    }

    /// The secrets of an unpacked text, or of the begin of one.
    pub(super) fn spans(&self, text: &str) -> Vec<Span> {
        let known = self.texts.iter().filter(|(known, _)| !text.is_empty() && known.starts_with(text));
        let spans = known.flat_map(|(_, spans)| spans);
        spans
            .filter(|span| span.start < text.len())
            .map(|span| Span { end: span.end.min(text.len()), ..*span })
            .collect()
    }
}

/// Where an unpacked text is made of secrets; what lies side by side is one.
fn made_of(unpacked: &Unpacked, secrets: &[Span]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for part in &unpacked.parts {
        let first = secrets.partition_point(|secret| secret.end <= part.from.start);
        for secret in secrets[first..].iter().take_while(|secret| secret.start < part.from.end) {
            let Some(at) = part.made_of(&(secret.start..secret.end)) else { continue };
            match spans.last_mut() {
                Some(last) if last.start <= at.start && at.start <= last.end => last.end = last.end.max(at.end),
                _ => spans.push(Span { start: at.start, end: at.end, kind: secret.kind }),
            }
        }
    }
    spans
}
