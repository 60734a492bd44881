//! Ownership, and the capabilities that replace it (kernel/capability.c, fs/inode.c).

use super::{Code, Decision, Errno, Inode, Kernel, NodeId, Obstacle, Rule, deny};
use crate::attempt::{Capability, UNMAPPED};

/// The id shown for an owner without a mapping (fs.overflowuid, fs.overflowgid).
const OVERFLOW_ID: u32 = 65534;

/// Whether an id is, or may be, the one shown for an owner without a mapping.
const fn is_without_mapping(id: u32) -> bool {
    id == OVERFLOW_ID || id == UNMAPPED
}

impl Kernel<'_> {
    /// `capable_wrt_inode_uidgid`: a capability counts only if owner and group of the inode are mapped in the subject's user
    /// namespace.
    pub(super) fn capable_wrt_inode(self, inode: &Inode, capability: Capability) -> bool {
        let subject = self.subject;
        subject.has(capability)
            && subject.uid_map.maps(inode.uid)
            && subject.gid_map.maps(inode.gid)
    }

    /// `capable`: a capability in the initial user namespace.
    pub(super) fn capable(self, capability: Capability) -> bool {
        self.subject.initial_user_ns && self.subject.has(capability)
    }

    /// `inode_owner_or_capable`.
    pub(super) fn is_owner_or_capable(self, inode: &Inode) -> bool {
        let subject = self.subject;
        inode.uid == subject.uid
            || (subject.has(Capability::Fowner) && subject.uid_map.maps(inode.uid))
    }

    /// Refuses (EPERM) if `inode_owner_or_capable` fails.
    pub(super) fn owner_only(self, node: NodeId) -> Decision {
        let inode = self.inode(node)?;
        if self.is_owner_or_capable(inode) {
            return Ok(());
        }
        let rule = Rule::Ownership {
            owner: inode.uid,
            or: Capability::Fowner,
        };
        self.refuse_without(Capability::Fowner, node, Code::NotOwner, rule)
    }

    /// A refusal (EPERM) that the capability would have lifted; the code says why it did not.
    pub(super) fn refuse_without<T>(
        self,
        capability: Capability,
        node: NodeId,
        code: Code,
        rule: Rule,
    ) -> Decision<T> {
        let at = Obstacle::Node(node);
        if self.subject.has(capability) {
            return deny(Errno::Perm, Code::UnmappedOwner, at, Rule::Unmapped);
        }
        if self.subject.uid == 0 {
            return deny(
                Errno::Perm,
                Code::MissingCapability,
                at,
                Rule::Needs(capability),
            );
        }
        deny(Errno::Perm, code, at, rule)
    }

    /// `HAS_UNMAPPED_ID`: whether owner or group have no mapping on an idmapped mount. Such ids appear as 65534.
    pub(super) fn has_unmapped_id(self, node: NodeId) -> Decision<bool> {
        if !self.mount_of(node).flags.idmapped {
            return Ok(false);
        }
        let inode = self.inode(node)?;
        Ok(is_without_mapping(inode.uid) || is_without_mapping(inode.gid))
    }
}
