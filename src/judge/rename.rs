//! rename(2) and link(2) (fs/namei.c).

use super::access::Purpose;
use super::lookup::{Last, Parent};
use super::{
    Code, Decision, Errno, Kernel, Kind, NodeId, Obstacle, Perms, Rule, Stop, Walk, deny, fail,
};

impl<'a> Kernel<'a> {
    /// `do_renameat2`, `vfs_rename`.
    pub(super) fn rename(self, from: &'a Walk, to: &'a Walk) -> Decision {
        let (old, new) = (self.parent(from)?, self.parent(to)?);
        if self.node(old.dir).mount != self.node(new.dir).mount {
            return fail(Errno::XDev, new.dir);
        }
        let (Last::Name(old_name), Last::Name(new_name)) = (old.last, new.last) else {
            return fail(Errno::Busy, old.dir);
        };
        self.mnt_want_write(old.dir)?;
        let source = self.lookup_one(from, old.dir, old_name)?;
        let target = self.lookup_one(to, new.dir, new_name);
        let Some(source) = source else {
            return self.name_has_gone(old.dir, || match target? {
                None => self.may_create(new.dir),
                Some(target) => self.may_delete(new.dir, target, self.is_dir(target)?),
            });
        };
        let target = target?;
        let is_dir = self.is_dir(source)?;
        if !is_dir && (old.slash || new.slash) {
            return fail(Errno::NotDir, source);
        }
        if is_dir && old.dir != new.dir && self.lies_within(new.dir, source) {
            return fail(Errno::Inval, source);
        }
        if let Some(target) = target
            && old.dir != new.dir
            && self.lies_within(old.dir, target)
        {
            return fail(Errno::NotEmpty, target);
        }
        self.vfs_rename((&old, source), (&new, target), is_dir)
    }

    /// `vfs_rename`.
    fn vfs_rename(
        self,
        (old, source): (&Parent, NodeId),
        (new, target): (&Parent, Option<NodeId>),
        is_dir: bool,
    ) -> Decision {
        if let Some(target) = target
            && self.same_inode((old.dir, source), (new.dir, target))?
        {
            return Ok(());
        }
        self.may_delete(old.dir, source, is_dir)?;
        match target {
            None => self.may_create(new.dir)?,
            Some(target) => self.may_delete(new.dir, target, is_dir)?,
        }
        if is_dir && old.dir != new.dir {
            if self.is_mount_point(old.dir, source) {
                return Err(self.covered(source).into());
            }
            self.inode_permission(source, Perms::W, Purpose::Object)?;
        }
        self.not_mounted_on(old.dir, source)?;
        if let Some(target) = target {
            self.not_mounted_on(new.dir, target)?;
            if is_dir {
                self.is_empty(target)?;
            }
        }
        Ok(())
    }

    /// `do_linkat`, `vfs_link`.
    pub(super) fn link(self, from: &'a Walk, to: &'a Walk) -> Decision {
        let source = self.lookup(from, false, false)?;
        let dir = self.filename_create(to, false)?;
        if self.node(source).mount != self.node(dir).mount {
            return fail(Errno::XDev, dir);
        }
        self.may_linkat(source)?;
        self.may_create(dir)?;
        self.not_append_only(source)?;
        self.not_immutable(source)?;
        if self.is_dir(source)? {
            return self.never(Errno::Perm, source);
        }
        self.file_system_makes(dir)
    }

    /// `may_linkat`: fs.protected_hardlinks.
    fn may_linkat(self, source: NodeId) -> Decision {
        if self.has_unmapped_id(source)? {
            return fail(Errno::Overflow, source);
        }
        if self.is_owner_or_capable(self.inode(source)?) || self.safe_hardlink_source(source)? {
            return Ok(());
        }
        match self.facts.settings.protected_hardlinks.clone()? {
            0 => Ok(()),
            _ => deny(
                Errno::Perm,
                Code::ProtectedHardlink,
                Obstacle::Node(source),
                Rule::Flag,
            ),
        }
    }

    /// `safe_hardlink_source`.
    fn safe_hardlink_source(self, source: NodeId) -> Decision<bool> {
        let inode = self.inode(source)?;
        let runs_as_group = inode.mode & 0o2010 == 0o2010;
        if inode.kind != Kind::Regular || inode.mode & 0o4000 != 0 || runs_as_group {
            return Ok(false);
        }
        match self.inode_permission(source, Perms::R.or(Perms::W), Purpose::Object) {
            Err(Stop::Denied(_)) => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Whether a directory is another one or lies below it.
    fn lies_within(self, dir: NodeId, above: NodeId) -> bool {
        let (path, above) = (&self.node(dir).path, &self.node(above).path);
        path.strip_prefix(above.as_slice())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }

    /// Whether two names refer to the same inode, so that there is nothing to rename. For a mount point only the names can be
    /// compared.
    fn same_inode(
        self,
        (old, source): (NodeId, NodeId),
        (new, target): (NodeId, NodeId),
    ) -> Decision<bool> {
        let mounted_on = self.is_mount_point(old, source) || self.is_mount_point(new, target);
        if source == target || mounted_on {
            return Ok(source == target);
        }
        let (source, target) = (self.inode(source)?, self.inode(target)?);
        Ok((source.device, source.number) == (target.device, target.number))
    }
}
