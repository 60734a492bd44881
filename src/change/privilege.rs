//! Who may make a change: the subject itself, or only root.

use super::{Change, inode};
use crate::attempt::{Capability, Subject};
use crate::facts::{Facts, Inode, NodeId};

/// Whether the subject lacks the right to make the change.
pub(super) fn needs_root(change: &Change, subject: &Subject, facts: &Facts) -> bool {
    let owns = |node: NodeId| {
        inode(facts, node).is_some_and(|inode| owns(subject, inode, Capability::Fowner))
    };
    let keeps_setgid = |node: NodeId, mode: u32| {
        inode(facts, node).is_some_and(|inode| keeps_setgid(subject, inode, mode))
    };
    match change {
        Change::SetMode { node, mode } => !(owns(*node) && keeps_setgid(*node, *mode)),
        Change::Chmod { node, .. }
        | Change::AclGrant { node, .. }
        | Change::AclMask { node, .. }
        | Change::SetAcl { node, .. } => !(owns(*node) && keeps_setgid(*node, 0)),
        Change::Chown {
            node,
            uid: None,
            gid: Some(gid),
        } if owns(*node) && subject.in_group(*gid) => false,
        Change::Chown { .. } | Change::ChownTree { .. } => !subject.has(Capability::Chown),
        Change::Remount { .. } => !subject.has(Capability::SysAdmin),
        Change::SetFlag { node, .. } => !(subject.has(Capability::LinuxImmutable) && owns(*node)),
        Change::FileCapability { .. } | Change::SetFileCapabilities { .. } => {
            !subject.has(Capability::Setfcap)
        }
        Change::Make { .. }
        | Change::Remove { .. }
        | Change::JoinGroup(_)
        | Change::LeaveGroup(_)
        | Change::RunAsRoot(_)
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

/// Whether the set-group-ID bit, if the inode or the new mode has it, survives a change of mode or ACL that the subject makes: a
/// process outside the file's group clears it (the kernel's `setattr_prepare` and `posix_acl_update_mode`).
fn keeps_setgid(subject: &Subject, inode: &Inode, mode: u32) -> bool {
    let is_set = (inode.mode | mode) & 0o2000 != 0;
    !is_set || subject.in_group(inode.gid) || subject.has(Capability::Fsetid)
}

/// The kernel's `inode_owner_or_capable`: whether the subject owns the inode, or has the capability and the owner has a
/// mapping.
fn owns(subject: &Subject, inode: &Inode, or: Capability) -> bool {
    subject.uid == inode.uid || subject.has(or) && subject.uid_map.maps(inode.uid)
}
