//! What must stay as it is because of its location, owner and mode: what was closed on purpose stays closed.

use super::{Never, command, others};
use crate::attempt::Subject;
use crate::byte_path;
use crate::cause::{
    PEOPLE, Purpose, home_of, is_private_group, is_top, is_within, node_at, purpose,
    service_directory,
};
use crate::change::{Deployment, MountOption};
use crate::facts::{Facts, Inode, Kind, MountId, Node, NodeId, Perms, Tag};

/// Directories of what users have handed to a service, but not to each other: mail, jobs, and the memory of crashed programs.
const ON_THE_WAY: &[&[u8]] = &[
    b"/var/crash",
    b"/var/lib/systemd/coredump",
    b"/var/mail",
    b"/var/spool",
    b"/var/vmail",
];

/// Adding these permission bits, for whichever class.
pub(super) fn bits(subject: &Subject, facts: &Facts, node: NodeId, add: u32) -> Option<Never> {
    if add & 0o002 != 0 {
        return Some(Never::WritableByAll);
    }
    let path = &facts.node(node).path;
    let home = facts.surroundings.home.as_deref();
    if add & 0o007 != 0 && (home_of(path) == Some(path) || home == Some(path)) {
        return Some(Never::OpenHome);
    }
    let added = Perms::from_bits(add | add >> 3 | add >> 6);
    widening(subject, facts, node, added)
}

/// Granting these permissions on the node, to anybody.
pub(super) fn widening(
    subject: &Subject,
    facts: &Facts,
    id: NodeId,
    gained: Perms,
) -> Option<Never> {
    let node = facts.node(id);
    if is_owner(subject, facts, id) {
        return None;
    }
    let inode = inode(facts, id)?;
    if may_be_named_by_anybody(inode, facts) {
        return Some(Never::OtherNames);
    }
    if is_mounted_there(subject, facts, id) {
        return Some(Never::MountedThere);
    }
    if subject.uid != 0 && is_within(&node.path, b"/root") {
        return Some(Never::RootsHome);
    }
    let purpose = purpose(&node.path, subject.uid, facts);
    if purpose == Purpose::Home && !names(subject, facts, id) {
        return Some(Never::OpenHome);
    }
    if inode.kind == Kind::Regular && inode.mode & 0o6000 != 0 {
        return Some(Never::Program);
    }
    // Modes below /proc and /sys are set by the kernel, and return after a reboot.
    if purpose == Purpose::Kernel {
        return Some(Never::System);
    }
    if matches!(inode.kind, Kind::Char | Kind::Block | Kind::Socket) {
        // It is created again at the next start, without the ACL entry. Its group says for whom it is meant.
        return Some(match command::is_another_persons(subject, facts, id) {
            true => Never::Private,
            false => Never::Special,
        });
    }
    let on_the_way = ON_THE_WAY.iter().any(|place| is_within(&node.path, place));
    let closed_to_others = !inode.other_bits().contains(Perms::R);
    let made_for = is_made_for(subject, &node.path, facts);
    if is_closed_on_purpose(inode, purpose, made_for) || on_the_way && closed_to_others {
        return Some(Never::Closed);
    }
    if is_kept_by_root(inode, &node.path, facts)
        && purpose == Purpose::Service
        && !is_below_own(subject, &node.path, facts)
    {
        return Some(Never::KeptByRoot);
    }
    if is_for_a_person(inode, facts) && !subject.in_group(inode.gid) && !names(subject, facts, id) {
        return Some(Never::Private);
    }
    if is_private(node, inode, gained, facts) && subject.uid != 0 && !names(subject, facts, id) {
        return Some(Never::Private);
    }
    let writes = gained.contains(Perms::W);
    let is_for_others = inode.uid == 0 || !is_shared(subject, facts, id);
    if writes && is_for_others && others::is_run_by_others(node, inode) {
        return Some(match command::is_another_persons(subject, facts, id) {
            true => Never::Private,
            false => Never::RunByOthers,
        });
    }
    if writes && others::is_a_persons_home(&node.path, facts) {
        return Some(Never::OpenHome);
    }
    if writes && facts.surroundings.peopled.as_ref() == Some(&node.path) {
        return Some(Never::Peopled);
    }
    if others::permits_less(subject, facts, id, gained) && !grants(subject, facts, id, gained) {
        return Some(Never::ShutOut);
    }
    let project = facts.surroundings.project.as_deref();
    if project == Some(&node.path) && gained.contains(Perms::W) && subject.uid != 0 {
        return Some(Never::Project);
    }
    if !is_of_the_system(purpose) {
        return None;
    }
    let as_program = inode.kind == Kind::Regular && gained.contains(Perms::X);
    match purpose {
        _ if as_program => Some(Never::Program),
        Purpose::System if writes => Some(Never::System),
        // What is created anew at each start does not keep an ACL entry.
        Purpose::Runtime | Purpose::Device if !made_for => Some(Never::Special),
        // Root trusts what it reads back from a file that it wrote, such as a pid file.
        Purpose::Runtime if writes && inode.uid == 0 && !inode.is_dir() => Some(Never::Special),
        Purpose::Temporary if writes && !is_below_own(subject, &node.path, facts) => {
            Some(Never::Shared)
        }
        Purpose::State | Purpose::Log if writes && !made_for => Some(Never::System),
        _ => None,
    }
}

/// Whether the owner evidently shares the object with the subject: by its group, or by an ACL entry.
fn is_shared(subject: &Subject, facts: &Facts, id: NodeId) -> bool {
    let is_in_group = inode(facts, id).is_some_and(|inode| subject.in_group(inode.gid));
    is_in_group || names(subject, facts, id)
}

/// Whether anybody may have made this name for the file, which by another one may be closed on purpose.
pub(super) fn may_be_named_by_anybody(inode: &Inode, facts: &Facts) -> bool {
    let has_others = inode.kind == Kind::Regular && inode.links > 1;
    has_others && facts.settings.protected_hardlinks != Ok(1)
}

/// Whether the location belongs to the system, where packages and services determine modes.
fn is_of_the_system(purpose: Purpose) -> bool {
    !matches!(purpose, Purpose::Own | Purpose::Home | Purpose::Service)
}

/// Whether somebody deliberately keeps others out: an object of root that others may not read in a system location, what a
/// service keeps private there, and what belongs to another person.
fn is_closed_on_purpose(inode: &Inode, purpose: Purpose, made_for: bool) -> bool {
    let closed_to_others = !inode.other_bits().contains(Perms::R);
    let private = inode.mode & 0o077 == 0;
    let of_somebody = inode.uid == 0 || PEOPLE.contains(&inode.uid) || purpose == Purpose::System;
    // A service's directory may be searched and listed, but its data and settings are private.
    let of_a_service =
        inode.kind == Kind::Regular && matches!(purpose, Purpose::State | Purpose::Runtime);
    let closed = closed_to_others && (of_somebody || of_a_service && !made_for);
    is_of_the_system(purpose) && (private || closed)
}

/// Whether its owner keeps it private: it has no permissions for group and others. The directories of many projects and services
/// are installed like that, so one may be passed through, unless it bears the name of a person; and listed, unless it is hidden or
/// its owner set it apart in a directory of their own.
fn is_private(node: &Node, inode: &Inode, gained: Perms, facts: &Facts) -> bool {
    let is_personal = is_personal(node, inode, facts);
    let above = parents(&node.path).next().unwrap_or(b"/");
    let above = node_at(above, facts).and_then(|above| self::inode(facts, above));
    let is_hidden = byte_path::name(&node.path).starts_with(b".");
    let is_set_apart = is_hidden || above.is_some_and(|above| above.uid == inode.uid);
    let lists = gained.contains(Perms::R) && is_set_apart;
    let only_looks = inode.is_dir() && !gained.contains(Perms::W) && !lists;
    is_mailbox(node, inode, facts) || inode.mode & 0o077 == 0 && (is_personal || !only_looks)
}

/// Whether it bears the name of the person whom it belongs to.
fn is_personal(node: &Node, inode: &Inode, facts: &Facts) -> bool {
    let owner = facts.names.users.get(&inode.uid);
    let bears_the_name = owner.is_some_and(|name| byte_path::name(&node.path) == name.as_bytes());
    PEOPLE.contains(&inode.uid) && bears_the_name
}

/// Whether it is a person's mailbox or the like: a file with that person's name, closed to others. Its group is that of the server
/// that delivers to it.
pub(super) fn is_mailbox(node: &Node, inode: &Inode, facts: &Facts) -> bool {
    is_personal(node, inode, facts) && inode.kind == Kind::Regular && inode.other_bits().is_empty()
}

/// Whether it is kept for one person besides its owner: others have no access, and the group is a person's own. Root's group may
/// as well stand for a project's account.
fn is_for_a_person(inode: &Inode, facts: &Facts) -> bool {
    let owner = facts.names.users.get(&inode.uid);
    let group = facts.names.groups.get(&inode.gid);
    let is_another = owner != group.map(|group| &group.name) && inode.uid != 0;
    let for_its_group = inode.other_bits().is_empty() && !inode.group_bits().is_empty();
    is_another && for_its_group && is_private_group(inode.gid, facts)
}

/// Whether nobody but root, or a group that root chose, was meant to have access: others may not read it. This also covers
/// swap files, snapshots of the whole system and its backups, wherever they are. A file in another user's directory that
/// root's group may read was left there by accident.
fn is_kept_by_root(inode: &Inode, path: &[u8], facts: &Facts) -> bool {
    let above = parents(path).next().unwrap_or(b"/");
    let in_roots = node_at(above, facts)
        .and_then(|id| self::inode(facts, id))
        .is_none_or(|above| above.uid == 0);
    let private = inode.mode & 0o077 == 0;
    let closed = !inode.other_bits().contains(Perms::R);
    // A file's group shows whom root meant it for; a directory's only if the group is as powerful as root.
    let group = facts.names.groups.get(&inode.gid);
    let is_powerful = group.is_some_and(|group| super::is_powerful(&group.name));
    let for_its_group = inode.kind == Kind::Regular || is_powerful;
    let chosen = in_roots && (inode.gid == 0 || for_its_group);
    inode.uid == 0 && (private || closed && chosen)
}

/// Whether a service's directory in a system location is meant for the subject: it belongs to the subject, or is named after it
/// or its unit.
fn is_made_for(subject: &Subject, path: &[u8], facts: &Facts) -> bool {
    let Some(directory) = service_directory(path) else {
        return false;
    };
    let owner = node_at(directory, facts).and_then(|id| inode(facts, id));
    let name = directory
        .rsplit(|&byte| byte == b'/')
        .next()
        .unwrap_or(directory);
    is_named_after(subject, name, facts) || owner.is_some_and(|inode| inode.uid == subject.uid)
}

/// Whether this is the name of the subject or of its unit.
fn is_named_after(subject: &Subject, name: &[u8], facts: &Facts) -> bool {
    let user = facts.names.users.get(&subject.uid);
    let unit = facts.surroundings.unit.as_ref();
    let stem = unit.and_then(|unit| unit.name.strip_suffix(".service"));
    subject.uid != 0 && user.map(|user| user.as_bytes()) == Some(name)
        || stem.map(str::as_bytes) == Some(name)
}

/// Whether the ACL has an entry for the subject or one of its groups, so that the owner evidently shares the object.
fn names(subject: &Subject, facts: &Facts, id: NodeId) -> bool {
    grants(subject, facts, id, Perms::NONE)
}

/// Whether such an entry has these permissions, though the mask may withhold them.
fn grants(subject: &Subject, facts: &Facts, id: NodeId, perms: Perms) -> bool {
    let Ok(Some(acl)) = &facts.node(id).acl else {
        return false;
    };
    acl.entries.iter().any(|entry| {
        let is_theirs = match entry.tag {
            Tag::User(uid) => uid == subject.uid,
            Tag::Group(gid) => subject.in_group(gid),
            _ => false,
        };
        is_theirs && entry.perms.contains(perms)
    })
}

/// Making the subject the owner. This is permitted only for what lies in the subject's own directories and was left there by
/// accident.
pub(super) fn ownership(subject: &Subject, facts: &Facts, id: NodeId) -> Option<Never> {
    let Some(inode) = inode(facts, id) else {
        return Some(Never::OtherNames);
    };
    if is_owner(subject, facts, id) {
        return None;
    }
    if inode.kind == Kind::Regular && inode.links > 1 {
        return Some(Never::OtherNames);
    }
    if facts.node(id).has_powers() {
        return Some(Never::Program);
    }
    if is_mounted_there(subject, facts, id) {
        return Some(Never::MountedThere);
    }
    let path = &facts.node(id).path;
    let purpose = purpose(path, subject.uid, facts);
    if inode.is_dir() && inode.other_bits().contains(Perms::W) && purpose != Purpose::Own {
        return Some(Never::Shared);
    }
    if inode.mode & 0o077 == 0 {
        // What is accessible to its owner alone was not left there by accident.
        return Some(Never::Closed);
    }
    if matches!(inode.kind, Kind::Char | Kind::Block | Kind::Socket) {
        return Some(Never::Special);
    }
    let below_own = is_below_own(subject, path, facts);
    match purpose {
        Purpose::Own => None,
        Purpose::Temporary | Purpose::Service if below_own => None,
        Purpose::Service => widening(subject, facts, id, Perms::RWX).or(Some(Never::ForeignTree)),
        _ => widening(subject, facts, id, Perms::RWX).or(Some(Never::System)),
    }
}

/// Whether the object is in the subject's own location only because another user's directory or file is bind-mounted there. By
/// its real path it may be any file of the system. Containers are exempt, because their volumes are mounted that way.
fn is_mounted_there(subject: &Subject, facts: &Facts, id: NodeId) -> bool {
    let mount = facts.mount_of(id);
    let around = &facts.surroundings;
    let place = purpose(&mount.point, subject.uid, facts) == Purpose::Own
        || is_below_own(subject, &mount.point, facts);
    let top = node_at(&mount.point, facts);
    place
        && around.container.is_none()
        && around.home.as_deref() != Some(&mount.point)
        && !mount.root.is_empty()
        && mount.root != b"/"
        && !top.is_some_and(|top| is_owner(subject, facts, top))
}

/// Changing the object's group to that of the subject.
pub(super) fn group_ownership(subject: &Subject, facts: &Facts, id: NodeId) -> Option<Never> {
    let Some(inode) = inode(facts, id) else {
        return Some(Never::OtherNames);
    };
    let several = inode.kind == Kind::Regular && inode.links > 1;
    if several && !is_owner(subject, facts, id) {
        return Some(Never::OtherNames);
    }
    widening(subject, facts, id, Perms::RWX)
}

/// Whether any directory above the path belongs to the subject.
fn is_below_own(subject: &Subject, path: &[u8], facts: &Facts) -> bool {
    let own = |above: &[u8]| node_at(above, facts).is_some_and(|id| is_owner(subject, facts, id));
    parents(path).any(own)
}

/// The directories above a path, the nearest first.
fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = path;
    std::iter::from_fn(move || {
        let slash = rest.iter().rposition(|&byte| byte == b'/')?;
        rest = &rest[..slash];
        (slash > 0).then_some(rest)
    })
}

/// Creating an object that belongs to the subject. In system locations this is permitted only where data, logs and files of
/// services belong.
pub(super) fn made_in(
    subject: &Subject,
    facts: &Facts,
    parent: NodeId,
    name: &[u8],
) -> Option<Never> {
    const FOR_DATA: &[&[u8]] = &[
        b"/",
        b"/media",
        b"/mnt",
        b"/opt",
        b"/srv",
        b"/var/log",
        b"/var/www",
    ];
    let path = facts.node(parent).path.as_slice();
    let purpose = purpose(path, subject.uid, facts);
    let fitting = match path {
        _ if FOR_DATA.contains(&path) => true,
        _ if is_top(path) => is_named_after(subject, name, facts),
        _ => purpose == Purpose::Service || is_made_for(subject, path, facts),
    };
    (!fitting).then_some(Never::System)
}

/// Changing a whole tree. It must belong mostly to the subject, or lie in a directory of the subject's, who is about to delete it;
/// and nothing may be mounted in it.
pub(super) fn tree(subject: &Subject, facts: &Facts, top: &[u8]) -> Option<Never> {
    let own = |path: &[u8]| node_at(path, facts).is_some_and(|id| is_owner(subject, facts, id));
    let fitting = matches!(
        purpose(top, subject.uid, facts),
        Purpose::Own | Purpose::Service | Purpose::Temporary
    );
    let left = facts.surroundings.leftovers.as_ref();
    let is_left = left.is_some_and(|left| {
        let mostly_own = own(top) && left.own > left.count;
        let in_ones_own = byte_path::parent(top).is_some_and(own);
        left.top == top && !left.mounts && (mostly_own || left.removed && in_ones_own)
    });
    (!fitting || !is_left).then_some(Never::ForeignTree)
}

/// A setting of the image, the container or the unit. What was closed on purpose stays closed there as well.
pub(super) fn deployed(subject: &Subject, facts: &Facts, setting: &Deployment) -> Option<Never> {
    let systems = |path: &[u8]| {
        let systems = matches!(
            purpose(path, subject.uid, facts),
            Purpose::System | Purpose::Kernel | Purpose::Device
        );
        systems.then_some(Never::System)
    };
    match setting {
        Deployment::OwnerInImage(node)
        | Deployment::OwnerOfVolume { node, .. }
        | Deployment::MappedOwner(node) => {
            let path = &facts.node(*node).path;
            let purpose = purpose(path, subject.uid, facts);
            let inode = inode(facts, *node)?;
            if subject.uid == 0 && !matches!(setting, Deployment::MappedOwner(_)) {
                return Some(Never::OpenHome);
            }
            if home_of(path).is_some() && purpose != Purpose::Own {
                return Some(Never::OpenHome);
            }
            let closed = is_closed_on_purpose(inode, purpose, true) && inode.uid == 0;
            systems(path).or(closed.then_some(Never::Closed))
        }
        Deployment::GroupAdd(0) | Deployment::RunAs { uid: 0, .. } => Some(Never::PowerfulGroup),
        // A mount over a directory for variable data does not open anything of the system.
        Deployment::WritablePlace(path)
            if [b"/run".as_slice(), b"/var"]
                .iter()
                .any(|top| is_within(path, top)) =>
        {
            None
        }
        Deployment::WritablePlace(path) => systems(path),
        Deployment::WritableMount(mount) => systems(&facts.mounts[mount.0].point),
        Deployment::NewPrivileges
        | Deployment::HomeDirectory
        | Deployment::GroupAdd(_)
        | Deployment::RunAs { .. }
        | Deployment::AddCapability(_)
        | Deployment::OwnDirectory(_)
        | Deployment::Sysctl { .. }
        | Deployment::ListenOn(_)
        | Deployment::AllowCall
        | Deployment::Label(_)
        | Deployment::Device(_) => None,
    }
}

/// What is mounted in a container and belongs to root, by its path on the host.
pub(super) fn given_to_a_container(
    subject: &Subject,
    facts: &Facts,
    setting: &Deployment,
) -> Option<Never> {
    let (Deployment::OwnerOfVolume { node, .. } | Deployment::MappedOwner(node)) = setting else {
        return None;
    };
    let path = &facts.node(*node).path;
    let is_running = purpose(path, subject.uid, facts) == Purpose::Runtime;
    if is_top(path) || is_running {
        return Some(Never::System);
    }
    deployed(subject, facts, setting)
}

/// A mount whose options protect the system.
pub(super) fn remount(
    subject: &Subject,
    facts: &Facts,
    id: MountId,
    option: MountOption,
) -> Option<Never> {
    let mount = &facts.mounts[id.0];
    let systems = matches!(
        purpose(&mount.point, subject.uid, facts),
        Purpose::System | Purpose::Kernel | Purpose::Device | Purpose::Runtime
    ) && !(is_top(&mount.point) && mount.point != b"/");
    (systems || matches!(option, MountOption::Dev | MountOption::Symfollow))
        .then_some(Never::SystemMount)
}

pub(super) fn is_owner(subject: &Subject, facts: &Facts, node: NodeId) -> bool {
    inode(facts, node).is_some_and(|inode| inode.uid == subject.uid)
}

pub(super) fn inode(facts: &Facts, id: NodeId) -> Option<&Inode> {
    facts.node(id).inode.as_ref().ok()
}
