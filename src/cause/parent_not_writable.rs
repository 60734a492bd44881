//! Creating, deleting or renaming requires write permission on the directory that holds the name.

use super::case::Case;
use super::{
    Candidate, Fit, Words, deleted_tree, deployment, elsewhere, give_back, grant, is_top, is_within,
};
use crate::attempt::Operation;
use crate::change::{Change, Deployment};
use crate::{programs, quote};

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
    if let Some(way) = give_back::through_ones_own_containers(case) {
        return vec![way];
    }
    if let Some(all) = deleted_tree::candidates(case) {
        return all;
    }
    if let Some(advice) = wrong_home(case) {
        return vec![advice];
    }
    if let Some(advice) = written_in_place(case) {
        return vec![advice];
    }
    let mut all = Vec::new();
    all.extend(made_by_root(case));
    all.extend(home(case));
    all.extend(grant::candidates(case));
    all
}

/// What to do instead if the directory is somebody else's, and write permission on it is required only because the program replaces
/// a file (`sed -i`) that it could write in place.
fn written_in_place(case: &Case) -> Option<Candidate> {
    let replaced = elsewhere::replaced(case)?;
    let is_own = case.inode()?.uid == case.subject().uid;
    let (who, path) = (case.who(), case.path());
    let name = quote::shell(&replaced);
    let fits_otherwise =
        is_own || elsewhere::is_of_the_system(case) || give_back::candidate(case).is_some();
    (!fits_otherwise).then(|| {
        Candidate::advice(format!(
            "only replacing the file needs {path}: if {who} may write the file itself, write it in place \
             (... {name} > /tmp/new && cat /tmp/new > {name})"
        ))
    })
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

/// What a program looks for in its home directory, where that is the root directory or one that does not exist on purpose: another
/// home helps, not a directory there.
fn wrong_home(case: &Case) -> Option<Candidate> {
    let asked = case.asked_bytes()?;
    let is_in_root = asked.starts_with(b"/.");
    let is_missing = is_within(asked, b"/nonexistent");
    let lines = programs::command_lines(&case.facts.surroundings.command);
    let mut operands = lines.iter().flat_map(|line| &line.operands);
    let is_meant = operands.any(|operand| operand.word == asked);
    let in_container = case.facts.surroundings.container.is_some();
    if case.node()?.path != b"/" || !(is_in_root || is_missing) || is_meant || in_container {
        return None;
    }
    let who = case.who();
    let home = case.facts.surroundings.home.as_deref();
    let home = home.filter(|home| home.len() > 1 && !is_within(home, b"/nonexistent"));
    let set = match home {
        Some(home) => format!("HOME={}", quote::shell(home)),
        None => format!("HOME set to a directory that {who} may write to"),
    };
    let why = match is_missing {
        true => "/nonexistent is missing on purpose",
        false => "that is where a HOME leads that is empty or /",
    };
    Some(Candidate::advice(format!(
        "{why}: run it with {set} (Environment=HOME= in a unit, ENV HOME in an image)"
    )))
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
            (is_top(path) || around.peopled.as_ref() == Some(path))
                && ![b"/dev".as_slice(), b"/home"].contains(&path.as_slice())
        }
        // A log file persists, whereas a pid file or temporary file is created anew each time.
        Operation::Open(how) if how.create => {
            is_within(path, b"/var/log") && step.name.ends_with(b".log")
        }
        _ => false,
    };
    if subject.uid == 0 || around.container.is_some() || !fitting || is_random(&step.name) {
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

/// Whether a name looks as if part of it had been drawn at random (mkstemp(3), Python's tempfile): the next run would use another.
pub(super) fn is_random(name: &[u8]) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let parts = name.split(|byte| !is_word(byte));
    let is_drawn = |part: &[u8]| {
        let part = part.strip_prefix(b"tmp").unwrap_or(part);
        let has = |is: fn(&u8) -> bool| part.iter().any(is);
        let classes = [
            u8::is_ascii_lowercase,
            u8::is_ascii_uppercase,
            u8::is_ascii_digit,
        ];
        let is_mixed = classes.into_iter().filter(|is| has(*is)).count() > 1;
        // `Data` and `README2` are words.
        let is_a_word = part.iter().skip(1).all(u8::is_ascii_lowercase)
            || part
                .iter()
                .rev()
                .skip_while(|byte| byte.is_ascii_digit())
                .all(u8::is_ascii_alphabetic);
        part.len() >= 6 && (is_mixed && !is_a_word || part.iter().all(|byte| *byte == b'X'))
    };
    let is_temporary = name.strip_prefix(b"tmp").is_some_and(|rest| {
        let stem = rest.split(|byte| *byte == b'.').next().unwrap_or_default();
        stem.len() == 8 && stem.iter().all(is_word)
    });
    is_temporary || parts.filter(|part| !part.is_empty()).any(is_drawn)
}

#[cfg(test)]
mod tests {
    use super::is_random;

    #[test]
    fn names_that_are_drawn_look_so() {
        for name in [
            "tmp.XXXXXXXXXX",
            "run-XXXXXX",
            "tmpwzm4kwfd",
            "tmpabcdefgh",
            "tmpgzgh_odn.log",
            "tmp.r4TBQzWq2K",
            "build-a8Xk2Q",
            "sedzd61aP",
        ] {
            assert!(is_random(name.as_bytes()), "{name}");
        }
        for name in [
            "data",
            "app",
            "release-20240101",
            "my_app",
            "README2",
            "Backups",
            "tmp",
            "tmpfiles",
            "www2",
            "python3",
            "node20",
            "postgres-data",
            "a.log",
            "mysite.example.org",
        ] {
            assert!(!is_random(name.as_bytes()), "{name}");
        }
    }
}
