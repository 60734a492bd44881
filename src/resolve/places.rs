//! Resolves printed names to absolute paths.

use std::collections::BTreeSet;

use super::bases::{Base, Placing, bases};
use super::speaker::Speakers;
use super::{CandidateProcess, Circumstances, Reading};
use crate::attempt::{Attempt, Errno, Incident, Object, Operation, Sign, Signs};
use crate::byte_path::{is_within, join, tidy};

/// A candidate process, and a path where the object of its message may be.
#[derive(Debug, Clone)]
pub struct Aim<'c> {
    process: &'c CandidateProcess,
    /// The name as printed.
    printed: Vec<u8>,
    /// The absolute path.
    pub path: Vec<u8>,
    placing: Placing,
    /// Whether it is known which process failed.
    subject_known: bool,
}

impl Aim<'_> {
    /// The reading that this operation was tried there; `sign` is what identified the operation.
    pub fn reading(
        self,
        operation: Operation,
        sign: Option<Sign>,
        errno: Option<Errno>,
    ) -> Reading {
        Reading {
            signs: Signs {
                operation: sign,
                object: Some(Sign::Message),
                subject: self.subject_known,
                place: self.placing == Placing::Told,
                elsewhere: false,
            },
            attempt: Attempt {
                subject: self.process.subject.clone(),
                operation,
                directory: self.working_directory(),
                object: Object::Path(self.path),
                to: None,
                errno,
            },
        }
    }

    /// The second path of an operation, relative to the same directory as the first.
    pub fn beside(
        &self,
        path: &[u8],
        incident: &Incident,
        circumstances: &Circumstances,
    ) -> Option<Vec<u8>> {
        let base = self.path.strip_suffix(tidy(&self.printed).as_slice());
        if let (true, true, Some(base)) = (is_relative(path), is_relative(&self.printed), base) {
            return Some(tidy(&join(base, path)));
        }
        let places = places(
            path,
            &Operation::CREATE,
            incident,
            self.process,
            circumstances,
        );
        places.into_iter().next().map(|(path, _)| path)
    }

    /// The working directory that the name was relative to. `None` if the path is not below the working directory, because it
    /// is then unknown where the kernel started.
    fn working_directory(&self) -> Option<Vec<u8>> {
        let own = self.process.directory.as_ref()?;
        let is_below = is_within(&self.path, own);
        (is_relative(&self.printed) && is_below).then(|| own.clone())
    }
}

/// Where the object with this printed name may be, for each candidate process, the most likely first.
pub fn aims<'c>(
    printed: &[u8],
    operation: &Operation,
    incident: &Incident,
    speakers: &Speakers<'c>,
    circumstances: &Circumstances,
) -> Vec<Aim<'c>> {
    let aims = speakers.processes.iter().flat_map(|process| {
        let places = places(printed, operation, incident, process, circumstances);
        places.into_iter().map(|(path, placing)| Aim {
            process,
            printed: printed.to_vec(),
            path,
            placing,
            subject_known: speakers.known,
        })
    });
    aims.collect()
}

/// The directories in one of which a name was used, if nothing indicates in which.
pub fn alternatives(
    printed: &[u8],
    incident: &Incident,
    speakers: &Speakers,
    circumstances: &Circumstances,
) -> Option<Vec<Vec<u8>>> {
    if !is_relative(printed) {
        return None;
    }
    let of_each = speakers.processes.iter();
    let of_each =
        of_each.flat_map(|one| bases(printed, &Operation::READ, incident, one, circumstances));
    let found: Vec<Base> = of_each
        .filter(|base| base.placing != Placing::Assumed)
        .collect();
    let is_open = found.iter().any(|base| base.placing == Placing::OneOf);
    let directories: BTreeSet<Vec<u8>> = found.into_iter().map(|base| base.directory).collect();
    is_open.then(|| directories.into_iter().collect())
}

/// Whether a printed name is relative to a directory.
#[must_use]
pub fn is_relative(path: &[u8]) -> bool {
    !path.starts_with(b"/") && !path.starts_with(b"~")
}

/// The absolute paths that a name printed by this process can mean.
fn places(
    path: &[u8],
    operation: &Operation,
    incident: &Incident,
    process: &CandidateProcess,
    circumstances: &Circumstances,
) -> Vec<(Vec<u8>, Placing)> {
    if path.starts_with(b"/") {
        return vec![(tidy(path), Placing::Told)];
    }
    if let (Some(rest), Some(home)) = (path.strip_prefix(b"~/"), &circumstances.home) {
        return vec![(tidy(&join(home, rest)), Placing::Told)];
    }
    let mut found: Vec<(Vec<u8>, Placing)> = Vec::new();
    for base in bases(path, operation, incident, process, circumstances) {
        let path = tidy(&join(&base.directory, path));
        if path.starts_with(b"/") && !found.iter().any(|(known, _)| *known == path) {
            found.push((path, base.placing));
        }
    }
    found
}

#[cfg(test)]
mod tests;
