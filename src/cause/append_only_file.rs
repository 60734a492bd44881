//! The inode has the append-only flag.

use super::case::Case;
use super::{Candidate, Fit, Words};
use crate::attempt::Operation;
use crate::change::{Change, InodeFlag};

pub(super) fn words(case: &Case) -> Words {
    let rule = if case.inode().is_some_and(crate::facts::Inode::is_dir) {
        "chattr +a: names may be added there, but none removed"
    } else {
        "chattr +a: it may only be opened for appending, and neither truncated, renamed nor deleted"
    };
    case.words(
        format!("{} is marked append-only", case.path()),
        rule.to_owned(),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Some(node) = case.at() else {
        return Vec::new();
    };
    // A file that is also immutable refuses any other change: the immutable flag is cleared first, because it would refuse
    // next.
    let immutable = matches!(&case.facts.node(node).flags, Ok(flags) if flags.immutable);
    let (marks, flags, back) = match immutable {
        true => (
            "append-only and immutable marks",
            &[InodeFlag::Immutable, InodeFlag::Append][..],
            "chattr +ia",
        ),
        false => ("append-only mark", &[InodeFlag::Append][..], "chattr +a"),
    };
    let changes: Vec<Change> = flags
        .iter()
        .map(|&flag| Change::SetFlag {
            node,
            flag,
            on: false,
        })
        .collect();
    let clear = Candidate::new(
        Fit::Narrow,
        format!("take the {marks} from {}", case.path()),
        changes,
    )
    .noting(format!("somebody set it on purpose: {back} puts it back"));
    let mut all = vec![clear];
    if matches!(case.attempt.operation, Operation::Open(how) if how.write) {
        all.push(Candidate::advice(format!(
            "open {} for appending only (>> in a shell)",
            case.path()
        )));
    }
    all
}
