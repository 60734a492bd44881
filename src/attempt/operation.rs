//! Operations on files, with the parameters that decide.

use super::{Policy, Privilege};

/// What was tried, as the system call sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    /// setxattr(2) of this attribute (`user.comment`).
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
    Trust(&'static Policy),
}

/// How a file is opened: the access mode and flags of open(2) that decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

    /// The names of `permwrap why OPERATION`, in the order of the documentation.
    pub const NAMES: &'static [&'static str] = &[
        "read", "write", "append", "truncate", "exec", "list", "traverse", "create", "mkdir",
        "delete", "rmdir", "rename", "link", "symlink", "chmod", "chown", "utime", "setxattr",
        "mknod", "bind", "connect",
    ];

    /// The operation with this name and its default parameters. Besides [`Operation::NAMES`] it knows `stat`, `mount`,
    /// `signal`, `ptrace` and the names of [`Privilege`]s and [`Policy`]s, which a message may tell of.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Operation> {
        Some(match name {
            "read" => Operation::READ,
            "write" => Operation::WRITE,
            "append" => Operation::APPEND,
            "truncate" => Operation::TRUNCATE,
            "create" => Operation::CREATE,
            "exec" => Operation::Exec,
            "list" => Operation::List,
            "traverse" => Operation::Traverse,
            "stat" => Operation::Stat { follow: true },
            "mkdir" => Operation::Mkdir,
            "delete" => Operation::Delete,
            "rmdir" => Operation::Rmdir,
            "rename" => Operation::Rename,
            "link" => Operation::Link,
            "symlink" => Operation::Symlink,
            "chmod" => Operation::Chmod(None),
            "chown" => Operation::Chown {
                uid: None,
                gid: None,
            },
            "utime" => Operation::Utime { now: false },
            "setxattr" => Operation::Setxattr("user.comment".into()),
            "mknod" => Operation::Mknod(NodeType::Fifo),
            "bind" => Operation::Bind,
            "connect" => Operation::Connect,
            "mount" => Operation::Mount,
            "signal" => Operation::Signal,
            "ptrace" => Operation::Ptrace,
            _ => {
                let privilege = Privilege::from_name(name).map(Operation::Privileged);
                return privilege.or_else(|| Policy::named(name).map(Operation::Trust));
            }
        })
    }

    /// The operation's name, as the interface fixes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Operation::Open(how) if how.create => "create",
            Operation::Open(how) if how.truncate => "truncate",
            Operation::Open(how) if how.append => "append",
            Operation::Open(how) if how.write => "write",
            Operation::Open(_) => "read",
            Operation::Exec => "exec",
            Operation::List => "list",
            Operation::Traverse => "traverse",
            Operation::Stat { .. } => "stat",
            Operation::Mkdir => "mkdir",
            Operation::Mknod(_) => "mknod",
            Operation::Symlink => "symlink",
            Operation::Delete => "delete",
            Operation::Rmdir => "rmdir",
            Operation::Rename => "rename",
            Operation::Link => "link",
            Operation::Chmod(_) => "chmod",
            Operation::Chown { .. } => "chown",
            Operation::Utime { .. } => "utime",
            Operation::Setxattr(_) => "setxattr",
            Operation::Bind => "bind",
            Operation::Connect => "connect",
            Operation::Mount => "mount",
            Operation::Signal => "signal",
            Operation::Ptrace => "ptrace",
            Operation::Privileged(privilege) => privilege.name(),
            Operation::Trust(policy) => &policy.name,
        }
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
        matches!(
            self,
            Operation::Mkdir | Operation::Mknod(_) | Operation::Symlink
        )
    }

    /// Whether a symlink as the path's last component is itself the object, rather than its target.
    ///
    /// For bind(2) of a Unix socket an existing name, symlink or not, is in the way (EADDRINUSE).
    #[must_use]
    pub fn takes_the_link_itself(&self) -> bool {
        self.makes_a_name()
            || matches!(
                self,
                Operation::Delete
                    | Operation::Rmdir
                    | Operation::Rename
                    | Operation::Link
                    | Operation::Bind
                    | Operation::Stat { follow: false }
            )
            || matches!(self, Operation::Open(how) if how.create && how.exclusive)
    }
}
