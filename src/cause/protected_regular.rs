//! fs.protected_regular: in a sticky directory that others can write to, a file of another user cannot be opened with O_CREAT.

use super::case::Case;
use super::{Candidate, Words, sticky_leftover};

pub(super) fn words(case: &Case) -> Words {
    sticky_leftover::words(case, "fs.protected_regular")
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    sticky_leftover::candidates(case)
}
