//! Texts that were read before, and what was found in them.

use ahash::HashMap;

use super::finder;
use super::mark::Span;

/// Longer texts are read each time.
const MAX_TEXT: usize = 4096;
/// Bytes of texts that are remembered before the older ones are forgotten, at most twice as many are held.
const MAX_BYTES: usize = 64 << 10;

/// The secrets of texts that were read lately: an alert has most of its texts twice or more, and many of them are those of
/// the alert before it, as its host, its shell, or the folders it names.
#[derive(Debug, Default)]
pub(super) struct Known {
    recent: HashMap<Box<str>, Vec<Span>>,
    older: HashMap<Box<str>, Vec<Span>>,
    /// Of the recent texts.
    bytes: usize,
}

impl Known {
    /// As [`finder::in_text`].
    pub(super) fn in_text(&mut self, text: &str) -> Vec<Span> {
        if let Some(spans) = self.recent.get(text) {
            return spans.clone();
        }
        let spans = self.older.remove(text).unwrap_or_else(|| finder::in_text(text));
        if text.len() <= MAX_TEXT {
            self.remember(text, &spans);
        }
        spans
    }

    fn remember(&mut self, text: &str, spans: &[Span]) {
        let bytes = size_of::<(Box<str>, Vec<Span>)>() + text.len() + size_of_val(spans);
        if self.bytes + bytes > MAX_BYTES {
            self.older = std::mem::take(&mut self.recent);
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.recent.insert(text.into(), spans.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_and_found_as_the_first_time() {
        let mut known = Known::default();
        let text =
            |number: usize| format!("curl -u ada:S3cret{number:05} https://example.org/{}", "x".repeat(number % 50));
        for round in 0..3 {
            for number in 0..5000 {
                let text = text(number);
                assert_eq!(known.in_text(&text), finder::in_text(&text), "{round}: {text}");
                assert_eq!(known.in_text(&text), finder::in_text(&text), "{round}: {text}");
            }
            let held = |texts: &HashMap<Box<str>, Vec<Span>>| texts.keys().map(|text| text.len()).sum::<usize>();
            assert!(held(&known.recent) <= MAX_BYTES && held(&known.older) <= MAX_BYTES);
            assert!(known.recent.len() + known.older.len() > 100);
        }
        let before = known.recent.len();
        known.in_text(&"x ".repeat(MAX_TEXT));
        assert_eq!(known.recent.len(), before);
    }
}
