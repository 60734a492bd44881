//! From what a text says to what may have been tried: absolute paths, concrete operations, candidate subjects.
//!
//! Where the text leaves something open, several attempts come out, the likeliest first; the judge tells which of them
//! the kernel refuses. Nothing here looks at the system: who lived, and where, is given.
#![forbid(unsafe_code)]

mod operations;
mod paths;
mod source;
mod users;
mod windows;

pub use paths::port;
pub use source::literals;
pub use users::users_switched_to;
pub use windows::meaning_on_windows;

use crate::attempt::{Attempt, Errno, Incident, Object, Operation, Subject};

/// Where and by whom the failure can have happened.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The processes that may have failed, the likeliest first: those that held the stderr that told of it, deepest
    /// in the process tree first.
    pub witnesses: Vec<Witness>,
    /// The working directory that the command was started in.
    pub start: Vec<u8>,
    /// The command line; empty where there was none (`explain`).
    pub command: Vec<Vec<u8>>,
    /// The directories of PATH, where programs named without a slash are looked for.
    pub search_path: Vec<Vec<u8>>,
    /// The home directory, for paths printed with `~/`.
    pub home: Option<Vec<u8>>,
}

/// A process that may have failed.
#[derive(Debug, Clone)]
pub struct Witness {
    /// Its credentials.
    pub subject: Subject,
    /// Its working directory, where it could still be read.
    pub directory: Option<Vec<u8>>,
    /// Its arguments.
    pub arguments: Vec<Vec<u8>>,
}

/// What may have been tried, the likeliest first. Empty where the text names no object.
#[must_use]
pub fn attempts(incident: &Incident, place: &Place) -> Vec<Attempt> {
    if let Some(object) = incident.address.as_deref().and_then(paths::port) {
        return each_subject(place, incident.errno, &Operation::Bind, &object);
    }
    // A process is named by a number, if at all: no path.
    if let Some(operation) = incident
        .operations
        .iter()
        .find(|operation| operations::is_about_a_process(operation, incident))
    {
        return each_subject(place, incident.errno, operation, &Object::Process);
    }
    let mut attempts: Vec<Attempt> = Vec::new();
    for (operation, from, to) in operations::readings(incident) {
        for (subject, path) in paths::absolute(from, &operation, incident, place) {
            let to = to.and_then(|to| paths::beside(to, from, &path, &subject, incident, place));
            let directory = paths::directory(from, &path, &subject, place);
            push(
                &mut attempts,
                Attempt {
                    subject,
                    operation: operation.clone(),
                    object: Object::Path(path),
                    to,
                    directory,
                    errno: incident.errno,
                },
            );
        }
    }
    attempts
}

/// Where a file of source that the incident points at may lie, the likeliest first.
#[must_use]
pub fn sources(file: &[u8], incident: &Incident, place: &Place) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    for (_, path) in paths::absolute(file, &Operation::READ, incident, place) {
        if !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// What may have been tried where the text names no object: the operations it allows for, on each path or port among
/// the command's own arguments, and on its working directory. A conclusion may be drawn only where exactly one of them
/// would be refused.
#[must_use]
pub fn unnamed(incident: &Incident, place: &Place) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let binds = incident.operations.contains(&Operation::Bind);
    for word in paths::arguments(place) {
        if let Some(object) = paths::port(word).filter(|_| binds) {
            for attempt in each_subject(place, incident.errno, &Operation::Bind, &object) {
                push(&mut attempts, attempt);
            }
        }
        let named = Incident {
            paths: vec![word.to_vec()],
            ..incident.clone()
        };
        for attempt in self::attempts(&named, place) {
            push(&mut attempts, attempt);
        }
    }
    attempts
}

/// The attempt by each candidate subject.
fn each_subject(
    place: &Place,
    errno: Option<Errno>,
    operation: &Operation,
    object: &Object,
) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for witness in &place.witnesses {
        let (subject, operation, object) =
            (witness.subject.clone(), operation.clone(), object.clone());
        push(
            &mut attempts,
            Attempt {
                subject,
                operation,
                object,
                to: None,
                directory: None,
                errno,
            },
        );
    }
    attempts
}

/// Adds an attempt, unless the same with the same rights is there already: siblings differ in their pid only.
fn push(attempts: &mut Vec<Attempt>, attempt: Attempt) {
    let same = |other: &Attempt| {
        let rights = |of: &Attempt| Subject {
            pid: None,
            ..of.subject.clone()
        };
        other.operation == attempt.operation
            && other.object == attempt.object
            && other.to == attempt.to
            && rights(other) == rights(&attempt)
    };
    if !attempts.iter().any(same) {
        attempts.push(attempt);
    }
}
