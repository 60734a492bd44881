//! What must stay as it is because of its location, owner and mode: what was closed on purpose stays closed.

use super::closed::{
    is_closed_on_purpose, is_for_a_person, is_for_a_service, is_kept_by_root, is_private,
};
use super::{Never, command, others};
use crate::attempt::Subject;
use crate::cause::{Purpose, home_of, is_within, node_at, purpose, service_directory};
use crate::facts::{Facts, Inode, Kind, NodeId, Perms, Tag};

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
        return Some(match command::is_another_persons(subject, facts, id) {
            true => Never::Private,
            false => Never::Program,
        });
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
    if is_closed_on_purpose(inode, purpose, made_for, facts) || on_the_way && closed_to_others {
        return Some(Never::Closed);
    }
    if is_for_a_service(inode, facts) && !subject.in_group(inode.gid) && subject.uid != 0 {
        return Some(Never::Closed);
    }
    if is_kept_by_root(inode, &node.path, facts)
        && purpose == Purpose::Service
        && !is_below_own(subject, &node.path, facts)
    {
        return Some(Never::KeptByRoot);
    }
    let closed_by_its_owner = inode.mode & 0o077 == 0 && is_below_own(subject, &node.path, facts);
    if closed_by_its_owner && subject.uid != 0 && !names(subject, facts, id) {
        return Some(Never::Private);
    }
    if is_for_a_person(inode, facts) && !subject.in_group(inode.gid) && !names(subject, facts, id) {
        return Some(Never::Private);
    }
    // Root without its privileges is as any other user to what is not root's.
    let is_another = subject.uid != 0 || inode.uid != 0;
    if is_private(node, inode, gained, facts) && is_another && !names(subject, facts, id) {
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
pub(super) fn is_of_the_system(purpose: Purpose) -> bool {
    !matches!(purpose, Purpose::Own | Purpose::Home | Purpose::Service)
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

/// Whether a service's directory in a system location is meant for the subject: it belongs to the subject, or is named after it
/// or its unit.
pub(super) fn is_made_for(subject: &Subject, path: &[u8], facts: &Facts) -> bool {
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
pub(super) fn is_named_after(subject: &Subject, name: &[u8], facts: &Facts) -> bool {
    let user = facts.names.users.get(&subject.uid);
    let unit = facts.surroundings.unit.as_ref();
    let stem = unit.and_then(|unit| unit.name.strip_suffix(".service"));
    subject.uid != 0 && user.map(|user| user.as_bytes()) == Some(name)
        || stem.map(str::as_bytes) == Some(name)
}

/// Whether the object is in the subject's own location only because another user's directory or file is bind-mounted there. By
/// its real path it may be any file of the system. Containers are exempt, because their volumes are mounted that way.
pub(super) fn is_mounted_there(subject: &Subject, facts: &Facts, id: NodeId) -> bool {
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

/// Whether any directory above the path belongs to the subject.
pub(super) fn is_below_own(subject: &Subject, path: &[u8], facts: &Facts) -> bool {
    let own = |above: &[u8]| node_at(above, facts).is_some_and(|id| is_owner(subject, facts, id));
    parents(path).any(own)
}

/// The directories above a path, the nearest first.
pub(super) fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = path;
    std::iter::from_fn(move || {
        let slash = rest.iter().rposition(|&byte| byte == b'/')?;
        rest = &rest[..slash];
        (slash > 0).then_some(rest)
    })
}

pub(super) fn is_owner(subject: &Subject, facts: &Facts, node: NodeId) -> bool {
    inode(facts, node).is_some_and(|inode| inode.uid == subject.uid)
}

pub(super) fn inode(facts: &Facts, id: NodeId) -> Option<&Inode> {
    facts.node(id).inode.as_ref().ok()
}
