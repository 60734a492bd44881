//! What may be given to the subject, and what may be made for it.

use super::Never;
use super::place::{
    inode, is_below_own, is_made_for, is_mounted_there, is_named_after, is_owner, widening,
};
use crate::attempt::Subject;
use crate::byte_path;
use crate::cause::{PEOPLE, Purpose, home_of, is_top, is_within, node_at, purpose};
use crate::change::Change;
use crate::facts::{Facts, Kind, NodeId, Perms};

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
    if matches!(inode.kind, Kind::Char | Kind::Block | Kind::Socket) {
        return Some(Never::Special);
    }
    let below_own = is_below_own(subject, path, facts);
    let in_ones_own = match purpose {
        Purpose::Own => true,
        Purpose::Temporary | Purpose::Service => below_own,
        _ => false,
    };
    if in_ones_own && PEOPLE.contains(&inode.uid) {
        return Some(Never::Mislaid);
    }
    // What is accessible to its owner alone was not left there by accident. sudo leaves such objects in a home, though.
    if inode.mode & 0o077 == 0 && !(is_in_ones_home(subject, path, facts) && inode.uid == 0) {
        return Some(match in_ones_own {
            true => Never::Mislaid,
            false => Never::Closed,
        });
    }
    match purpose {
        Purpose::Own => None,
        Purpose::Temporary | Purpose::Service if below_own => None,
        Purpose::Service => widening(subject, facts, id, Perms::RWX).or(Some(Never::ForeignTree)),
        _ => widening(subject, facts, id, Perms::RWX).or(Some(Never::System)),
    }
}

/// Whether the path lies in the subject's own home directory.
fn is_in_ones_home(subject: &Subject, path: &[u8], facts: &Facts) -> bool {
    let home = facts.surroundings.home.as_deref().or(home_of(path));
    let is_own = |home: &[u8]| node_at(home, facts).is_some_and(|id| is_owner(subject, facts, id));
    home.is_some_and(|home| path != home && is_within(path, home) && is_own(home))
}

/// Whether the change makes the subject the owner of something in the subject's own place.
pub(super) fn is_given_back(change: &Change, subject: &Subject, facts: &Facts) -> bool {
    matches!(change, Change::Chown { node, uid: Some(uid), .. }
        if *uid == subject.uid && purpose(&facts.node(*node).path, *uid, facts) == Purpose::Own)
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

/// Changing a whole tree. It must belong mostly to the subject, or be one thing that lies in a directory of the subject's; and
/// nothing may be mounted in it.
pub(super) fn tree(subject: &Subject, facts: &Facts, top: &[u8]) -> Option<Never> {
    let own = |path: &[u8]| node_at(path, facts).is_some_and(|id| is_owner(subject, facts, id));
    let fitting = matches!(
        purpose(top, subject.uid, facts),
        Purpose::Own | Purpose::Service | Purpose::Temporary
    );
    let left = facts.surroundings.leftovers.as_ref();
    let is_left = left.is_some_and(|left| {
        let is_ours = match left.whole {
            true => byte_path::parent(top).is_some_and(own),
            false => own(top),
        };
        left.top == top && left.are_strays() && is_ours
    });
    (!fitting || !is_left).then_some(Never::ForeignTree)
}
