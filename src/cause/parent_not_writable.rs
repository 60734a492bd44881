//! Creating, deleting or renaming requires write permission on the directory that holds the name.

use super::case::Case;
use super::{Candidate, Fit, Words, deleted_tree, deployment, grant, is_top, is_within};
use crate::attempt::Operation;
use crate::change::{Change, Deployment};

pub(super) fn words(case: &Case) -> Words {
    let what = match case.attempt.operation {
        Operation::Delete | Operation::Rmdir => "delete anything from",
        Operation::Rename => "rename anything in",
        _ => "create anything in",
    };
    let because = format!("{} may not {what} {}", case.who(), case.path());
    case.words(because, case.rule_in_words())
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    if let Some(all) = deleted_tree::candidates(case) {
        return all;
    }
    let mut all = Vec::new();
    all.extend(made_by_root(case));
    all.extend(home(case));
    all.extend(grant::candidates(case));
    all
}

/// In a container, the home directory of a user that the image does not define is the root directory. Podman adds such a user to
/// the database.
fn home(case: &Case) -> Option<Candidate> {
    let is_unknown = !case.facts.names.users.contains_key(&case.subject().uid);
    let has_none = case.facts.surroundings.home.as_deref() == Some(b"/");
    ((is_unknown || has_none) && case.node()?.path == b"/")
        .then(|| deployment::candidate(case, Deployment::HomeDirectory))
        .flatten()
        .filter(|_| case.facts.surroundings.container.is_some())
        .map(|candidate| Candidate {
            fit: Fit::Meant,
            ..candidate
        })
}

/// A directory or log that belongs to the subject, created by root in the usual location.
fn made_by_root(case: &Case) -> Option<Candidate> {
    let subject = case.subject();
    let around = &case.facts.surroundings;
    let parent = case.at()?;
    let path = &case.node()?.path;
    let step = case
        .facts
        .walk
        .steps
        .last()
        .filter(|step| step.dir == parent && step.found == Ok(None))?;
    let directory = matches!(case.attempt.operation, Operation::Mkdir);
    let fitting = match case.attempt.operation {
        Operation::Mkdir => {
            is_top(path) && ![b"/dev".as_slice(), b"/home"].contains(&path.as_slice())
        }
        // A log file persists, whereas a pid file or temporary file is created anew each time.
        Operation::Open(how) if how.create => {
            is_within(path, b"/var/log") && step.name.ends_with(b".log")
        }
        _ => false,
    };
    if subject.uid == 0 || around.container.is_some() || !fitting {
        return None;
    }
    let make = Change::Make {
        parent,
        name: step.name.clone(),
        directory,
        uid: subject.uid,
        gid: subject.gid,
    };
    let (who, what) = (case.who(), if directory { "directory" } else { "file" });
    Some(
        Candidate::new(
            Fit::Meant,
            format!("make {} for {who}", case.asked()),
            [make],
        )
        .noting(format!("makes the {what}, as {who}'s own")),
    )
}
