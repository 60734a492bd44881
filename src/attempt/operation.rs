//! Operations on files, with the parameters that decide.

use super::ANY_USER_ATTRIBUTE;
use serde::{Deserialize, Serialize};

use super::{Policy, Privilege};

/// What was tried, as the system call sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// open(2) of a file.
    Open(OpenHow),
    /// execve(2).
    Exec,
    /// Reading a directory's entries: open(2) with O_DIRECTORY, then getdents(2).
    List,
    /// Passing through a directory: chdir(2), or looking up a name in it.
    Traverse,
    /// Looking at an object: stat(2), readlink(2), open(2) with O_PATH. Only the directories on the way can refuse it.
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
    /// chmod(2) to these permission bits; `None`: to any.
    Chmod(Option<u32>),
    /// chown(2). Both `None`: to somebody else, whoever.
    Chown {
        /// The new owner, where it is to change.
        uid: Option<u32>,
        /// The new group, where it is to change.
        gid: Option<u32>,
    },
    /// utimensat(2).
    Utime {
        /// Sets the present time, for which write permission suffices.
        now: bool,
    },
    /// setxattr(2) of this attribute (`user.comment`), or of [any](ANY_USER_ATTRIBUTE).
    Setxattr(String),
    /// bind(2) of a socket: a path, or an address with a port.
    Bind,
    /// connect(2) to a Unix socket, or sending to one.
    Connect,
    /// mount(2). Text may tell of it; only capabilities are judged.
    Mount,
    /// kill(2).
    Signal,
    /// ptrace(2) and what asks for the same right.
    Ptrace,
    /// Something else that asks for a privilege rather than for a file.
    Privileged(Privilege),
    /// A program's own look at a file's owner and mode, before it uses it.
    #[serde(with = "super::policy::by_name")]
    Trust(&'static Policy),
}

/// How a file is opened: the access mode and flags of open(2) that decide.
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
    /// O_EXCL, with O_CREAT.
    pub exclusive: bool,
    /// O_NOATIME.
    pub noatime: bool,
}

/// What mknod(2) is to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NodeType {
    /// A FIFO, or (the same rules) a socket.
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
    /// Opening for writing, created where it is not there.
    pub const CREATE: Operation = Operation::Open(OpenHow::CREATE);

    /// The operations of `permwrap why OPERATION` with their default parameters, in the order of the documentation.
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

    /// The names of `permwrap why OPERATION`, in the order of the documentation.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        Operation::every().iter().map(Operation::name).collect()
    }

    /// The operation with this name and its default parameters. Besides [`Operation::names`] it knows `stat`,
    /// `mount`, `signal`, `ptrace` and the names of [`Privilege`]s and [`Policy`]s, which a message may tell of.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Operation> {
        let told = [
            Operation::Stat { follow: true },
            Operation::Mount,
            Operation::Signal,
            Operation::Ptrace,
        ];
        let mut known = Operation::every().into_iter().chain(told);
        known
            .find(|operation| operation.name() == name)
            .or_else(|| Privilege::from_name(name).map(Operation::Privileged))
            .or_else(|| Policy::named(name).map(Operation::Trust))
    }

    /// What is to be known of an operation in general: all of it stands here.
    fn described(&self) -> Described {
        // The name; what is done, `{}` standing for the object; the same as a noun; what a last symlink is.
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
            Operation::Mknod(_) => ("mknod", "make the node {}", "making it", Last::New),
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
            // An existing name, symlink or not, is in the way (EADDRINUSE).
            Operation::Bind => ("bind", "listen on {}", "listening on it", Last::Itself),
            Operation::Connect => (
                "connect",
                "connect to {}",
                "connecting to it",
                Last::Followed,
            ),
            Operation::Mount => ("mount", "mount {}", "mounting it", Last::Followed),
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

    /// The operation's name, as the interface fixes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.described().name
    }

    /// What is done, in words that follow "cannot", with the object in its place: `pass through /srv`.
    #[must_use]
    pub fn deed(&self, object: &str) -> String {
        self.described().deed.replacen("{}", object, 1)
    }

    /// What is done, in words that follow "for": `reading it`.
    #[must_use]
    pub fn doing(&self) -> &'static str {
        self.described().doing
    }

    /// The name for reports: none for what is asked of no kernel.
    #[must_use]
    pub fn reported_name(&self) -> Option<&'static str> {
        (!matches!(self, Operation::Trust(_))).then(|| self.name())
    }

    /// Whether it is one of no file, so that there is no path to it.
    #[must_use]
    pub fn is_of_no_file(&self) -> bool {
        matches!(
            self,
            Operation::Signal | Operation::Ptrace | Operation::Privileged(_)
        )
    }

    /// Whether the path's last component is the new name of something that is about to be made.
    #[must_use]
    pub fn makes_a_name(&self) -> bool {
        self.described().last == Last::New
    }

    /// Whether a symlink as the path's last component is itself the object, rather than its target.
    #[must_use]
    pub fn takes_the_link_itself(&self) -> bool {
        self.described().last != Last::Followed
    }
}

/// An operation in general.
struct Described {
    name: &'static str,
    deed: &'static str,
    doing: &'static str,
    last: Last,
}

/// What a symlink as the path's last component is to an operation.
#[derive(PartialEq, Eq)]
enum Last {
    /// Followed to its target.
    Followed,
    /// The object itself.
    Itself,
    /// In the way: the name is new.
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
