//! Converts a fix into changes of this machine, each with the object concerned in its present state.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use rustix::fs::{Dir, Mode, OFlags, openat};

use super::deed::Deed;
use super::mount;
use super::object::{Object, reopen, trouble};
use super::state::{Found, State};
use super::system::setting;
use crate::attempt::{Attempt, Capability};
use crate::byte_path;
use crate::change::{Change, Effect, MountOption, Place};
use crate::facts::{Acl, Facts, FileCapabilities, Inode, Mount, Node, is_left_by_accident};
use crate::quote;
use crate::remedy::Fix;

/// The maximum number of objects of a tree that are given back at a time.
const MOST_OF_A_TREE: usize = 10_000;

/// The maximum depth of a tree.
const DEEPEST: usize = 64;

/// Whether the fix can be made here: it repairs, and consists only of typed changes of this machine.
#[must_use]
pub fn can_be_made(fix: &Fix) -> bool {
    let typed = |change: &Change| {
        !matches!(
            change,
            Change::Relogin(_)
                | Change::RunAsRoot(_)
                | Change::ByRoot { .. }
                | Change::RunThrough { .. }
                | Change::SetFileCapabilities { .. }
                | Change::Remove { .. }
                | Change::LeaveGroup(_)
                | Change::Run { .. }
                | Change::Tee
                | Change::Advice(_)
        )
    };
    fix.effect == Effect::Repairs && fix.place == Place::Here && fix.changes.iter().all(typed)
}

/// The changes of which the fix consists, directories before their entries.
///
/// # Errors
/// A message of one line: something is not in the state that was judged, or must not be changed in this way.
pub fn plan(attempt: &Attempt, before: &Facts, fix: &Fix) -> Result<Vec<Deed>, String> {
    let (mut subject, mut after) = (attempt.subject.clone(), before.clone());
    let mut deeds = Vec::new();
    for change in &fix.changes {
        match change {
            // This changes more objects than the facts contain.
            Change::ChownTree {
                top,
                from,
                uid,
                gid,
            } => deeds.extend(tree(top, *from, (*uid, *gid))?),
            Change::Make {
                parent,
                name,
                directory,
                uid,
                gid,
            } => {
                let (parent, _) = met(before, before.node(*parent))?;
                deeds.push(Deed::Make {
                    parent,
                    name: name.clone(),
                    directory: *directory,
                    owner: (*uid, *gid),
                    made: None,
                });
                change.apply(&mut subject, &mut after);
            }
            Change::JoinGroup(gid) => {
                let user = before.names.users.get(&subject.uid);
                let group = before.names.groups.get(gid);
                let (Some(user), Some(group)) = (user, group) else {
                    return Err("the user or the group has no name".to_owned());
                };
                deeds.push(Deed::Join {
                    user: user.clone(),
                    group: group.name.clone(),
                    gid: *gid,
                });
            }
            Change::Remount {
                mount,
                option,
                file_system,
            } => deeds.push(remounted(&before.mounts[mount.0], *option, *file_system)?),
            Change::Setting { name, value } => deeds.push(Deed::Setting {
                name: name.clone(),
                from: setting(name)?,
                to: value.to_string(),
            }),
            Change::FileCapability {
                program,
                capability,
            } => deeds.push(capable(program, *capability)?),
            Change::Chmod { .. }
            | Change::SetMode { .. }
            | Change::Chown { .. }
            | Change::AclGrant { .. }
            | Change::AclMask { .. }
            | Change::SetAcl { .. }
            | Change::SetFlag { .. } => change.apply(&mut subject, &mut after),
            _ => return Err("this fix is not one that can be made for you".to_owned()),
        }
    }
    deeds.extend(alterations(before, &after)?);
    Ok(deeds)
}

/// Another option of a mount that is still the one that was judged.
fn remounted(mounted: &Mount, option: MountOption, file_system: bool) -> Result<Deed, String> {
    let named = quote::display(&mounted.point);
    let (point, _) = Object::at(&mounted.point)?;
    if point.mount != mounted.id {
        return Err(format!(
            "{named}: something else is mounted there since it was judged"
        ));
    }
    let from =
        mount::options(mounted.id).ok_or_else(|| format!("{named}: it is no longer mounted"))?;
    let bind = mounted.root != b"/" && !mounted.root.is_empty() && !file_system;
    Ok(Deed::Remount {
        from,
        made: None,
        point,
        to: options(option, bind),
    })
}

/// The differences between the two states, one change per inode.
fn alterations(before: &Facts, after: &Facts) -> Result<Vec<Deed>, String> {
    let mut altered: BTreeMap<(usize, Vec<u8>), Deed> = BTreeMap::new();
    let mut inodes = Vec::new();
    for (node, then) in before.nodes.iter().zip(&after.nodes) {
        let same = (&node.inode, &node.acl, &node.flags) == (&then.inode, &then.acl, &then.flags);
        let (Ok(inode), Ok(next)) = (&node.inode, &then.inode) else {
            continue;
        };
        let key = (inode.device, inode.number);
        if same || inodes.contains(&key) {
            continue;
        }
        inodes.push(key);
        let (object, fd) = met(before, node)?;
        let found = Found::of(&fd).map_err(|errno| trouble(&node.path, errno))?;
        let from = found.state;
        if !is_as_judged(&from, node, inode) {
            return Err(format!(
                "{} was changed since it was judged",
                quote::display(&node.path)
            ));
        }
        if found.has_other_names {
            return Err(other_names(&node.path));
        }
        let new_owner = (next.uid, next.gid) != (inode.uid, inode.gid);
        let to = State {
            mode: next.mode,
            uid: next.uid,
            gid: next.gid,
            acl: match (&node.acl, &then.acl) {
                (Ok(was), Ok(is)) if was != is => is.as_ref().map(crate::facts::Acl::to_xattr),
                _ => from.acl.clone(),
            },
            immutable: then
                .flags
                .as_ref()
                .map_or(from.immutable, |flags| flags.immutable),
            append: then
                .flags
                .as_ref()
                .map_or(from.append, |flags| flags.append),
            capability: from.capability.clone().filter(|_| !new_owner),
        };
        let depth = node.path.iter().filter(|&&byte| byte == b'/').count();
        altered.insert(
            (depth, node.path.clone()),
            Deed::Alter {
                object,
                from,
                to,
                since: None,
            },
        );
    }
    Ok(altered.into_values().collect())
}

/// Whether the object is in the state that was judged.
fn is_as_judged(state: &State, node: &Node, inode: &Inode) -> bool {
    let acl = state.acl.as_deref().map(Acl::from_xattr).transpose();
    let same_acl = match (&node.acl, acl) {
        (Ok(judged), Ok(now)) => *judged == now,
        (Ok(_), Err(_)) => false,
        (Err(_), _) => true,
    };
    let same_flags = match &node.flags {
        Ok(flags) => (flags.immutable, flags.append) == (state.immutable, state.append),
        Err(_) => true,
    };
    let same_inode = (state.mode, state.uid, state.gid) == (inode.mode, inode.uid, inode.gid);
    same_acl && same_flags && same_inode
}

/// The object that the facts describe, if it still exists.
fn met(facts: &Facts, node: &Node) -> Result<(Object, OwnedFd), String> {
    let (object, fd) = Object::at(&node.path)?;
    let inode = node.inode.as_ref();
    let same = inode.is_ok_and(|inode| {
        let device = (inode.device.major, inode.device.minor);
        (device, inode.number) == (object.device, object.inode)
    });
    match same && facts.mounts[node.mount.0].id == object.mount {
        true => Ok((object, fd)),
        false => Err(format!(
            "{} is no longer the object that was judged",
            quote::display(&node.path)
        )),
    }
}

fn other_names(path: &[u8]) -> String {
    format!(
        "{} has further names: it would change under those too",
        quote::display(path)
    )
}

fn options(option: MountOption, bind: bool) -> String {
    let bind = if bind { "bind," } else { "" };
    format!("remount,{bind}{}", option.name())
}

/// Adds a capability to those of an executable.
fn capable(program: &[u8], capability: Capability) -> Result<Deed, String> {
    let (object, fd) = Object::at(program)?;
    let found = Found::of(&fd).map_err(|errno| trouble(program, errno))?;
    let from = found.state;
    let held = from.capability.as_deref();
    let known = held.map(FileCapabilities::from_xattr);
    let all = match known {
        Some(None) => None,
        held => FileCapabilities::and(held.flatten(), capability),
    };
    let Some(all) = all else {
        return Err(format!(
            "{} has capabilities that it asks for by itself, or that another user namespace gave it",
            quote::display(program)
        ));
    };
    if found.has_other_names {
        return Err(other_names(program));
    }
    let to = State {
        capability: Some(all.to_xattr()),
        ..from.clone()
    };
    Ok(Deed::Alter {
        object,
        from,
        to,
        since: None,
    })
}

/// Changes the owner of those files in a directory tree that belong to one user and are not private to that user. Symlinks are
/// not followed, mounts are not entered, and files with further hard links are left unchanged.
fn tree(top: &[u8], from: u32, to: (u32, Option<u32>)) -> Result<Vec<Deed>, String> {
    let (object, fd) = Object::at(top)?;
    let mut found = Vec::new();
    let mount = object.mount;
    collect(object, fd, (from, to, mount), DEEPEST, &mut found)?;
    Ok(found)
}

fn collect(
    object: Object,
    fd: OwnedFd,
    wanted: (u32, (u32, Option<u32>), u64),
    deepest: usize,
    found: &mut Vec<Deed>,
) -> Result<(), String> {
    let (owner, (uid, gid), mount) = wanted;
    let path = object.path.clone();
    let failed = |errno| trouble(&path, errno);
    if object.mount != mount {
        return Ok(());
    }
    let Found {
        state: from,
        is_directory,
        has_other_names,
    } = Found::of(&fd).map_err(failed)?;
    let has_capabilities = from.capability.is_some();
    let is_left = is_left_by_accident(from.mode, is_directory, has_other_names, has_capabilities);
    if from.uid == owner && is_left {
        if found.len() >= MOST_OF_A_TREE {
            return Err(format!(
                "{}: more than {MOST_OF_A_TREE} objects",
                quote::display(&path)
            ));
        }
        found.push(Deed::Alter {
            to: State {
                uid,
                gid: gid.unwrap_or(from.gid),
                ..from.clone()
            },
            object: object.clone(),
            from,
            since: None,
        });
    }
    if !is_directory {
        return Ok(());
    }
    if deepest == 0 {
        return Err(format!("{}: too deep", quote::display(&path)));
    }
    let directory = reopen(&fd).map_err(failed)?;
    for entry in Dir::read_from(&directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(below) = openat(&fd, name, how, Mode::empty()) else {
            continue;
        };
        let path = byte_path::join(&path, name);
        let object = Object::of(&below, &path).map_err(failed)?;
        collect(object, below, wanted, deepest - 1, found)?;
    }
    Ok(())
}
