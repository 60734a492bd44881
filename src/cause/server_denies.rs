//! The file server decides by its own rules: NFS, SMB, 9p, FUSE.

use super::case::Case;
use super::{Candidate, Words};
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let (point, source) = case.mount().map_or_else(Default::default, |mount| {
        (quote::display(&mount.point), quote::display(&mount.source))
    });
    case.words(
        format!("the file server behind {point} refuses it"),
        format!("{source} decides by its own rules, whatever owner and mode show here"),
    )
}

pub(super) fn candidates(_: &Case) -> Vec<Candidate> {
    vec![Candidate::advice("change it on the server")]
}
