//! Kernel settings: `/proc/sys`, the list of security modules, SELinux's mode.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use super::{namespaces, unread_io};
use crate::facts::{Fact, Settings, Unread};

/// Settings that refuse operations of no file, by their sysctl names.
const OTHER: [&str; 13] = [
    "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.dmesg_restrict",
    "kernel.io_uring_disabled",
    "kernel.kptr_restrict",
    "kernel.perf_event_paranoid",
    "kernel.unprivileged_bpf_disabled",
    "kernel.unprivileged_userns_clone",
    "kernel.yama.ptrace_scope",
    "user.max_user_namespaces",
    "vm.mmap_min_addr",
    "vm.overcommit_memory",
    "vm.unprivileged_userfaultfd",
    "kernel.modules_disabled",
];

/// The settings in force for the process; for permwrap itself for none.
pub(super) fn read(pid: Option<i32>) -> Settings {
    let security_modules = security_modules();
    Settings {
        protected_symlinks: sysctl("fs.protected_symlinks"),
        protected_hardlinks: sysctl("fs.protected_hardlinks"),
        protected_regular: sysctl("fs.protected_regular"),
        protected_fifos: sysctl("fs.protected_fifos"),
        unprivileged_port_start: namespaces::in_network_of(pid, || {
            sysctl("net.ipv4.ip_unprivileged_port_start")
        }),
        owns_network_namespace: namespaces::owns_its_network(pid),
        selinux_enforcing: selinux_enforcing(&security_modules),
        security_modules,
        other: other(),
        module_log: Vec::new(),
    }
}

/// A setting by its sysctl name, its first word as a number.
fn sysctl<T: std::str::FromStr>(name: &str) -> Fact<T> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    let text =
        std::fs::read_to_string(&path).map_err(|error| unread_io(name, path.as_bytes(), &error))?;
    let word = text.split_whitespace().next().unwrap_or_default();
    word.parse().map_err(|_| Unread {
        what: name.to_owned(),
        path: path.into_bytes(),
        errno: None,
    })
}

/// Those of the other settings that this kernel has.
fn other() -> BTreeMap<String, Fact<i64>> {
    let missing = |fact: &Fact<i64>| {
        let errno = fact.as_ref().err().and_then(|unread| unread.errno);
        errno == Some(crate::attempt::Errno::NoEnt)
    };
    OTHER
        .iter()
        .map(|name| ((*name).to_owned(), sysctl(name)))
        .filter(|(_, fact)| !missing(fact))
        .collect()
}

/// The active security modules, in the order in which they are asked.
fn security_modules() -> Fact<Vec<String>> {
    let path = "/sys/kernel/security/lsm";
    let text = std::fs::read_to_string(path)
        .map_err(|error| unread_io("active security modules", path.as_bytes(), &error))?;
    Ok(text
        .trim()
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

/// Whether SELinux is enforcing; it is not where it is not active, or nothing tells of it.
fn selinux_enforcing(modules: &Fact<Vec<String>>) -> Fact<bool> {
    if let Ok(modules) = modules
        && !modules.iter().any(|name| name == "selinux")
    {
        return Ok(false);
    }
    let path = "/sys/fs/selinux/enforce";
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim() == "1"),
        // The directory is there wherever the module is active and /sys is mounted.
        Err(error) if error.kind() == ErrorKind::NotFound && modules.is_err() => {
            match std::fs::metadata("/sys/fs") {
                Ok(_) => Ok(false),
                Err(error) => Err(unread_io("SELinux mode", path.as_bytes(), &error)),
            }
        }
        Err(error) => Err(unread_io("SELinux mode", path.as_bytes(), &error)),
    }
}
