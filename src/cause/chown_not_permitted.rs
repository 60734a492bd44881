//! Only a privileged process may change the owner of a file, or its group to one that the process is not in.

use super::case::Case;
use super::{Candidate, Fit, Words, elsewhere};
use crate::attempt::{ANY_GROUP, Operation};
use crate::change::Change;

pub(super) fn words(case: &Case) -> Words {
    let (who, path) = (case.who(), case.path());
    match case.attempt.operation {
        Operation::Chown {
            uid: None,
            gid: Some(gid),
        } => {
            let (to, group) = match gid {
                ANY_GROUP => ("another group".to_owned(), "the new group".to_owned()),
                gid => (
                    format!("group {}", case.group(gid)),
                    format!("group {}", case.group(gid)),
                ),
            };
            case.words(
                format!("{who} may not give {path} to {to}"),
                match case.inode().is_some_and(|inode| inode.uid == case.subject().uid) {
                    true => format!("{who} is not in {group}; only root (CAP_CHOWN) may give a file to any group"),
                    false => "only its owner may change its group, or root (CAP_CHOWN)".to_owned(),
                },
            )
        }
        _ => case.words(
            format!("{who} may not change the owner of {path}"),
            "only root (CAP_CHOWN) may change a file's owner; not even its owner may".to_owned(),
        ),
    }
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let mut all = Vec::new();
    if let Operation::Chown {
        uid: None,
        gid: Some(gid),
    } = case.attempt.operation
        && gid != ANY_GROUP
        && case
            .inode()
            .is_some_and(|inode| inode.uid == case.subject().uid)
    {
        all.push(
            Candidate::new(
                Fit::Narrow,
                format!("let {} join group {}", case.who(), case.group(gid)),
                [Change::JoinGroup(gid)],
            )
            .noting("then log in again"),
        );
    }
    let without = elsewhere::keep_attributes_out(case);
    let is_needless = without.is_some();
    all.extend(without);
    all.extend(elsewhere::as_root(case));
    all.extend(elsewhere::by_root(case));
    if !is_needless {
        all.push(Candidate::advice(
            "leave it to root, or to whatever installs the program, to set owner and group",
        ));
    }
    all
}
