//! Changes that may resolve a refusal, as data: they can be applied to facts, to prove them, and written as commands, to show
//! them.
//!
//! [`Change::apply`] predicts exactly what the command does; `tests/remedies.rs` runs each command and compares.
#![forbid(unsafe_code)]

mod acl;
mod apply;
mod command;
mod deployment;
mod effect;
mod inverse;
mod mount_option;
mod privilege;

pub use deployment::Deployment;
pub use effect::{Effect, Place};
pub use mount_option::MountOption;

use crate::attempt::{Capability, Operation, Subject};
use crate::facts::{Acl, Facts, FileCapabilities, Inode, MountId, NodeId, Perms, Tag};

/// A command line: the program and its arguments, as execve(2) takes them.
pub type Argv = Vec<Vec<u8>>;

/// A command line that consists of these words.
#[must_use]
pub fn argv(words: &[&[u8]]) -> Argv {
    words.iter().map(|word| word.to_vec()).collect()
}

/// A change of the system's state, or of how the command is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// chmod(1): adds these permission bits (of 0777) to the node.
    Chmod {
        /// The node.
        node: NodeId,
        /// The bits added.
        add: u32,
    },
    /// chmod(1): sets all mode bits (07777). Used to undo a change.
    SetMode {
        /// The node.
        node: NodeId,
        /// The mode after the change.
        mode: u32,
    },
    /// chown(1), without following symlinks.
    Chown {
        /// The node.
        node: NodeId,
        /// The new owner.
        uid: Option<u32>,
        /// The new group.
        gid: Option<u32>,
    },
    /// chown(1) of everything in a directory tree that belongs to `from`. Symlinks are not followed, mounts are not entered,
    /// and only what [`crate::facts::is_left_by_accident`] is changed.
    ChownTree {
        /// The top directory, as an absolute path.
        top: Vec<u8>,
        /// The owner whose files are changed.
        from: u32,
        /// The new owner.
        uid: u32,
        /// The new group; `None` if each file keeps its own.
        gid: Option<u32>,
    },
    /// install(1): creates an empty file (mode 0640) or a directory (mode 0755) with this owner, where nothing exists yet.
    Make {
        /// The parent directory.
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
    /// Removes what [`Change::Make`] created; a directory only if it is empty.
    Remove {
        /// The parent directory.
        parent: NodeId,
        /// Its name.
        name: Vec<u8>,
        /// Whether it is a directory.
        directory: bool,
    },
    /// setfacl(1): grants permissions to an entry without changing anybody else's access. If the mask has to be widened, the
    /// entries that it limited are reduced to the permissions they had effectively.
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
    /// setfacl(1): sets the whole access ACL, or removes it if only the base entries remain.
    SetAcl {
        /// The node.
        node: NodeId,
        /// The ACL after the change.
        acl: Acl,
    },
    /// mount(8) with remount: changes one option of the mount.
    Remount {
        /// The mount.
        mount: MountId,
        /// The option after the change.
        option: MountOption,
        /// Whether the superblock is to be changed, rather than this mount alone.
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
    /// usermod(8): adds the subject's user to the group, effective from the next login.
    JoinGroup(u32),
    /// gpasswd(1): removes the subject's user from the group, effective from the next login.
    LeaveGroup(u32),
    /// A new login, which gives the process the groups of the user database. newgrp(1) does this for one group and one shell.
    Relogin(u32),
    /// Runs this command as root, once: the refused one, or the part of it that was refused.
    RunAsRoot(Argv),
    /// Replaces a redirection, whose file the shell opens itself, by tee(1) run as root. It is described in words only, since
    /// the command in front of it is unknown here.
    Tee,
    /// Performs the operation itself as root, this once.
    ByRoot {
        /// The operation; it must have a command of its own (chmod, chown, rm, rmdir, touch).
        operation: Operation,
        /// The path to which it is applied.
        path: Vec<u8>,
    },
    /// Passes the script to its interpreter instead of executing it.
    RunThrough {
        /// The interpreter, as written in the `#!` line.
        interpreter: Vec<u8>,
        /// Its argument there; empty if there is none.
        argument: Vec<u8>,
        /// The script.
        script: Vec<u8>,
    },
    /// setcap(8): adds a capability to those of an executable.
    FileCapability {
        /// The path of the executable.
        program: Vec<u8>,
        /// The capability.
        capability: Capability,
    },
    /// setcap(8): sets all capabilities of an executable, or removes them. Used to undo a change.
    SetFileCapabilities {
        /// The path of the executable.
        program: Vec<u8>,
        /// The capabilities after the change.
        held: Option<FileCapabilities>,
    },
    /// sysctl(8), effective until the next boot.
    Setting {
        /// The setting's name.
        name: String,
        /// Its new value.
        value: i64,
    },
    /// A command whose effect is outside the facts: it can be shown, but never proven.
    Run {
        /// The command, without sudo.
        argv: Argv,
        /// Whether it needs root.
        root: bool,
        /// What it achieves.
        effect: Effect,
    },
    /// A setting of the image, the container, the pod or the unit.
    Deploy {
        /// The setting.
        setting: Deployment,
        /// The setting in the notation used there.
        words: String,
    },
    /// Something that no command on this machine does: a line of a Dockerfile, another directory, another port.
    Advice(String),
}

/// An inode flag that makes the kernel refuse changes (ioctl_iflags(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InodeFlag {
    /// FS_IMMUTABLE_FL.
    Immutable,
    /// FS_APPEND_FL.
    Append,
}

impl Change {
    /// Modifies subject and facts to the state after the change. Unknown facts remain unknown.
    pub fn apply(&self, subject: &mut Subject, facts: &mut Facts) {
        apply::apply(self, subject, facts);
    }

    /// The command that makes the change, without sudo. `None` if no command does.
    ///
    /// Subject and facts describe the state before the change.
    #[must_use]
    pub fn argv(&self, subject: &Subject, facts: &Facts) -> Option<Argv> {
        command::argv(self, subject, facts)
    }

    /// The changes that revert this one, in the order in which they are to be made: applied after it, they restore the present
    /// facts.
    ///
    /// Empty if the change has no lasting effect. `None` if the facts do not include the present state; whoever makes such a
    /// change has to record what it replaces. Subject and facts describe the state before the change.
    #[must_use]
    pub fn inverse(&self, subject: &Subject, facts: &Facts) -> Option<Vec<Change>> {
        inverse::inverse(self, subject, facts)
    }

    /// What the change does about the refusal.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self {
            Change::RunAsRoot(_) | Change::ByRoot { .. } => Effect::DoesIt,
            Change::RunThrough { .. } => Effect::Avoids,
            Change::Run { effect, .. } => *effect,
            Change::Deploy { .. } | Change::Tee | Change::Advice(_) => Effect::Advice,
            _ => Effect::Repairs,
        }
    }

    /// Whether the change requires root because the subject lacks the right to make it.
    #[must_use]
    pub fn needs_root(&self, subject: &Subject, facts: &Facts) -> bool {
        privilege::needs_root(self, subject, facts)
    }

    /// The node whose mode, owner or ACL the change modifies.
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

    /// The operation that is performed instead of the refused one, if the change is to replace it.
    #[must_use]
    pub fn operation_instead(&self) -> Option<Operation> {
        matches!(self, Change::RunThrough { .. }).then_some(Operation::READ)
    }
}

/// The present capabilities of an executable, if known. They are read before such a change is offered.
fn capabilities(facts: &Facts, program: &[u8]) -> Option<Option<FileCapabilities>> {
    let known = facts.surroundings.program.as_ref();
    known
        .filter(|known| known.path == program)
        .map(|known| known.capabilities)
}

/// The inode of the node, if known.
fn inode(facts: &Facts, node: NodeId) -> Option<&Inode> {
    facts.node(node).inode.as_ref().ok()
}
