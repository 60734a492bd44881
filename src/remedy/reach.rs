//! Who else is affected by a change, besides the subject.

use std::collections::BTreeSet;

use crate::attempt::Subject;
use crate::cause::held;
use crate::facts::{Facts, Kind, Names, NodeId, Perms};

/// The weight of "everybody".
const EVERYBODY: usize = 10_000;

/// How many other users gain a permission on any object. Known users are counted by name; unknown ones together count as
/// [`EVERYBODY`].
pub(super) fn let_in(subject: &Subject, before: &Facts, after: &Facts) -> usize {
    if before.settings != after.settings {
        return EVERYBODY;
    }
    gainers(subject, before, after)
}

/// How many other users lose a permission.
pub(super) fn shut_out(subject: &Subject, before: &Facts, after: &Facts) -> usize {
    gainers(subject, after, before)
}

fn gainers(subject: &Subject, before: &Facts, after: &Facts) -> usize {
    // Nodes created by the change come last; nobody had access to them before.
    let both = before.nodes.len().min(after.nodes.len());
    let changed: Vec<NodeId> = (0..both)
        .map(NodeId)
        .filter(|&id| before.node(id) != after.node(id))
        .collect();
    let gains = |stranger: &Subject| {
        changed
            .iter()
            .any(|&id| !gained(stranger, id, before, after).is_empty())
    };
    let mut count = others(subject, &before.names)
        .iter()
        .filter(|(_, stranger)| gains(stranger))
        .count();
    for gid in groups_without_a_name(&changed, before, after) {
        count += usize::from(gains(&stranger(subject, NOBODY, vec![gid])));
    }
    if gains(&stranger(subject, NOBODY, Vec::new())) {
        count += EVERYBODY;
    }
    count
}

/// A uid that no user has.
const NOBODY: u32 = u32::MAX - 7;

fn gained(stranger: &Subject, id: NodeId, before: &Facts, after: &Facts) -> Perms {
    let (Some(had), Some(has)) = (held(stranger, id, before), held(stranger, id, after)) else {
        return Perms::NONE;
    };
    let regular = before
        .node(id)
        .inode
        .as_ref()
        .is_ok_and(|inode| inode.kind == Kind::Regular);
    if regular && had.contains(Perms::R) {
        // Whoever can read a file can run a copy of it.
        has.minus(had).minus(Perms::X)
    } else {
        has.minus(had)
    }
}

/// All other users that the user or group database mentions but root, with their known groups.
pub fn others(subject: &Subject, names: &Names) -> Vec<(String, Subject)> {
    let own = names.users.get(&subject.uid);
    let users = names.users.values();
    let members = names.groups.values().flat_map(|group| &group.members);
    let people: BTreeSet<&String> = users.chain(members).collect();
    people
        .into_iter()
        .filter(|name| Some(*name) != own && *name != "root")
        .map(|name| {
            let uid = names.users.iter().find(|(_, user)| *user == name);
            let groups = names
                .groups
                .iter()
                .filter(|(_, group)| group.members.contains(name))
                .map(|(gid, _)| *gid)
                .collect();
            let uid = uid.map_or(NOBODY, |(uid, _)| *uid);
            (name.clone(), stranger(subject, uid, groups))
        })
        .collect()
}

fn stranger(subject: &Subject, uid: u32, groups: Vec<u32>) -> Subject {
    Subject {
        uid_map: subject.uid_map.clone(),
        gid_map: subject.gid_map.clone(),
        ..Subject::login(uid, NOBODY, groups)
    }
}

/// Groups of the changed inodes that the database does not list, but which may have members nevertheless.
fn groups_without_a_name(changed: &[NodeId], before: &Facts, after: &Facts) -> Vec<u32> {
    let mut gids: Vec<u32> = [before, after]
        .into_iter()
        .flat_map(|facts| changed.iter().map(|&id| facts.node(id)))
        .filter_map(|node| Some(node.inode.as_ref().ok()?.gid))
        .filter(|gid| !before.names.groups.contains_key(gid))
        .collect();
    gids.sort_unstable();
    gids.dedup();
    gids
}
