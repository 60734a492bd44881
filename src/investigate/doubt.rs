//! What speaks against the reading of a message: it may be about another object, or about a program with other rights.

use super::judged::Judged;
use crate::attempt::{Capability, Incident, Object, Operation, Subject};
use crate::byte_path;
use crate::denial::Code;
use crate::judge::{Denial, Obstacle, Verdict};
use crate::quote;
use crate::resolve::{self, Circumstances, Reading};

/// Why it says nothing about the failure of a run that an attempt is not refused now; `None` if it does say something.
pub(super) fn doubt(
    judged: &Judged,
    incident: &Incident,
    circumstances: &Circumstances,
) -> Option<String> {
    let Reading { attempt, signs } = &judged.reading;
    let name = incident.paths.first()?;
    if attempt.operation == Operation::Exec && !name.contains(&b'/') {
        return Some(format!(
            "{} is looked for along PATH, and the PATH of the program that failed is not known",
            quote::display(name)
        ));
    }
    if !signs.place {
        // A file with this name in some other directory says nothing.
        return Some(format!(
            "{} is relative to a directory that the program worked in, and it is not known which",
            quote::display(name)
        ));
    }
    let mut subjects = circumstances
        .processes
        .iter()
        .map(|process| &process.subject);
    let is_another = |subject: &Subject| !subject.has_the_rights_of(&attempt.subject);
    if judged.verdict != Verdict::Allowed {
        return None;
    }
    if subjects.any(is_another) {
        return Some(
            "its programs run with different rights, and it is not known which of them failed"
                .to_owned(),
        );
    }
    let is_sure = signs.subject && is_by_one_seen(incident, circumstances);
    let is_root = attempt.subject.has(Capability::DacOverride);
    // Of another place, more can be said than this.
    let mut processes = circumstances.processes.iter();
    let is_here = processes.all(|process| process.place.is_none());
    (is_root && is_here && !is_sure)
        .then(|| "root may do it, and it is not known whether what failed ran as root".to_owned())
}

/// Whether the program that the message names as its writer, if it names one, is the command or was seen.
fn is_by_one_seen(incident: &Incident, circumstances: &Circumstances) -> bool {
    let Some(writer) = resolve::leading_name(&incident.message) else {
        return true;
    };
    let is_it = |name: &[u8]| byte_path::name(name) == writer;
    let mut names = circumstances
        .processes
        .iter()
        .filter_map(|process| process.name.as_deref())
        .chain(circumstances.command.first().map(Vec::as_slice));
    names.any(is_it)
}

/// Why a refusal on the way to a directory that code changes to says nothing of a name that is relative to it: the program
/// cannot have been there. `None` if it can have been.
///
/// A directory that it was started in may be closed to it, because another user may have changed to it.
pub(super) fn never_entered(
    judged: &Judged,
    denial: &Denial,
    incident: &Incident,
    circumstances: &Circumstances,
) -> Option<String> {
    let Object::Path(path) = &judged.reading.attempt.object else {
        return None;
    };
    let named = |name: &&Vec<u8>| resolve::is_relative(name);
    let name = incident.paths.iter().find(named)?;
    let there = path.strip_suffix(byte_path::tidy(name).as_slice())?;
    let processes = circumstances.processes.iter();
    let mut inherited = processes
        .filter_map(|process| process.directory.as_deref())
        .chain([circumstances.start.as_slice()]);
    let Obstacle::Node(node) = denial.at else {
        return None;
    };
    let closed = &judged.facts.node(node).path;
    let is_on_the_way = byte_path::is_within(there, closed)
        && (closed != there || denial.code == Code::DirNotSearchable);
    (is_on_the_way && !inherited.any(|directory| byte_path::is_within(directory, there))).then(|| {
        format!(
            "{} would be in {}, which the program cannot have changed to, and nothing says where it was instead",
            quote::display(name),
            quote::display(there)
        )
    })
}
