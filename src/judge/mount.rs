//! What mounts, superblocks and inode flags refuse regardless of the subject (fs/namespace.c, fs/namei.c).

use super::{Code, Decision, Errno, Kernel, Kind, NodeId, Obstacle, Rule, deny};
use crate::facts::Flags;

/// File systems whose files can never be executed, whatever the mount options (SB_I_NOEXEC).
const NEVER_RUN: [&str; 5] = ["proc", "sysfs", "cgroup", "cgroup2", "mqueue"];

/// File systems whose device nodes can never be opened, whatever the mount options (SB_I_NODEV).
const NEVER_DEVICES: [&str; 4] = ["proc", "sysfs", "cgroup", "cgroup2"];

impl Kernel<'_> {
    /// `mnt_want_write`: neither the mount nor the superblock may be read-only.
    pub(super) fn mnt_want_write(self, node: NodeId) -> Decision {
        let mount = self.mount_of(node);
        if mount.flags.read_only || mount.super_read_only {
            return self.read_only(node);
        }
        Ok(())
    }

    /// `sb_permission`: regular files, directories and symlinks on a read-only superblock. Device nodes, FIFOs and sockets are
    /// exempt, because writing to them does not write to the file system.
    pub(super) fn sb_permission(self, node: NodeId) -> Decision {
        let applies = || {
            Ok::<_, super::Stop>(matches!(
                self.kind(node)?,
                Kind::Regular | Kind::Directory | Kind::Symlink
            ))
        };
        if self.mount_of(node).super_read_only && applies()? {
            return self.read_only(node);
        }
        Ok(())
    }

    fn read_only(self, node: NodeId) -> Decision {
        deny(
            Errno::RoFs,
            Code::ReadOnlyMount,
            self.at_mount(node),
            Rule::Flag,
        )
    }

    /// `path_noexec`.
    pub(super) fn path_noexec(self, node: NodeId) -> Decision {
        let mount = self.mount_of(node);
        if mount.flags.noexec || NEVER_RUN.contains(&mount.fs_type.as_str()) {
            return deny(
                Errno::Acces,
                Code::NoexecMount,
                self.at_mount(node),
                Rule::Flag,
            );
        }
        Ok(())
    }

    /// `may_open_dev`.
    pub(super) fn may_open_dev(self, node: NodeId) -> Decision {
        let mount = self.mount_of(node);
        if mount.flags.nodev || NEVER_DEVICES.contains(&mount.fs_type.as_str()) {
            return deny(
                Errno::Acces,
                Code::NodevMount,
                self.at_mount(node),
                Rule::Flag,
            );
        }
        Ok(())
    }

    fn at_mount(self, node: NodeId) -> Obstacle {
        Obstacle::Mount(self.node(node).mount, node)
    }

    pub(super) fn flags(self, node: NodeId) -> Decision<Flags> {
        Ok(self.node(node).flags.clone()?)
    }

    /// `IS_IMMUTABLE` (EPERM).
    pub(super) fn not_immutable(self, node: NodeId) -> Decision {
        if self.flags(node)?.immutable {
            return deny(
                Errno::Perm,
                Code::ImmutableFile,
                Obstacle::Node(node),
                Rule::Flag,
            );
        }
        Ok(())
    }

    /// `IS_APPEND` (EPERM).
    pub(super) fn not_append_only(self, node: NodeId) -> Decision {
        if self.flags(node)?.append {
            return deny(
                Errno::Perm,
                Code::AppendOnlyFile,
                Obstacle::Node(node),
                Rule::Flag,
            );
        }
        Ok(())
    }

    /// Refuses something that no subject may do (usually EPERM).
    pub(super) fn never<T>(self, errno: Errno, node: NodeId) -> Decision<T> {
        deny(
            errno,
            Code::NeverPermitted,
            Obstacle::Node(node),
            Rule::Flag,
        )
    }

    /// `is_local_mountpoint`: whether something is mounted on what a name in a directory refers to.
    pub(super) fn is_mount_point(self, dir: NodeId, node: NodeId) -> bool {
        self.node(dir).mount != self.node(node).mount
    }
}
