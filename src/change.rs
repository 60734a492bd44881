//! Changes that could put a refusal right, typed: applied to facts to prove them, written as commands to show them.
//!
//! What [`Change::apply`] predicts is what the command does, to the bit: `tests/remedies.rs` runs each of them and compares.
#![forbid(unsafe_code)]

mod acl;
mod apply;
mod command;
mod deployment;
mod inverse;

pub use deployment::Deployment;

use crate::attempt::{Capability, Operation, Subject};
use crate::facts::{Acl, Facts, FileCapabilities, Inode, MountId, NodeId, Perms, Tag};

/// A command line: the program and its arguments, as execve(2) takes them.
pub type Argv = Vec<Vec<u8>>;

/// A command line of these words.
#[must_use]
pub fn argv(words: &[&[u8]]) -> Argv {
    words.iter().map(|word| word.to_vec()).collect()
}

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
    /// chmod(1): sets all mode bits (07777). What undoing a change asks for.
    SetMode {
        /// The node.
        node: NodeId,
        /// The mode after the change.
        mode: u32,
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
    /// chown(1) of whatever in this directory's tree belongs to `from`, symlinks not followed, nothing mounted below
    /// entered, and what lets in nobody but its owner (0600, 0700) left as it is.
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
    /// Takes away what [`Change::Make`] made: a directory only while it is empty.
    Remove {
        /// The directory it lies in.
        parent: NodeId,
        /// Its name.
        name: Vec<u8>,
        /// Whether it is a directory.
        directory: bool,
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
    /// setfacl(1): sets the whole access ACL, or takes it away where it holds the base entries alone.
    SetAcl {
        /// The node.
        node: NodeId,
        /// The ACL after the change.
        acl: Acl,
    },
    /// mount(8) with remount: one option of the mount.
    Remount {
        /// The mount.
        mount: MountId,
        /// The option after the change.
        option: MountOption,
        /// Whether the file system itself is meant (its superblock), and not this mount of it alone.
        file_system: bool,
    },
    /// chattr(1): sets or clears an inode flag.
    SetFlag {
        /// The node.
        node: NodeId,
        /// The flag.
        flag: InodeFlag,
        /// Whether it is set after the change.
        on: bool,
    },
    /// usermod(8): the subject's user joins the group, from the next login on.
    JoinGroup(u32),
    /// gpasswd(1): the subject's user leaves the group, from the next login on.
    LeaveGroup(u32),
    /// A new login: the groups of the database become the process's. newgrp(1) does it for one group and one shell.
    Relogin(u32),
    /// The command is run by root this once.
    RunAsRoot,
    /// root's tee(1) writes what a redirection was to write, which the shell opens itself. Only words: what the command in
    /// front of it is, the reader knows.
    Tee,
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
    /// setcap(8) on a program: the subject has the capability when running it, besides those that it has.
    FileCapability {
        /// The program.
        program: Vec<u8>,
        /// The capability.
        capability: Capability,
    },
    /// setcap(8): sets all capabilities of a program, or takes them away. What undoing a change asks for.
    SetFileCapabilities {
        /// The program.
        program: Vec<u8>,
        /// What it has after the change.
        held: Option<FileCapabilities>,
    },
    /// sysctl(8), until the next boot.
    Setting {
        /// The setting's name.
        name: String,
        /// Its new value.
        value: i64,
    },
    /// A command whose effect lies outside the facts: it is shown, and never counts as proven.
    Run {
        /// The command, without sudo.
        argv: Argv,
        /// Whether it needs root.
        root: bool,
        /// What it is for.
        effect: Effect,
    },
    /// A setting of the image, the container, the pod or the unit.
    Deploy {
        /// The setting.
        setting: Deployment,
        /// How it is written there.
        words: String,
    },
    /// Something no command of this machine does: a line of a Dockerfile, another directory, another port.
    Advice(String),
}

/// What a change does about a refusal. The later ones do less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The same command then works.
    Repairs,
    /// Carries out what was refused, once, as somebody who may.
    DoesIt,
    /// Another place or way.
    Avoids,
    /// Words, no command.
    Advice,
}

impl Effect {
    /// The name, as the interface fixes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Effect::Repairs => "repairs",
            Effect::DoesIt => "does-it",
            Effect::Avoids => "avoids",
            Effect::Advice => "advice",
        }
    }
}

/// Where a change is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Place {
    /// Where permwrap runs.
    #[default]
    Here,
    /// On the host, outside of the container that permwrap runs in.
    Host,
    /// In the container (or sandbox) of the subject, into which permwrap looks from outside.
    Container,
    /// Where the surroundings are described: an image, a unit, a manifest.
    Deployment,
}

impl Place {
    /// The name, as the interface fixes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Place::Here => "here",
            Place::Host => "host",
            Place::Container => "container",
            Place::Deployment => "deployment",
        }
    }
}

/// An option of a mount that refuses, and its opposite (mount(8)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum MountOption {
    Rw,
    Ro,
    Exec,
    Noexec,
    Dev,
    Nodev,
    Symfollow,
    Nosymfollow,
}

impl MountOption {
    /// The option as mount(8) writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            MountOption::Rw => "rw",
            MountOption::Ro => "ro",
            MountOption::Exec => "exec",
            MountOption::Noexec => "noexec",
            MountOption::Dev => "dev",
            MountOption::Nodev => "nodev",
            MountOption::Symfollow => "symfollow",
            MountOption::Nosymfollow => "nosymfollow",
        }
    }

    /// The option that takes this one back.
    #[must_use]
    pub const fn opposite(self) -> MountOption {
        match self {
            MountOption::Rw => MountOption::Ro,
            MountOption::Ro => MountOption::Rw,
            MountOption::Exec => MountOption::Noexec,
            MountOption::Noexec => MountOption::Exec,
            MountOption::Dev => MountOption::Nodev,
            MountOption::Nodev => MountOption::Dev,
            MountOption::Symfollow => MountOption::Nosymfollow,
            MountOption::Nosymfollow => MountOption::Symfollow,
        }
    }
}

/// An inode flag that refuses (ioctl_iflags(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InodeFlag {
    /// FS_IMMUTABLE_FL.
    Immutable,
    /// FS_APPEND_FL.
    Append,
}

impl Change {
    /// The state after the change: subject and facts are altered in place. What is not known stays so.
    pub fn apply(&self, subject: &mut Subject, facts: &mut Facts) {
        apply::apply(self, subject, facts);
    }

    /// The command that makes the change, without sudo. `None` for what no command does.
    ///
    /// Subject and facts are those before the change.
    #[must_use]
    pub fn argv(&self, subject: &Subject, facts: &Facts) -> Option<Argv> {
        command::argv(self, subject, facts)
    }

    /// The changes that take this one back, to be made in this order: applied after it, they leave the facts as they are now.
    ///
    /// Empty where nothing lasting is changed. `None` where the facts do not hold the state before: whoever makes such a
    /// change has to record what it meets. Subject and facts are those before the change.
    #[must_use]
    pub fn inverse(&self, subject: &Subject, facts: &Facts) -> Option<Vec<Change>> {
        inverse::inverse(self, subject, facts)
    }

    /// What the change does about the refusal.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self {
            Change::RunAsRoot | Change::ByRoot { .. } => Effect::DoesIt,
            Change::RunThrough { .. } => Effect::Avoids,
            Change::Run { effect, .. } => *effect,
            Change::Deploy { .. } | Change::Tee | Change::Advice(_) => Effect::Advice,
            _ => Effect::Repairs,
        }
    }

    /// Whether making the change needs root: the subject itself has not the right to.
    #[must_use]
    pub fn needs_root(&self, subject: &Subject, facts: &Facts) -> bool {
        let owns = |node: NodeId| {
            inode(facts, node).is_some_and(|inode| owns(subject, inode, Capability::Fowner))
        };
        match self {
            Change::Chmod { node, .. }
            | Change::SetMode { node, .. }
            | Change::AclGrant { node, .. }
            | Change::AclMask { node, .. }
            | Change::SetAcl { node, .. } => !owns(*node),
            Change::Chown {
                node,
                uid: None,
                gid: Some(gid),
            } if owns(*node) && subject.in_group(*gid) => false,
            Change::Chown { .. } | Change::ChownTree { .. } => !subject.has(Capability::Chown),
            Change::Remount { .. } => !subject.has(Capability::SysAdmin),
            Change::SetFlag { node, .. } => {
                !(subject.has(Capability::LinuxImmutable) && owns(*node))
            }
            Change::FileCapability { .. } | Change::SetFileCapabilities { .. } => {
                !subject.has(Capability::Setfcap)
            }
            Change::Make { .. }
            | Change::Remove { .. }
            | Change::JoinGroup(_)
            | Change::LeaveGroup(_)
            | Change::RunAsRoot
            | Change::ByRoot { .. }
            | Change::Setting { .. }
            | Change::Run { root: true, .. } => subject.uid != 0,
            Change::Relogin(_)
            | Change::RunThrough { .. }
            | Change::Run { root: false, .. }
            | Change::Deploy { .. }
            | Change::Tee
            | Change::Advice(_) => false,
        }
    }

    /// The node whose mode, owner or ACL it alters.
    #[must_use]
    pub fn alters(&self) -> Option<NodeId> {
        match self {
            Change::Chmod { node, .. }
            | Change::SetMode { node, .. }
            | Change::Chown { node, .. }
            | Change::AclGrant { node, .. }
            | Change::AclMask { node, .. }
            | Change::SetAcl { node, .. } => Some(*node),
            _ => None,
        }
    }

    /// Whether the change takes effect only in a new login session.
    #[must_use]
    pub fn needs_login(&self) -> bool {
        matches!(
            self,
            Change::JoinGroup(_) | Change::LeaveGroup(_) | Change::Relogin(_)
        )
    }

    /// What is tried instead of the refused operation, where that is the change.
    #[must_use]
    pub fn operation_instead(&self) -> Option<Operation> {
        matches!(self, Change::RunThrough { .. }).then_some(Operation::READ)
    }
}

/// What a program has besides, where that is known: it is looked at before the change is offered.
fn capabilities(facts: &Facts, program: &[u8]) -> Option<Option<FileCapabilities>> {
    let known = facts.surroundings.program.as_ref();
    known
        .filter(|known| known.path == program)
        .map(|known| known.capabilities)
}

/// What stat(2) says of the node, where that is known.
fn inode(facts: &Facts, node: NodeId) -> Option<&Inode> {
    facts.node(node).inode.as_ref().ok()
}

/// The kernel's `inode_owner_or_capable`: the owner, or a holder of the capability over an inode whose owner is mapped.
fn owns(subject: &Subject, inode: &Inode, or: Capability) -> bool {
    subject.uid == inode.uid || subject.has(or) && subject.uid_map.maps(inode.uid)
}
