//! Sentences that say why nothing was decided.

use crate::attempt::{Attempt, Errno, Object, Operation, Policy};
use crate::facts::{Facts, UnknownFact};
use crate::quote;

/// The kernel's answer is not the one that it would give now.
pub(super) fn another_answer(errno: Errno) -> String {
    format!(
        "the kernel answered {errno}, which is not what refuses it now: what decided then cannot be seen from here"
    )
}

/// What is missing for a verdict, as a sentence.
pub(super) fn missing(unknown: &UnknownFact) -> String {
    let path = quote::display(&unknown.path);
    let what = match (unknown.what.as_str(), path.as_str()) {
        ("name", path) => format!("whether there is {path}"),
        (what, "") => what.to_owned(),
        (what, path) => format!("{what} of {path}"),
    };
    let why = unknown
        .errno
        .map_or_else(String::new, |errno| format!(" ({errno})"));
    format!("{what} cannot be seen from here{why}")
}

/// A failure other than a refusal, as a sentence.
pub(super) fn failure(errno: Errno, attempt: &Attempt, facts: &Facts) -> String {
    let object = match &attempt.object {
        Object::Path(path) => quote::display(path),
        _ => "it".to_owned(),
    };
    // For a mere question, it is not known that the object ever existed.
    let now = if attempt.errno.is_some() { " now" } else { "" };
    let step = facts.walk.steps.last();
    match (errno, step) {
        (Errno::NoEnt, Some(step)) if !step.last && step.found == Ok(None) => {
            let directory = facts.node(step.dir).path.as_slice();
            let directory = [
                directory.strip_suffix(b"/").unwrap_or(directory),
                b"/",
                &step.name,
            ]
            .concat();
            format!("there is no directory {}{now}", quote::display(&directory))
        }
        (Errno::NoEnt, _) => format!("there is no {object}{now}"),
        (Errno::NoExec, _) => {
            format!("{object} may be run{now}, but is no program that the kernel knows")
        }
        // Nobody can open a directory for writing: what is meant is to create in it.
        (Errno::IsDir, _) if attempt.errno.is_none() && writes(&attempt.operation) => {
            let inside = object.trim_end_matches('/');
            format!(
                "{object} is a directory: ask for a file in it, `permwrap why create {inside}/NAME`"
            )
        }
        (errno, _) if attempt.errno.is_none() => {
            format!(
                "{object} fails for another reason: {} ({errno})",
                errno.words()
            )
        }
        (errno, _) => format!(
            "looked at now, {object} fails for another reason: {} ({errno})",
            errno.words()
        ),
    }
}

fn writes(operation: &Operation) -> bool {
    matches!(operation, Operation::Open(how) if how.write || how.create || how.truncate)
}

/// What is known of a program's own rule about a file that its message does not name.
pub(super) fn rule_of_a_program(policy: &Policy) -> String {
    let (program, about) = (&policy.program, &policy.about);
    let advice = match policy.advice.as_str() {
        "" => "its message does not say which file it is",
        advice => advice,
    };
    format!("{program} has a rule of its own about {about}: {advice}")
}
