//! A seccomp filter of the process refuses.

use super::case::Case;
use super::{Candidate, Words, deployment};
use crate::change::Deployment;

pub(super) fn words(case: &Case) -> Words {
    case.module_words(
        "a seccomp filter",
        "the filter answers this system call with an error",
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let lasting = deployment::candidate(case, Deployment::AllowCall);
    let sandbox = || {
        Candidate::advice(
            "have the program's sandbox allow the system call: its own settings decide",
        )
    };
    vec![lasting.unwrap_or_else(sandbox)]
}
