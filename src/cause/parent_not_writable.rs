//! Creating, deleting or renaming needs write permission on the directory that holds the name.

use super::case::Case;
use super::{Candidate, Words, grant};
use crate::attempt::Operation;

pub(super) fn words(case: &Case) -> Words {
    let what = match case.attempt.operation {
        Operation::Delete | Operation::Rmdir => "delete anything from",
        Operation::Rename => "rename anything in",
        _ => "create anything in",
    };
    let because = format!("{} may not {what} {}", case.who(), case.path());
    case.words(because, case.rule_in_words())
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    grant::candidates(case)
}
