//! Settings whose effect is not determined in detail. If one is set, nothing that it may forbid is reported as allowed.

use super::call_filter;
use super::settings::Settings;
use crate::attempt::{Object, Operation};
use crate::byte_path;

/// Such a setting of a unit.
#[derive(Debug, Clone)]
pub(super) struct Further {
    /// Its name, as written in the unit file.
    pub setting: &'static str,
    what: MayForbid,
    /// The values assigned to it, in order.
    values: Vec<String>,
}

/// What a setting may forbid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MayForbid {
    /// Access to this path and everything below it.
    Below(&'static str),
    /// The execution of programs.
    Execution,
    /// Listening on a port.
    Listening,
    /// Sockets of address families that it does not name.
    Families,
    /// System calls that it does not name.
    Calls,
    /// Setting the set-user-ID or set-group-ID bit.
    IdBits,
    /// Access to file systems of some types.
    FileSystems,
    /// Access to any path, because the service sees another directory tree.
    Paths,
    /// Anything.
    Anything,
}

/// Whether the process of a running service shows the effect: in its mounts, credentials, label or control group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Shown,
    Hidden,
}

use Effect::{Hidden, Shown};
use MayForbid::{
    Anything, Below, Calls, Execution, Families, FileSystems, IdBits, Listening, Paths,
};

/// The settings of systemd.exec(5) and systemd.resource-control(5).
const FURTHER: &[(&str, MayForbid, Effect)] = &[
    ("RootDirectory", Paths, Shown),
    ("RootImage", Paths, Shown),
    ("BindPaths", Paths, Shown),
    ("BindReadOnlyPaths", Paths, Shown),
    ("MountImages", Paths, Shown),
    ("ExtensionImages", Paths, Shown),
    ("ExtensionDirectories", Paths, Shown),
    ("PrivateUsers", Anything, Shown),
    ("AppArmorProfile", Anything, Shown),
    ("SELinuxContext", Anything, Shown),
    ("NoExecPaths", Execution, Shown),
    ("PrivateDevices", Below("/dev"), Shown),
    ("DevicePolicy", Below("/dev"), Shown),
    ("DeviceAllow", Below("/dev"), Shown),
    ("ProtectKernelTunables", Below("/proc"), Shown),
    ("ProtectKernelTunables", Below("/sys"), Shown),
    ("ProtectKernelLogs", Below("/proc/kmsg"), Shown),
    ("ProtectKernelLogs", Below("/dev/kmsg"), Shown),
    ("ProtectKernelModules", Below("/usr/lib/modules"), Shown),
    ("ProtectControlGroups", Below("/sys/fs/cgroup"), Shown),
    ("ProtectProc", Below("/proc"), Shown),
    ("ProcSubset", Below("/proc"), Shown),
    ("PrivateNetwork", Listening, Shown),
    ("SocketBindDeny", Listening, Hidden),
    ("RestrictAddressFamilies", Families, Hidden),
    ("SystemCallFilter", Calls, Hidden),
    ("RestrictSUIDSGID", IdBits, Hidden),
    ("RestrictFileSystems", FileSystems, Hidden),
];

/// Those of a unit that are set.
pub(super) fn all(settings: &Settings) -> Vec<Further> {
    of(settings, |_| true)
}

/// Those of a running service whose effect its process does not show.
pub(super) fn hidden(settings: &Settings) -> Vec<Further> {
    of(settings, |effect| effect == Hidden)
}

fn of(settings: &Settings, is: impl Fn(Effect) -> bool) -> Vec<Further> {
    const UNSET: [&str; 7] = ["no", "false", "off", "0", "default", "all", "auto"];
    let is_set = |setting: &str| {
        let last = settings.last(setting);
        last.is_some_and(|value| !UNSET.contains(&value))
    };
    FURTHER
        .iter()
        .filter(|(setting, _, effect)| is_set(setting) && is(*effect))
        .map(|&(setting, what, _)| Further {
            setting,
            what,
            values: settings.all(setting).to_vec(),
        })
        .collect()
}

impl Further {
    /// Whether it may forbid this operation.
    pub(super) fn may_forbid(&self, object: &Object, operation: &Operation) -> bool {
        match (self.what, object) {
            (Anything, _) | (Paths | FileSystems, Object::Path(_)) => true,
            (Below(top), Object::Path(path)) => byte_path::is_within(path, top.as_bytes()),
            (Execution, _) => *operation == Operation::Exec,
            (Listening, Object::Port { .. }) => true,
            (Families, _) => family(object, operation).is_some_and(|family| !self.names(family)),
            (Calls, _) => call_filter::may_forbid(&self.values, operation),
            (IdBits, _) => {
                matches!(operation, Operation::Chmod(mode) if mode.is_none_or(|mode| mode & 0o6000 != 0))
            }
            _ => false,
        }
    }

    /// Whether the service sees another directory tree.
    pub(super) fn is_another_tree(&self) -> bool {
        self.what == Paths
    }

    pub(super) fn is_about_devices(&self) -> bool {
        self.what == Below("/dev")
    }

    /// Whether the address families that remain include this one: those named, or all but those named after a `~`.
    fn names(&self, family: &str) -> bool {
        let is_inverted = |value: &String| value.starts_with('~');
        let mut words = self
            .values
            .iter()
            .flat_map(|value| value.split_whitespace());
        let is_named = words.any(|word| word.trim_start_matches('~') == family);
        is_named != self.values.first().is_some_and(is_inverted)
    }
}

/// The address family of the socket that the operation uses, if it uses one.
fn family(object: &Object, operation: &Operation) -> Option<&'static str> {
    match object {
        Object::Port { address, .. } if address.contains(':') => Some("AF_INET6"),
        Object::Port { .. } => Some("AF_INET"),
        Object::Path(_) if matches!(operation, Operation::Bind | Operation::Connect) => {
            Some("AF_UNIX")
        }
        _ => None,
    }
}
