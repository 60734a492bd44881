//! The options of a mount that decide what is refused on it.

/// A mount option that makes the kernel refuse something, or its opposite (mount(8)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum MountOption {
    Rw,
    Ro,
    Exec,
    Noexec,
    Dev,
    Nodev,
    Symfollow,
    Nosymfollow,
}

impl MountOption {
    /// The option as mount(8) writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            MountOption::Rw => "rw",
            MountOption::Ro => "ro",
            MountOption::Exec => "exec",
            MountOption::Noexec => "noexec",
            MountOption::Dev => "dev",
            MountOption::Nodev => "nodev",
            MountOption::Symfollow => "symfollow",
            MountOption::Nosymfollow => "nosymfollow",
        }
    }

    /// The option that reverts this one.
    #[must_use]
    pub const fn opposite(self) -> MountOption {
        match self {
            MountOption::Rw => MountOption::Ro,
            MountOption::Ro => MountOption::Rw,
            MountOption::Exec => MountOption::Noexec,
            MountOption::Noexec => MountOption::Exec,
            MountOption::Dev => MountOption::Nodev,
            MountOption::Nodev => MountOption::Dev,
            MountOption::Symfollow => MountOption::Nosymfollow,
            MountOption::Nosymfollow => MountOption::Symfollow,
        }
    }
}
