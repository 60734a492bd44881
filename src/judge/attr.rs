//! chmod(2), chown(2), utimensat(2) (fs/open.c, fs/utimes.c, fs/attr.c).

use super::access::Purpose;
use super::{Code, Decision, Errno, Inode, Kernel, Kind, NodeId, Perms, Rule, Walk, fail};
use crate::attempt::{ANY_GROUP, Capability};

/// The set-user-ID, set-group-ID and sticky bits.
const SPECIAL_BITS: u32 = 0o7000;

impl<'a> Kernel<'a> {
    /// `do_fchmodat`.
    pub(super) fn chmod(self, walk: &'a Walk, mode: Option<u32>) -> Decision {
        let node = self.lookup(walk, true, false)?;
        self.mnt_want_write(node)?;
        self.file_system_admits(node)?;
        self.may_setattr(node)?;
        self.ids_known(node)?;
        self.owner_only(node)?;
        match mode.is_some_and(|mode| mode & SPECIAL_BITS != 0) {
            true => self.file_system_keeps(node),
            false => Ok(()),
        }
    }

    /// `do_fchownat`, `chown_common`. If both ids are `None`, the new owner is unknown.
    pub(super) fn chown(self, walk: &'a Walk, uid: Option<u32>, gid: Option<u32>) -> Decision {
        let node = self.lookup(walk, true, false)?;
        self.mnt_want_write(node)?;
        let (users, groups) = (&self.subject.uid_map, &self.subject.gid_map);
        let is_unmapped = |gid: u32| gid != ANY_GROUP && !groups.maps(gid);
        if uid.is_some_and(|uid| !users.maps(uid)) || gid.is_some_and(is_unmapped) {
            return fail(Errno::Inval, node);
        }
        self.file_system_admits(node)?;
        self.may_setattr(node)?;
        if uid.is_none() || gid.is_none() {
            self.ids_known(node)?;
        }
        let inode = self.inode(node)?;
        if gid.is_none() || uid.is_some() {
            self.chown_ok(node, uid.filter(|uid| *uid == inode.uid))?;
        }
        if let Some(gid) = gid {
            self.chgrp_ok(node, gid)?;
        }
        if self.drops_set_id(inode) {
            self.owner_only(node)?;
        }
        self.file_system_keeps(node)
    }

    /// `do_utimensat`.
    pub(super) fn utimensat(self, walk: &'a Walk, now: bool) -> Decision {
        let node = self.lookup(walk, true, false)?;
        self.mnt_want_write(node)?;
        self.file_system_admits(node)?;
        if !now {
            self.may_setattr(node)?;
            self.ids_known(node)?;
            return match self.file_system_lets_set_times(node)? {
                true => Ok(()),
                false => self.owner_only(node),
            };
        }
        // The ATTR_TOUCH branch of may_setattr.
        self.not_immutable(node)?;
        if !self.is_owner_or_capable(self.inode(node)?) {
            self.inode_permission(node, Perms::W, Purpose::Object)?;
        }
        self.ids_known(node)
    }

    /// The part of `notify_change` that refuses files whose owner or group has no mapping on an idmapped mount (EOVERFLOW).
    /// Whether the new owner has a mapping is not visible.
    fn ids_known(self, node: NodeId) -> Decision {
        match self.has_unmapped_id(node)? {
            true => fail(Errno::Overflow, node),
            false => Ok(()),
        }
    }

    /// `may_setattr`, except for setting the current time.
    fn may_setattr(self, node: NodeId) -> Decision {
        self.not_immutable(node)?;
        self.not_append_only(node)
    }

    /// `chown_ok`: whether the owner may be set to `same` (the present owner), or to another one for `None`.
    fn chown_ok(self, node: NodeId, same: Option<u32>) -> Decision {
        let inode = self.inode(node)?;
        let own = inode.uid == self.subject.uid;
        if (own && same.is_some()) || self.capable_wrt_inode(inode, Capability::Chown) {
            return Ok(());
        }
        self.refuse_chown(node)
    }

    /// `chgrp_ok`: the owner may set the group to one that it is a member of.
    fn chgrp_ok(self, node: NodeId, gid: u32) -> Decision {
        let inode = self.inode(node)?;
        let own = inode.uid == self.subject.uid;
        if own && (gid == inode.gid || self.subject.in_group(gid)) {
            return Ok(());
        }
        if self.capable_wrt_inode(inode, Capability::Chown) {
            return Ok(());
        }
        let database = self.subject.database_groups.as_ref();
        if own && database.is_ok_and(|groups| groups.contains(&gid)) {
            let rule = Rule::GroupNotActive {
                gid,
                wanted: Perms::NONE,
            };
            return super::deny(
                Errno::Perm,
                Code::GroupNotActive,
                super::Obstacle::Node(node),
                rule,
            );
        }
        self.refuse_chown(node)
    }

    fn refuse_chown(self, node: NodeId) -> Decision {
        let needs = Rule::Needs(Capability::Chown);
        self.refuse_without(Capability::Chown, node, Code::ChownNotPermitted, needs)
    }

    /// Whether a new owner costs the file its set-user-ID or set-group-ID bit, which makes the call a change of mode as well
    /// (`setattr_should_drop_sgid`).
    fn drops_set_id(self, inode: &Inode) -> bool {
        if inode.kind == Kind::Directory {
            return false;
        }
        let belongs = || {
            self.subject.in_group(inode.gid) || self.capable_wrt_inode(inode, Capability::Fsetid)
        };
        let drops_group = inode.mode & 0o2000 != 0 && (inode.mode & 0o010 != 0 || !belongs());
        inode.mode & 0o4000 != 0 || drops_group
    }
}
