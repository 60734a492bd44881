//! The permission bits of the object itself lack the required permission for the subject's class.

use super::case::Case;
use super::{Candidate, Rule, Words, grant};
use crate::facts::Inode;

pub(super) fn words(case: &Case) -> Words {
    let (who, path) = (case.who(), case.path());
    let granted = match case.denial.rule {
        Rule::Class { granted, .. } => granted,
        _ => Default::default(),
    };
    let missing = case.may(case.wanted().minus(granted));
    let is_dir = case.inode().is_some_and(Inode::is_dir);
    let because = if granted.is_empty() && !is_dir && missing.contains(" and ") {
        let each = missing.replace(" and ", " nor ");
        format!("{who} may neither {each} {path}")
    } else if granted.is_empty() {
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
