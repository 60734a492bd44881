//! Not the file itself is refused, but the interpreter of its `#!` line or its ELF loader.

use super::case::Case;
use super::{Candidate, Words, grant};
use crate::facts::{Inode, Perms};

pub(super) fn words(case: &Case) -> Words {
    let behind = if case.inode().is_some_and(Inode::is_dir) {
        "something behind "
    } else {
        ""
    };
    let because = format!(
        "{} needs {behind}{}, which {} may not {}",
        case.asked(),
        case.path(),
        case.who(),
        case.may(Perms::X)
    );
    case.words(because, case.rule_in_words())
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let mut all = grant::candidates(case);
    all.push(Candidate::advice(format!(
        "name an interpreter that {} may run in the first line of {}",
        case.who(),
        case.asked()
    )));
    all
}
