//! The causes by name: a single list, from which codes, pages, descriptions and remedies are derived.

/// Passes the list to another macro. Each line holds the variant, the module of [`cause`](crate::cause) that implements it, the
/// fixed name, and the reason in one line.
macro_rules! with_codes {
    ($callback:ident) => {
        $callback! {
            DirNotSearchable dir_not_searchable "dir-not-searchable" "a directory on the way gives no search (x) permission",
            ModeDenies mode_denies "mode-denies" "the permission bits lack the needed r, w or x",
            AclDenies acl_denies "acl-denies" "a POSIX ACL entry lacks the bit",
            AclMaskDenies acl_mask_denies "acl-mask-denies" "the ACL entry grants the bit, the ACL's mask takes it away",
            ParentNotWritable parent_not_writable "parent-not-writable" "creating, deleting or renaming needs write on the parent directory",
            StickyDirectory sticky_directory "sticky-directory" "only the file's or the directory's owner may delete or rename there",
            NotOwner not_owner "not-owner" "only the owner may do this",
            ChownNotPermitted chown_not_permitted "chown-not-permitted" "only a privileged process may give a file away",
            NotExecutable not_executable "not-executable" "a file to be run has no execute bit for the subject",
            InterpreterDenied interpreter_denied "interpreter-denied" "the script's interpreter or the ELF loader is what cannot be run",
            GroupNotActive group_not_active "group-not-active" "the user is in the group that has access, this process is not",
            ReadOnlyMount read_only_mount "read-only-mount" "the mount is read-only",
            NoexecMount noexec_mount "noexec-mount" "the mount forbids running programs",
            NodevMount nodev_mount "nodev-mount" "the mount forbids opening device nodes",
            ImmutableFile immutable_file "immutable-file" "the inode has the immutable flag",
            AppendOnlyFile append_only_file "append-only-file" "the inode has the append-only flag",
            MissingCapability missing_capability "missing-capability" "the operation needs a capability that the process lacks",
            UnmappedOwner unmapped_owner "unmapped-owner" "the owner does not exist in this user namespace",
            ProtectedRegular protected_regular "protected-regular" "the fs.protected_regular hardening",
            ProtectedFifo protected_fifo "protected-fifo" "the fs.protected_fifos hardening",
            ProtectedHardlink protected_hardlink "protected-hardlink" "the fs.protected_hardlinks hardening",
            ProtectedSymlink protected_symlink "protected-symlink" "the fs.protected_symlinks hardening",
            PrivilegedPort privileged_port "privileged-port" "a port below net.ipv4.ip_unprivileged_port_start",
            LandlockDenies landlock_denies "landlock-denies" "a Landlock sandbox of the process",
            SeccompDenies seccomp_denies "seccomp-denies" "a seccomp filter of the process",
            SelinuxDenies selinux_denies "selinux-denies" "the SELinux policy",
            ApparmorDenies apparmor_denies "apparmor-denies" "an AppArmor profile",
            FuseOtherUser fuse_other_user "fuse-other-user" "a FUSE mount of another user without allow_other",
            NfsRootSquash nfs_root_squash "nfs-root-squash" "root on this machine is nobody on the NFS server",
            FsWithoutPermissions fs_without_permissions "fs-without-permissions" "the file system keeps no Unix owners; mount options or the host decide",
            ServerDenies server_denies "server-denies" "the file server decides by its own rules",
            LockdownDenies lockdown_denies "lockdown-denies" "the kernel's lockdown",
            SysctlRestricts sysctl_restricts "sysctl-restricts" "another kernel setting",
            LockedElsewhere locked_elsewhere "locked-elsewhere" "another process holds the file",
            ProgramPolicy program_policy "program-policy" "the program itself refuses: its own rule about a file's owner or mode is not met",
            NoNewPrivileges no_new_privileges "no-new-privileges" "set-user-ID and file capabilities have no effect in this process",
            DeviceCgroupDenies device_cgroup_denies "device-cgroup-denies" "the container's device cgroup leaves the device out",
            NeverPermitted never_permitted "never-permitted" "no subject may do this here",
            Unknown unknown "unknown" "a denial that none of the others explains",
        }
    };
}
pub(crate) use with_codes;

macro_rules! define {
    ($($variant:ident $module:ident $code:literal $because:literal,)*) => {
        /// A cause of a refusal, by the name that scripts rely on. The name states the obstacle, never the remedy.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum Code { $($variant,)* }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The name, which never changes: `dir-not-searchable`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $code,)* }
            }

            /// Completes "denies because ..." in one line.
            #[must_use]
            pub const fn because(self) -> &'static str {
                match self { $(Code::$variant => $because,)* }
            }
        }
    };
}

with_codes!(define);

impl Code {
    /// The code with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.name() == name)
    }
}
