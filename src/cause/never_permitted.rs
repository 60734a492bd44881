//! Something that no subject may do: a hard link to a directory, writing to a swap file.

use super::case::Case;
use super::{Candidate, Words, protected_hardlink};
use crate::attempt::Operation;

pub(super) fn words(case: &Case) -> Words {
    let path = case.path();
    let dir = case.inode().is_some_and(crate::facts::Inode::is_dir);
    let swap = case
        .node()
        .is_some_and(|node| node.flags.as_ref().is_ok_and(|flags| flags.swap));
    let verity = case
        .node()
        .is_some_and(|node| node.flags.as_ref().is_ok_and(|flags| flags.verity));
    let (because, rule) = match case.attempt.operation {
        Operation::Link if dir => (
            "a directory cannot have a second name",
            "nobody may make hard links to directories, not even root",
        ),
        Operation::Exec if dir => (
            "a directory cannot be run",
            "only regular files are programs",
        ),
        Operation::Exec => ("it cannot be run", "only regular files are programs"),
        _ if swap => (
            "it is in use as swap space",
            "the kernel lets nobody touch an active swap file",
        ),
        _ if verity => ("it is sealed by fs-verity", "its contents can never change"),
        _ => (
            "nobody may do this here",
            "the file system does not support it, not even for root",
        ),
    };
    let mut words = case.words(format!("{path}: {because}"), rule.to_owned());
    words.because = because.to_owned();
    words
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    match case.attempt.operation {
        Operation::Link => protected_hardlink::symlink(case).into_iter().collect(),
        Operation::Exec => vec![Candidate::advice("name the program in it")],
        _ => Vec::new(),
    }
}
