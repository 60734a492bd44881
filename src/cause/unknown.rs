//! A refusal that none of the other causes explains.

use super::case::Case;
use super::{Candidate, Words};

pub(super) fn words(case: &Case) -> Words {
    case.words(
        format!(
            "the system refused it ({}), and what can be seen from here does not explain it",
            case.denial.errno
        ),
        "modes, owners, ACLs, mounts and flags that could be read allow it".to_owned(),
    )
}

pub(super) fn candidates(_: &Case) -> Vec<Candidate> {
    Vec::new()
}
