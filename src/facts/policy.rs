//! What security modules and file servers answer when they are asked what they grant: asking changes nothing and is not
//! logged.

use std::collections::BTreeMap;

use super::{Fact, NodeId, Perms};

/// The answers about one subject and the objects of one attempt, as far as they were asked for. What is missing here is
/// known neither to be granted nor to be refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// AppArmor's, by the label and the names that its rules are matched against.
    pub profiles: Vec<ProfileAnswer>,
    /// SELinux's, by subject, object and class.
    pub vectors: Vec<AccessVector>,
    /// Where SELinux refuses: what its policy would grant otherwise.
    pub labels: Option<Labels>,
    /// The file server's, where it can be asked as the subject (faccessat(2) on NFS).
    pub served: BTreeMap<NodeId, Perms>,
}

/// What an AppArmor label grants on one name (`/sys/kernel/security/apparmor/.access`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileAnswer {
    /// The label, without its mode: `/usr/sbin/app`.
    pub label: String,
    /// The name: a path, with a slash at the end for a directory.
    pub name: Vec<u8>,
    /// What the rules grant.
    pub granted: ProfilePerms,
    /// What a `deny` rule takes away, whatever other rules grant.
    pub denied: ProfilePerms,
}

/// Permissions of AppArmor's file rules, by their letters (apparmor.d(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ProfilePerms(u32);

impl ProfilePerms {
    /// None.
    pub const NONE: ProfilePerms = ProfilePerms(0);
    /// `r`
    pub const READ: ProfilePerms = ProfilePerms(4);
    /// `w`: writing, creating, deleting, changing mode and owner.
    pub const WRITE: ProfilePerms = ProfilePerms(2);
    /// `a`: appending. Part of `w`.
    pub const APPEND: ProfilePerms = ProfilePerms(8);
    /// `x`
    pub const EXEC: ProfilePerms = ProfilePerms(1);
    /// `k`: locking.
    pub const LOCK: ProfilePerms = ProfilePerms(0x8000);
    /// `l`: making a hard link of this name.
    pub const LINK: ProfilePerms = ProfilePerms(0x4_0000);

    /// The bits of the kernel's answer that rules have letters for (security/apparmor/include/perms.h).
    #[must_use]
    pub const fn from_kernel(bits: u32) -> ProfilePerms {
        let append = if bits & 2 != 0 { 8 } else { 0 };
        ProfilePerms((bits | append) & 0x4_800f)
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: ProfilePerms) -> ProfilePerms {
        ProfilePerms(self.0 & other.0)
    }

    /// Those of either.
    #[must_use]
    pub const fn or(self, other: ProfilePerms) -> ProfilePerms {
        ProfilePerms(self.0 | other.0)
    }

    /// Those of this that are not in the other.
    #[must_use]
    pub const fn minus(self, other: ProfilePerms) -> ProfilePerms {
        ProfilePerms(self.0 & !other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The letters, as a rule has them: `rw`. Without `x`, which a rule cannot have by itself.
    #[must_use]
    pub fn letters(self) -> String {
        let write = !self.and(ProfilePerms::WRITE).is_empty();
        [
            (ProfilePerms::READ, "r"),
            (ProfilePerms::WRITE, "w"),
            (ProfilePerms::APPEND, if write { "" } else { "a" }),
            (ProfilePerms::LOCK, "k"),
            (ProfilePerms::LINK, "l"),
        ]
        .into_iter()
        .filter(|(perm, _)| !self.and(*perm).is_empty())
        .map(|(_, letter)| letter)
        .collect()
    }
}

/// What SELinux's policy grants one label on another (`/sys/fs/selinux/access`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessVector {
    /// The subject's label.
    pub source: String,
    /// The object's.
    pub target: String,
    /// The object's class: `file`, `dir`.
    pub class: &'static str,
    /// The permissions that were asked for and are not granted.
    pub refused: Vec<&'static str>,
    /// Whether the subject's domain is permissive: then nothing is refused.
    pub permissive: bool,
}

/// What SELinux's policy has for an object that it refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The object; `None` for a port.
    pub node: Option<NodeId>,
    /// The label that the policy has for its path, as matchpathcon(8) tells; `None` where it has none.
    pub expected: Fact<Option<String>>,
    /// Types of the subject's own kind on which what was asked for is granted, the expected one first.
    pub granted: Vec<String>,
    /// The subject's own level (`s0:c1,c2`), where the object's is all that keeps it away.
    pub level: Option<String>,
    /// Whether the object's type is one that the policy made for the subject's domain: what it may do with it is meant so.
    pub is_own_type: bool,
    /// Booleans of the policy that are off and made for this (booleans(8)).
    pub booleans: Vec<String>,
}
