//! fs.protected_hardlinks: a hard link requires ownership of the file, or read and write permission on a regular file.

use super::case::Case;
use super::{Candidate, Fit, Words, give_back, held};
use crate::attempt::Object;
use crate::change::{Change, Effect, argv};
use crate::facts::Perms;

pub(super) fn words(case: &Case) -> Words {
    case.words(
        format!("{} may not make a hard link to {}", case.who(), case.path()),
        "fs.protected_hardlinks: only its owner may, or whoever may both read and write it"
            .to_owned(),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let mut all = Vec::new();
    all.extend(give_back::candidate(case));
    all.extend(symlink(case));
    all
}

/// Makes a symlink instead, which requires no permission on the file.
pub(super) fn symlink(case: &Case) -> Option<Candidate> {
    let (Object::Path(path), Some(to)) = (&case.attempt.object, &case.attempt.to) else {
        return None;
    };
    let directory = case.facts.to.as_ref()?.parent()?;
    let may_make = held(case.subject(), directory, case.facts)?.contains(Perms::W.or(Perms::X));
    if !may_make && case.subject().uid != 0 {
        return None;
    }
    Some(Candidate::new(
        Fit::Around,
        "make a symbolic link instead, or a copy".to_owned(),
        [Change::Run {
            argv: argv(&[b"ln", b"-s", path, to]),
            root: false,
            effect: Effect::Avoids,
        }],
    ))
}
