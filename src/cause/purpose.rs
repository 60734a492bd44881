//! The purpose of a path, by the Filesystem Hierarchy Standard and by convention. It determines which fix is suitable.

use crate::byte_path::{self, is_within};
use crate::facts::{Facts, NodeId};

/// The purpose of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The subject's own home directory, or a project or package prefix that belongs to the subject.
    Own,
    /// A home directory of another user: `/root`, `/home/bob`.
    Home,
    /// Programs and settings of the system, and files of its package manager.
    System,
    /// Device nodes.
    Device,
    /// Sockets and runtime state of services.
    Runtime,
    /// Logs.
    Log,
    /// `/proc`, `/sys`.
    Kernel,
    /// Directories in which everybody may create files.
    Temporary,
    /// Private data of services and packages: `/var/lib/app`, `/var/spool/cron`, `/opt/app`.
    State,
    /// Data of services and projects: `/srv`, `/var/www`, a mounted disk.
    Service,
}

const SYSTEM: &[&[u8]] = &[
    b"/bin",
    b"/boot",
    b"/efi",
    b"/etc",
    b"/lib",
    b"/lib32",
    b"/lib64",
    b"/libx32",
    b"/nix",
    b"/sbin",
    b"/snap",
    b"/usr",
    b"/var/cache/apt",
    b"/var/cache/dnf",
    b"/var/cache/ldconfig",
    b"/var/lib/apt",
    b"/var/lib/dpkg",
    b"/var/lib/pacman",
    b"/var/lib/rpm",
    b"/var/lib/systemd",
];

/// Directories in which each service or package has a directory of its own.
const STATE: &[&[u8]] = &[
    b"/opt",
    b"/var/backups",
    b"/var/cache",
    b"/var/lib",
    b"/var/mail",
    b"/var/spool",
    // Anything else: /var/crash, /var/db, /var/named, /var/vmail.
    b"/var",
];

/// Directories below `/var` that are meant for data of users.
const NO_STATE: &[&[u8]] = &[b"/var/local", b"/var/www"];

/// Directories in which each running service has a directory of its own.
const RUNNING: &[&[u8]] = &[b"/run", b"/var/log"];

/// Directories that contain those of services. They themselves belong to the system.
const TOPS: &[&[u8]] = &[
    b"/",
    b"/dev",
    b"/export",
    b"/home",
    b"/media",
    b"/mnt",
    b"/opt",
    b"/run",
    b"/srv",
    b"/var",
    b"/var/cache",
    b"/var/lib",
    b"/var/local",
    b"/var/log",
    b"/var/run",
    b"/var/spool",
    b"/var/www",
];

/// Uids of people rather than services (useradd(8), UID_MIN and UID_MAX of login.defs(5)).
pub const PEOPLE: std::ops::Range<u32> = 1000..60_000;

const HOMES: &[&[u8]] = &[b"/home", b"/var/home", b"/export/home", b"/Users"];

/// The purpose of this path for this user, whose surroundings the facts describe.
#[must_use]
pub fn purpose(path: &[u8], uid: u32, facts: &Facts) -> Purpose {
    let within = |top: &[u8]| is_within(path, top);
    let is_own = |top: &Option<Vec<u8>>| {
        top.as_deref()
            .is_some_and(|top| within(top) && owner(top, facts) == Some(uid))
    };
    let around = &facts.surroundings;
    if [b"/tmp".as_slice(), b"/var/tmp", b"/dev/shm"]
        .into_iter()
        .any(within)
    {
        return Purpose::Temporary;
    }
    // The home directory of a service can be anything: `/usr/sbin`, `/nonexistent`, `/`.
    if is_own(&around.home.clone().filter(|home| home.len() > 1)) {
        return Purpose::Own;
    }
    if let Some(home) = home_of(path) {
        if owner(home, facts) == Some(uid) {
            return Purpose::Own;
        }
        if is_somebodys_home(home, facts) {
            return Purpose::Home;
        }
    }
    let homes = &facts.names.homes;
    let another = |(owner, home): (&u32, &Vec<u8>)| {
        *owner != uid && PEOPLE.contains(owner) && within(home) && !is_for_data(home)
    };
    if homes.iter().any(another) || is_in_a_persons_directory(path, uid, facts) {
        return Purpose::Home;
    }
    if TOPS.contains(&path) || SYSTEM.iter().any(|top| within(top)) {
        return Purpose::System;
    }
    for (top, purpose) in [
        (b"/dev".as_slice(), Purpose::Device),
        (b"/run", Purpose::Runtime),
        (b"/var/run", Purpose::Runtime),
        (b"/var/log", Purpose::Log),
        (b"/proc", Purpose::Kernel),
        (b"/sys", Purpose::Kernel),
    ] {
        if within(top) {
            return purpose;
        }
    }
    if is_own(&around.project) || is_own(&around.prefix) {
        return Purpose::Own;
    }
    let any = |tops: &[&[u8]]| tops.iter().any(|top| within(top));
    match any(STATE) && !any(NO_STATE) {
        true => Purpose::State,
        false => Purpose::Service,
    }
}

/// Whether a home directory lies where services keep their data. Then it is merely the home of a service's account.
fn is_for_data(home: &[u8]) -> bool {
    let places: [&[u8]; 3] = [b"/opt", b"/srv", b"/var"];
    places.iter().any(|place| is_within(home, place))
}

/// Whether this is, or lies in, a directory that bears the name of the person who owns it: `/data/bob`. It is like a home, unless
/// it lies where services keep their data, since the number does not tell a person from a project's account.
fn is_in_a_persons_directory(path: &[u8], uid: u32, facts: &Facts) -> bool {
    let names = &facts.names.users;
    facts
        .nodes
        .iter()
        .filter(|node| is_within(path, &node.path) && !is_for_data(&node.path))
        .filter_map(|node| Some((node, node.inode.as_ref().ok()?)))
        .any(|(node, inode)| {
            let named_after = names.get(&inode.uid).map(|name| name.as_bytes());
            let is_persons = PEOPLE.contains(&inode.uid) && inode.uid != uid;
            is_persons && inode.is_dir() && named_after == Some(byte_path::name(&node.path))
        })
}

/// The directory of the service or package that the path belongs to: `/var/lib/app`, `/run/app`, `/opt/app`.
#[must_use]
pub fn service_directory(path: &[u8]) -> Option<&[u8]> {
    let mut tops = STATE.iter().chain(RUNNING);
    tops.find_map(|top| {
        let rest = path.strip_prefix(*top)?.strip_prefix(b"/")?;
        let name = rest
            .iter()
            .position(|&byte| byte == b'/')
            .unwrap_or(rest.len());
        (name > 0).then(|| &path[..top.len() + 1 + name])
    })
}

/// Whether this directory is the home of the user who owns it, rather than data kept among the home directories.
fn is_somebodys_home(home: &[u8], facts: &Facts) -> bool {
    let name = owner(home, facts).map(|uid| facts.names.users.get(&uid));
    home == b"/root"
        || name
            .flatten()
            .is_none_or(|name| home.ends_with(name.as_bytes()))
}

/// Whether this directory contains those of services, users or disks: it belongs to the system, but serves to hold what belongs
/// to others.
#[must_use]
pub fn is_top(path: &[u8]) -> bool {
    TOPS.contains(&path)
}

/// The home directory that the path is or lies in, judged by where home directories are kept.
#[must_use]
pub fn home_of(path: &[u8]) -> Option<&[u8]> {
    if is_within(path, b"/root") {
        return Some(&path[..b"/root".len()]);
    }
    HOMES.iter().find_map(|homes| {
        let rest = path.strip_prefix(*homes)?.strip_prefix(b"/")?;
        let name = rest
            .iter()
            .position(|&byte| byte == b'/')
            .unwrap_or(rest.len());
        (name > 0).then(|| &path[..homes.len() + 1 + name])
    })
}

/// Whether this group is a person's own: it bears the name of a person who was met.
#[must_use]
pub fn is_private_group(gid: u32, facts: &Facts) -> bool {
    let names = &facts.names;
    names.groups.get(&gid).is_some_and(|group| {
        let is_person = |(uid, user): (&u32, &String)| PEOPLE.contains(uid) && *user == group.name;
        names.users.iter().any(is_person)
    })
}

/// Whether this group is the own one of a service's account: it bears the account's name, whose primary group it is.
#[must_use]
pub fn is_a_services_group(gid: u32, facts: &Facts) -> bool {
    let names = &facts.names;
    gid != 0
        && !PEOPLE.contains(&gid)
        && names.groups.get(&gid).is_some_and(|group| {
            let is_account = |(uid, user): (&u32, &String)| *uid != 0 && *user == group.name;
            group.members.contains(&group.name) || names.users.iter().any(is_account)
        })
}

/// Whether this group bears the name of one of its members, who may be a person or stand for a service.
#[must_use]
pub fn is_named_after_a_member(gid: u32, facts: &Facts) -> bool {
    let group = facts.names.groups.get(&gid);
    PEOPLE.contains(&gid) && group.is_some_and(|group| group.members.contains(&group.name))
}

/// The node with this path, if a walk met it.
#[must_use]
pub fn node_at(path: &[u8], facts: &Facts) -> Option<NodeId> {
    facts
        .nodes
        .iter()
        .position(|node| node.path == path)
        .map(NodeId)
}

/// The owner of the object at this path, if known.
fn owner(path: &[u8], facts: &Facts) -> Option<u32> {
    let node = facts.node(node_at(path, facts)?);
    Some(node.inode.as_ref().ok()?.uid)
}
