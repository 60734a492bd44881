//! The causes: one obstacle a file, with its evidence, its words, its candidate changes and its page.
#![forbid(unsafe_code)]

mod denial;

pub use denial::{Certainty, Class, Denial, Obstacle, Rule};

macro_rules! codes {
    ($($variant:ident $code:literal $because:literal,)*) => {
        /// What denies, by the name that scripts rely on. A name says the obstacle, never the remedy.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum Code { $($variant,)* }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The fixed name: `dir-not-searchable`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $code,)* }
            }

            /// "Denies because ..." in one line.
            #[must_use]
            pub const fn because(self) -> &'static str {
                match self { $(Code::$variant => $because,)* }
            }

            /// The page that explains it, in Markdown.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self { $(Code::$variant => include_str!(concat!("cause/", $code, ".md")),)* }
            }
        }
    };
}

codes! {
    DirNotSearchable "dir-not-searchable" "a directory on the way gives no search (x) permission",
    ModeDenies "mode-denies" "the permission bits lack the needed r, w or x",
    AclDenies "acl-denies" "a POSIX ACL entry lacks the bit",
    AclMaskDenies "acl-mask-denies" "the ACL entry grants the bit, the ACL's mask takes it away",
    ParentNotWritable "parent-not-writable" "creating, deleting or renaming needs write on the parent directory",
    StickyDirectory "sticky-directory" "only the file's or the directory's owner may delete or rename there",
    NotOwner "not-owner" "only the owner may do this",
    ChownNotPermitted "chown-not-permitted" "only a privileged process may give a file away",
    NotExecutable "not-executable" "a file to be run has no execute bit for the subject",
    InterpreterDenied "interpreter-denied" "the script's interpreter or the ELF loader is what cannot be run",
    GroupNotActive "group-not-active" "the user is in the group that has access, this process is not",
    ReadOnlyMount "read-only-mount" "the mount is read-only",
    NoexecMount "noexec-mount" "the mount forbids running programs",
    NodevMount "nodev-mount" "the mount forbids opening device nodes",
    ImmutableFile "immutable-file" "the inode has the immutable flag",
    AppendOnlyFile "append-only-file" "the inode has the append-only flag",
    MissingCapability "missing-capability" "the operation needs a capability that the process lacks",
    UnmappedOwner "unmapped-owner" "the owner does not exist in this user namespace",
    ProtectedRegular "protected-regular" "the fs.protected_regular hardening",
    ProtectedFifo "protected-fifo" "the fs.protected_fifos hardening",
    ProtectedHardlink "protected-hardlink" "the fs.protected_hardlinks hardening",
    ProtectedSymlink "protected-symlink" "the fs.protected_symlinks hardening",
    PrivilegedPort "privileged-port" "a port below net.ipv4.ip_unprivileged_port_start",
    LandlockDenies "landlock-denies" "a Landlock sandbox of the process",
    SeccompDenies "seccomp-denies" "a seccomp filter of the process",
    SelinuxDenies "selinux-denies" "the SELinux policy",
    ApparmorDenies "apparmor-denies" "an AppArmor profile",
    FuseOtherUser "fuse-other-user" "a FUSE mount of another user without allow_other",
    NfsRootSquash "nfs-root-squash" "root on this machine is nobody on the NFS server",
    FsWithoutPermissions "fs-without-permissions" "the file system keeps no Unix owners; mount options or the host decide",
    SysctlRestricts "sysctl-restricts" "another kernel setting",
    LockedElsewhere "locked-elsewhere" "another process holds the file",
    NeverPermitted "never-permitted" "no subject may do this here",
    Unknown "unknown" "a denial that none of the others explains",
}

impl Code {
    /// The code of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.name() == name)
    }
}
