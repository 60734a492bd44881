//! Changes that could put a refusal right, typed: applied to facts to prove them, written as commands to show them.
//!
//! What [`Change::apply`] predicts is what the command does, to the bit: `tests/remedies.rs` runs each of them and compares.
#![forbid(unsafe_code)]

mod acl;
mod apply;
mod command;

use crate::attempt::{Capability, Operation, Subject};
use crate::facts::{Facts, Inode, MountId, NodeId, Perms, Tag};

/// One change of the system's state, or of how the command is run.
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
    /// chown(1) of whatever in this directory's tree belongs to `from`, symlinks not followed.
    ChownTree {
        /// The top directory, absolute.
        top: Vec<u8>,
        /// The owner whose files are given away.
        from: u32,
        /// The new owner.
        uid: u32,
        /// The new group.
        gid: u32,
    },
    /// install(1): an empty file (0640) or a directory (0755) of this owner is made where there is nothing.
    Make {
        /// The directory it is made in.
        parent: NodeId,
        /// Its name.
        name: Vec<u8>,
        /// Whether it is a directory.
        directory: bool,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
    },
    /// setfacl(1): the entry is granted these permissions, and what anybody else may do stays as it is: where the mask
    /// must be widened for it, the entries that it held back are cut down to what they granted.
    AclGrant {
        /// The node.
        node: NodeId,
        /// The named user or group.
        tag: Tag,
        /// The entry's permissions after the change.
        perms: Perms,
    },
    /// setfacl(1): sets the mask.
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
    /// A new login: the groups of the database become the process's. newgrp(1) does it for one group and one shell.
    Relogin(u32),
    /// The command is run by root this once.
    RunAsRoot,
    /// The operation itself is done by root this once.
    ByRoot {
        /// What is done: one that a command of its own does (chmod, chown, rm, rmdir, touch).
        operation: Operation,
        /// To what.
        path: Vec<u8>,
    },
    /// The script is given to its interpreter to read, instead of being run.
    RunThrough {
        /// The interpreter and its argument, as the `#!` line has it.
        interpreter: Vec<u8>,
        /// The script.
        script: Vec<u8>,
    },
    /// setcap(8) on a program: the subject has the capability when running it.
    FileCapability {
        /// The program.
        program: Vec<u8>,
        /// The capability.
        capability: Capability,
    },
    /// sysctl(8), until the next boot.
    Setting {
        /// The setting's name.
        name: String,
        /// Its new value.
        value: i64,
    },
    /// A command whose effect lies outside the facts: it is shown, and never counts as proven.
    Unproven {
        /// The command, quoted for a POSIX shell, without sudo.
        command: String,
        /// Whether it needs root.
        root: bool,
    },
    /// Something no command of this machine does: a line of a Dockerfile, another directory, another port.
    Advice(String),
}

impl Change {
    /// The state after the change: subject and facts are altered in place. What is not known stays so.
    pub fn apply(&self, subject: &mut Subject, facts: &mut Facts) {
        apply::apply(self, subject, facts);
    }

    /// The command that makes the change, quoted for a POSIX shell, without sudo. `None` for what no command does.
    ///
    /// Subject and facts are those before the change.
    #[must_use]
    pub fn command(&self, subject: &Subject, facts: &Facts) -> Option<String> {
        command::command(self, subject, facts)
    }

    /// Whether making the change needs root: the subject itself has not the right to.
    #[must_use]
    pub fn needs_root(&self, subject: &Subject, facts: &Facts) -> bool {
        let owns = |node: NodeId| {
            inode(facts, node).is_some_and(|inode| owns(subject, inode, Capability::Fowner))
        };
        match self {
            Change::Chmod { node, .. }
            | Change::AclGrant { node, .. }
            | Change::AclMask { node, .. } => !owns(*node),
            Change::Chown {
                node,
                uid: None,
                gid: Some(gid),
            } if owns(*node) && subject.in_group(*gid) => false,
            Change::Chown { .. } | Change::ChownTree { .. } => !subject.has(Capability::Chown),
            Change::Remount { .. } => !subject.has(Capability::SysAdmin),
            Change::ClearImmutable(_) | Change::ClearAppend(_) => {
                !subject.has(Capability::LinuxImmutable)
            }
            Change::FileCapability { .. } => !subject.has(Capability::Setfcap),
            Change::Make { .. }
            | Change::JoinGroup(_)
            | Change::RunAsRoot
            | Change::ByRoot { .. }
            | Change::Setting { .. }
            | Change::Unproven { root: true, .. } => subject.uid != 0,
            Change::Relogin(_)
            | Change::RunThrough { .. }
            | Change::Unproven { root: false, .. }
            | Change::Advice(_) => false,
        }
    }

    /// Whether the change takes effect only in a new login session.
    #[must_use]
    pub fn needs_login(&self) -> bool {
        matches!(self, Change::JoinGroup(_) | Change::Relogin(_))
    }

    /// What is tried instead of the refused operation, where that is the change.
    #[must_use]
    pub fn operation_instead(&self) -> Option<Operation> {
        matches!(self, Change::RunThrough { .. }).then_some(Operation::READ)
    }
}

/// What stat(2) says of the node, where that is known.
fn inode(facts: &Facts, node: NodeId) -> Option<&Inode> {
    facts.node(node).inode.as_ref().ok()
}

/// The kernel's `inode_owner_or_capable`: the owner, or a holder of the capability over an inode whose owner is mapped.
fn owns(subject: &Subject, inode: &Inode, or: Capability) -> bool {
    subject.uid == inode.uid || subject.has(or) && subject.uid_map.maps(inode.uid)
}
