//! Kernel settings: `/proc/sys`, the list of security modules, and SELinux's mode.

use std::collections::BTreeMap;

use super::{namespaces, unknown_io};
use crate::facts::{Fact, Lockdown, Settings, UnknownFact};

/// Sysctls that restrict operations which take no file.
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

/// The settings that apply to the process; for `None`, to permwrap itself.
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
        lockdown: lockdown(),
        security_modules,
        other: other(),
        module_log: Vec::new(),
    }
}

/// Reads a sysctl: the first word of its value, as a number.
fn sysctl<T: std::str::FromStr>(name: &str) -> Fact<T> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    let text = std::fs::read_to_string(&path)
        .map_err(|error| unknown_io(name, path.as_bytes(), &error))?;
    let word = text.split_whitespace().next().unwrap_or_default();
    word.parse().map_err(|_| UnknownFact {
        what: name.to_owned(),
        path: path.into_bytes(),
        errno: None,
    })
}

/// Those of `OTHER` that this kernel has.
fn other() -> BTreeMap<String, Fact<i64>> {
    let missing = |fact: &Fact<i64>| {
        let errno = fact.as_ref().err().and_then(|unknown| unknown.errno);
        errno == Some(crate::attempt::Errno::NoEnt)
    };
    OTHER
        .iter()
        .map(|name| ((*name).to_owned(), sysctl(name)))
        .filter(|(_, fact)| !missing(fact))
        .collect()
}

/// The active security modules, in the order in which they are called. If the list is not visible, as in most containers, those
/// that can be recognized by other signs.
fn security_modules() -> Fact<Vec<String>> {
    let path = "/sys/kernel/security/lsm";
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let names = text.trim().split(',').filter(|name| !name.is_empty());
            Ok(names.map(str::to_owned).collect())
        }
        Err(error) => {
            let signs = module_signs();
            match signs.is_empty() {
                true => Err(unknown_io(
                    "active security modules",
                    path.as_bytes(),
                    &error,
                )),
                false => Ok(signs),
            }
        }
    }
}

fn module_signs() -> Vec<String> {
    let exists = |path: &str| std::fs::metadata(path).is_ok();
    let apparmor = std::fs::read_to_string("/sys/module/apparmor/parameters/enabled");
    let label = std::fs::read_to_string("/proc/self/attr/current").unwrap_or_default();
    let signs = [
        ("landlock", has_landlock()),
        ("yama", exists("/proc/sys/kernel/yama")),
        (
            "selinux",
            exists("/sys/fs/selinux/enforce") || is_selinux_label(&label),
        ),
        ("smack", exists("/sys/fs/smackfs/load2")),
        (
            "apparmor",
            apparmor.is_ok_and(|enabled| enabled.trim() == "Y"),
        ),
    ];
    let active = signs.into_iter().filter(|(_, there)| *there);
    active.map(|(name, _)| name.to_owned()).collect()
}

/// Whether Landlock is active, which it shows by reporting its ABI version.
fn has_landlock() -> bool {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the call takes no rules, creates nothing and returns a number.
    let version = unsafe {
        nix::libc::syscall(
            nix::libc::SYS_landlock_create_ruleset,
            std::ptr::null::<u8>(),
            0usize,
            VERSION,
        )
    };
    version > 0
}

/// Whether the label has the form `user:role:type`, with or without a level. An AppArmor label has no colons, or is a path.
fn is_selinux_label(label: &str) -> bool {
    !label.starts_with('/') && label.split(':').count() >= 3 && !label.contains("//")
}

/// Whether SELinux is enforcing. It is not if it is inactive.
fn selinux_enforcing(modules: &Fact<Vec<String>>) -> Fact<bool> {
    if let Ok(modules) = modules
        && !modules.iter().any(|name| name == "selinux")
    {
        return Ok(false);
    }
    let path = "/sys/fs/selinux/enforce";
    std::fs::read_to_string(path)
        .map(|text| text.trim() == "1")
        .map_err(|error| unknown_io("SELinux mode", path.as_bytes(), &error))
}

/// The lockdown level, which is the one in brackets: `none [integrity] confidentiality`.
fn lockdown() -> Fact<Lockdown> {
    let path = "/sys/kernel/security/lockdown";
    let unread = |error| unknown_io("lockdown of the kernel", path.as_bytes(), &error);
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text
            .split_whitespace()
            .find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))
            .and_then(Lockdown::from_name)
            .unwrap_or(Lockdown::None)),
        // securityfs is mounted, but the module is not built in.
        Err(_) if std::fs::metadata("/sys/kernel/security/lsm").is_ok() => Ok(Lockdown::None),
        Err(error) => Err(unread(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selinux_labels_are_told_from_others() {
        assert!(is_selinux_label("system_u:system_r:container_t:s0:c1,c2"));
        for other in [
            "",
            "unconfined\n",
            "docker-default (enforce)",
            "/usr/bin/x//&:ns:y (enforce)",
        ] {
            assert!(!is_selinux_label(other), "{other}");
        }
    }

    #[test]
    fn without_selinux_nothing_is_enforced() {
        assert_eq!(selinux_enforcing(&Ok(vec!["yama".to_owned()])), Ok(false));
    }
}
