//! A seccomp filter of the process.

use super::case::Case;
use super::{Candidate, Words};

pub(super) fn words(case: &Case) -> Words {
    case.module_words(
        "a seccomp filter",
        "the filter answers this system call with an error",
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let around = &case.facts.surroundings;
    let advice = if around.container.is_some() {
        "allow the system call in a profile of the container's own (--security-opt seccomp=profile.json)".to_owned()
    } else if let Some(unit) = &around.unit {
        let name = crate::quote::display(unit.name.as_bytes());
        format!("allow the system call in {name}: SystemCallFilter=")
    } else {
        "have the program's sandbox allow the system call: its own settings decide".to_owned()
    };
    vec![Candidate::advice(advice)]
}
