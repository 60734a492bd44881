//! Lines of mounts, settings and names.

use std::fmt::Write as _;

use super::{lines, yes_or_no};
use crate::facts::{Fact, Facts, Mount, MountFlags, Names};

/// `mount POINT TYPE OPTIONS ...`
pub(super) fn mount(mount: &Mount) -> String {
    let MountFlags {
        read_only,
        noexec,
        nosuid,
        nodev,
        nosymfollow,
        idmapped,
    } = mount.flags;
    let mut options = vec![if read_only { "ro" } else { "rw" }];
    let named = [
        (noexec, "noexec"),
        (nosuid, "nosuid"),
        (nodev, "nodev"),
        (nosymfollow, "nosymfollow"),
        (idmapped, "idmapped"),
    ];
    options.extend(named.iter().filter(|(set, _)| *set).map(|(_, name)| name));
    let mut line = format!(
        "mount    {} {} {} id={}",
        lines::escape(&mount.point),
        mount.fs_type,
        options.join(","),
        mount.id
    );
    if mount.root != b"/" {
        let _ = write!(line, " root={}", lines::escape(&mount.root));
    }
    if let Some(origin) = &mount.origin {
        let _ = write!(line, " origin={}", lines::escape(origin));
    }
    if !mount.source.is_empty() {
        let _ = write!(line, " source={}", lines::escape(&mount.source));
    }
    let mut options = vec![if mount.super_read_only { "ro" } else { "rw" }.to_owned()];
    let others = mount
        .super_options
        .iter()
        .filter(|(key, _)| key != "ro" && key != "rw");
    options.extend(others.map(|(key, value)| match value {
        Some(value) => format!(
            "{key}={}",
            lines::escape(value.as_bytes()).replace(',', r"\x2c")
        ),
        None => key.clone(),
    }));
    if options != ["rw"] {
        let _ = write!(line, " super={}", options.join(","));
    }
    line
}

/// The settings that were read.
pub(super) fn settings(facts: &Facts) -> Vec<String> {
    let settings = &facts.settings;
    let mut lines = Vec::new();
    let mut tell = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("setting  {name} {value}")));
    };
    tell(
        "fs.protected_symlinks",
        value(&settings.protected_symlinks, u8::to_string),
    );
    tell(
        "fs.protected_hardlinks",
        value(&settings.protected_hardlinks, u8::to_string),
    );
    tell(
        "fs.protected_regular",
        value(&settings.protected_regular, u8::to_string),
    );
    tell(
        "fs.protected_fifos",
        value(&settings.protected_fifos, u8::to_string),
    );
    tell(
        "net.ipv4.ip_unprivileged_port_start",
        value(&settings.unprivileged_port_start, u32::to_string),
    );
    tell(
        "owns-network-namespace",
        value(&settings.owns_network_namespace, |owns| {
            yes_or_no(*owns).to_owned()
        }),
    );
    tell(
        "lsm",
        value(&settings.security_modules, |modules| modules.join(",")),
    );
    tell(
        "selinux",
        value(&settings.selinux_enforcing, |enforcing| {
            if *enforcing {
                "enforcing"
            } else {
                "permissive"
            }
            .to_owned()
        }),
    );
    tell(
        "lockdown",
        value(&settings.lockdown, |level| level.name().to_owned()),
    );
    for (name, fact) in &settings.other {
        tell(name, value(fact, i64::to_string));
    }
    lines.extend(
        settings
            .module_log
            .iter()
            .map(|line| format!("log      {line}")),
    );
    lines
}

/// A setting's value; `None` if it was not read.
fn value<T>(fact: &Fact<T>, known: impl Fn(&T) -> String) -> Option<String> {
    match fact {
        Ok(value) => Some(known(value)),
        Err(gap) => gap.errno.map(|errno| format!("?{errno}")),
    }
}

/// The names of users and groups, except root's.
pub(super) fn people(names: &Names) -> Vec<String> {
    let users = names.users.iter();
    let mut lines: Vec<String> = users
        .filter(|(uid, name)| (**uid, name.as_str()) != (0, "root"))
        .map(|(uid, name)| match names.homes.get(uid) {
            Some(home) => format!("user     {uid} {name} {}", lines::escape(home)),
            None => format!("user     {uid} {name}"),
        })
        .collect();
    let groups = names.groups.iter();
    lines.extend(
        groups
            .filter(|(gid, group)| **gid != 0 || group.name != "root" || !group.members.is_empty())
            .map(|(gid, group)| {
                format!("group    {gid} {} {}", group.name, group.members.join(","))
            }),
    );
    lines
}
