//! Removing names: unlink(2), rmdir(2) (fs/namei.c).

use super::access::Purpose;
use super::lookup::Last;
use super::{Code, Decision, Errno, Kernel, NodeId, Perms, Rule, Stop, Walk, fail};
use crate::attempt::Capability;
use crate::facts::UnknownFact;

impl<'a> Kernel<'a> {
    /// `do_unlinkat`, `vfs_unlink`.
    pub(super) fn unlink(self, walk: &'a Walk) -> Decision {
        let parent = self.parent(walk)?;
        let Last::Name(name) = parent.last else {
            return fail(Errno::IsDir, parent.dir);
        };
        self.mnt_want_write(parent.dir)?;
        let Some(node) = self.lookup_one(walk, parent.dir, name)? else {
            return self.name_has_gone(parent.dir, || Ok(()));
        };
        if parent.slash {
            let errno = if self.is_dir(node)? {
                Errno::IsDir
            } else {
                Errno::NotDir
            };
            return fail(errno, node);
        }
        self.may_delete(parent.dir, node, false)?;
        self.names_can_change(parent.dir, Errno::Perm)?;
        self.not_mounted_on(parent.dir, node)
    }

    /// `do_rmdir`, `vfs_rmdir`.
    pub(super) fn rmdir(self, walk: &'a Walk) -> Decision {
        let parent = self.parent(walk)?;
        let name = match parent.last {
            Last::Name(name) => name,
            Last::Dot => return fail(Errno::Inval, parent.dir),
            Last::DotDot => return fail(Errno::NotEmpty, parent.dir),
            Last::Root => return fail(Errno::Busy, parent.dir),
        };
        self.mnt_want_write(parent.dir)?;
        let Some(node) = self.lookup_one(walk, parent.dir, name)? else {
            return self.name_has_gone(parent.dir, || Ok(()));
        };
        self.may_delete(parent.dir, node, true)?;
        self.names_can_change(parent.dir, Errno::Perm)?;
        self.not_mounted_on(parent.dir, node)?;
        self.is_empty(node)
    }

    /// `may_delete`.
    pub(super) fn may_delete(self, dir: NodeId, node: NodeId, as_directory: bool) -> Decision {
        if self.has_unmapped_id(node)? {
            return fail(Errno::Overflow, node);
        }
        self.may_change(dir)?;
        self.check_sticky(dir, node)?;
        // The inode that a mount covers is not visible. It hardly ever has flags.
        if !self.is_mount_point(dir, node) {
            self.not_append_only(node)?;
            self.not_immutable(node)?;
            if self.flags(node)?.swap {
                return self.never(Errno::Perm, node);
            }
        }
        match (as_directory, self.is_dir(node)?) {
            (true, false) => fail(Errno::NotDir, node),
            (false, true) => fail(Errno::IsDir, node),
            _ => Ok(()),
        }
    }

    /// The part of `may_delete` that concerns the directory alone.
    fn may_change(self, dir: NodeId) -> Decision {
        self.inode_permission(dir, Perms::W.or(Perms::X), Purpose::Parent)?;
        self.not_append_only(dir)
    }

    /// The name to be removed from a directory is missing. If the kernel's answer was a refusal, the name was there then, and
    /// may have been refused by its directory, or by the checks in `then`.
    pub(super) fn name_has_gone(self, dir: NodeId, then: impl FnOnce() -> Decision) -> Decision {
        match self.may_change(dir).and_then(|()| then()) {
            Err(Stop::Denied(denial)) if Some(denial.errno) == self.facts.answered => {
                Err(Stop::Denied(denial))
            }
            _ => fail(Errno::NoEnt, dir),
        }
    }

    /// `check_sticky`.
    fn check_sticky(self, dir: NodeId, file: NodeId) -> Decision {
        let parent = self.inode(dir)?;
        if !parent.is_sticky() || parent.uid == self.subject.uid {
            return Ok(());
        }
        if self.is_mount_point(dir, file) {
            return Err(self.covered(file).into());
        }
        let inode = self.inode(file)?;
        if inode.uid == self.subject.uid || self.capable_wrt_inode(inode, Capability::Fowner) {
            return Ok(());
        }
        let rule = Rule::Sticky { dir, file };
        self.refuse_without(Capability::Fowner, dir, Code::StickyDirectory, rule)
    }

    /// The owner and mode of a mount point are not visible, because the mount covers it.
    pub(super) fn covered(self, file: NodeId) -> UnknownFact {
        UnknownFact {
            path: self.node(file).path.clone(),
            ..UnknownFact::not_gathered("mode and owner of what the mount covers")
        }
    }

    /// `is_local_mountpoint` (EBUSY).
    pub(super) fn not_mounted_on(self, dir: NodeId, node: NodeId) -> Decision {
        match self.is_mount_point(dir, node) {
            true => fail(Errno::Busy, node),
            false => Ok(()),
        }
    }

    /// The file system's own final check: a directory to be removed or replaced must be empty.
    pub(super) fn is_empty(self, node: NodeId) -> Decision {
        match self.node(node).empty.clone()? {
            true => Ok(()),
            false => fail(Errno::NotEmpty, node),
        }
    }
}
