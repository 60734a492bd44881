//! Creating names: mkdir(2), mknod(2), symlink(2), bind(2) of a Unix socket (fs/namei.c).

use super::access::Purpose;
use super::lookup::Last;
use super::{
    Code, Decision, Errno, Kernel, NodeId, NodeType, Obstacle, Perms, Rule, Stop, Walk, deny, fail,
};
use crate::attempt::Capability;

impl<'a> Kernel<'a> {
    /// `do_mkdirat`.
    pub(super) fn mkdir(self, walk: &'a Walk) -> Decision {
        let dir = self.filename_create(walk, true)?;
        self.may_create(dir)?;
        self.names_can_change(dir, Errno::Perm)
    }

    /// `do_symlinkat`.
    pub(super) fn symlink(self, walk: &'a Walk) -> Decision {
        let dir = self.filename_create(walk, false)?;
        self.may_create(dir)?;
        self.file_system_makes(dir)
    }

    /// `do_mknodat`, `vfs_mknod`.
    pub(super) fn mknod(self, walk: &'a Walk, kind: NodeType) -> Decision {
        let dir = self.filename_create(walk, false)?;
        self.may_create(dir)?;
        if kind != NodeType::Fifo && !self.capable(Capability::Mknod) {
            let needs = Rule::Needs(Capability::Mknod);
            return deny(
                Errno::Perm,
                Code::MissingCapability,
                Obstacle::Process,
                needs,
            );
        }
        self.file_system_makes(dir)
    }

    /// `unix_bind_bsd`.
    pub(super) fn unix_bind(self, walk: &'a Walk) -> Decision {
        let dir = match self.filename_create(walk, false) {
            Err(Stop::Fails(Errno::Exist, at)) => return Err(Stop::Fails(Errno::AddrInUse, at)),
            other => other?,
        };
        self.may_create(dir)?;
        self.file_system_makes(dir)
    }

    /// `filename_create`: the directory for a new name. An existing name is reported before a read-only mount.
    pub(super) fn filename_create(self, walk: &'a Walk, directory: bool) -> Decision<NodeId> {
        let parent = self.parent(walk)?;
        let Last::Name(name) = parent.last else {
            return fail(Errno::Exist, parent.dir);
        };
        match self.lookup_one(walk, parent.dir, name)? {
            Some(node) => return fail(Errno::Exist, node),
            None if parent.slash && !directory => return fail(Errno::NoEnt, parent.dir),
            None => {}
        }
        self.mnt_want_write(parent.dir)?;
        Ok(parent.dir)
    }

    /// `may_create`.
    pub(super) fn may_create(self, dir: NodeId) -> Decision {
        self.inode_permission(dir, Perms::W.or(Perms::X), Purpose::Parent)
    }
}
