//! The word that was meant by one with typing errors.

/// The nearest of the known words, when one is near enough to be meant.
pub(crate) fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let lower = word.to_lowercase();
    let length = lower.chars().count();
    // Comparing costs the product of both lengths.
    let near = known.filter(|known| known.len().abs_diff(length) <= allowed(known)).filter_map(|known| {
        let distance = strsim::damerau_levenshtein(&known.to_lowercase(), &lower);
        (distance <= allowed(known)).then_some((distance, known))
    });
    near.min().map(|(_, known)| known)
}

/// How many typing errors a word may have: one, and one more for every six bytes.
fn allowed(word: &str) -> usize {
    1 + word.len() / 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_word_is_meant() {
        let known = ["process", "network", "any"];
        assert_eq!(nearest("proces", known.into_iter()), Some("process"));
        assert_eq!(nearest("Netwrok", known.into_iter()), Some("network"));
        assert_eq!(nearest("frobnicate", known.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(100_000), known.into_iter()), None);
    }
}
