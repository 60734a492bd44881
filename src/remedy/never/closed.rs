//! Objects that somebody keeps closed to others, as their owner, mode and location show.

use super::place::{inode, is_of_the_system};
use crate::byte_path;
use crate::cause::{
    PEOPLE, Purpose, is_a_services_group, is_powerful, is_private_group, is_within, node_at,
};
use crate::facts::{Facts, Inode, Kind, Node, Perms};

/// Whether somebody deliberately keeps others out: an object of root that others may not read in a system location, what a
/// service keeps private there, and what belongs to another person.
pub(super) fn is_closed_on_purpose(
    inode: &Inode,
    purpose: Purpose,
    made_for: bool,
    facts: &Facts,
) -> bool {
    let closed_to_others = !inode.other_bits().contains(Perms::R);
    let private = inode.mode & 0o077 == 0;
    let of_somebody = inode.uid == 0 || PEOPLE.contains(&inode.uid) || purpose == Purpose::System;
    // A service's directory may be searched and listed unless it is closed to all others, but its data and settings are private.
    let is_services = matches!(purpose, Purpose::State | Purpose::Runtime);
    let of_a_service = is_services
        && (inode.kind == Kind::Regular || is_for_its_owner_alone(inode, facts) && inode.uid != 0);
    let closed = closed_to_others && (of_somebody || of_a_service && !made_for);
    is_of_the_system(purpose) && (private || closed)
}

/// Whether nobody but its owner has access: group and others have no permissions, or the group is a service's own, so that nobody
/// is in it whom the service could have meant. A person who lets a group in shares it.
fn is_for_its_owner_alone(inode: &Inode, facts: &Facts) -> bool {
    let is_services = has_own_group(inode, facts) && !PEOPLE.contains(&inode.uid);
    inode.mode & 0o077 == 0 || is_services && inode.mode & 0o007 == 0
}

/// Whether the group is the owner's own and has no other members. Root's is not counted.
fn has_own_group(inode: &Inode, facts: &Facts) -> bool {
    let owner = facts.names.users.get(&inode.uid);
    let group = facts.names.groups.get(&inode.gid);
    inode.uid != 0
        && owner.zip(group).is_some_and(|(owner, group)| {
            group.name == *owner && group.members.iter().all(|member| member == owner)
        })
}

/// Whether its owner keeps it private: nobody else has permissions. The directories of many projects are installed like that, so one
/// may be passed through, unless it is that of a service's account, or bears the name of a person; and listed, unless it is hidden or
/// its owner set it apart in a directory of their own.
pub(super) fn is_private(node: &Node, inode: &Inode, gained: Perms, facts: &Facts) -> bool {
    let is_personal = is_personal(node, inode, facts);
    let above = byte_path::parent(&node.path).unwrap_or(b"/");
    let above = node_at(above, facts).and_then(|above| self::inode(facts, above));
    let is_hidden = byte_path::name(&node.path).starts_with(b".");
    let is_set_apart = is_hidden || above.is_some_and(|above| above.uid == inode.uid);
    let lists = gained.contains(Perms::R) && is_set_apart;
    let is_services = has_own_group(inode, facts) && !PEOPLE.contains(&inode.uid);
    // Projects are deployed to the web server's account.
    let is_services = is_services && !is_within(&node.path, b"/var/www");
    let only_looks = inode.is_dir() && !gained.contains(Perms::W) && !lists && !is_services;
    is_mailbox(node, inode, facts)
        || is_for_its_owner_alone(inode, facts) && (is_personal || !only_looks)
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
pub(super) fn is_for_a_person(inode: &Inode, facts: &Facts) -> bool {
    let owner = facts.names.users.get(&inode.uid);
    let group = facts.names.groups.get(&inode.gid);
    let is_another = owner != group.map(|group| &group.name) && inode.uid != 0;
    let for_its_group = inode.other_bits().is_empty() && !inode.group_bits().is_empty();
    is_another && for_its_group && is_private_group(inode.gid, facts)
}

/// Whether root made a file for a service's account alone, by that account's group.
pub(super) fn is_for_a_service(inode: &Inode, facts: &Facts) -> bool {
    let is_closed = inode.other_bits().is_empty() && inode.kind == Kind::Regular;
    inode.uid == 0 && is_closed && is_a_services_group(inode.gid, facts)
}

/// Whether nobody but root, or a group that root chose, was meant to have access: others may not read it. This also covers
/// swap files, snapshots of the whole system and its backups, wherever they are. A file in another user's directory that
/// root's group may read was left there by accident.
pub(super) fn is_kept_by_root(inode: &Inode, path: &[u8], facts: &Facts) -> bool {
    let above = byte_path::parent(path).unwrap_or(b"/");
    let in_roots = node_at(above, facts)
        .and_then(|id| self::inode(facts, id))
        .is_none_or(|above| above.uid == 0);
    let private = inode.mode & 0o077 == 0;
    let closed = !inode.other_bits().contains(Perms::R);
    // A file's group shows whom root meant it for; a directory's only if the group is as powerful as root.
    let group = facts.names.groups.get(&inode.gid);
    let is_powerful = group.is_some_and(|group| is_powerful(&group.name));
    let for_its_group = inode.kind == Kind::Regular || is_powerful;
    let chosen = in_roots && (inode.gid == 0 || for_its_group);
    inode.uid == 0 && (private || closed && chosen)
}
