//! What the operation will require of the same object once the refused permission is granted.

use super::case::Case;
use crate::attempt::Operation;
use crate::facts::{NodeId, Perms, Walk};
use crate::programs::{self, CommandLine};

/// The permissions that the operation will require of the directory once it can be searched. They are granted together,
/// because an unsearchable directory conceals what comes next.
pub(super) fn in_directory(case: &Case, id: NodeId) -> Perms {
    let operation = &case.attempt.operation;
    let alters = operation.makes_a_name()
        || matches!(
            operation,
            Operation::Delete | Operation::Rmdir | Operation::Rename | Operation::Bind
        )
        || matches!(operation, Operation::Open(how) if how.create);
    let in_it = |walk: &Walk| walk.parent() == Some(id);
    let unseen = |walk: &Walk| {
        walk.written_step()
            .is_some_and(|step| !matches!(step.found, Ok(Some(_))))
    };
    let made_there = case.facts.to.as_ref().is_some_and(in_it);
    let lines = programs::command_lines(&case.facts.surroundings.command);
    let only_reads = lines.iter().any(|line| {
        let mut words = line.words.iter();
        line.known
            .is_some_and(|known| words.any(|word| known.only_reads(word)))
    });
    if only_reads {
        return Perms::NONE;
    }
    let fills = lines
        .iter()
        .any(|line| line.known.is_some_and(|known| known.fills));
    let altered = (alters || fills)
        && in_it(&case.facts.walk)
        && (unseen(&case.facts.walk) || !matches!(operation, Operation::Open(_)));
    let next = match made_there || altered {
        true => Perms::W,
        false => Perms::NONE,
    };
    next.or(of_a_walk(case, id)).or(of_a_pattern(case, id))
}

/// What the command goes on with in a directory that it was to enter or to list: it lists it, creates files in it, or deletes what
/// is in it.
fn of_a_walk(case: &Case, id: NodeId) -> Perms {
    if case.facts.walk.target() != Some(id) {
        return Perms::NONE;
    }
    let around = &case.facts.surroundings;
    let (lists, alters) = match case.attempt.operation {
        Operation::Traverse => (around.account.lists, around.account.fills),
        // What is in a directory that cannot be listed is deleted as soon as it can.
        Operation::List => {
            let walk = programs::walk(&around.command);
            (true, walk.is_some_and(|walk| walk.deletes))
        }
        _ => return Perms::NONE,
    };
    let read = if lists { Perms::R } else { Perms::NONE };
    read.or(if alters { Perms::W } else { Perms::NONE })
}

/// What the shell requires of a directory to expand a pattern in it. It left the pattern as it was because it could not list the
/// directory.
fn of_a_pattern(case: &Case, id: NodeId) -> Perms {
    let step = case.facts.walk.written_step();
    let is_pattern =
        step.is_some_and(|step| step.name.contains(&b'*') && !matches!(step.found, Ok(Some(_))));
    match is_pattern && case.facts.walk.parent() == Some(id) {
        true => Perms::R,
        false => Perms::NONE,
    }
}

/// What else a program opens the file for, if it names it twice: `sort -o FILE FILE` reads it, then writes it.
pub(super) fn of_file(case: &Case) -> Perms {
    let (Some(path), Operation::Open(_)) = (case.asked_bytes(), &case.attempt.operation) else {
        return Perms::NONE;
    };
    let lines = programs::command_lines(&case.facts.surroundings.command);
    let opened = |line: &CommandLine| -> Vec<Perms> {
        line.operands
            .iter()
            .filter(|operand| programs::is_the_end_of(&operand.word, path))
            .filter_map(|operand| match operand.operation {
                Some(Operation::Open(how)) if how.write => Some(Perms::W),
                Some(Operation::Open(_)) => Some(Perms::R),
                _ => None,
            })
            .collect()
    };
    let twice = lines.iter().map(opened).find(|opened| opened.len() > 1);
    twice.into_iter().flatten().fold(Perms::NONE, Perms::or)
}
