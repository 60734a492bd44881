//! The kernel's lockdown.

use super::case::Case;
use super::{Candidate, Words};

pub(super) fn words(case: &Case) -> Words {
    case.words(
        format!("the kernel's lockdown keeps {} closed", case.path()),
        "it holds for root as well, until the machine is started without it".to_owned(),
    )
}

pub(super) fn candidates(_: &Case) -> Vec<Candidate> {
    Vec::new()
}
