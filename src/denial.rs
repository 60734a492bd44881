//! A refusal: its cause, the object that refuses, and the rule.
#![forbid(unsafe_code)]

mod code;

pub use code::Code;
pub(crate) use code::with_codes;

use crate::attempt::{Capability, Errno, Policy};
use crate::facts::{Entry, MountId, NodeId, Perms};

/// A refusal: which object refuses, by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The error number that the system call returns.
    pub errno: Errno,
    /// The name of the cause.
    pub code: Code,
    /// What refuses.
    pub at: Obstacle,
    /// The rule that refuses, with the values that it depended on.
    pub rule: Rule,
    /// Whether the refusal follows from the facts, or is merely what remains possible.
    pub certainty: Certainty,
}

/// The object that refuses; often not the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// An inode.
    Node(NodeId),
    /// A mount, reached at this node.
    Mount(MountId, NodeId),
    /// A network port.
    Port(u16),
    /// A kernel setting, by its sysctl name.
    Setting(String),
    /// The state of the process itself: a sandbox, a missing capability.
    Process,
}

/// The rule that refuses, with the values that it depended on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The permission bits of one class.
    Class {
        /// The class that applies.
        class: Class,
        /// The permissions that it grants.
        granted: Perms,
        /// The required permissions.
        wanted: Perms,
    },
    /// An ACL entry.
    Entry {
        /// The entry that applies.
        entry: Entry,
        /// The mask, if it limits the entry.
        mask: Option<Perms>,
        /// The required permissions.
        wanted: Perms,
    },
    /// The user database lists the subject in a group that would have access, but its process is not in that group.
    GroupNotActive {
        /// That group.
        gid: u32,
        /// The required permissions.
        wanted: Perms,
    },
    /// Only the owner, or a process with the capability, is permitted.
    Ownership {
        /// The uid of the owner.
        owner: u32,
        /// The capability that replaces ownership.
        or: Capability,
    },
    /// Restricted deletion in a sticky directory: only the owner of the file or of the directory is permitted.
    Sticky {
        /// The directory.
        dir: NodeId,
        /// The file.
        file: NodeId,
    },
    /// A capability is required, whoever owns the object.
    Needs(Capability),
    /// The owner or group has no mapping in the subject's user namespace.
    Unmapped,
    /// A mount option, superblock state, inode flag or setting that applies to every subject; the code says which.
    Flag,
    /// The file system itself decides.
    FileSystem,
    /// A sandbox or a security module.
    Module {
        /// The line of its log, if one was found.
        evidence: Option<String>,
    },
    /// Another process uses the file.
    Held,
    /// A program's own rule about the file, and how the file violates it.
    Policy(&'static Policy, Breach),
    /// The rule is not known.
    Unknown,
}

/// How a file violates a program's own rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Breach {
    /// The owner, with this uid, is not one of the permitted ones.
    Owner(u32),
    /// These mode bits are set, but must not be.
    Excess(u32),
    /// These mode bits are not set, but must be.
    Missing(u32),
    /// Set-user-ID has no effect on the mount.
    Nosuid,
    /// Set-user-ID has no effect in the process.
    NoNewPrivileges,
    /// The process does not run as root.
    NotRoot,
}

/// The class of permission bits that applies to a subject (inode(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Class {
    Owner,
    Group,
    Other,
}

/// How certain a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// It follows from the kernel's rules and the facts.
    Proven,
    /// The facts do not explain the failure, and this is what may have refused.
    Inferred,
}
