//! Mounts (mount_namespaces(7), proc_pid_mountinfo(5)).

/// One mount of the subject's mount namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mount {
    /// The mount id of statx(2) and mountinfo.
    pub id: u64,
    /// The directory of the file system that is mounted: `/`, except for a bind mount or a subvolume.
    pub root: Vec<u8>,
    /// The mount point.
    pub point: Vec<u8>,
    /// Another path of the mounted directory, if this is a bind mount and its file system is also mounted elsewhere.
    pub origin: Option<Vec<u8>>,
    /// The file system type (`ext4`, `fuse.sshfs`).
    pub fs_type: String,
    /// The source, in the notation of the file system (a device, `server:/export`).
    pub source: Vec<u8>,
    /// The per-mount options.
    pub flags: MountFlags,
    /// Whether the file system itself (the superblock) is read-only.
    pub super_read_only: bool,
    /// The options of the superblock, as mountinfo shows them: `("uid", Some("1000"))`, `("allow_other", None)`.
    pub super_options: Vec<(String, Option<String>)>,
    /// Why no remount can make it writable, if such a reason is known.
    pub unwritable: Option<Unwritable>,
}

/// What keeps a file system read-only regardless of mount options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unwritable {
    /// The block device is write-protected.
    Device,
    /// The file system went read-only after an error.
    Error,
    /// A setting of the service's unit; the mount's source names it.
    Unit,
}

/// The per-mount options that make the kernel refuse something (mount(8)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[allow(clippy::struct_excessive_bools)]
pub struct MountFlags {
    /// Nothing on it can be written or changed.
    pub read_only: bool,
    /// Programs on it cannot be executed.
    pub noexec: bool,
    /// Set-user-ID, set-group-ID and file capabilities have no effect.
    pub nosuid: bool,
    /// Device nodes on it cannot be opened.
    pub nodev: bool,
    /// Symlinks on it are not followed.
    pub nosymfollow: bool,
    /// Owners are mapped (mount_setattr(2) with MOUNT_ATTR_IDMAP); an id without a mapping appears as 65534.
    pub idmapped: bool,
}

impl Mount {
    /// The value of a superblock option: `None` if the option is not set, `Some(None)` if it is set without a value.
    #[must_use]
    pub fn super_option(&self, name: &str) -> Option<Option<&str>> {
        self.super_options
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_deref())
    }
}
