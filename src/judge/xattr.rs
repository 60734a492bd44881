//! setxattr(2) (fs/xattr.c, security/commoncap.c, fs/posix_acl.c).

use super::access::Purpose;
use super::{Code, Decision, Errno, Kernel, Kind, NodeId, Obstacle, Perms, Rule, Walk, deny, fail};
use crate::attempt::Capability;
use crate::facts::UnknownFact;

/// File systems that support such attributes and that root of a user namespace may mount (FS_USERNS_MOUNT).
const OF_USER_NAMESPACES: [&str; 3] = ["overlay", "ramfs", "tmpfs"];

impl<'a> Kernel<'a> {
    /// `path_setxattrat`, `vfs_setxattr`.
    pub(super) fn setxattr(self, walk: &'a Walk, name: &str) -> Decision {
        let node = self.lookup(walk, true, false)?;
        self.mnt_want_write(node)?;
        if name == "security.capability" {
            self.cap_convert_nscap(node)?;
        }
        self.xattr_permission(node, name)?;
        match name.split_once('.') {
            Some(("security", _)) if name != "security.capability" => self.cap_inode_setxattr(node),
            Some(("system", "posix_acl_access" | "posix_acl_default")) => self.owner_only(node),
            Some(("user" | "trusted" | "security", rest)) if !rest.is_empty() => Ok(()),
            _ => fail(Errno::OpNotSupp, node),
        }
    }

    /// `xattr_permission`, for writing.
    fn xattr_permission(self, node: NodeId, name: &str) -> Decision {
        self.not_immutable(node)?;
        self.not_append_only(node)?;
        if self.has_unmapped_id(node)? {
            return deny(
                Errno::Perm,
                Code::UnmappedOwner,
                Obstacle::Node(node),
                Rule::Unmapped,
            );
        }
        match name.split_once('.') {
            Some(("security" | "system", _)) => return Ok(()),
            Some(("trusted", _)) => return self.needs(Capability::SysAdmin),
            Some(("user", _)) => {
                let inode = self.inode(node)?;
                if !matches!(inode.kind, Kind::Regular | Kind::Directory) {
                    return self.never(Errno::Perm, node);
                }
                if inode.kind == Kind::Directory && inode.is_sticky() {
                    self.owner_only(node)?;
                }
            }
            _ => {}
        }
        self.inode_permission(node, Perms::W, Purpose::Object)
    }

    /// `cap_convert_nscap`.
    fn cap_convert_nscap(self, node: NodeId) -> Decision {
        if self.capable_wrt_inode(self.inode(node)?, Capability::Setfcap) {
            return Ok(());
        }
        let needs = Rule::Needs(Capability::Setfcap);
        self.refuse_without(Capability::Setfcap, node, Code::MissingCapability, needs)
    }

    /// `cap_inode_setxattr`: requires the capability in the user namespace that mounted the file system, which is not visible.
    fn cap_inode_setxattr(self, node: NodeId) -> Decision {
        let may_be_its_own = OF_USER_NAMESPACES.contains(&self.mount_of(node).fs_type.as_str());
        let foreign = self.capable(Capability::SysAdmin) || !self.subject.has(Capability::SysAdmin);
        if may_be_its_own && !foreign {
            return Err(UnknownFact::not_gathered("user namespace of the file system").into());
        }
        self.needs(Capability::SysAdmin)
    }

    /// Refuses (EPERM) without this capability in the initial user namespace.
    pub(super) fn needs(self, capability: Capability) -> Decision {
        if self.capable(capability) {
            return Ok(());
        }
        deny(
            Errno::Perm,
            Code::MissingCapability,
            Obstacle::Process,
            Rule::Needs(capability),
        )
    }
}
