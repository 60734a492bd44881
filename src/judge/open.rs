//! open(2) (`path_openat` of fs/namei.c, `do_dentry_open` of fs/open.c).

use super::access::Purpose;
use super::lookup::{Last, Lookup, Parent};
use super::{Code, Decision, Errno, Kernel, Kind, NodeId, Obstacle, Perms, Rule, Walk, deny, fail};
use crate::attempt::OpenHow;
use crate::facts::Hold;

impl<'a> Kernel<'a> {
    /// `path_openat`.
    pub(super) fn open(self, walk: &'a Walk, how: OpenHow) -> Decision {
        let mut lookup = Lookup::new(self, walk);
        let mut parent = lookup.parent()?;
        // build_open_flags: O_EXCL with O_CREAT implies O_NOFOLLOW.
        let mut follow = !(how.create && how.exclusive);
        let mut directory = false;
        loop {
            if let Last::Name(name) = parent.last {
                if how.create && parent.slash {
                    return fail(Errno::IsDir, parent.dir);
                }
                if parent.slash {
                    (follow, directory) = (true, true);
                }
                if how.create && self.lookup_one(walk, parent.dir, name)?.is_none() {
                    return self.may_o_create(parent.dir);
                }
            }
            let node = lookup.last(&parent)?;
            match lookup.trailing_link(&parent, node, follow)? {
                Some(next) => parent = next,
                None => return self.do_open(&parent, node, how, directory),
            }
        }
    }

    /// open(2) with O_RDONLY and O_DIRECTORY.
    pub(super) fn list(self, walk: &'a Walk) -> Decision {
        let node = self.lookup(walk, true, true)?;
        self.may_open(node, OpenHow::READ)
    }

    /// chdir(2), or the lookup of a name in the directory.
    pub(super) fn chdir(self, walk: &'a Walk) -> Decision {
        let node = self.lookup(walk, true, true)?;
        self.inode_permission(node, Perms::X, Purpose::Search)
    }

    /// `lookup_open` of a name that does not exist, and `may_o_create`.
    fn may_o_create(self, dir: NodeId) -> Decision {
        self.mnt_want_write(dir)?;
        self.inode_permission(dir, Perms::W.or(Perms::X), Purpose::Parent)?;
        self.names_can_change(dir, Errno::Acces)
    }

    /// `do_open`.
    fn do_open(self, parent: &Parent, node: NodeId, how: OpenHow, directory: bool) -> Decision {
        if how.create {
            if how.exclusive {
                return fail(Errno::Exist, node);
            }
            if self.is_dir(node)? {
                return fail(Errno::IsDir, node);
            }
            self.may_create_in_sticky(parent.dir, node)?;
        }
        if directory && !self.is_dir(node)? {
            return fail(Errno::NotDir, node);
        }
        if how.truncate && self.kind_to_open(node)? == Kind::Regular {
            self.mnt_want_write(node)?;
        }
        self.may_open(node, how)?;
        self.do_dentry_open(node, how)
    }

    /// The type of a file about to be opened. If it is unknown, the file system may already have refused.
    fn kind_to_open(self, node: NodeId) -> Decision<Kind> {
        if self.node(node).inode.is_err() {
            self.file_system_admits(node)?;
        }
        self.kind(node)
    }

    /// `may_create_in_sticky`: fs.protected_regular and fs.protected_fifos.
    fn may_create_in_sticky(self, dir: NodeId, node: NodeId) -> Decision {
        let (dir, inode) = (self.inode(dir)?, self.inode(node)?);
        if !dir.is_sticky() || inode.uid == dir.uid || inode.uid == self.subject.uid {
            return Ok(());
        }
        let (setting, code) = match inode.kind {
            Kind::Regular => (
                &self.facts.settings.protected_regular,
                Code::ProtectedRegular,
            ),
            Kind::Fifo => (&self.facts.settings.protected_fifos, Code::ProtectedFifo),
            // The settings exempt only the two types above; for other types this check always applies.
            _ if dir.other_bits().contains(Perms::W) => return self.never(Errno::Acces, node),
            _ => return Ok(()),
        };
        let by_all = dir.other_bits().contains(Perms::W);
        let by_group = dir.group_bits().contains(Perms::W);
        if !by_all && !by_group {
            return Ok(());
        }
        let level = setting.clone()?;
        if level >= 2 || (level == 1 && by_all) {
            return deny(Errno::Acces, code, Obstacle::Node(node), Rule::Flag);
        }
        Ok(())
    }

    /// `may_open`.
    fn may_open(self, node: NodeId, how: OpenHow) -> Decision {
        let changes = how.write || how.truncate;
        match self.kind_to_open(node)? {
            Kind::Symlink => return fail(Errno::Loop, node),
            Kind::Directory if changes => return fail(Errno::IsDir, node),
            Kind::Char | Kind::Block => self.may_open_dev(node)?,
            _ => {}
        }
        let read = if how.read { Perms::R } else { Perms::NONE };
        let write = if changes { Perms::W } else { Perms::NONE };
        self.inode_permission(node, read.or(write), Purpose::Object)?;
        let truncate = how.truncate && self.kind(node)? == Kind::Regular;
        if (how.write && !how.append) || truncate {
            self.not_append_only(node)?;
        }
        if how.noatime {
            self.owner_only(node)?;
        }
        Ok(())
    }

    /// `do_dentry_open`, and after it the file system's own checks.
    fn do_dentry_open(self, node: NodeId, how: OpenHow) -> Decision {
        let kind = self.kind(node)?;
        if kind == Kind::Socket {
            return fail(Errno::NxIo, node);
        }
        if how.write && matches!(kind, Kind::Regular | Kind::Directory) {
            self.not_held(node, Hold::Runs)?;
            self.mnt_want_write(node)?;
        }
        self.may_trace(node)?;
        self.may_see_memory(node)?;
        self.attribute_opens(node, how)?;
        if kind != Kind::Regular || !(how.write || how.truncate) {
            return Ok(());
        }
        let flags = self.flags(node)?;
        if flags.verity && how.write {
            return self.never(Errno::Perm, node);
        }
        if how.truncate && flags.swap {
            return self.never(Errno::TxtBsy, node);
        }
        if how.truncate && !how.write {
            self.not_held(node, Hold::Runs)?;
        }
        Ok(())
    }

    /// `get_write_access` and `deny_write_access`: a running program cannot be opened for writing, and a file open for writing
    /// cannot be executed.
    pub(super) fn not_held(self, node: NodeId, how: Hold) -> Decision {
        let is_object = self.facts.walk.target() == Some(node);
        if is_object && self.facts.holders.iter().any(|holder| holder.how == how) {
            return deny(
                Errno::TxtBsy,
                Code::LockedElsewhere,
                Obstacle::Node(node),
                Rule::Held,
            );
        }
        Ok(())
    }
}
