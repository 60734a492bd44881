//! A Landlock sandbox of the process refuses.

use super::case::Case;
use super::{Candidate, Words};

pub(super) fn words(case: &Case) -> Words {
    case.module_words("a Landlock sandbox", "the process confined itself")
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    vec![Candidate::advice(format!(
        "have the program's sandbox allow {}: its own settings decide, not the mode",
        case.asked()
    ))]
}
