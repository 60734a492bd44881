//! The system calls that the words of a message can refer to.

use crate::attempt::{Errno, Incident, NodeType, OpenHow, Operation, Privilege};
use crate::programs::CommandLine;

/// An operation that the words can mean.
pub struct Meant<'i> {
    pub operation: Operation,
    /// Its object, as printed.
    pub path: &'i [u8],
    /// The second path of a two-path operation.
    pub to: Option<&'i [u8]>,
}

impl<'i> Meant<'i> {
    /// Entering this directory.
    pub fn enter(path: &'i [u8]) -> Meant<'i> {
        Meant {
            operation: Operation::Traverse,
            path,
            to: None,
        }
    }

    /// Making this directory.
    pub fn make(path: &'i [u8]) -> Meant<'i> {
        Meant {
            operation: Operation::Mkdir,
            path,
            to: None,
        }
    }

    /// Deleting this file.
    pub fn delete(path: &'i [u8]) -> Meant<'i> {
        Meant {
            operation: Operation::Delete,
            path,
            to: None,
        }
    }
}

/// The operation, as the command line narrows it down: the message of unshare(1) does not tell which namespace it could not
/// make. With a user namespace of its own, it needs no privilege for the others.
pub fn narrowed(operation: &Operation, lines: &[CommandLine]) -> Operation {
    let of_users =
        |line: &CommandLine| line.maps_root || line.has_other_ids || line.is_unprivileged;
    match operation {
        Operation::Privileged(Privilege::Namespace)
            if lines
                .iter()
                .any(|line| line.name() == b"unshare" && of_users(line)) =>
        {
            Operation::Privileged(Privilege::UserNamespace)
        }
        operation => operation.clone(),
    }
}

/// An operation with the one or two paths that the message gives it.
type Words<'i> = (Operation, &'i [u8], Option<&'i [u8]>);

/// What the words can mean, the most likely first. Empty if they identify no operation.
pub fn meant(incident: &Incident) -> Vec<Meant<'_>> {
    let mut readings: Vec<Words<'_>> = Vec::new();
    let told = &incident.operations;
    let says = |word: &[u8]| memchr::memmem::find(&incident.message, word).is_some();
    // A copy reads the first file and writes the second.
    if told.is_empty()
        && incident.is_about_a_copy()
        && let [from, to, ..] = &incident.paths[..]
    {
        readings.push((Operation::READ, from.as_slice(), None));
        readings.push((Operation::WRITE, to.as_slice(), None));
        readings.push((Operation::CREATE, to.as_slice(), None));
    }
    // An arrow separates the old name from the new one, whatever the call was.
    let two_paths = if told.is_empty() && says(b" -> ") {
        &[Operation::Rename, Operation::Link, Operation::Symlink][..]
    } else {
        &[]
    };
    for operation in told.iter().chain(two_paths) {
        match (operation, &incident.paths[..]) {
            (_, []) => {}
            (Operation::Rename | Operation::Link, [from, to, ..]) => {
                readings.push((operation.clone(), from.as_slice(), Some(to.as_slice())));
            }
            // The new name is the second one in `ln -s TARGET NAME` and in `'TARGET' -> 'NAME'`.
            (Operation::Symlink, [target, name, ..]) => {
                readings.push((Operation::Symlink, name.as_slice(), None));
                readings.push((Operation::Symlink, target.as_slice(), None));
            }
            // "bad interpreter" names the interpreter first, but the script is what was executed.
            (Operation::Exec, [interpreter, script, ..]) => {
                readings.push((Operation::Exec, script.as_slice(), None));
                readings.push((Operation::Exec, interpreter.as_slice(), None));
            }
            // If a rename is reported with one name only, that name must at least be removed from, or added to, its directory.
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
    let meant = |(operation, path, to)| Meant {
        operation,
        path,
        to,
    };
    readings.into_iter().map(meant).collect()
}

/// Whether the operation's object is a process. A privileged operation may also take a path (chroot); EACCES is then about that
/// path.
pub fn is_about_a_process(operation: &Operation, incident: &Incident) -> bool {
    match operation {
        Operation::Signal | Operation::Ptrace => true,
        Operation::Trust(policy) => {
            policy.root_only || policy.set_user_id && incident.paths.is_empty()
        }
        Operation::Privileged(_) => {
            incident.paths.is_empty() || incident.errno != Some(Errno::Acces)
        }
        _ => false,
    }
}

/// The system calls that programs use for what a message calls one operation.
fn variants(operation: &Operation, errno: Option<Errno>) -> Vec<Operation> {
    match operation {
        // Programs usually open files for writing with O_CREAT. If the file exists, both are judged alike.
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
        // "cannot remove" also applies to directories, and to those whose entries cannot be listed.
        Operation::Delete => vec![
            Operation::Delete,
            Operation::Rmdir,
            Operation::List,
            Operation::Traverse,
        ],
        Operation::Privileged(_) => vec![Operation::Traverse, operation.clone()],
        Operation::Rmdir => vec![Operation::Rmdir, Operation::List, Operation::Traverse],
        Operation::List => vec![Operation::List, Operation::Traverse],
        // Everybody may make a FIFO; making a device requires a capability.
        Operation::Mknod(_) => vec![operation.clone(), Operation::Mknod(NodeType::Char)],
        // Setting the current time requires write permission (EACCES), a given time ownership (EPERM).
        Operation::Utime { .. } => {
            let now = errno != Some(Errno::Perm);
            vec![Operation::Utime { now }, Operation::Utime { now: !now }]
        }
        _ => vec![operation.clone()],
    }
}
