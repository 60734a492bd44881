//! Operations, with those parameters that affect the judgement.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{ANY_GROUP, ANY_USER_ATTRIBUTE, Policy, Privilege};

/// What was tried, in terms of the system call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// open(2) of a file.
    Open(OpenHow),
    /// execve(2).
    Exec,
    /// Reading a directory's entries: open(2) with O_DIRECTORY, then getdents(2).
    List,
    /// Searching a directory: chdir(2), or looking up a name in it.
    Traverse,
    /// Inspecting an object: stat(2), readlink(2), open(2) with O_PATH. Only the directories on the path can refuse it.
    Stat {
        /// Whether a symlink is followed.
        follow: bool,
    },
    /// mkdir(2); the path is the new name.
    Mkdir,
    /// mknod(2); the path is the new name.
    Mknod(NodeType),
    /// symlink(2); the path is the new name.
    Symlink,
    /// unlink(2).
    Delete,
    /// rmdir(2).
    Rmdir,
    /// rename(2): the path is the old name, the attempt's `to` the new one.
    Rename,
    /// link(2): the path is the file, the attempt's `to` the new name.
    Link,
    /// chmod(2) to these permission bits; `None` if the bits are unknown.
    Chmod(Option<u32>),
    /// chown(2). If both ids are `None`, the new owner is unknown.
    Chown {
        /// The new owner, if it is to change.
        uid: Option<u32>,
        /// The new group, if it is to change.
        gid: Option<u32>,
    },
    /// utimensat(2).
    Utime {
        /// Whether the current time is set, for which write permission suffices.
        now: bool,
    },
    /// setxattr(2) of this attribute (`user.comment`), or of [any user attribute](ANY_USER_ATTRIBUTE).
    Setxattr(String),
    /// bind(2) of a socket: a path, or an address with a port.
    Bind,
    /// connect(2) to a socket, or sending to one.
    Connect,
    /// mount(2). Messages may report it, but only its capability is judged.
    Mount,
    /// kill(2).
    Signal,
    /// ptrace(2), and other calls that require the same right.
    Ptrace,
    /// Another operation that requires a privilege rather than access to a file.
    Privileged(Privilege),
    /// A program's own check of a file's owner and mode before it uses the file.
    #[serde(with = "super::policy::by_name")]
    Trust(&'static Policy),
}

/// How a file is opened: the access mode and those flags of open(2) that affect the judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct OpenHow {
    /// O_RDONLY or O_RDWR.
    pub read: bool,
    /// O_WRONLY or O_RDWR.
    pub write: bool,
    /// O_APPEND.
    pub append: bool,
    /// O_TRUNC.
    pub truncate: bool,
    /// O_CREAT.
    pub create: bool,
    /// O_EXCL; meaningful only with O_CREAT.
    pub exclusive: bool,
    /// O_NOATIME.
    pub noatime: bool,
}

/// The type of node that mknod(2) creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NodeType {
    /// A FIFO, or a socket, to which the same rules apply.
    Fifo,
    /// A character device.
    Char,
    /// A block device.
    Block,
}

impl OpenHow {
    /// O_RDONLY.
    pub const READ: OpenHow = OpenHow {
        read: true,
        write: false,
        append: false,
        truncate: false,
        create: false,
        exclusive: false,
        noatime: false,
    };
    /// O_WRONLY.
    pub const WRITE: OpenHow = OpenHow {
        read: false,
        write: true,
        ..OpenHow::READ
    };
    /// O_WRONLY | O_APPEND.
    pub const APPEND: OpenHow = OpenHow {
        append: true,
        ..OpenHow::WRITE
    };
    /// O_WRONLY | O_TRUNC.
    pub const TRUNCATE: OpenHow = OpenHow {
        truncate: true,
        ..OpenHow::WRITE
    };
    /// O_WRONLY | O_CREAT.
    pub const CREATE: OpenHow = OpenHow {
        create: true,
        ..OpenHow::WRITE
    };
}

impl Operation {
    /// Opening for reading.
    pub const READ: Operation = Operation::Open(OpenHow::READ);
    /// Opening for writing.
    pub const WRITE: Operation = Operation::Open(OpenHow::WRITE);
    /// Opening for reading and writing.
    pub const UPDATE: Operation = Operation::Open(OpenHow {
        read: true,
        ..OpenHow::WRITE
    });
    /// Opening for appending.
    pub const APPEND: Operation = Operation::Open(OpenHow::APPEND);
    /// Opening with truncation.
    pub const TRUNCATE: Operation = Operation::Open(OpenHow::TRUNCATE);
    /// Opening for writing, creating the file if it does not exist.
    pub const CREATE: Operation = Operation::Open(OpenHow::CREATE);

    /// Giving a file to a group that is not named.
    pub const CHGRP: Operation = Operation::Chown {
        uid: None,
        gid: Some(ANY_GROUP),
    };

    /// The operations of `permwrap why OPERATION` with default parameters, in the order of the documentation.
    fn every() -> [Operation; 21] {
        [
            Operation::READ,
            Operation::WRITE,
            Operation::APPEND,
            Operation::TRUNCATE,
            Operation::Exec,
            Operation::List,
            Operation::Traverse,
            Operation::CREATE,
            Operation::Mkdir,
            Operation::Delete,
            Operation::Rmdir,
            Operation::Rename,
            Operation::Link,
            Operation::Symlink,
            Operation::Chmod(None),
            Operation::Chown {
                uid: None,
                gid: None,
            },
            Operation::Utime { now: false },
            Operation::Setxattr(ANY_USER_ATTRIBUTE.into()),
            Operation::Mknod(NodeType::Fifo),
            Operation::Bind,
            Operation::Connect,
        ]
    }

    /// The operation names of `permwrap why OPERATION`, in the order of the documentation.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        Operation::every().iter().map(Operation::name).collect()
    }

    /// The operation with this name and default parameters. Besides [`Operation::names`] it knows `stat`, `mount`, `signal`,
    /// `ptrace`, `chgrp` and the names of [`Privilege`]s and [`Policy`]s, which messages may report.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Operation> {
        static KNOWN: LazyLock<Vec<Operation>> = LazyLock::new(|| {
            let told = [
                Operation::Stat { follow: true },
                Operation::Mount,
                Operation::Signal,
                Operation::Ptrace,
            ];
            Operation::every().into_iter().chain(told).collect()
        });
        let mut known = KNOWN.iter();
        known
            .find(|operation| operation.name() == name)
            .cloned()
            .or_else(|| Privilege::from_name(name).map(Operation::Privileged))
            .or_else(|| Policy::named(name).map(Operation::Trust))
            .or_else(|| (name == "chgrp").then_some(Operation::CHGRP))
    }

    /// All properties of an operation that do not depend on its object.
    fn described(&self) -> Described {
        // The name; the deed, with `{}` for the object; the same as a gerund; how a symlink as last component is treated.
        let (name, deed, doing, last) = match self {
            Operation::Open(how) if how.create => {
                let last = match how.exclusive {
                    true => Last::Itself,
                    false => Last::Followed,
                };
                ("create", "create {}", "creating files in it", last)
            }
            Operation::Open(how) if how.truncate => {
                ("truncate", "overwrite {}", "overwriting it", Last::Followed)
            }
            Operation::Open(how) if how.append => {
                ("append", "append to {}", "appending to it", Last::Followed)
            }
            Operation::Open(how) if how.write && how.read => (
                "write",
                "read and write {}",
                "reading and writing it",
                Last::Followed,
            ),
            Operation::Open(how) if how.write => {
                ("write", "write {}", "writing it", Last::Followed)
            }
            Operation::Open(_) => ("read", "read {}", "reading it", Last::Followed),
            Operation::Exec => ("exec", "run {}", "running it", Last::Followed),
            Operation::List => ("list", "list {}", "listing it", Last::Followed),
            Operation::Traverse => (
                "traverse",
                "pass through {}",
                "passing through it",
                Last::Followed,
            ),
            Operation::Stat { follow } => {
                let last = match follow {
                    true => Last::Followed,
                    false => Last::Itself,
                };
                ("stat", "look at {}", "looking at it", last)
            }
            Operation::Mkdir => ("mkdir", "make the directory {}", "making it", Last::New),
            Operation::Mknod(_) => ("mknod", "make the special file {}", "making it", Last::New),
            Operation::Symlink => ("symlink", "make the symlink {}", "making it", Last::New),
            Operation::Delete => ("delete", "delete {}", "deleting it", Last::Itself),
            Operation::Rmdir => (
                "rmdir",
                "remove the directory {}",
                "removing it",
                Last::Itself,
            ),
            Operation::Rename => ("rename", "rename {}", "renaming it", Last::Itself),
            Operation::Link => ("link", "link {}", "linking it", Last::Itself),
            Operation::Chmod(_) => (
                "chmod",
                "change the mode of {}",
                "changing its mode",
                Last::Followed,
            ),
            Operation::Chown {
                uid: None,
                gid: Some(_),
            } => (
                "chown",
                "change the group of {}",
                "changing its group",
                Last::Followed,
            ),
            Operation::Chown { .. } => (
                "chown",
                "change the owner of {}",
                "changing its owner",
                Last::Followed,
            ),
            Operation::Utime { .. } => (
                "utime",
                "set the times of {}",
                "setting its times",
                Last::Followed,
            ),
            Operation::Setxattr(_) => (
                "setxattr",
                "set an attribute of {}",
                "setting its attributes",
                Last::Followed,
            ),
            // An existing name, symlink or not, makes it fail (EADDRINUSE).
            Operation::Bind => ("bind", "listen on {}", "listening on it", Last::Itself),
            Operation::Connect => (
                "connect",
                "connect to {}",
                "connecting to it",
                Last::Followed,
            ),
            Operation::Mount => (
                "mount",
                "mount or unmount {}",
                "mounting it",
                Last::Followed,
            ),
            Operation::Signal => ("signal", "signal {}", "signalling it", Last::Followed),
            Operation::Ptrace => ("ptrace", "trace {}", "tracing it", Last::Followed),
            Operation::Privileged(privilege) => {
                (privilege.name(), privilege.words(), "that", Last::Followed)
            }
            Operation::Trust(policy) => {
                (policy.name.as_str(), "use {}", "using it", Last::Followed)
            }
        };
        Described {
            name,
            deed,
            doing,
            last,
        }
    }

    /// The operation's name, as in `permwrap why`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.described().name
    }

    /// The deed, in words that follow "cannot", with the object inserted: `pass through /srv`.
    #[must_use]
    pub fn deed(&self, object: &str) -> String {
        self.described().deed.replacen("{}", object, 1)
    }

    /// The deed, in words that follow "for": `reading it`.
    #[must_use]
    pub fn doing(&self) -> &'static str {
        self.described().doing
    }

    /// The name in reports; `None` for an operation that is not a request to the kernel.
    #[must_use]
    pub fn reported_name(&self) -> Option<&'static str> {
        (!matches!(self, Operation::Trust(_))).then(|| self.name())
    }

    /// Whether the operation takes no file, so that there is no path to resolve.
    #[must_use]
    pub fn is_of_no_file(&self) -> bool {
        matches!(
            self,
            Operation::Signal | Operation::Ptrace | Operation::Privileged(_)
        )
    }

    /// Whether the last component of the path is the name of something that is to be created.
    #[must_use]
    pub fn makes_a_name(&self) -> bool {
        self.described().last == Last::New
    }

    /// Whether it changes something: content, names or attributes.
    #[must_use]
    pub fn alters(&self) -> bool {
        match self {
            Operation::Open(how) => how.write,
            Operation::List | Operation::Traverse | Operation::Exec | Operation::Connect => false,
            _ => true,
        }
    }

    /// Whether a symlink as the last component is itself the object, rather than its target.
    #[must_use]
    pub fn takes_the_link_itself(&self) -> bool {
        self.described().last != Last::Followed
    }
}

/// The properties of an operation.
struct Described {
    name: &'static str,
    deed: &'static str,
    doing: &'static str,
    last: Last,
}

/// How an operation treats a symlink as the last component of its path.
#[derive(PartialEq, Eq)]
enum Last {
    /// It is followed to its target.
    Followed,
    /// It is the object itself.
    Itself,
    /// It makes the operation fail, because the name must not exist yet.
    New,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_for_its_operation() {
        for operation in Operation::every() {
            assert_eq!(Operation::from_name(operation.name()), Some(operation));
        }
    }
}
