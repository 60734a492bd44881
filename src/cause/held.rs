//! What the permission bits and the ACL of one inode grant to somebody, capabilities and everything else aside.

use crate::attempt::Subject;
use crate::facts::{Acl, Facts, NodeId, Perms, Tag};

/// The permissions the subject holds on the node: each bit that the kernel's `acl_permission_check` would grant if asked
/// for alone. `None` where mode, owner or ACL are not known.
#[must_use]
pub fn held(subject: &Subject, node: NodeId, facts: &Facts) -> Option<Perms> {
    let node = facts.node(node);
    let inode = node.inode.as_ref().ok()?;
    let acl = node.acl.as_ref().ok()?;
    if subject.uid == inode.uid {
        return Some(inode.owner_bits());
    }
    if let Some(acl) = acl
        && !inode.group_bits().is_empty()
    {
        return Some(by_acl(subject, acl, inode.gid));
    }
    Some(if subject.in_group(inode.gid) {
        inode.group_bits()
    } else {
        inode.other_bits()
    })
}

/// The kernel's `posix_acl_permission`, for who is not the owner.
fn by_acl(subject: &Subject, acl: &Acl, owning_group: u32) -> Perms {
    if let Some(named) = acl.get(Tag::User(subject.uid)) {
        return named.and(acl.mask());
    }
    let groups: Vec<Perms> = acl
        .entries
        .iter()
        .filter(|entry| match entry.tag {
            Tag::OwningGroup => subject.in_group(owning_group),
            Tag::Group(gid) => subject.in_group(gid),
            _ => false,
        })
        .map(|entry| entry.perms.and(acl.mask()))
        .collect();
    if groups.is_empty() {
        acl.get(Tag::Other).unwrap_or_default()
    } else {
        groups.into_iter().fold(Perms::NONE, Perms::or)
    }
}
