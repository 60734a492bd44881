//! File systems with rules of their own (`i_op->permission` and `i_op->setattr`).

use super::{Code, Decision, Errno, Kernel, NodeId, Obstacle, Rule, deny};
use crate::facts::Mount;

/// File systems that keep no Unix owners and modes: mount options, or the host, make them up.
const WITHOUT_OWNERS: [&str; 12] = [
    "9p", "cifs", "drvfs", "exfat", "fuseblk", "msdos", "ntfs", "ntfs3", "smb3", "smbfs", "umsdos",
    "vfat",
];

/// File systems behind which a server decides, whatever the modes that it shows.
const SERVED: [&str; 14] = [
    "9p",
    "afs",
    "ceph",
    "cifs",
    "drvfs",
    "nfs",
    "nfs4",
    "prl_fs",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
    "fuse.sshfs",
];

/// Those of them in which nothing but files and directories can be made.
const WITHOUT_LINKS: [&str; 4] = ["exfat", "msdos", "umsdos", "vfat"];

impl Kernel<'_> {
    /// Whether the file system's own gate lets the subject in at all.
    pub(super) fn file_system_admits(self, node: NodeId) -> Decision {
        let mount = self.mount_of(node);
        if is_fuse(mount) && !self.fuse_allow_current_process(mount) {
            return deny(
                Errno::Acces,
                Code::FuseOtherUser,
                Obstacle::Mount(self.node(node).mount, node),
                Rule::FileSystem,
            );
        }
        Ok(())
    }

    /// `fuse_allow_current_process`: without allow_other only who mounted it, not even root.
    fn fuse_allow_current_process(self, mount: &Mount) -> bool {
        let id = |name: &str| mount.super_option(name).flatten()?.parse::<u32>().ok();
        if mount.super_option("allow_other").is_some() {
            return true;
        }
        let (Some(user), Some(group)) = (id("user_id"), id("group_id")) else {
            // Not a FUSE mount as the kernel shows it: nothing is known of its owner.
            return true;
        };
        let subject = self.subject;
        subject.uid == user && subject.real_uid == user && subject.gid == group
    }

    /// Whether the file system's server alone decides about the bits (`fuse_permission` without default_permissions).
    pub(super) fn file_system_decides(self, node: NodeId) -> bool {
        let mount = self.mount_of(node);
        is_fuse(mount) && mount.super_option("default_permissions").is_none()
    }

    /// Whether a server has the last word there.
    pub(super) fn is_served(self, node: NodeId) -> bool {
        SERVED.contains(&self.mount_of(node).fs_type.as_str()) || self.file_system_decides(node)
    }

    /// Whether modes and owners there are made up.
    pub(super) fn keeps_no_owners(self, node: NodeId) -> bool {
        let mount = self.mount_of(node);
        match mount.fs_type.as_str() {
            // ntfs-3g keeps owners where it was told to.
            "fuseblk" => !["permissions", "acl", "usermapping"]
                .iter()
                .any(|option| mount.super_option(option).is_some()),
            // The usual version of the protocol, which is not shown, carries owners and modes. Windows drives have none.
            "9p" => {
                ["version", "noextend"]
                    .iter()
                    .any(|option| mount.super_option(option).is_some())
                    || is_windows_drive(mount)
            }
            fs_type => WITHOUT_OWNERS.contains(&fs_type),
        }
    }

    /// Whether the file system can make links and special files at all (EPERM where it has no such operation).
    pub(super) fn file_system_makes(self, dir: NodeId) -> Decision {
        if WITHOUT_LINKS.contains(&self.mount_of(dir).fs_type.as_str()) {
            return deny(
                Errno::Perm,
                Code::FsWithoutPermissions,
                Obstacle::Mount(self.node(dir).mount, dir),
                Rule::FileSystem,
            );
        }
        Ok(())
    }

    /// `fat_setattr`: a new owner cannot be kept.
    pub(super) fn file_system_keeps_owners(self, node: NodeId) -> Decision {
        let mount = self.mount_of(node);
        let quiet = mount.super_option("quiet").is_some();
        if WITHOUT_LINKS.contains(&mount.fs_type.as_str()) && !quiet {
            return deny(
                Errno::Perm,
                Code::FsWithoutPermissions,
                Obstacle::Mount(self.node(node).mount, node),
                Rule::FileSystem,
            );
        }
        Ok(())
    }

    /// Whether it is a file or directory of /proc/sys, which has permission checks of its own.
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

/// Whether the Windows Subsystem for Linux has mounted a drive of Windows there.
fn is_windows_drive(mount: &Mount) -> bool {
    let aname = mount.super_option("aname").flatten();
    aname.is_some_and(|aname| aname.starts_with("drvfs"))
}

/// Whether it is a FUSE mount (`fuse.sshfs`, `fuseblk`).
pub(super) fn is_fuse(mount: &Mount) -> bool {
    mount.fs_type == "fuse" || mount.fs_type == "fuseblk" || mount.fs_type.starts_with("fuse.")
}
