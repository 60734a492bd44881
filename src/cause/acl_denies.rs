//! An ACL entry that applies to the subject lacks the required permission.

use super::case::Case;
use super::{Candidate, Words, grant};

pub(super) fn words(case: &Case) -> Words {
    let because = format!(
        "the ACL of {} does not let {} {}",
        case.path(),
        case.who(),
        case.may_not(case.wanted())
    );
    case.words(because, case.rule_in_words())
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    grant::candidates(case)
}
