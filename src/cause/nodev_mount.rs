//! The mount forbids opening device nodes.

use super::case::Case;
use super::{Candidate, Words};

pub(super) fn words(case: &Case) -> Words {
    let point = case.mount_point();
    case.words(
        format!("device nodes on {point} cannot be opened"),
        "it is mounted with nodev".to_owned(),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Some(inode) = case.inode() else {
        return Vec::new();
    };
    let (major, minor) = (inode.rdev.major, inode.rdev.minor);
    let kind = if inode.listing().starts_with('b') {
        "block"
    } else {
        "char"
    };
    vec![Candidate::advice(format!(
        "open the node of the same device in /dev instead: ls -l /dev/{kind}/{major}:{minor}"
    ))]
}
