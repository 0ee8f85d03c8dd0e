//! What is known by a text.

use ahash::HashMap;

use crate::event::Scalar;

/// Values by text, in whatever case of its ASCII letters. Nearly every text that is looked up is another one, and told
/// by its length and its last byte, without a look at the rest.
#[derive(Clone, Debug)]
pub(crate) struct ByText<V> {
    /// By the text in lower case.
    values: HashMap<Box<str>, V>,
    /// A bit for the length and the last byte of each text.
    marks: [u64; 4],
}

impl<V> Default for ByText<V> {
    fn default() -> ByText<V> {
        ByText { values: HashMap::default(), marks: [0; 4] }
    }
}

impl<V: Default> ByText<V> {
    /// The value of a text, to be changed.
    pub(crate) fn of(&mut self, text: &str) -> &mut V {
        let (word, bit) = mark(text);
        self.marks[word] |= bit;
        self.values.entry(text.to_ascii_lowercase().into()).or_default()
    }
}

impl<V> ByText<V> {
    /// What is known by the text of a value.
    pub(crate) fn get(&self, value: Scalar<'_>) -> Option<&V> {
        if let Scalar::Str(text) = value {
            let (word, bit) = mark(text);
            if self.marks[word] & bit == 0 {
                return None;
            }
        }
        self.values.get(&*value.lower_text())
    }
}

fn mark(text: &str) -> (usize, u64) {
    let last = text.as_bytes().last().map_or(0, u8::to_ascii_lowercase);
    let mark = text.len().wrapping_mul(37).wrapping_add(usize::from(last)) % 256;
    (mark / 64, 1 << (mark % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_any_case_and_no_other_is() {
        let mut known: ByText<usize> = ByText::default();
        let texts: Vec<String> = (0..300).map(|n| format!("{}Kä{}", "x".repeat(n % 40), n / 40)).collect();
        texts.iter().enumerate().for_each(|(at, text)| *known.of(text) = at);
        *known.of("") = 1000;
        *known.of("7") = 1001;
        for (at, text) in texts.iter().enumerate() {
            assert_eq!(known.get(Scalar::Str(&text.to_ascii_uppercase())), Some(&at), "{text}");
            assert_eq!(known.get(Scalar::Str(&format!("{text}0"))), None);
            assert_eq!(known.get(Scalar::Str(&text.replace('x', "y"))), Some(&at).filter(|_| !text.contains('x')));
        }
        assert_eq!((known.get(Scalar::Str("")), known.get(Scalar::Int(7))), (Some(&1000), Some(&1001)));
        assert_eq!((known.get(Scalar::Str("8")), known.get(Scalar::Bool(true))), (None, None));
    }
}
