//! Groups that must not be joined because a program's output suggests it.

use super::Never;
use super::closed::is_mailbox;
use super::place::{inode, may_be_named_by_anybody};
use crate::attempt::{Attempt, Operation};
use crate::cause::{
    Obstacle, Power, Purpose, is_a_services_group, is_powerful, is_private_group, power_of, purpose,
};
use crate::facts::{Facts, Kind, NodeId};

/// Joining this group.
pub(super) fn joined(attempt: &Attempt, facts: &Facts, gid: u32, at: &Obstacle) -> Option<Never> {
    let known = facts.names.groups.get(&gid);
    let Some(name) = known.map(|group| group.name.as_str()).filter(|_| gid != 0) else {
        return Some(Never::PowerfulGroup);
    };
    // A user private group belongs to that user.
    if is_private_group(gid, facts) {
        return Some(Never::Closed);
    }
    let node = match at {
        Obstacle::Node(id) | Obstacle::Mount(_, id) => Some(*id),
        _ => None,
    };
    if let Some(id) = node
        && let Some(inode) = inode(facts, id)
    {
        if may_be_named_by_anybody(inode, facts) {
            return Some(Never::OtherNames);
        }
        if is_mailbox(facts.node(id), inode, facts) {
            return Some(Never::Private);
        }
    }
    let kind = |id: NodeId| inode(facts, id).map(|inode| inode.kind);
    let target = facts.walk.target().and_then(kind);
    let socket = target == Some(Kind::Socket) && power_of(name) == Some(Power::RootBySocket);
    if is_powerful(name) && !socket {
        return Some(Never::PowerfulGroup);
    }
    // The group of a device, a socket or a log is meant to be joined; that of other files of root in system directories is
    // meant for a service.
    let meant = |id: NodeId| {
        let is_root = inode(facts, id).is_some_and(|inode| inode.uid == 0);
        let place = purpose(&facts.node(id).path, attempt.subject.uid, facts);
        let for_a_socket = match target {
            Some(kind) => kind == Kind::Socket,
            None => attempt.operation == Operation::Connect,
        };
        match (kind(id), place) {
            (Some(Kind::Char | Kind::Socket), _) => true,
            // Its members can read all that the service keeps for itself.
            _ if is_a_services_group(gid, facts) => for_a_socket,
            (_, Purpose::System | Purpose::State | Purpose::Home) => false,
            (_, Purpose::Runtime) => for_a_socket && !is_root,
            (_, Purpose::Log) => {
                is_root || inode(facts, id).is_some_and(|inode| inode.gid != inode.uid)
            }
            _ => true,
        }
    };
    (!node.is_none_or(meant)).then_some(Never::Closed)
}
