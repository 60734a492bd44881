//! Inodes: what the kernel checks access on (inode(7)).

use std::fmt;

use super::{Acl, Fact, MountId, Traced};

/// One inode, at the place where the walk met it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// A path that leads here without symlinks, for people and commands.
    pub path: Vec<u8>,
    /// Mode, owner and the rest of stat(2).
    pub inode: Fact<Inode>,
    /// The access ACL; `None` where the permission bits are all there is.
    pub acl: Fact<Option<Acl>>,
    /// The default ACL of a directory.
    pub default_acl: Fact<Option<Acl>>,
    /// The inode flags (lsattr(1)).
    pub flags: Fact<Flags>,
    /// The mount it lies on.
    pub mount: MountId,
    /// The target, of a symlink that can be read.
    pub link: Option<Vec<u8>>,
    /// What running it would run, of a regular file that was to be run.
    pub program: Fact<Program>,
    /// The security label, where a module uses one.
    pub label: Fact<Option<String>>,
    /// Whether a directory holds nothing; looked at only where it is to be removed or replaced.
    pub empty: Fact<bool>,
    /// The process whose state it shows, of a file of `/proc` that asks for the right to trace it.
    pub traced: Option<Box<Traced>>,
}

/// What stat(2) says of an inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inode {
    /// The file type.
    pub kind: Kind,
    /// The permission bits with set-user-ID, set-group-ID and sticky: 07777 at most.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The device number of the file system.
    pub device: DeviceNumber,
    /// The inode number.
    pub number: u64,
    /// How many names it has.
    pub links: u32,
    /// The device it stands for, of a device node.
    pub rdev: DeviceNumber,
}

/// A device number: major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct DeviceNumber {
    /// The driver's number.
    pub major: u32,
    /// The number within the driver.
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

/// Inode flags that refuse (ioctl_iflags(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags {
    /// FS_IMMUTABLE_FL: `chattr +i`.
    pub immutable: bool,
    /// FS_APPEND_FL: `chattr +a`.
    pub append: bool,
    /// The file is an active swap file.
    pub swap: bool,
    /// fs-verity: the contents can never change.
    pub verity: bool,
}

/// What execve(2) would make of a regular file, by its first bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// `#!` with this interpreter, as written.
    Script(Vec<u8>),
    /// An ELF program; with this loader where it is dynamically linked.
    Elf(Option<Vec<u8>>),
    /// Neither: ENOEXEC, which shells answer by running it as a script.
    Other,
}

/// Read, write and execute (or search): some of `rwx`.
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

    /// The lowest three bits, in the order of chmod(1): r is 4, w is 2, x is 1.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Perms {
        Perms((bits & 7) as u8)
    }

    /// The bits: r is 4, w is 2, x is 1.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }

    /// Whether all of the other's are among these.
    #[must_use]
    pub const fn contains(self, other: Perms) -> bool {
        self.0 & other.0 == other.0
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Perms) -> Perms {
        Perms(self.0 & other.0)
    }

    /// Those of either.
    #[must_use]
    pub const fn or(self, other: Perms) -> Perms {
        Perms(self.0 | other.0)
    }

    /// Those of this that are not in the other.
    #[must_use]
    pub const fn minus(self, other: Perms) -> Perms {
        Perms(self.0 & !other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// As `ls -l` and getfacl(1) write them: `r-x`.
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

impl Inode {
    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// The owner's bits.
    #[must_use]
    pub fn owner_bits(&self) -> Perms {
        Perms::from_bits(self.mode >> 6)
    }

    /// The group's bits; with an ACL, its mask.
    #[must_use]
    pub fn group_bits(&self) -> Perms {
        Perms::from_bits(self.mode >> 3)
    }

    /// The others' bits.
    #[must_use]
    pub fn other_bits(&self) -> Perms {
        Perms::from_bits(self.mode)
    }

    /// Whether the sticky bit is set.
    #[must_use]
    pub fn is_sticky(&self) -> bool {
        self.mode & 0o1000 != 0
    }

    /// Type and permissions as `ls -l` shows them, without the ACL's `+`: `drwxr-x---`.
    #[must_use]
    pub fn listing(&self) -> String {
        let kind = match self.kind {
            Kind::Regular => '-',
            Kind::Directory => 'd',
            Kind::Symlink => 'l',
            Kind::Char => 'c',
            Kind::Block => 'b',
            Kind::Fifo => 'p',
            Kind::Socket => 's',
        };
        let mut text: Vec<char> = format!(
            "{kind}{}{}{}",
            self.owner_bits(),
            self.group_bits(),
            self.other_bits()
        )
        .chars()
        .collect();
        for (bit, at, with_x, without_x) in [
            (0o4000, 3, 's', 'S'),
            (0o2000, 6, 's', 'S'),
            (0o1000, 9, 't', 'T'),
        ] {
            if self.mode & bit != 0 {
                text[at] = if text[at] == 'x' { with_x } else { without_x };
            }
        }
        text.into_iter().collect()
    }
}
