//! Inodes: the objects that the kernel checks access to (inode(7)).

use std::fmt;

use super::{Acl, Fact, MountId, Traced, UnknownFact};

/// One inode, as the walk met it on one mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// A path without symlinks that leads to it, for messages and commands.
    pub path: Vec<u8>,
    /// Mode, owner and the rest of stat(2).
    pub inode: Fact<Inode>,
    /// The access ACL; `None` if access is governed by the permission bits alone.
    pub acl: Fact<Option<Acl>>,
    /// The default ACL, which only a directory can have.
    pub default_acl: Fact<Option<Acl>>,
    /// The inode flags (lsattr(1)).
    pub flags: Fact<Flags>,
    /// The mount it lies on.
    pub mount: MountId,
    /// The target, if it is a symlink that could be read.
    pub link: Option<Vec<u8>>,
    /// How execve(2) would run it; read only for a regular file that was to be executed or written.
    pub program: Fact<Program>,
    /// Whether the file gives capabilities to who executes it (capabilities(7)); read only for one that somebody may execute.
    pub has_capabilities: bool,
    /// The security label, if a security module in force labels files.
    pub label: Fact<Option<String>>,
    /// Whether a directory is empty; read only if it is to be removed or replaced.
    pub empty: Fact<bool>,
    /// For a file of `/proc` that requires the right to trace a process: the process whose state it shows.
    pub traced: Option<Box<Traced>>,
}

/// What stat(2) reports about an inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inode {
    /// The file type.
    pub kind: Kind,
    /// The permission bits with set-user-ID, set-group-ID and sticky bit: at most 07777.
    pub mode: u32,
    /// The uid of the owner.
    pub uid: u32,
    /// The gid of the owning group.
    pub gid: u32,
    /// The device number of the file system that holds it.
    pub device: DeviceNumber,
    /// The inode number.
    pub number: u64,
    /// The number of hard links.
    pub links: u32,
    /// For a device node: the device it represents.
    pub rdev: DeviceNumber,
}

/// A device number: major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct DeviceNumber {
    /// Identifies the driver.
    pub major: u32,
    /// Identifies the device to the driver.
    pub minor: u32,
}

/// File types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    Regular,
    Directory,
    Symlink,
    Char,
    Block,
    Fifo,
    Socket,
}

/// Inode flags that make the kernel refuse changes (ioctl_iflags(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags {
    /// FS_IMMUTABLE_FL: `chattr +i`.
    pub immutable: bool,
    /// FS_APPEND_FL: `chattr +a`.
    pub append: bool,
    /// The file is an active swap file (S_SWAPFILE).
    pub swap: bool,
    /// FS_VERITY_FL: the contents can never change.
    pub verity: bool,
}

/// How execve(2) would run a regular file, judged by its first bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// `#!` with this interpreter, as written, and what follows it in the line, which it gets as one argument (empty if nothing
    /// does).
    Script {
        /// The path of the interpreter.
        interpreter: Vec<u8>,
        /// Its argument.
        argument: Vec<u8>,
    },
    /// An ELF program, with the path of its loader if it is dynamically linked.
    Elf(Option<Vec<u8>>),
    /// Anything else. execve(2) answers ENOEXEC, upon which shells run the file as a script.
    Other,
}

/// A set of the permissions read, write and execute (search, for a directory).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Perms(u8);

impl Perms {
    /// None.
    pub const NONE: Perms = Perms(0);
    /// `r`.
    pub const R: Perms = Perms(4);
    /// `w`.
    pub const W: Perms = Perms(2);
    /// `x`.
    pub const X: Perms = Perms(1);
    /// `rwx`.
    pub const RWX: Perms = Perms(7);

    /// The set given by the lowest three bits, as in chmod(1): r is 4, w is 2, x is 1.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Perms {
        Perms((bits & 7) as u8)
    }

    /// The bits: r is 4, w is 2, x is 1.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }

    /// Whether all permissions of `other` are in this set.
    #[must_use]
    pub const fn contains(self, other: Perms) -> bool {
        self.0 & other.0 == other.0
    }

    /// The intersection of both sets.
    #[must_use]
    pub const fn and(self, other: Perms) -> Perms {
        Perms(self.0 & other.0)
    }

    /// The union of both sets.
    #[must_use]
    pub const fn or(self, other: Perms) -> Perms {
        Perms(self.0 | other.0)
    }

    /// The permissions of this set that are not in `other`.
    #[must_use]
    pub const fn minus(self, other: Perms) -> Perms {
        Perms(self.0 & !other.0)
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The notation of `ls -l` and getfacl(1): `r-x`.
impl fmt::Display for Perms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            write!(f, "{}", if self.0 & bit != 0 { letter } else { '-' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Perms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Node {
    /// A node of which only the path and the mount are known, for this reason.
    #[must_use]
    pub fn unseen(path: Vec<u8>, mount: MountId, why: &UnknownFact) -> Node {
        Node {
            path,
            inode: Err(why.clone()),
            acl: Err(why.clone()),
            default_acl: Err(why.clone()),
            flags: Err(why.clone()),
            mount,
            link: None,
            program: Err(why.clone()),
            has_capabilities: false,
            label: Err(why.clone()),
            empty: Err(why.clone()),
            traced: None,
        }
    }

    /// Whether it is a program that runs with rights of its own: the set-user-ID or set-group-ID bit, or file capabilities. A
    /// change of owner takes them away.
    #[must_use]
    pub fn has_powers(&self) -> bool {
        let inode = self.inode.as_ref();
        self.has_capabilities
            || inode.is_ok_and(|inode| inode.kind != Kind::Directory && inode.mode & 0o6000 != 0)
    }
}

impl Inode {
    /// Whether the inode is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// The permission bits of the owner class.
    #[must_use]
    pub fn owner_bits(&self) -> Perms {
        Perms::from_bits(self.mode >> 6)
    }

    /// The permission bits of the group class; if the inode has an ACL, these are its mask.
    #[must_use]
    pub fn group_bits(&self) -> Perms {
        Perms::from_bits(self.mode >> 3)
    }

    /// The permission bits of the other class.
    #[must_use]
    pub fn other_bits(&self) -> Perms {
        Perms::from_bits(self.mode)
    }

    /// Whether the sticky bit is set.
    #[must_use]
    pub fn is_sticky(&self) -> bool {
        self.mode & 0o1000 != 0
    }

    /// Type and permissions in the notation of `ls -l`, without the `+` of an ACL: `drwxr-x---`.
    #[must_use]
    pub fn listing(&self) -> String {
        listing(self.kind, self.mode)
    }
}

/// Type and permissions in the notation of `ls -l`.
pub(super) fn listing(kind: Kind, mode: u32) -> String {
    let letter = match kind {
        Kind::Regular => '-',
        Kind::Directory => 'd',
        Kind::Symlink => 'l',
        Kind::Char => 'c',
        Kind::Block => 'b',
        Kind::Fifo => 'p',
        Kind::Socket => 's',
    };
    let [owner, group, other] = [mode >> 6, mode >> 3, mode].map(Perms::from_bits);
    let mut text: Vec<char> = format!("{letter}{owner}{group}{other}").chars().collect();
    for (bit, at, with_x, without_x) in [
        (0o4000, 3, 's', 'S'),
        (0o2000, 6, 's', 'S'),
        (0o1000, 9, 't', 'T'),
    ] {
        if mode & bit != 0 {
            text[at] = if text[at] == 'x' { with_x } else { without_x };
        }
    }
    text.into_iter().collect()
}

/// Whether a file of another owner in somebody's tree was hardly put there on purpose. One that is accessible to its owner alone
/// was; so was one with names elsewhere, and a program with the set-user-ID or set-group-ID bit or with file capabilities, which
/// a change of owner takes away.
#[must_use]
pub fn is_left_by_accident(
    mode: u32,
    is_directory: bool,
    has_other_names: bool,
    has_capabilities: bool,
) -> bool {
    let has_powers = mode & 0o6000 != 0 || has_capabilities;
    mode & 0o077 != 0 && (is_directory || !has_other_names && !has_powers)
}
