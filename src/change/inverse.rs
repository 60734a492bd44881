//! The changes that revert a change.

use super::{Change, acl, capabilities, inode};
use crate::attempt::Subject;
use crate::facts::{Facts, Kind, NodeId};

pub(super) fn inverse(change: &Change, subject: &Subject, facts: &Facts) -> Option<Vec<Change>> {
    Some(match change {
        Change::Chmod { node, .. } | Change::SetMode { node, .. } => vec![mode(facts, *node)?],
        Change::Chown { node, uid, gid } => {
            let before = inode(facts, *node)?;
            let chown = Change::Chown {
                node: *node,
                uid: uid.and(Some(before.uid)),
                gid: gid.and(Some(before.gid)),
            };
            // A change of owner clears the set-user-ID bit, and changing it back does not restore the bit.
            let loses = before.kind != Kind::Directory && before.mode & 0o6000 != 0;
            let mode = loses.then(|| mode(facts, *node)).flatten();
            std::iter::once(chown).chain(mode).collect()
        }
        Change::AclGrant { node, .. }
        | Change::AclMask { node, .. }
        | Change::SetAcl { node, .. } => {
            let before = inode(facts, *node)?;
            let acl = match facts.node(*node).acl.as_ref().ok()? {
                Some(acl) => acl.clone(),
                None => acl::from_mode(before.mode),
            };
            vec![Change::SetAcl { node: *node, acl }]
        }
        Change::Make {
            parent,
            name,
            directory,
            ..
        } => vec![Change::Remove {
            parent: *parent,
            name: name.clone(),
            directory: *directory,
        }],
        Change::Remount {
            mount,
            option,
            file_system,
        } => vec![Change::Remount {
            mount: *mount,
            option: option.opposite(),
            file_system: *file_system,
        }],
        Change::SetFlag { node, flag, on } => vec![Change::SetFlag {
            node: *node,
            flag: *flag,
            on: !on,
        }],
        Change::JoinGroup(gid) => {
            let was_in = subject.database_groups.as_ref().ok()?.contains(gid);
            let leave = (!was_in).then_some(Change::LeaveGroup(*gid));
            leave.into_iter().collect()
        }
        Change::LeaveGroup(gid) => vec![Change::JoinGroup(*gid)],
        Change::FileCapability { program, .. } | Change::SetFileCapabilities { program, .. } => {
            vec![Change::SetFileCapabilities {
                program: program.clone(),
                held: capabilities(facts, program)?,
            }]
        }
        Change::Setting { name, .. } => vec![Change::Setting {
            name: name.clone(),
            value: setting(facts, name)?,
        }],
        Change::Relogin(_)
        | Change::RunThrough { .. }
        | Change::Deploy { .. }
        | Change::Tee
        | Change::Advice(_) => Vec::new(),
        Change::ChownTree { .. }
        | Change::Remove { .. }
        | Change::RunAsRoot(_)
        | Change::ByRoot { .. }
        | Change::Run { .. } => return None,
    })
}

fn mode(facts: &Facts, node: NodeId) -> Option<Change> {
    let mode = inode(facts, node)?.mode;
    Some(Change::SetMode { node, mode })
}

/// The present value of a setting that [`Change::Setting`] changes.
fn setting(facts: &Facts, name: &str) -> Option<i64> {
    let settings = &facts.settings;
    let small = |value: &crate::facts::Fact<u8>| value.as_ref().ok().map(|value| i64::from(*value));
    match name {
        "fs.protected_symlinks" => small(&settings.protected_symlinks),
        "fs.protected_hardlinks" => small(&settings.protected_hardlinks),
        "fs.protected_regular" => small(&settings.protected_regular),
        "fs.protected_fifos" => small(&settings.protected_fifos),
        "net.ipv4.ip_unprivileged_port_start" => {
            let start = settings.unprivileged_port_start.as_ref().ok()?;
            Some(i64::from(*start))
        }
        _ => settings.other.get(name)?.as_ref().ok().copied(),
    }
}
