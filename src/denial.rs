//! One refusal: the cause that occurred, where, and by which rule.
#![forbid(unsafe_code)]

mod code;

pub use code::Code;
pub(crate) use code::with_codes;

use crate::attempt::{Capability, Errno, Policy};
use crate::facts::{Entry, MountId, NodeId, Perms};

/// A refusal: which object, by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The error number that the system call answers.
    pub errno: Errno,
    /// The obstacle.
    pub code: Code,
    /// What refuses.
    pub at: Obstacle,
    /// The rule that applied, with what it turned on.
    pub rule: Rule,
    /// Whether it follows from the facts, or is only what is left over when they explain nothing.
    pub certainty: Certainty,
}

/// What refuses: often not the object asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// An inode.
    Node(NodeId),
    /// A mount, met at this node.
    Mount(MountId, NodeId),
    /// A port.
    Port(u16),
    /// A kernel setting, by its sysctl name.
    Setting(String),
    /// The process's own state: a sandbox, a missing capability.
    Process,
}

/// The rule that refused, and what it turned on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The permission bits of one class.
    Class {
        /// The class that applies.
        class: Class,
        /// What it grants.
        granted: Perms,
        /// What was wanted.
        wanted: Perms,
    },
    /// An ACL entry.
    Entry {
        /// The entry that applies.
        entry: Entry,
        /// The mask, where it limits the entry.
        mask: Option<Perms>,
        /// What was wanted.
        wanted: Perms,
    },
    /// The subject is in a group of the database that would have access; its process is not.
    GroupNotActive {
        /// That group.
        gid: u32,
        /// What was wanted.
        wanted: Perms,
    },
    /// Only the owner (or a holder of the capability) may.
    Ownership {
        /// The owner.
        owner: u32,
        /// The capability that would do instead.
        or: Capability,
    },
    /// A sticky directory: only the owner of the file or of the directory may.
    Sticky {
        /// The directory.
        dir: NodeId,
        /// The file.
        file: NodeId,
    },
    /// A capability is needed, whoever owns the object.
    Needs(Capability),
    /// An owner or group that does not exist in the subject's user namespace.
    Unmapped,
    /// A mount option, a superblock state, an inode flag or a setting that refuses everybody: the code says which.
    Flag,
    /// The file system decides by itself.
    FileSystem,
    /// The state of a sandbox or a security module; a line of its log where one was found.
    Module {
        /// The log's line.
        evidence: Option<String>,
    },
    /// Another process holds the file.
    Held,
    /// The program's own rule about the file, and how it is broken.
    Policy(&'static Policy, Breach),
    /// No rule known here.
    Unknown,
}

/// How a program's own rule about a file is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Breach {
    /// This is not a user who may own it.
    Owner(u32),
    /// These mode bits must not be set.
    Excess(u32),
    /// These mode bits must be set.
    Missing(u32),
    /// Set-user-ID programs have no effect on the mount.
    Nosuid,
    /// They have no effect in the process.
    NoNewPrivileges,
}

/// The class of permission bits that applies to a subject (inode(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Class {
    Owner,
    Group,
    Other,
}

/// How sure a denial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// The kernel's rules and the facts give it.
    Proven,
    /// The facts explain nothing, and this is what could have refused unseen.
    Inferred,
}
