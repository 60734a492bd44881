//! fs.protected_symlinks: in a sticky directory that others can write to, a symlink is followed only if it belongs to the
//! follower or to the directory's owner.

use super::case::Case;
use super::{Candidate, Words};
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let owner = case
        .inode()
        .map_or_else(|| "its owner".to_owned(), |inode| case.user(inode.uid));
    case.words(
        format!("{} may not follow the symlink {}", case.who(), case.path()),
        format!("fs.protected_symlinks: in a sticky directory only {owner} may, whose link it is"),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let target = case
        .node()
        .and_then(|node| node.link.as_deref())
        .map(quote::display);
    vec![match target {
        Some(target) => Candidate::advice(format!("use {target} itself, where the link points")),
        None => Candidate::advice("use the link's target itself"),
    }]
}
