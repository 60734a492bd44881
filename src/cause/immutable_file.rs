//! The inode has the immutable flag: not even root may change anything about it.

use super::case::Case;
use super::{Candidate, Fit, Words};
use crate::change::{Change, InodeFlag};

pub(super) fn words(case: &Case) -> Words {
    case.words(
        format!("{} is marked immutable", case.path()),
        "chattr +i: nobody may write, rename, delete or link it, not even root".to_owned(),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Some(node) = case.at() else {
        return Vec::new();
    };
    vec![
        Candidate::new(
            Fit::Narrow,
            format!("remove the immutable mark from {}", case.path()),
            [Change::SetFlag {
                node,
                flag: InodeFlag::Immutable,
                on: false,
            }],
        )
        .noting("somebody set it on purpose: chattr +i puts it back"),
    ]
}
