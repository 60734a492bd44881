//! A file to be executed has no execute bit for the subject.

use super::case::Case;
use super::{Candidate, Fit, Words, deployment, grant, held, noexec_mount};
use crate::change::Change;
use crate::facts::{Perms, Program};

pub(super) fn words(case: &Case) -> Words {
    let (who, path) = (case.who(), case.path());
    let nobody = case.inode().is_some_and(|inode| inode.mode & 0o111 == 0);
    if nobody {
        case.words(
            format!("{path} is not marked as executable"),
            "no execute bit is set, so nobody may run it, not even root".to_owned(),
        )
    } else {
        case.words(format!("{who} may not run {path}"), case.rule_in_words())
    }
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    if is_data(case) {
        return vec![Candidate::advice(format!(
            "{} is not a binary program and does not begin with `#!`: run it with the program that reads it, as in `python3 FILE` or `sh FILE`",
            case.path()
        ))];
    }
    // If everybody who can read the file may execute it after the first change, no ACL entry is needed.
    let mut all: Vec<Candidate> = mark_as_program(case).into_iter().collect();
    if all.is_empty() {
        all.extend(grant::candidates(case));
    }
    if case.inode().is_some_and(|inode| inode.mode & 0o111 == 0) {
        all.extend(deployment::program(case));
    }
    all.extend(noexec_mount::run_through_interpreter(case, Fit::Around));
    all
}

/// Whether it is another user's file that is neither an ELF program nor begins with `#!`: with an execute bit, execve(2) would
/// fail with ENOEXEC instead. For the subject's own file, its purpose is assumed to be known.
fn is_data(case: &Case) -> bool {
    let is_own = case
        .inode()
        .is_some_and(|inode| inode.uid == case.subject().uid && inode.uid != 0);
    let node = case.node();
    !is_own && node.is_some_and(|node| node.program == Ok(Program::Other))
}

/// Adds x for everybody who can read the file: all of them could run a copy anyway.
fn mark_as_program(case: &Case) -> Option<Candidate> {
    let (node, inode) = (case.at()?, case.inode()?);
    let readable = held(case.subject(), node, case.facts)?.contains(Perms::R);
    let missing = (inode.mode & 0o444) >> 2 & !inode.mode;
    // If the group may execute it and others may not, that is intentional.
    let for_its_group = inode.mode & 0o010 != 0;
    if !readable || for_its_group || missing == 0 || inode.uid == case.subject().uid {
        return None;
    }
    let change = Change::Chmod { node, add: missing };
    Some(
        Candidate::new(
            Fit::Meant,
            format!("mark {} as a program", case.path()),
            [change],
        )
        .noting("whoever may read it may then run it"),
    )
}
