//! Properties of file system types, by the names that mountinfo gives them, in one table.

use super::Mount;

/// What a file system type lacks, or leaves to somebody else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trait {
    /// Stores no Unix owners and modes: they are made up by mount options or by the host.
    NoOwners,
    /// A server or the host decides about access, whatever modes it shows.
    Served,
    /// Only regular files and directories can be created.
    NoLinks,
    /// Stores no POSIX ACLs.
    NoAcls,
    /// Stores no SELinux labels: one label applies to the whole mount.
    NoLabels,
    /// The kernel determines its names: nobody can create, remove or rename one.
    Fixed,
}
use Trait::{Fixed, NoAcls, NoLabels, NoLinks, NoOwners, Served};

const KINDS: &[(&str, &[Trait])] = &[
    ("9p", &[NoOwners, Served, NoAcls, NoLabels]),
    ("afs", &[Served]),
    ("autofs", &[NoAcls]),
    ("ceph", &[Served]),
    ("cgroup", &[NoAcls]),
    ("cgroup2", &[NoAcls]),
    ("cifs", &[NoOwners, Served, NoAcls, NoLabels]),
    ("configfs", &[NoAcls]),
    ("debugfs", &[NoAcls, Fixed]),
    ("devpts", &[NoAcls]),
    ("drvfs", &[NoOwners, Served, NoAcls]),
    ("exfat", &[NoOwners, NoLinks, NoAcls, NoLabels]),
    ("fuse.sshfs", &[Served]),
    ("fuseblk", &[NoOwners, NoAcls, NoLabels]),
    ("hfsplus", &[NoAcls, NoLabels]),
    ("iso9660", &[NoAcls, NoLabels]),
    ("mqueue", &[NoAcls]),
    ("msdos", &[NoOwners, NoLinks, NoAcls, NoLabels]),
    ("nfs", &[Served, NoLabels]),
    ("nfs4", &[Served, NoAcls, NoLabels]),
    ("ntfs", &[NoOwners, NoAcls, NoLabels]),
    ("ntfs3", &[NoOwners, NoLabels]),
    ("prl_fs", &[Served]),
    ("proc", &[NoAcls, Fixed]),
    ("ramfs", &[NoAcls]),
    ("securityfs", &[NoAcls, Fixed]),
    ("smb3", &[NoOwners, Served, NoAcls, NoLabels]),
    ("smbfs", &[NoOwners, Served]),
    ("squashfs", &[NoAcls]),
    ("sysfs", &[NoAcls, Fixed]),
    ("tracefs", &[NoAcls]),
    ("udf", &[NoLabels]),
    ("umsdos", &[NoOwners, NoLinks]),
    ("vboxsf", &[Served]),
    ("vfat", &[NoOwners, NoLinks, NoAcls, NoLabels]),
    ("virtiofs", &[Served]),
    ("vmhgfs", &[Served]),
];

impl Mount {
    fn has(&self, wanted: Trait) -> bool {
        let known = KINDS.iter().find(|(name, _)| *name == self.fs_type);
        known.is_some_and(|(_, traits)| traits.contains(&wanted))
    }

    /// Whether file systems of this type store no Unix owners and modes. Mount options may still make them store some.
    #[must_use]
    pub fn is_without_owners(&self) -> bool {
        self.has(NoOwners)
    }

    /// Whether a server or the host decides about access by rules of its own.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.has(Served)
    }

    /// Whether only regular files and directories can be created on it.
    #[must_use]
    pub fn is_without_links(&self) -> bool {
        self.has(NoLinks)
    }

    /// Whether the kernel determines all names on it, so that none can be created, removed or renamed.
    #[must_use]
    pub fn has_fixed_names(&self) -> bool {
        self.has(Fixed)
    }

    /// Whether POSIX ACLs can be stored on it, as far as type and options tell.
    #[must_use]
    pub fn keeps_acls(&self) -> bool {
        !(self.has(NoAcls)
            // To the kernel, their entries are mere attributes.
            || self.is_fuse()
            || self.super_option("noacl").is_some())
    }

    /// Whether each file on it has an SELinux label of its own.
    #[must_use]
    pub fn keeps_labels(&self) -> bool {
        !self.has(NoLabels)
    }

    /// Whether it is a FUSE mount (`fuse`, `fuse.sshfs`, `fuseblk`).
    #[must_use]
    pub fn is_fuse(&self) -> bool {
        self.fs_type == "fuse" || self.fs_type == "fuseblk" || self.fs_type.starts_with("fuse.")
    }

    /// Whether it is an NFS mount.
    #[must_use]
    pub fn is_nfs(&self) -> bool {
        matches!(self.fs_type.as_str(), "nfs" | "nfs4")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_named_once_in_order() {
        assert!(KINDS.is_sorted_by(|(one, _), (other, _)| one < other));
    }
}
