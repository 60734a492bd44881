//! Commands that root must not be asked to run because a program's output suggests it.

use super::Never;
use super::given::ownership;
use super::place::{bits, inode, is_owner};
use crate::attempt::{Attempt, Operation, Subject};
use crate::byte_path;
use crate::cause::{PEOPLE, Purpose, purpose};
use crate::facts::{Facts, Inode, NodeId, Perms};
use crate::programs;

/// Words that disable a protection, or open something to everybody.
const DISARMING: &[&[u8]] = &[
    b"setenforce",
    b"aa-complain",
    b"aa-disable",
    b"aa-teardown",
    b"--privileged",
    b"unconfined",
    b"no_root_squash",
    b"777",
    b"666",
    b"a+w",
    b"o+w",
];

/// Arguments that affect more than one object, or open it to everybody.
const SWEEPING: &[&[u8]] = &[
    b"-R",
    b"-r",
    b"-rf",
    b"-fr",
    b"--recursive",
    b"777",
    b"666",
    b"0777",
    b"0666",
    b"a+w",
    b"o+w",
    b"a+rwx",
];

/// A command that disables a protection.
pub(super) fn disarms(argv: &[Vec<u8>]) -> Option<Never> {
    argv.iter()
        .any(|word| DISARMING.contains(&word.as_slice()))
        .then_some(Never::Protection)
}

/// A command line that is to be run by root. sudo does not help with a file that the shell opens, and a shell or interpreter
/// run by root does whatever its script says.
pub(super) fn line(words: &[Vec<u8>]) -> Option<Never> {
    let (program, arguments) = programs::at_work(words).split_first()?;
    let lines = programs::command_lines(words);
    let mut starters = lines.iter().filter(|line| line.only_starts());
    let is_anybodys = starters.any(|line| !is_of_the_system(&line.program));
    if is_anybodys
        || programs::sets_variables(words)
        || runs_anything(program)
        || !is_of_the_system(program)
    {
        return Some(Never::AnyCommand);
    }
    arguments
        .iter()
        .any(|argument| SWEEPING.contains(&argument.as_slice()))
        .then_some(Never::ForeignTree)
}

/// Whether root would run a program of the system by this name: sudo searches directories that belong to root, and a program
/// elsewhere may merely have the same name as one that is meant for root.
fn is_of_the_system(program: &[u8]) -> bool {
    const DIRECTORIES: &[&[u8]] = &[
        b"/bin",
        b"/sbin",
        b"/usr/bin",
        b"/usr/local/bin",
        b"/usr/local/sbin",
        b"/usr/sbin",
    ];
    !program.contains(&b'/')
        || byte_path::parent(program).is_some_and(|parent| DIRECTORIES.contains(&parent))
}

/// Whether the command changes owners, modes or ACLs.
pub(super) fn sets_rights(words: &[Vec<u8>]) -> bool {
    const NAMES: &[&[u8]] = &[
        b"chattr", b"chgrp", b"chmod", b"chown", b"setcap", b"setfacl",
    ];
    let name = words.first().map(|program| byte_path::name(program));
    name.is_some_and(|name| NAMES.contains(&name))
}

/// A single operation performed by root. The only reason for it is what the user's program says. So nothing that belongs to the
/// system is modified, nothing is opened that was closed, and files of others are deleted only in directories where everybody
/// may leave files.
pub(super) fn by_root(subject: &Subject, facts: &Facts, operation: &Operation) -> Option<Never> {
    let named = match operation.takes_the_link_itself() {
        true => facts.walk.named(),
        false => facts.walk.target(),
    };
    let Some(id) = named else {
        return Some(Never::System);
    };
    let removes = matches!(operation, Operation::Delete | Operation::Rmdir);
    let fitting = match purpose(&facts.node(id).path, subject.uid, facts) {
        Purpose::Own | Purpose::Service => true,
        Purpose::Temporary => removes,
        _ => false,
    };
    if !fitting {
        return Some(Never::System);
    }
    let sticky = |dir: NodeId| inode(facts, dir).is_some_and(Inode::is_sticky);
    match operation {
        Operation::Chmod(Some(mode)) => {
            let before = inode(facts, id)?.mode;
            let opens = mode & !before & 0o077 != 0 && !is_owner(subject, facts, id);
            let closes = before & !mode & 0o077 != 0 && !is_owner(subject, facts, id);
            if mode & 0o6000 != 0 || opens {
                return Some(Never::WritableByAll);
            }
            if closes {
                // Others may be using it.
                return Some(Never::Shared);
            }
            bits(subject, facts, id, mode & !before & 0o777)
        }
        _ if removes && is_anothers_own(subject, facts, id) => Some(Never::Private),
        _ if removes && !facts.walk.parent().is_some_and(sticky) => Some(Never::ForeignTree),
        Operation::Chown { uid: None, .. } => None,
        Operation::Chown { .. } => ownership(subject, facts, id),
        _ => None,
    }
}

/// Whether the object belongs to another person, or its owner keeps it private.
fn is_anothers_own(subject: &Subject, facts: &Facts, id: NodeId) -> bool {
    let private = |inode: &Inode| inode.mode & 0o077 == 0 && inode.uid != subject.uid;
    is_another_persons(subject, facts, id) || inode(facts, id).is_some_and(private)
}

/// Whether the command makes git trust a repository whose configuration names programs that git runs (fsmonitor, hooks), and
/// that has been written by somebody whom the subject cannot have meant: by a user, if the subject is root; by anybody, if
/// everybody can write it.
pub(super) fn trusts_another(argv: &[Vec<u8>], attempt: &Attempt, facts: &Facts) -> bool {
    let trusts = argv.iter().any(|word| word == b"safe.directory");
    let Some(id) = facts.walk.target().filter(|_| trusts) else {
        return trusts;
    };
    let by_root = attempt.subject.uid == 0;
    let owner = inode(facts, id).map(|inode| inode.uid);
    let place = purpose(&facts.node(id).path, attempt.subject.uid, facts);
    let by_all = inode(facts, id).is_some_and(|inode| inode.other_bits().contains(Perms::W));
    by_root && owner != Some(0) || by_all || place == Purpose::Temporary
}

/// Whether the object belongs to a person other than the subject, not to a service.
pub(super) fn is_another_persons(subject: &Subject, facts: &Facts, id: NodeId) -> bool {
    inode(facts, id).is_some_and(|inode| inode.uid != subject.uid && PEOPLE.contains(&inode.uid))
}

/// Whether the program is a shell or an interpreter, or executes what it is given.
pub(super) fn runs_anything(program: &[u8]) -> bool {
    const NAMES: &[&str] = &[
        "awk", "bun", "deno", "dotnet", "env", "expect", "find", "gdb", "java", "lua", "nodejs",
        "tclsh", "tcsh", "xargs",
    ];
    let name = program
        .rsplit(|&byte| byte == b'/')
        .next()
        .unwrap_or(program);
    let known = programs::program(name).is_some_and(programs::Program::runs_what_it_is_given);
    let name = String::from_utf8_lossy(name);
    known || NAMES.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
}
