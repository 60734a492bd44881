//! Who tries: a process's credentials, as the kernel holds them (credentials(7), capabilities(7)).

use serde::{Deserialize, Serialize};

use super::Label;
use super::{Fact, UnknownFact};

/// A process's credentials at the time of the attempt. Ids are those of the observer's (permwrap's) user namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The process id, if the subject is a process.
    pub pid: Option<i32>,
    /// The user id that access to files is checked against: the file-system uid, nearly always equal to the effective one.
    pub uid: u32,
    /// The group id that access to files is checked against: the file-system gid.
    pub gid: u32,
    /// The real uid, which access(2) and kill(2) check.
    pub real_uid: u32,
    /// The supplementary groups.
    pub groups: Vec<u32>,
    /// The effective capabilities; they apply within the subject's user namespace.
    pub capabilities: CapabilitySet,
    /// The bounding set: the capabilities that executing a program can grant at most.
    pub bounding: CapabilitySet,
    /// Which of the observer's user ids are mapped into the subject's user namespace.
    pub uid_map: IdMap,
    /// Which of the observer's group ids are mapped into the subject's user namespace.
    pub gid_map: IdMap,
    /// Whether the subject lives in the initial user namespace, as far as that is visible.
    pub initial_user_ns: bool,
    /// Whether PR_SET_NO_NEW_PRIVS is set.
    pub no_new_privs: bool,
    /// Whether a seccomp filter is in force (`Seccomp: 2` of `/proc/PID/status`).
    pub seccomp: bool,
    /// The security label (`/proc/PID/attr/current`), if a security module assigns one.
    pub label: Fact<Option<String>>,
    /// The groups that the user database lists for this uid, which a new login would have.
    pub database_groups: Fact<Vec<u32>>,
}

impl Subject {
    /// Whether both have the same rights: they differ at most in the process id.
    #[must_use]
    pub fn has_the_rights_of(&self, other: &Subject) -> bool {
        let pid = self.pid;
        *self
            == Subject {
                pid,
                ..other.clone()
            }
    }

    /// The credentials of a new login with these ids in the initial user namespace: every capability for uid 0, none for
    /// others.
    #[must_use]
    pub fn login(uid: u32, gid: u32, groups: Vec<u32>) -> Subject {
        let capabilities = if uid == 0 {
            CapabilitySet::FULL
        } else {
            CapabilitySet::EMPTY
        };
        Subject {
            pid: None,
            uid,
            gid,
            real_uid: uid,
            database_groups: Ok(groups.clone()),
            groups,
            capabilities,
            bounding: CapabilitySet::FULL,
            uid_map: IdMap::full(),
            gid_map: IdMap::full(),
            initial_user_ns: true,
            no_new_privs: false,
            seccomp: false,
            label: Err(UnknownFact::not_gathered("security label")),
        }
    }

    /// The parsed security label, if one is known.
    #[must_use]
    pub fn label(&self) -> Option<Label<'_>> {
        Label::parse(self.label.as_ref().ok()?.as_deref()?)
    }

    /// Whether the subject is a member of the group, by its gid or a supplementary group (the kernel's `in_group_p`).
    #[must_use]
    pub fn in_group(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }

    /// Whether the capability is in the effective set.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        self.capabilities.contains(capability)
    }
}

/// The capabilities that judgements depend on (capabilities(7)), with their bit numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
#[repr(u8)]
pub enum Capability {
    Chown = 0,
    DacOverride = 1,
    DacReadSearch = 2,
    Fowner = 3,
    Fsetid = 4,
    Kill = 5,
    Setgid = 6,
    Setuid = 7,
    LinuxImmutable = 9,
    NetBindService = 10,
    NetAdmin = 12,
    NetRaw = 13,
    IpcLock = 14,
    SysModule = 16,
    SysRawio = 17,
    SysChroot = 18,
    SysPtrace = 19,
    SysAdmin = 21,
    SysBoot = 22,
    SysNice = 23,
    SysResource = 24,
    SysTime = 25,
    Mknod = 27,
    Setfcap = 31,
    MacAdmin = 33,
    Syslog = 34,
    Perfmon = 38,
    Bpf = 39,
}

impl Capability {
    /// Every capability named here.
    pub const ALL: &'static [Capability] = &[
        Capability::Chown,
        Capability::DacOverride,
        Capability::DacReadSearch,
        Capability::Fowner,
        Capability::Fsetid,
        Capability::Kill,
        Capability::Setgid,
        Capability::Setuid,
        Capability::LinuxImmutable,
        Capability::NetBindService,
        Capability::NetAdmin,
        Capability::NetRaw,
        Capability::IpcLock,
        Capability::SysModule,
        Capability::SysRawio,
        Capability::SysChroot,
        Capability::SysPtrace,
        Capability::SysAdmin,
        Capability::SysBoot,
        Capability::SysNice,
        Capability::SysResource,
        Capability::SysTime,
        Capability::Mknod,
        Capability::Setfcap,
        Capability::MacAdmin,
        Capability::Syslog,
        Capability::Perfmon,
        Capability::Bpf,
    ];

    /// The name as capabilities(7) and setcap(8) write it: `CAP_DAC_OVERRIDE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Capability::Chown => "CAP_CHOWN",
            Capability::DacOverride => "CAP_DAC_OVERRIDE",
            Capability::DacReadSearch => "CAP_DAC_READ_SEARCH",
            Capability::Fowner => "CAP_FOWNER",
            Capability::Fsetid => "CAP_FSETID",
            Capability::Kill => "CAP_KILL",
            Capability::Setgid => "CAP_SETGID",
            Capability::Setuid => "CAP_SETUID",
            Capability::LinuxImmutable => "CAP_LINUX_IMMUTABLE",
            Capability::NetBindService => "CAP_NET_BIND_SERVICE",
            Capability::NetAdmin => "CAP_NET_ADMIN",
            Capability::NetRaw => "CAP_NET_RAW",
            Capability::IpcLock => "CAP_IPC_LOCK",
            Capability::SysModule => "CAP_SYS_MODULE",
            Capability::SysRawio => "CAP_SYS_RAWIO",
            Capability::SysChroot => "CAP_SYS_CHROOT",
            Capability::SysPtrace => "CAP_SYS_PTRACE",
            Capability::SysAdmin => "CAP_SYS_ADMIN",
            Capability::SysBoot => "CAP_SYS_BOOT",
            Capability::SysNice => "CAP_SYS_NICE",
            Capability::SysResource => "CAP_SYS_RESOURCE",
            Capability::SysTime => "CAP_SYS_TIME",
            Capability::Mknod => "CAP_MKNOD",
            Capability::Setfcap => "CAP_SETFCAP",
            Capability::MacAdmin => "CAP_MAC_ADMIN",
            Capability::Syslog => "CAP_SYSLOG",
            Capability::Perfmon => "CAP_PERFMON",
            Capability::Bpf => "CAP_BPF",
        }
    }
}

/// A set of capabilities, as the bit mask in `/proc/PID/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CapabilitySet(pub u64);

impl CapabilitySet {
    /// The empty set.
    pub const EMPTY: CapabilitySet = CapabilitySet(0);
    /// Every capability of Linux 6 (0 to 40).
    pub const FULL: CapabilitySet = CapabilitySet((1 << 41) - 1);

    /// Whether the set holds the capability.
    #[must_use]
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u8) != 0
    }

    /// The set with the capability in it.
    #[must_use]
    pub const fn with(self, capability: Capability) -> CapabilitySet {
        CapabilitySet(self.0 | 1 << capability as u8)
    }

    /// The set without the capability.
    #[must_use]
    pub const fn without(self, capability: Capability) -> CapabilitySet {
        CapabilitySet(self.0 & !(1 << capability as u8))
    }
}

/// The id of an owner that has no mapping in permwrap's own user namespace (INVALID_UID of the kernel). `stat` shows it as 65534,
/// which may be a user of its own as well.
pub const UNMAPPED: u32 = u32::MAX;

/// Which ids are mapped in a user namespace, as ranges of (first, count) in the observer's ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMap(pub Vec<(u32, u32)>);

impl IdMap {
    /// Every id: the initial user namespace.
    #[must_use]
    pub fn full() -> IdMap {
        IdMap(vec![(0, u32::MAX)])
    }

    /// Whether the id is mapped.
    #[must_use]
    pub fn maps(&self, id: u32) -> bool {
        self.0.iter().any(|&(first, count)| {
            id >= first && u64::from(id) < u64::from(first) + u64::from(count)
        })
    }
}
