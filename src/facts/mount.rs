//! Mounts (mount_namespaces(7), proc_pid_mountinfo(5)).

/// One mount of the subject's mount namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mount {
    /// The mount id of statx(2) and mountinfo.
    pub id: u64,
    /// The directory of the file system that is mounted (`/` unless it is a bind mount or a subvolume).
    pub root: Vec<u8>,
    /// Where it is mounted.
    pub point: Vec<u8>,
    /// The file system type (`ext4`, `fuse.sshfs`).
    pub fs_type: String,
    /// The source, as the file system names it.
    pub source: Vec<u8>,
    /// The options of this mount.
    pub flags: MountFlags,
    /// Whether the file system itself (the superblock) is read-only.
    pub super_read_only: bool,
    /// The options of the superblock, as mountinfo shows them: `("uid", Some("1000"))`, `("allow_other", None)`.
    pub super_options: Vec<(String, Option<String>)>,
    /// Why no remount makes it writable, where that is known.
    pub unwritable: Option<Unwritable>,
}

/// What keeps a file system read-only, whatever the options of its mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unwritable {
    /// The block device is write-protected.
    Device,
    /// The file system gave up writing after an error.
    Error,
}

/// The options of one mount that refuse (mount(8)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[allow(clippy::struct_excessive_bools)]
pub struct MountFlags {
    /// Nothing can be written.
    pub read_only: bool,
    /// Programs cannot be run.
    pub noexec: bool,
    /// Set-user-ID, set-group-ID and file capabilities have no effect.
    pub nosuid: bool,
    /// Device nodes cannot be opened.
    pub nodev: bool,
    /// Symlinks are not followed.
    pub nosymfollow: bool,
    /// Owners are mapped (mount_setattr(2) with MOUNT_ATTR_IDMAP): those without a mapping show as 65534.
    pub idmapped: bool,
}

impl Mount {
    /// The value of a superblock option; `Some(None)` where it stands without a value.
    #[must_use]
    pub fn super_option(&self, name: &str) -> Option<Option<&str>> {
        self.super_options
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_deref())
    }
}
