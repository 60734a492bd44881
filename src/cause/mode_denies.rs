//! The permission bits of the object itself lack the required permission for the subject's class.

use super::case::Case;
use super::{Candidate, Rule, Words, grant};
use crate::facts::Perms;

pub(super) fn words(case: &Case) -> Words {
    let (who, path) = (case.who(), case.path());
    let granted = match case.denial.rule {
        Rule::Class { granted, .. } => granted,
        _ => Default::default(),
    };
    // That a file has x bits is of no interest to those who do not run it.
    let is_file = case.inode().is_some_and(|inode| !inode.is_dir());
    let granted = match is_file && !case.wanted().contains(Perms::X) {
        true => granted.minus(Perms::X),
        false => granted,
    };
    let missing = case.may_not(case.wanted().minus(granted));
    let because = if granted.is_empty() {
        format!("{who} may not {missing} {path}")
    } else {
        format!(
            "{who} may {} {path}, but not {missing} it",
            case.may(granted)
        )
    };
    case.words(because, case.rule_in_words())
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    grant::candidates(case)
}
