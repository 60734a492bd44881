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
        format!(
            "fs.protected_symlinks: in a sticky directory only {owner}, who owns the link, may"
        ),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let owner = case
        .inode()
        .map_or_else(|| "its owner".to_owned(), |inode| case.user(inode.uid));
    let target = case.node().and_then(|node| node.link.as_deref());
    let leads = target.map_or_else(String::new, |target| {
        format!(", leads to {}", quote::display(target))
    });
    vec![Candidate::advice(format!(
        "the link belongs to {owner}{leads} and may be a trap: name the file that you meant by a path without other people's links"
    ))]
}
