//! Protects what other users rely on: programs that they run, their homes, objects that were closed to a single user, and
//! objects that must stay open.

use std::sync::OnceLock;

use serde::Deserialize;

use super::place::{inode, is_owner};
use super::{Never, secret};
use crate::attempt::{Attempt, Operation, Subject};
use crate::built_in::built_in;
use crate::cause::{PEOPLE, Purpose, held, home_of, is_top, purpose};
use crate::facts::{Facts, Inode, Kind, Node, NodeId, Perms, Program};

/// What other users run or load, by its place and name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunByOthers {
    /// Names of directories whose files are executed or loaded.
    directories: Vec<String>,
    /// Endings of the paths of files that are executed or loaded, or that determine which programs run.
    endings: Vec<String>,
    /// Endings of the paths of the kernel's settings that name what it runs as root or loads.
    settings: Vec<String>,
    #[serde(default)]
    #[cfg_attr(not(test), allow(dead_code))]
    sample: Vec<Sample>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), allow(dead_code))]
struct Sample {
    path: String,
    run: bool,
}

impl RunByOthers {
    fn known() -> &'static RunByOthers {
        static KNOWN: OnceLock<RunByOthers> = OnceLock::new();
        KNOWN.get_or_init(|| built_in!("run-by-others"))
    }

    /// Whether this lies in a directory of programs.
    fn is_in_programs(&self, path: &[u8]) -> bool {
        let below = path.strip_prefix(b"/var/lib").unwrap_or(path);
        let is_one = |part: &[u8]| self.directories.iter().any(|name| name.as_bytes() == part);
        below.split(|&byte| byte == b'/').any(is_one)
    }

    /// Whether this setting names what the kernel runs.
    fn is_setting(&self, path: &[u8]) -> bool {
        let ends = |ending: &String| path.ends_with(ending.as_bytes());
        self.settings.iter().any(ends)
    }

    /// Whether a file of this name is one of those.
    fn is_program(&self, path: &[u8]) -> bool {
        let is_library = path.windows(4).any(|part| part == b".so.");
        let ends = |ending: &String| path.ends_with(ending.as_bytes());
        is_library || self.endings.iter().any(ends)
    }
}

/// Directories that everybody uses, which must not be closed.
const SHARED: &[&[u8]] = &[b"/dev/shm", b"/etc", b"/tmp", b"/usr", b"/var/tmp"];

/// Whether this setting of the kernel names a program that the kernel runs as root.
pub(super) fn is_run_by_the_kernel(path: &[u8]) -> bool {
    RunByOthers::known().is_setting(path)
}

/// Whether others run or load the file of this path, by its name or place.
pub(super) fn is_run_by_name(path: &[u8]) -> bool {
    let known = RunByOthers::known();
    known.is_in_programs(path) || known.is_program(path)
}

/// Whether others execute this object or what is in it, so that whoever can write to it can act as them.
pub(super) fn is_run_by_others(node: &Node, inode: &Inode) -> bool {
    let (path, known) = (node.path.as_slice(), RunByOthers::known());
    let is_program = inode.mode & 0o111 != 0
        || matches!(node.program, Ok(Program::Script { .. } | Program::Elf(_)))
        || known.is_program(path);
    known.is_in_programs(path) || inode.kind == Kind::Regular && is_program
}

/// Whether this is a person's home directory according to the user database, wherever that is, or a dot file or directory in
/// it.
pub(super) fn is_a_persons_home(path: &[u8], facts: &Facts) -> bool {
    facts.names.homes.iter().any(|(uid, home)| {
        let rest = path.strip_prefix(home.as_slice());
        PEOPLE.contains(uid) && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/."))
    })
}

/// Whether everybody else has the permissions that the subject is refused, while the subject has none: somebody meant to keep
/// it out.
pub(super) fn permits_less(subject: &Subject, facts: &Facts, id: NodeId, gained: Perms) -> bool {
    let everybody = inode(facts, id).map(Inode::other_bits);
    let pair = everybody.zip(held(subject, id, facts));
    !gained.is_empty() && pair.is_some_and(|(all, held)| all.contains(gained) && held.is_empty())
}

/// Why permissions must not be taken away from others; `None` if they may be. That is harmless for the subject's own objects
/// and for what root keeps to itself. Write permission alone may be removed from anything that is not meant to be shared.
pub(super) fn closing(attempt: &Attempt, facts: &Facts, id: NodeId, mode: u32) -> Option<Never> {
    let subject = &attempt.subject;
    let inode = inode(facts, id)?;
    let path = facts.node(id).path.as_slice();
    let taken = inode.mode & !mode;
    let unusable = inode.is_dir() && mode & 0o100 == 0;
    if unusable || taken & 0o7000 != 0 || is_top(path) || SHARED.contains(&path) {
        return Some(Never::Shared);
    }
    let is_own = is_owner(subject, facts, id) && subject.uid != 0;
    if is_own || taken & 0o055 == 0 && !inode.is_sticky() {
        return None;
    }
    // A manifest is about the data of its project, whereas a program's message may name anything.
    let by_manifest = !matches!(attempt.operation, Operation::Trust(_));
    let is_data = purpose(path, subject.uid, facts) == Purpose::Service;
    if by_manifest && is_data && inode.kind == Kind::Regular {
        return None;
    }
    let is_roots = subject.uid == 0 && inode.uid == 0;
    let is_for_root = home_of(path) == Some(b"/root") || secret::is_one_by_name(path);
    (!is_roots || !is_for_root).then_some(Never::System)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::with_samples;

    #[test]
    fn each_sample_is_or_is_not_run_by_others_as_it_says() {
        let known: RunByOthers = with_samples!("run-by-others");
        assert!(!known.sample.is_empty());
        for Sample { path, run } in &known.sample {
            let path = path.as_bytes();
            let found =
                known.is_in_programs(path) || known.is_program(path) || known.is_setting(path);
            assert_eq!(found, *run, "{}", String::from_utf8_lossy(path));
        }
    }
}
