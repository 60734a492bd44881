//! Whether the permission bits and the ACL of an inode grant a permission (fs/namei.c, fs/posix_acl.c).

use super::{
    Class, Code, Decision, Errno, Inode, Kernel, Kind, NodeId, Obstacle, Perms, Rule, deny,
};
use crate::attempt::{Capability, Subject};
use crate::facts::{Acl, Entry, Fact, Facts, Tag};

/// What a permission is needed for; it determines the code of a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To look up a name in a directory.
    Search,
    /// To add, remove or rename entries of a directory.
    Parent,
    /// To run a file.
    Run,
    /// To use the object itself.
    Object,
}

/// One check of permission bits and ACL.
struct Check<'a> {
    kernel: Kernel<'a>,
    node: NodeId,
    inode: &'a Inode,
    wanted: Perms,
    /// A group to treat as if the subject were a member, to see whether that would help.
    joined: Option<u32>,
}

/// `None` if the permission is granted, else the rule that refuses it.
type Grant = Option<Rule>;

impl<'a> Kernel<'a> {
    /// `inode_permission`.
    pub(super) fn inode_permission(
        self,
        node: NodeId,
        wanted: Perms,
        purpose: Purpose,
    ) -> Decision {
        if self.node(node).inode.is_err() {
            self.file_system_admits(node)?;
        }
        if wanted.contains(Perms::W) {
            self.sb_permission(node)?;
            self.not_immutable(node)?;
            if self.has_unmapped_id(node)? {
                return deny(
                    Errno::Acces,
                    Code::UnmappedOwner,
                    Obstacle::Node(node),
                    Rule::Unmapped,
                );
            }
        }
        self.file_system_admits(node)?;
        self.may_enter_process(node)?;
        if self.file_system_decides(node) {
            return Ok(());
        }
        self.generic_permission(node, wanted, purpose)
    }

    /// `generic_permission`: first permission bits and ACL, then the capabilities that override them.
    fn generic_permission(self, node: NodeId, wanted: Perms, purpose: Purpose) -> Decision {
        let inode = self.inode(node)?;
        let check = Check {
            kernel: self,
            node,
            inode,
            wanted,
            joined: None,
        };
        let granted = check.acl_permission_check();
        let overridden = !self.sysctl_file(node) && self.overrides(inode, wanted);
        if matches!(granted, Ok(None)) || overridden {
            return Ok(());
        }
        match granted? {
            None => Ok(()),
            Some(rule) => check.refuse(rule, purpose),
        }
    }

    /// The second half of `generic_permission`: whether a capability overrides the refusal.
    fn overrides(self, inode: &Inode, wanted: Perms) -> bool {
        let reads_only = match inode.kind {
            Kind::Directory => !wanted.contains(Perms::W),
            _ => wanted == Perms::R,
        };
        (reads_only && self.capable_wrt_inode(inode, Capability::DacReadSearch))
            || (may_be_overridden(inode, wanted)
                && self.capable_wrt_inode(inode, Capability::DacOverride))
    }
}

/// The permissions that the subject has on the node: each one that `acl_permission_check` would grant on its own, disregarding
/// capabilities and everything else. `None` if mode, owner or ACL are unknown.
#[must_use]
pub fn held(subject: &Subject, node: NodeId, facts: &Facts) -> Option<Perms> {
    let kernel = Kernel { subject, facts };
    let inode = facts.node(node).inode.as_ref().ok()?;
    let mut held = Perms::NONE;
    for wanted in [Perms::R, Perms::W, Perms::X] {
        let check = Check {
            kernel,
            node,
            inode,
            wanted,
            joined: None,
        };
        if check.acl_permission_check().ok()?.is_none() {
            held = held.or(wanted);
        }
    }
    Some(held)
}

impl<'a> Check<'a> {
    /// `acl_permission_check`.
    fn acl_permission_check(&self) -> Fact<Grant> {
        let Inode { uid, gid, .. } = *self.inode;
        if self.kernel.sysctl_file(self.node) {
            return Ok(self.sysctl_permission());
        }
        if uid == self.kernel.subject.uid {
            return Ok(self.class(Class::Owner));
        }
        // If the mask (the group bits) is empty, the kernel does not even read the ACL.
        if !self.inode.group_bits().is_empty()
            && let Some(acl) = self
                .kernel
                .node(self.node)
                .acl
                .as_ref()
                .map_err(Clone::clone)?
        {
            return Ok(self.posix_acl_permission(acl));
        }
        Ok(match self.in_group(gid) {
            true => self.class(Class::Group),
            false => self.class(Class::Other),
        })
    }

    /// `posix_acl_permission`, without the owner's entry.
    fn posix_acl_permission(&self, acl: &Acl) -> Grant {
        let uid = self.kernel.subject.uid;
        let named = acl.entries.iter().find(|entry| entry.tag == Tag::User(uid));
        if let Some(entry) = named {
            return self.masked(*entry, acl.mask());
        }
        let groups: Vec<&Entry> = acl
            .entries
            .iter()
            .filter(|entry| self.is_for_group(entry))
            .collect();
        if let Some(entry) = groups
            .iter()
            .find(|entry| entry.perms.contains(self.wanted))
        {
            return self.masked(**entry, acl.mask());
        }
        let most = |entry: &&&Entry| entry.perms.and(self.wanted).bits().count_ones();
        match groups.iter().max_by_key(most) {
            Some(entry) => Some(Rule::Entry {
                entry: **entry,
                mask: None,
                wanted: self.wanted,
            }),
            None => self.class(Class::Other),
        }
    }

    /// Checks an entry, limited by the mask.
    fn masked(&self, entry: Entry, mask: Perms) -> Grant {
        if entry.perms.and(mask).contains(self.wanted) {
            return None;
        }
        let mask = entry.perms.contains(self.wanted).then_some(mask);
        Some(Rule::Entry {
            entry,
            mask,
            wanted: self.wanted,
        })
    }

    /// Checks the permission bits of one class.
    fn class(&self, class: Class) -> Grant {
        let granted = match class {
            Class::Owner => self.inode.owner_bits(),
            Class::Group => self.inode.group_bits(),
            Class::Other => self.inode.other_bits(),
        };
        let wanted = self.wanted;
        (!granted.contains(wanted)).then_some(Rule::Class {
            class,
            granted,
            wanted,
        })
    }

    /// `test_perm` of fs/proc/proc_sysctl.c: /proc/sys distinguishes root, root's group and others, and ignores capabilities.
    fn sysctl_permission(&self) -> Grant {
        self.class(match self.kernel.subject.uid {
            0 => Class::Owner,
            _ if self.in_group(0) => Class::Group,
            _ => Class::Other,
        })
    }

    fn is_for_group(&self, entry: &Entry) -> bool {
        match entry.tag {
            Tag::OwningGroup => self.in_group(self.inode.gid),
            Tag::Group(gid) => self.in_group(gid),
            _ => false,
        }
    }

    /// `vfsgid_in_group_p`.
    fn in_group(&self, gid: u32) -> bool {
        self.kernel.subject.in_group(gid) || self.joined == Some(gid)
    }

    /// Refuses, with the most helpful code of those that apply.
    fn refuse(&self, rule: Rule, purpose: Purpose) -> Decision {
        let (kernel, wanted) = (self.kernel, self.wanted);
        if let Some(gid) = self.inactive_group() {
            let rule = Rule::GroupNotActive { gid, wanted };
            return self.deny(Code::GroupNotActive, rule);
        }
        if may_be_overridden(self.inode, wanted) && !kernel.sysctl_file(self.node) {
            if kernel.subject.has(Capability::DacOverride) {
                return self.deny(Code::UnmappedOwner, Rule::Unmapped);
            }
            if kernel.subject.uid == 0 {
                return self.deny(
                    Code::MissingCapability,
                    Rule::Needs(Capability::DacOverride),
                );
            }
        }
        if kernel.keeps_no_owners(self.node) {
            return self.deny(Code::FsWithoutPermissions, rule);
        }
        let rule = self.masked_away().unwrap_or(rule);
        let code = match (purpose, &rule) {
            (Purpose::Search, _) => Code::DirNotSearchable,
            (Purpose::Parent, _) => Code::ParentNotWritable,
            (_, Rule::Entry { mask: Some(_), .. }) => Code::AclMaskDenies,
            (_, Rule::Entry { mask: None, .. }) => Code::AclDenies,
            (Purpose::Run, _) => Code::NotExecutable,
            (Purpose::Object, _) => Code::ModeDenies,
        };
        self.deny(code, rule)
    }

    fn deny(&self, code: Code, rule: Rule) -> Decision {
        deny(Errno::Acces, code, Obstacle::Node(self.node), rule)
    }

    /// A group that the user database lists for the subject, that its process lacks, and that would be granted the permission.
    fn inactive_group(&self) -> Option<u32> {
        let groups = self.kernel.subject.database_groups.as_ref().ok()?;
        let grants = |gid: u32| {
            let joined = Check {
                joined: Some(gid),
                ..*self
            };
            matches!(joined.acl_permission_check(), Ok(None))
        };
        let mut groups = groups.iter().copied();
        groups.find(|&gid| !self.kernel.subject.in_group(gid) && grants(gid))
    }

    /// The ACL entry that would apply to the subject if the mask were not empty, in which case the kernel ignores the whole
    /// ACL.
    fn masked_away(&self) -> Option<Rule> {
        let owner = self.inode.uid == self.kernel.subject.uid;
        if owner || !self.inode.group_bits().is_empty() {
            return None;
        }
        let acl = self.kernel.node(self.node).acl.as_ref().ok()?.as_ref()?;
        match self.posix_acl_permission(acl) {
            Some(rule @ Rule::Entry { mask: Some(_), .. }) => Some(rule),
            _ => None,
        }
    }
}

/// Whether CAP_DAC_OVERRIDE would help. It always does, except for executing a file without any execute bit.
fn may_be_overridden(inode: &Inode, wanted: Perms) -> bool {
    inode.kind == Kind::Directory || !wanted.contains(Perms::X) || inode.mode & 0o111 != 0
}
