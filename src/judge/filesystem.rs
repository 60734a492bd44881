//! File systems with permission checks of their own (`i_op->permission` and `i_op->setattr`).

use super::{Code, Decision, Errno, Kernel, Kind, NodeId, Obstacle, Perms, Rule, deny};
use crate::attempt::OpenHow;
use crate::facts::Mount;

impl Kernel<'_> {
    /// Whether the file system admits the subject at all.
    pub(super) fn file_system_admits(self, node: NodeId) -> Decision {
        let mount = self.mount_of(node);
        if mount.is_fuse() && !self.fuse_allow_current_process(mount) {
            return deny(
                Errno::Acces,
                Code::FuseOtherUser,
                Obstacle::Mount(self.node(node).mount, node),
                Rule::FileSystem,
            );
        }
        Ok(())
    }

    /// `fuse_allow_current_process`: without allow_other, only the user who mounted it; not even root.
    fn fuse_allow_current_process(self, mount: &Mount) -> bool {
        let id = |name: &str| mount.super_option(name).flatten()?.parse::<u32>().ok();
        if mount.super_option("allow_other").is_some() {
            return true;
        }
        let (Some(user), Some(group)) = (id("user_id"), id("group_id")) else {
            // The options are not those of a FUSE mount as the kernel shows it, so its owner is unknown.
            return true;
        };
        let subject = self.subject;
        subject.uid == user && subject.real_uid == user && subject.gid == group
    }

    /// Whether the file system's server alone checks permissions (`fuse_permission` without default_permissions).
    pub(super) fn file_system_decides(self, node: NodeId) -> bool {
        let mount = self.mount_of(node);
        mount.is_fuse() && mount.super_option("default_permissions").is_none()
    }

    /// Whether a server has the final decision about access to the node.
    pub(super) fn is_served(self, node: NodeId) -> bool {
        self.mount_of(node).is_served() || self.file_system_decides(node)
    }

    /// Whether the modes and owners shown there are made up.
    pub(super) fn keeps_no_owners(self, node: NodeId) -> bool {
        let mount = self.mount_of(node);
        match mount.fs_type.as_str() {
            // ntfs-3g stores owners if one of these options was given.
            "fuseblk" => !["permissions", "acl", "usermapping"]
                .iter()
                .any(|option| mount.super_option(option).is_some()),
            // The default version of the protocol, 9p2000.L, is not shown and carries owners and modes. Windows drives have
            // none.
            "9p" => {
                ["version", "noextend"]
                    .iter()
                    .any(|option| mount.super_option(option).is_some())
                    || is_windows_drive(mount)
            }
            _ => mount.is_without_owners(),
        }
    }

    /// Refuses if the file system does not let anybody create or remove names: `vfs_mkdir`, `vfs_unlink` and the like answer
    /// EPERM, because it lacks the inode operation; `lookup_open` answers EACCES.
    pub(super) fn names_can_change(self, dir: NodeId, errno: Errno) -> Decision {
        match self.mount_of(dir).has_fixed_names() {
            true => self.never(errno, dir),
            false => Ok(()),
        }
    }

    /// `kernfs_fop_open`: even root can open an attribute of sysfs for reading or writing only if any of its permission bits
    /// grants that.
    pub(super) fn attribute_opens(self, node: NodeId, how: OpenHow) -> Decision {
        let inode = self.inode(node)?;
        let lacks = |bits: u32| inode.mode & bits == 0;
        let refused = how.write && lacks(0o222) || how.read && lacks(0o444);
        let is_attribute = inode.kind == Kind::Regular && self.mount_of(node).fs_type == "sysfs";
        match is_attribute && refused {
            true => self.never(Errno::Acces, node),
            false => Ok(()),
        }
    }

    /// Whether the file system supports links and special files at all; without the operation the kernel answers EPERM.
    pub(super) fn file_system_makes(self, dir: NodeId) -> Decision {
        self.names_can_change(dir, Errno::Perm)?;
        if self.mount_of(dir).is_without_links() {
            return deny(
                Errno::Perm,
                Code::FsWithoutPermissions,
                Obstacle::Mount(self.node(dir).mount, dir),
                Rule::FileSystem,
            );
        }
        Ok(())
    }

    /// `fat_setattr`, `exfat_setattr`: neither a new owner nor a set-user-ID bit can be stored.
    pub(super) fn file_system_keeps(self, node: NodeId) -> Decision {
        let mount = self.mount_of(node);
        let quiet = mount.super_option("quiet").is_some();
        if mount.is_without_links() && !quiet {
            return deny(
                Errno::Perm,
                Code::FsWithoutPermissions,
                Obstacle::Mount(self.node(node).mount, node),
                Rule::FileSystem,
            );
        }
        Ok(())
    }

    /// `fat_allow_set_time`, `exfat_allow_set_time`: whether a mount option lets others than the owner set times.
    pub(super) fn file_system_lets_set_times(self, node: NodeId) -> Decision<bool> {
        let mount = self.mount_of(node);
        let option = mount.super_option("allow_utime").flatten();
        let mask = option.and_then(|mask| u32::from_str_radix(mask, 8).ok());
        let Some(mask) = mask.filter(|_| mount.is_without_links()) else {
            return Ok(false);
        };
        let inode = self.inode(node)?;
        let shift = if self.subject.in_group(inode.gid) {
            3
        } else {
            0
        };
        Ok((mask >> shift) & Perms::W.bits() != 0)
    }

    /// Whether the node is a file or directory of /proc/sys, which has permission checks of its own.
    pub(super) fn sysctl_file(self, node: NodeId) -> bool {
        let (mount, node) = (self.mount_of(node), self.node(node));
        let below = |point: &[u8]| match point {
            b"/" => Some(node.path.as_slice()),
            _ => node.path.strip_prefix(point),
        };
        let is_proc = mount.fs_type == "proc";
        let inside = match mount.root.as_slice() {
            b"/" => below(&mount.point).is_some_and(|rest| rest.starts_with(b"/sys/")),
            root => root == b"/sys" || root.starts_with(b"/sys/"),
        };
        is_proc && inside
    }
}

/// Whether the mount is a Windows drive mounted by the Windows Subsystem for Linux.
fn is_windows_drive(mount: &Mount) -> bool {
    let aname = mount.super_option("aname").flatten();
    aname.is_some_and(|aname| aname.starts_with("drvfs"))
}
