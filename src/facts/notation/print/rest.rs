//! Lines of mounts, settings, names, holders and surroundings.

use std::fmt::Write as _;

use super::{lines, yes_or_no};
use crate::facts::inode::listing;
use crate::facts::{Fact, Facts, Found, Hold, Mount, MountFlags, Named, Names};

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

/// Holders of the object and the surroundings of the subject.
pub(super) fn surroundings(facts: &Facts) -> Vec<String> {
    let around = &facts.surroundings;
    let mut lines = Vec::new();
    for holder in &facts.holders {
        let how = match holder.how {
            Hold::Runs => "runs",
            Hold::Writes => "writes",
        };
        lines.push(format!("held     {how} {} {}", holder.pid, holder.command));
    }
    for (name, path) in [
        ("home", &around.home),
        ("project", &around.project),
        ("prefix", &around.prefix),
        ("peopled", &around.peopled),
    ] {
        lines.extend(
            path.iter()
                .map(|path| format!("{name:8} {}", lines::escape(path))),
        );
    }
    if let Some(container) = &around.container {
        let kind = if container.kind.is_empty() {
            "-"
        } else {
            &container.kind
        };
        let remapped = if container.remapped { " remapped" } else { "" };
        let read_only = if container.read_only_root {
            " read-only-root"
        } else {
            ""
        };
        lines.push(format!("container {kind}{remapped}{read_only}"));
    }
    if let Some(unit) = &around.unit {
        lines.push(format!(
            "unit     {} {}",
            unit.name,
            if unit.user { "user" } else { "" }
        ));
    }
    if let Some(left) = &around.leftovers {
        let owner = facts.names.user_word(left.owner);
        lines.push(format!(
            "leftovers {} {owner} {}{}{}{}{}",
            lines::escape(&left.top),
            left.count,
            match left.own {
                0 => String::new(),
                own => format!(" own={own}"),
            },
            if left.mounts { " mounts" } else { "" },
            if left.groups { " groups" } else { "" },
            if left.whole { " whole" } else { "" }
        ));
    }
    if around.elsewhere {
        lines.push("elsewhere".to_owned());
    }
    if around.wsl {
        lines.push("wsl".to_owned());
    }
    if around.account.hearsay {
        lines.push("hearsay".to_owned());
    }
    if around.planted {
        lines.push("planted".to_owned());
    }
    if around.swappable {
        lines.push("swappable".to_owned());
    }
    lines.extend(around.named.iter().map(named));
    let next = [
        ("lists", around.account.lists),
        ("fills", around.account.fills),
    ];
    let next = next.into_iter().filter(|(_, is_so)| *is_so);
    lines.extend(next.map(|(word, _)| word.to_owned()));
    if let Some(top) = &around.account.deleted {
        lines.push(format!("deleted  {}", lines::escape(top)));
    }
    if let Some(suffix) = &around.account.beside {
        lines.push(format!("beside   {}", lines::escape(suffix)));
    }
    if let Some(variable) = &around.install_variable {
        lines.push(format!("installs {}", lines::escape(variable)));
    }
    let elevator = around.elevator.name();
    let tools = [
        (!elevator.is_empty(), elevator),
        (around.setfacl, "setfacl"),
    ];
    let tools: Vec<&str> = tools
        .iter()
        .filter(|(has, _)| *has)
        .map(|(_, tool)| *tool)
        .collect();
    if !tools.is_empty() {
        lines.push(format!("tools    {}", tools.join(",")));
    }
    if !around.command.is_empty() {
        let words: Vec<String> = around
            .command
            .iter()
            .map(|word| lines::escape(word))
            .collect();
        lines.push(format!("command  {}", words.join(" ")));
    }
    if let Some(program) = &around.program {
        let held = program.capabilities.map(|held| {
            let effective = if held.effective { " effective" } else { "" };
            let (permitted, inheritable) = (held.permitted.0, held.inheritable.0);
            format!(" capabilities={permitted:x}:{inheritable:x}{effective}")
        });
        let path = lines::escape(&program.path);
        let owner = facts.names.user_word(program.owner);
        let firm = if program.firm { " firm" } else { "" };
        lines.push(format!(
            "program  {path} {owner}{firm}{}",
            held.unwrap_or_default()
        ));
    }
    lines
}

/// `named PATH alters LISTING OWNER`
fn named(named: &Named) -> String {
    let does = match (named.is_altered, named.shadows) {
        (_, true) => "shadows",
        (true, false) => "alters",
        (false, false) => "reads",
    };
    let mut line = format!("named    {} {does}", lines::escape(&named.path));
    if let Some(Found { kind, mode, owner }) = named.found {
        let _ = write!(line, " {} {owner}", listing(kind, mode));
    }
    line
}
