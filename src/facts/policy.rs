//! What security modules and file servers answer when they are asked what they would grant. Asking has no side effects and is
//! not logged.

use std::collections::BTreeMap;

use super::{Fact, NodeId, Perms};

/// The answers about one subject and the objects of one attempt. Anything missing here was not asked and is neither known to be
/// granted nor known to be refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// AppArmor's answers, by label and by the name that the rules are matched against.
    pub profiles: Vec<ProfileAnswer>,
    /// SELinux's answers, by subject, object and class.
    pub vectors: Vec<AccessVector>,
    /// The SELinux label of the port that is bound or connected to, if it could be asked for.
    pub port: Option<String>,
    /// If SELinux refuses: what its policy would grant instead.
    pub labels: Option<Labels>,
    /// The file server's answers, if it can be asked as the subject (faccessat(2) on NFS).
    pub served: BTreeMap<NodeId, Perms>,
}

/// What an AppArmor label grants for one name (`/sys/kernel/security/apparmor/.access`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileAnswer {
    /// The label, without its mode: `/usr/sbin/app`.
    pub label: String,
    /// The name: a path, with a trailing slash for a directory.
    pub name: Vec<u8>,
    /// The permissions that the rules grant.
    pub granted: ProfilePerms,
    /// The permissions that a `deny` rule withholds, whatever other rules grant.
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
    /// `w`: write, create, delete, change mode and owner.
    pub const WRITE: ProfilePerms = ProfilePerms(2);
    /// `a`: append. Included in `w`.
    pub const APPEND: ProfilePerms = ProfilePerms(8);
    /// `x`
    pub const EXEC: ProfilePerms = ProfilePerms(1);
    /// `k`: lock.
    pub const LOCK: ProfilePerms = ProfilePerms(0x8000);
    /// `l`: create a hard link with this name.
    pub const LINK: ProfilePerms = ProfilePerms(0x4_0000);

    /// The bits of the kernel's answer for which rules have letters (security/apparmor/include/perms.h).
    #[must_use]
    pub const fn from_kernel(bits: u32) -> ProfilePerms {
        let append = if bits & 2 != 0 { 8 } else { 0 };
        ProfilePerms((bits | append) & 0x4_800f)
    }

    /// The intersection of both sets.
    #[must_use]
    pub const fn and(self, other: ProfilePerms) -> ProfilePerms {
        ProfilePerms(self.0 & other.0)
    }

    /// The union of both sets.
    #[must_use]
    pub const fn or(self, other: ProfilePerms) -> ProfilePerms {
        ProfilePerms(self.0 | other.0)
    }

    /// The permissions of this set that are not in `other`.
    #[must_use]
    pub const fn minus(self, other: ProfilePerms) -> ProfilePerms {
        ProfilePerms(self.0 & !other.0)
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The letters, as in a rule: `rw`. `x` is left out, since a rule cannot have it without a transition mode.
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

/// What SELinux's policy grants one label for another (`/sys/fs/selinux/access`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessVector {
    /// The subject's label.
    pub source: String,
    /// The object's label.
    pub target: String,
    /// The object's class: `file`, `dir`.
    pub class: &'static str,
    /// The requested permissions that are not granted.
    pub refused: Vec<&'static str>,
    /// Whether the subject's domain is permissive: then SELinux logs but does not refuse.
    pub permissive: bool,
}

/// What SELinux's policy says about an object to which it refuses access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The object; `None` for a port.
    pub node: Option<NodeId>,
    /// The label that the policy specifies for the object's path, as matchpathcon(8) reports it; `None` if it specifies none.
    pub expected: Fact<Option<String>>,
    /// Types related to the subject's domain for which the policy grants the request, the expected one first.
    pub granted: Vec<String>,
    /// The subject's own level (`s0:c1,c2`), if the object's level alone is what refuses.
    pub level: Option<String>,
    /// Whether the policy defines the object's type for the subject's own domain. What the domain may do with such an object is
    /// then intended.
    pub is_own_type: bool,
    /// Booleans of the policy that are off and would allow the access (booleans(8)).
    pub booleans: Vec<String>,
}
