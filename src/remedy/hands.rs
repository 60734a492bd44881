//! Who could replace the object of a command between the time of the hint and the time it is pasted.

use crate::byte_path;
use crate::facts::{Facts, Inode, Node, Perms, Tag, Walk};

/// Who besides root can change what a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hands {
    /// Nobody.
    Root,
    /// One user.
    One(u32),
    /// Several users, or it is unknown who.
    Several,
}

impl Hands {
    fn and(self, other: Hands) -> Hands {
        match (self, other) {
            (Hands::Root, hands) | (hands, Hands::Root) => hands,
            (Hands::One(one), Hands::One(other)) if one == other => self,
            _ => Hands::Several,
        }
    }

    /// Whether nobody but root and this user can.
    pub(super) fn are_of(self, uid: u32) -> bool {
        matches!(self, Hands::Root) || self == Hands::One(uid)
    }
}

/// Who can change what this path (without symlinks) leads to: whoever can write to any directory above it.
pub(super) fn over(path: &[u8], facts: &Facts) -> Hands {
    rungs(path).fold(Hands::Root, |hands, (directory, name)| {
        hands.and(over_name(directory, name, facts))
    })
}

/// Who can change where this walk leads: whoever can write to a directory in which one of its names was looked up, or to any
/// directory above.
pub(super) fn over_walk(walk: &Walk, facts: &Facts) -> Hands {
    walk.steps
        .iter()
        .filter(|step| !step.name.is_empty())
        .map(|step| {
            let directory = &facts.node(step.dir).path;
            let name = byte_path::join(directory, &step.name);
            over(directory, facts).and(over_name(directory, &name, facts))
        })
        .fold(Hands::Root, Hands::and)
}

/// The names along a path, each with the directory that contains it: `/` and `/srv`, `/srv` and `/srv/app`.
fn rungs(path: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let ends = path
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, byte)| **byte == b'/')
        .map(|(at, _)| at)
        .chain((path.len() > 1).then_some(path.len()));
    let mut above: &[u8] = b"/";
    ends.map(move |end| {
        let rung = (above, &path[..end]);
        above = rung.1;
        rung
    })
}

/// Who can replace a name in a directory: the directory's owner, and whoever may write to it. In a sticky directory, of the
/// latter only the owner of the named object (the kernel's `check_sticky`). An immutable or append-only flag on either prevents
/// it for everybody (`may_delete`).
fn over_name(directory: &[u8], name: &[u8], facts: &Facts) -> Hands {
    if is_marked(directory, facts) || is_marked(name, facts) {
        return Hands::Root;
    }
    let mut met = facts
        .nodes
        .iter()
        .filter(|node| node.path == directory)
        .peekable();
    if met.peek().is_none() {
        return Hands::Several;
    }
    met.fold(Hands::Root, |hands, node| {
        let Ok(inode) = &node.inode else {
            return Hands::Several;
        };
        let writers = match writers(node, inode) {
            Hands::Several if inode.is_sticky() => owner(name, facts),
            writers => writers,
        };
        hands.and(of(inode.uid)).and(writers)
    })
}

/// Who may write to a directory, besides its owner.
fn writers(node: &Node, inode: &Inode) -> Hands {
    let writes = |perms: Perms| perms.contains(Perms::W);
    if writes(inode.other_bits()) {
        return Hands::Several;
    }
    match &node.acl {
        Err(_) => Hands::Several,
        Ok(None) if inode.gid != 0 && writes(inode.group_bits()) => Hands::Several,
        Ok(None) => Hands::Root,
        Ok(Some(acl)) => acl
            .entries
            .iter()
            .filter(|entry| writes(entry.perms.and(acl.mask())))
            .map(|entry| match entry.tag {
                Tag::User(uid) => of(uid),
                Tag::OwningGroup if inode.gid == 0 => Hands::Root,
                Tag::OwningGroup | Tag::Group(_) => Hands::Several,
                Tag::Owner | Tag::Mask | Tag::Other => Hands::Root,
            })
            .fold(Hands::Root, Hands::and),
    }
}

/// Whether the object with this path is immutable or append-only.
fn is_marked(path: &[u8], facts: &Facts) -> bool {
    let mut met = facts.nodes.iter().filter(|node| node.path == path);
    met.any(|node| {
        node.flags
            .as_ref()
            .is_ok_and(|flags| flags.immutable || flags.append)
    })
}

fn owner(path: &[u8], facts: &Facts) -> Hands {
    let node = facts.nodes.iter().find(|node| node.path == path);
    match node.map(|node| &node.inode) {
        Some(Ok(inode)) => of(inode.uid),
        _ => Hands::Several,
    }
}

fn of(uid: u32) -> Hands {
    if uid == 0 {
        Hands::Root
    } else {
        Hands::One(uid)
    }
}
