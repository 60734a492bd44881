//! Commands for root, in a form that nobody can redirect to another object between the time of the hint and the time they are
//! pasted.
//!
//! A path is resolved again when the command runs. If anybody but root can write to a directory on the path, they can place a
//! symlink there, and root changes its target instead; or put another file in its place, even while the command runs, so that
//! looking for the inode number first does not help. In that case the change is made by the object's owner, or by `permwrap fix`,
//! which keeps hold of the object.

use super::hands::{self, Hands};
use crate::attempt::{Operation, Subject};
use crate::byte_path;
use crate::cause::held;
use crate::change::{Argv, Change, argv};
use crate::facts::{Facts, Inode, NodeId, Perms};

/// The command for the change in a form that root can paste safely; `None` if there is none.
pub(super) fn command(change: &Change, subject: &Subject, facts: &Facts) -> Option<Argv> {
    let plain = change.argv(subject, facts)?;
    if subject.uid != 0 && !change.needs_root(subject, facts) {
        return Some(plain);
    }
    if let Change::ByRoot { operation, path } = change {
        return (!is_led_astray(operation, path, facts)).then_some(plain);
    }
    let Some(path) = touched(change, facts) else {
        return Some(plain);
    };
    let hands = hands::over(&path, facts);
    // An NFS server usually maps root to nobody, but accepts the change from the owner.
    if let Change::Chmod { node, .. } | Change::AclGrant { node, .. } | Change::AclMask { node, .. } =
        change
        && facts.mount_of(*node).is_nfs()
        && let Some(command) = by_owner(&plain, *node, hands, facts)
    {
        return Some(command);
    }
    match change {
        Change::FileCapability { .. } => {
            let program = facts.surroundings.program.as_ref();
            program.is_some_and(|file| file.firm).then_some(plain)
        }
        // Who owns a directory in the tree can put other files there. What is its owner's alone is looked at before it is given away.
        Change::ChownTree { .. } => None,
        Change::Chown {
            node, uid: Some(_), ..
        } if is_its_owners_alone(*node, facts) => None,
        _ if hands == Hands::Root => Some(plain),
        // Whoever can replace something only deceives themselves.
        Change::Run { argv, .. } if run_by(argv, facts).is_some_and(|uid| hands.are_of(uid)) => {
            Some(plain)
        }
        Change::Chmod { node, .. }
        | Change::AclGrant { node, .. }
        | Change::AclMask { node, .. } => by_owner(&plain, *node, hands, facts),
        _ => None,
    }
}

/// Whether the subject can make the change itself, and others than root could redirect it if root made it.
pub(super) fn is_for_the_subject(change: &Change, subject: &Subject, facts: &Facts) -> bool {
    let is_own = subject.uid != 0 && !change.needs_root(subject, facts);
    let path = touched(change, facts).filter(|_| is_own);
    path.is_some_and(|path| hands::over(&path, facts) != Hands::Root)
}

/// Whether nobody but its owner has access.
fn is_its_owners_alone(node: NodeId, facts: &Facts) -> bool {
    let inode = facts.node(node).inode.as_ref();
    inode.is_ok_and(|inode| inode.mode & 0o077 == 0)
}

/// Whether an operation that root is to perform once can be redirected to another object.
pub(super) fn is_led_astray(operation: &Operation, path: &[u8], facts: &Facts) -> bool {
    let last_name_alone = matches!(operation, Operation::Delete | Operation::Rmdir);
    let path = match last_name_alone {
        // Removing a name does not depend on what it refers to.
        true => byte_path::parent(path).unwrap_or(b"/"),
        false => path,
    };
    hands::over(path, facts) != Hands::Root
}

/// Whether the refused command, run by root, can be redirected on the paths that were refused.
pub(super) fn is_way_led_astray(facts: &Facts) -> bool {
    facts
        .walks()
        .any(|walk| hands::over_walk(walk, facts) != Hands::Root)
}

/// The path that the command resolves, if it resolves one.
fn touched(change: &Change, facts: &Facts) -> Option<Vec<u8>> {
    Some(match change {
        Change::Chmod { node, .. }
        | Change::SetMode { node, .. }
        | Change::Chown { node, .. }
        | Change::AclGrant { node, .. }
        | Change::AclMask { node, .. }
        | Change::SetAcl { node, .. }
        | Change::SetFlag { node, .. } => facts.node(*node).path.clone(),
        // Who can write in the directory can put a symlink there.
        Change::Make { parent, name, .. } | Change::Remove { parent, name, .. } => {
            byte_path::join(&facts.node(*parent).path, name)
        }
        Change::ChownTree { top, .. } => top.clone(),
        Change::Remount { mount, .. } => facts.mounts[mount.0].point.clone(),
        Change::FileCapability { program, .. } | Change::SetFileCapabilities { program, .. } => {
            program.clone()
        }
        // A label or similar attribute of the object itself.
        Change::Run {
            argv, root: true, ..
        } => {
            let nodes = facts.walk.target().into_iter().chain(facts.walk.named());
            let mut paths = nodes.map(|id| &facts.node(id).path);
            paths.find(|path| argv.contains(path))?.clone()
        }
        Change::Run { .. }
        | Change::JoinGroup(_)
        | Change::LeaveGroup(_)
        | Change::Relogin(_)
        // Whether root may do these at all was checked before.
        | Change::RunAsRoot(_)
        | Change::ByRoot { .. }
        | Change::RunThrough { .. }
        | Change::Setting { .. }
        | Change::Deploy { .. }
        | Change::Tee
        | Change::Advice(_) => return None,
    })
}

/// The user other than root whom root makes run this command.
fn run_by(argv: &Argv, facts: &Facts) -> Option<u32> {
    let [runuser, option, name, ..] = argv.as_slice() else {
        return None;
    };
    let is_other = runuser == b"runuser" && option == b"-u";
    let mut users = facts.names.users.iter();
    let (uid, _) = users.find(|(_, user)| is_other && user.as_bytes() == name)?;
    Some(*uid).filter(|uid| *uid != 0)
}

/// The command run by the object's owner, who has the right to make the change and can harm nobody else by it.
fn by_owner(plain: &Argv, node: NodeId, hands: Hands, facts: &Facts) -> Option<Argv> {
    let inode = facts.node(node).inode.as_ref().ok()?;
    let name = facts.names.users.get(&inode.uid)?;
    // Any change by a process outside the file's group clears the set-group-ID bit.
    let group = facts.names.groups.get(&inode.gid);
    let keeps_mode =
        inode.mode & 0o2000 == 0 || group.is_some_and(|group| group.members.contains(name));
    (inode.uid != 0 && hands.are_of(inode.uid) && keeps_mode && reaches(inode, node, facts)).then(
        || {
            let mut words = argv(&[b"runuser", b"-u", name.as_bytes(), b"--"]);
            words.extend_from_slice(plain);
            words
        },
    )
}

/// Whether the owner has search permission on all directories above.
fn reaches(inode: &Inode, node: NodeId, facts: &Facts) -> bool {
    let name = facts.names.users.get(&inode.uid);
    let groups = facts
        .names
        .groups
        .iter()
        .filter(|(_, group)| name.is_some_and(|name| group.members.contains(name)))
        .map(|(gid, _)| *gid)
        .collect();
    let owner = Subject::login(inode.uid, u32::MAX - 7, groups);
    let path = &facts.node(node).path;
    (0..facts.nodes.len())
        .map(NodeId)
        .filter(|id| {
            let above = &facts.node(*id).path;
            path.strip_prefix(above.as_slice())
                .is_some_and(|rest| rest.starts_with(b"/") || above == b"/" && !rest.is_empty())
        })
        .all(|id| held(&owner, id, facts).is_some_and(|held| held.contains(Perms::X)))
}
