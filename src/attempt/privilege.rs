//! Privileged operations that take no file.

use serde::{Deserialize, Serialize};

use super::Capability;

macro_rules! privileges {
    ($($variant:ident $name:literal $capability:ident $words:literal,)*) => {
        /// An operation that ordinary users may perform only if a setting or limit permits it, or never.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[allow(missing_docs)]
        pub enum Privilege { $($variant,)* }

        impl Privilege {
            /// Every privilege.
            pub const ALL: &'static [Privilege] = &[$(Privilege::$variant,)*];

            /// The operation's name: `dmesg`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Privilege::$variant => $name,)* }
            }

            /// The privilege with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Privilege> {
                Privilege::ALL.iter().copied().find(|privilege| privilege.name() == name)
            }

            /// The capability that always permits it.
            #[must_use]
            pub const fn capability(self) -> Capability {
                match self { $(Privilege::$variant => Capability::$capability,)* }
            }

            /// The operation in words: `read the kernel's log`.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Privilege::$variant => $words,)* }
            }
        }
    };
}

/// The user namespace in which the kernel wants to see a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedIn {
    /// The first one of the machine (`capable`).
    First,
    /// The one that the network namespace belongs to.
    OfTheNetwork,
    /// That of the process, or of another namespace that it lives in.
    Own,
}

impl Privilege {
    /// Where the capability is asked for.
    #[must_use]
    pub const fn asked_in(self) -> AskedIn {
        match self {
            Privilege::KernelLog
            | Privilege::KernelLogChange
            | Privilege::Performance
            | Privilege::Bpf
            | Privilege::Userfaultfd
            | Privilege::Priority
            | Privilege::LockedMemory
            | Privilege::Clock
            | Privilege::KernelModule
            | Privilege::Swap
            | Privilege::Limits
            | Privilege::FileFlags => AskedIn::First,
            Privilege::NetworkSettings | Privilege::RawSocket => AskedIn::OfTheNetwork,
            Privilege::UserNamespace
            | Privilege::Namespace
            | Privilege::Reboot
            | Privilege::UserIds
            | Privilege::GroupIds
            | Privilege::RootDirectory
            | Privilege::HostName
            | Privilege::Keyring
            | Privilege::FileCapabilities => AskedIn::Own,
        }
    }

    /// The operation in words, if it is done to another process.
    #[must_use]
    pub fn words_about(self, process: &str) -> String {
        match self {
            Privilege::Priority => format!("change the scheduling of {process}"),
            Privilege::Limits => format!("change the limits of {process}"),
            other => other.words().to_owned(),
        }
    }
}

privileges! {
    KernelLog "dmesg" Syslog "read the kernel's log",
    KernelLogChange "dmesg-clear" Syslog "clear the kernel's log",
    Performance "perf" Perfmon "measure performance",
    UserNamespace "userns" SysAdmin "make a user namespace",
    Namespace "unshare" SysAdmin "make a namespace",
    Bpf "bpf" Bpf "load a BPF program",
    Userfaultfd "userfaultfd" SysPtrace "handle page faults",
    Priority "nice" SysNice "raise its priority",
    LockedMemory "mlock" IpcLock "lock memory",
    Clock "settime" SysTime "set the clock",
    Reboot "reboot" SysBoot "restart the machine",
    KernelModule "module" SysModule "load a kernel module",
    NetworkSettings "netadmin" NetAdmin "change the network",
    RawSocket "rawsocket" NetRaw "open a raw socket",
    UserIds "setuid" Setuid "become another user",
    GroupIds "setgid" Setgid "become another group",
    RootDirectory "chroot" SysChroot "change its root directory",
    HostName "sethostname" SysAdmin "set the host's name",
    Swap "swapon" SysAdmin "use swap space",
    Limits "limits" SysResource "raise a limit",
    Keyring "keyctl" SysAdmin "use the kernel's keys",
    FileCapabilities "setfcap" Setfcap "give a file capabilities",
    FileFlags "setflags" LinuxImmutable "mark a file as immutable or append-only",
}
