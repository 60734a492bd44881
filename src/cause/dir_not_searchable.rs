//! A directory on the path does not grant search permission to the subject.

use super::case::Case;
use super::{Candidate, Words, grant, interpreter_denied};

pub(super) fn words(case: &Case) -> Words {
    let because = format!("{} may not pass through {}", case.who(), case.path());
    case.words(because, case.rule_in_words())
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let again = interpreter_denied::environment_again(case);
    again.map_or_else(|| grant::candidates(case), |advice| vec![advice])
}
