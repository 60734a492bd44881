//! Shared by fs.protected_regular and fs.protected_fifos: a file of another user already has the name.

use super::case::Case;
use super::{Candidate, Fit, Words};

pub(super) fn words(case: &Case, setting: &str) -> Words {
    let owner = case
        .inode()
        .map_or_else(|| "somebody else".to_owned(), |inode| case.user(inode.uid));
    case.words(
        format!("{} is already there and belongs to {owner}", case.path()),
        format!("{setting}: in a sticky directory, a file that others left cannot be opened by whoever meant to create it"),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Some((node, inode)) = case.at().zip(case.inode()) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    if inode.uid == 0 {
        let give = case.given_back(node, inode);
        all.push(
            Candidate::new(
                Fit::Meant,
                format!("give {} back {}", case.who(), case.path()),
                [give],
            )
            .noting("it was left there by root"),
        );
    }
    all.push(Candidate::advice(
        "use a file name or a directory of your own (mktemp makes one)",
    ));
    all
}
