//! Suggestions for mistyped words.

/// The maximum number of wrong, missing, surplus or transposed letters.
const MOST_SLIPS: usize = 3;

/// The intended name; `None` if the word resembles none of them, or more than one.
#[must_use]
pub fn meant<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let most = MOST_SLIPS.min(word.chars().count().div_ceil(3));
    let slips = |name: &str| strsim::damerau_levenshtein(word, name);
    let near = names.into_iter().map(|name| (slips(name), name));
    let mut near: Vec<(usize, &str)> = near.filter(|(slips, _)| *slips <= most).collect();
    near.sort_unstable();
    match near[..] {
        [(fewest, _), (as_few, _), ..] if fewest == as_few => None,
        [(_, name), ..] => Some(name),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["why", "explain", "causes", "check", "undo", "fix"];

    #[test]
    fn letters_that_changed_places_are_one_slip() {
        assert_eq!(meant("cuases", NAMES.iter().copied()), Some("causes"));
        assert_eq!(meant("explian", NAMES.iter().copied()), Some("explain"));
        assert_eq!(meant("whyy", NAMES.iter().copied()), Some("why"));
    }

    #[test]
    fn a_short_word_must_be_all_but_right() {
        assert_eq!(meant("fx", NAMES.iter().copied()), Some("fix"));
        assert_eq!(meant("ls", NAMES.iter().copied()), None);
        assert_eq!(meant("python3", NAMES.iter().copied()), None);
    }
}
