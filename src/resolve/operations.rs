//! Which system calls the words of a message can stand for.

use crate::attempt::{Errno, Incident, NodeType, OpenHow, Operation};

/// An operation, its object and, for two-path operations, the second path.
type Reading<'a> = (Operation, &'a [u8], Option<&'a [u8]>);

/// What can be meant, the likeliest first.
pub fn readings(incident: &Incident) -> Vec<Reading<'_>> {
    let mut readings = Vec::new();
    let told = &incident.operations;
    let open = if told.is_empty() {
        untold(incident.errno)
    } else {
        Vec::new()
    };
    let says = |word: &[u8]| memchr::memmem::find(&incident.message, word).is_some();
    // A copy reads the first and writes the second.
    if told.is_empty()
        && (says(b"copy") || says(b"Copy"))
        && let [from, to, ..] = &incident.paths[..]
    {
        readings.push((Operation::READ, from.as_slice(), None));
        readings.push((Operation::WRITE, to.as_slice(), None));
        readings.push((Operation::CREATE, to.as_slice(), None));
        return readings;
    }
    // An arrow stands between the old name and the new one, whatever call it was.
    let two_paths = if told.is_empty() && says(b" -> ") {
        &[Operation::Rename, Operation::Link, Operation::Symlink][..]
    } else {
        &[]
    };
    for operation in told.iter().chain(two_paths).chain(&open) {
        match (operation, &incident.paths[..]) {
            (_, []) => {}
            (Operation::Rename | Operation::Link, [from, to, ..]) => {
                readings.push((operation.clone(), from.as_slice(), Some(to.as_slice())));
            }
            // The new name is the second of `ln -s TARGET NAME` and of `'TARGET' -> 'NAME'`.
            (Operation::Symlink, [target, name, ..]) => {
                readings.push((Operation::Symlink, name.as_slice(), None));
                readings.push((Operation::Symlink, target.as_slice(), None));
            }
            // "bad interpreter" names the interpreter first; what was run is the script.
            (Operation::Exec, [interpreter, script, ..]) => {
                readings.push((Operation::Exec, script.as_slice(), None));
                readings.push((Operation::Exec, interpreter.as_slice(), None));
            }
            // One name of a rename: it must at least be taken out of, or put into, its directory.
            (Operation::Rename, [only]) => {
                readings.push((Operation::Delete, only.as_slice(), None));
                readings.push((Operation::Rmdir, only.as_slice(), None));
                readings.push((Operation::CREATE, only.as_slice(), None));
            }
            (Operation::Link, [only]) => readings.push((Operation::CREATE, only.as_slice(), None)),
            (_, paths) => {
                for path in paths {
                    for operation in variants(operation, incident.errno) {
                        readings.push((operation, path.as_slice(), None));
                    }
                }
            }
        }
    }
    readings
}

/// Whether the operation's object is a process. A privilege may be asked for together with a path (chroot), and EACCES is
/// then about the way there.
pub fn is_about_a_process(operation: &Operation, incident: &Incident) -> bool {
    match operation {
        Operation::Signal | Operation::Ptrace => true,
        Operation::Privileged(_) => {
            incident.paths.is_empty() || incident.errno != Some(Errno::Acces)
        }
        _ => false,
    }
}

/// The operations to try where the text tells of none.
fn untold(errno: Option<Errno>) -> Vec<Operation> {
    let names: &[&str] = match errno {
        Some(Errno::Perm) => &[
            // Opening for writing gives EPERM only for immutable and append-only files, so it may come first.
            "write", "create", "delete", "chmod", "utime", "chown", "mkdir", "setxattr", "link",
            "read", "exec", "bind",
        ],
        Some(Errno::RoFs) => &[
            "create", "write", "mkdir", "delete", "chmod", "chown", "utime", "symlink", "setxattr",
        ],
        _ => &[
            "read", "list", "exec", "write", "create", "traverse", "mkdir", "delete", "connect",
            "bind", "utime",
        ],
    };
    names
        .iter()
        .filter_map(|name| Operation::from_name(name))
        .collect()
}

/// The system calls that programs use for what a message calls one operation.
fn variants(operation: &Operation, errno: Option<Errno>) -> Vec<Operation> {
    match operation {
        // Programs open for writing with O_CREAT as a rule; where the file is there, both are judged alike.
        Operation::Open(how) if how.write && !how.create => {
            vec![
                operation.clone(),
                Operation::Open(OpenHow {
                    create: true,
                    ..*how
                }),
            ]
        }
        Operation::Open(how) if !how.write => vec![operation.clone(), Operation::Traverse],
        // "cannot remove" is said of directories, too, and where their entries cannot be listed.
        Operation::Delete => vec![
            Operation::Delete,
            Operation::Rmdir,
            Operation::List,
            Operation::Traverse,
        ],
        Operation::Privileged(_) => vec![Operation::Traverse, operation.clone()],
        Operation::Rmdir => vec![Operation::Rmdir, Operation::List, Operation::Traverse],
        Operation::List => vec![Operation::List, Operation::Traverse],
        // Everybody may make a FIFO; a device asks for a capability.
        Operation::Mknod(_) => vec![operation.clone(), Operation::Mknod(NodeType::Char)],
        // The present time asks for write permission (EACCES), a given one for ownership (EPERM).
        Operation::Utime { .. } => {
            let now = errno != Some(Errno::Perm);
            vec![Operation::Utime { now }, Operation::Utime { now: !now }]
        }
        _ => vec![operation.clone()],
    }
}
