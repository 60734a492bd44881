//! What must never be suggested, regardless of who asks. It is decided here and nowhere else.
//!
//! The text on stderr is untrusted: a program, or somebody whose text it prints, may try to have a dangerous command suggested.
//! So every change, whatever its cause, is checked here before it is shown.

mod closed;
mod command;
mod deployed;
mod given;
mod grave;
mod group;
mod other_path;
mod others;
mod place;
mod reason;
mod repeated;
mod secret;

pub use reason::Never;
pub(super) use repeated::{deciding, remark};

use super::safely;
use crate::attempt::{Attempt, Object, Operation, Subject, UNMAPPED};
use crate::cause::{Obstacle, PEOPLE, Purpose, held, is_standard, purpose};
use crate::change::{Change, Deployment};
use crate::facts::{Facts, Kind, NodeId, Walk};
use crate::programs;

/// Why this change must not be suggested for a refusal at this obstacle; `None` if it may be.
pub fn forbids(change: &Change, attempt: &Attempt, facts: &Facts, at: &Obstacle) -> Option<Never> {
    // What an object is under its other path says more.
    let there = forbids_there(change, attempt, facts, at);
    there.or_else(|| forbids_here(change, attempt, facts, at))
}

/// The same for the other paths of bind-mounted objects.
fn forbids_there(
    change: &Change,
    attempt: &Attempt,
    facts: &Facts,
    at: &Obstacle,
) -> Option<Never> {
    let (attempt, facts) = &other_path::of(attempt, facts)?;
    match change {
        Change::RunAsRoot(_) | Change::Tee | Change::Run { .. } => {
            repeated::reaches_too_far(change, attempt, facts)
        }
        Change::ByRoot { operation, .. } => command::by_root(&attempt.subject, facts, operation),
        Change::JoinGroup(_) | Change::Make { .. } => forbids_here(change, attempt, facts, at),
        change if change.alters().is_some() => forbids_here(change, attempt, facts, at),
        Change::Deploy {
            setting: setting @ (Deployment::OwnerOfVolume { .. } | Deployment::MappedOwner(_)),
            ..
        } => match secret::is_about_one(attempt, facts) {
            true => Some(Never::Secret),
            false => deployed::given_to_a_container(&attempt.subject, facts, setting),
        },
        _ => None,
    }
}

fn forbids_here(change: &Change, attempt: &Attempt, facts: &Facts, at: &Obstacle) -> Option<Never> {
    let subject = &attempt.subject;
    if matches!(change, Change::Advice(_)) {
        return None;
    }
    if facts.walks().any(|walk| leads_astray(walk, subject, facts)) {
        return Some(Never::ForeignLink);
    }
    if secret::is_about_one(attempt, facts)
        && !is_own_mode(change, subject, facts)
        && !only_closes(change, facts)
    {
        return Some(match secret::is_a_disk(facts) {
            true => Never::Disk,
            false if given::is_given_back(change, subject, facts) => Never::Mislaid,
            false => Never::Secret,
        });
    }
    let marked = match change {
        Change::SetFlag { node, .. } => Some(*node),
        _ => None,
    };
    let altered = change.alters().or(marked);
    if altered.is_some_and(|node| is_read_only(node, facts)) {
        return Some(Never::ReadOnly);
    }
    if altered.is_some_and(|node| is_without_mapping(node, facts)) {
        return Some(Never::Unmapped);
    }
    if change.alters().is_some() && takes_away_anothers(change, attempt, facts) {
        return Some(Never::Private);
    }
    if let Some(never) = repeats_too_much(change, attempt, facts) {
        return Some(never);
    }
    match change {
        Change::Chmod { node, add } => place::bits(subject, facts, *node, *add),
        Change::AclGrant { node, perms, .. } => {
            let gained = held(subject, *node, facts).map_or(*perms, |held| perms.minus(held));
            place::widening(subject, facts, *node, gained)
        }
        Change::AclMask { node, perms } => {
            let before = facts.node(*node).acl.as_ref().ok().and_then(Option::as_ref);
            let gained = before.map_or(*perms, |acl| perms.minus(acl.mask()));
            place::widening(subject, facts, *node, gained)
        }
        Change::Chown {
            node, uid: None, ..
        } => given::group_ownership(subject, facts, *node),
        Change::Chown { node, .. } => given::ownership(subject, facts, *node),
        Change::ChownTree { top, .. } => given::tree(subject, facts, top),
        Change::Make { parent, name, .. } => given::made_in(subject, facts, *parent, name),
        Change::Remount { mount, option, .. } => deployed::remount(subject, facts, *mount, *option),
        Change::SetFlag {
            node, on: false, ..
        } => unmarked(subject, facts, *node),
        Change::JoinGroup(gid) => group::joined(attempt, facts, *gid, at),
        Change::Tee => None,
        Change::RunAsRoot(words) => as_root(words, attempt, facts),
        Change::ByRoot { operation, path }
            if safely::is_led_astray(operation, path, facts)
                && safely::command(change, subject, facts).is_none() =>
        {
            Some(Never::Swapped)
        }
        Change::ByRoot { operation, .. } => command::by_root(subject, facts, operation),
        Change::FileCapability { program, .. } => capability(subject, facts, program),
        // It concerns everybody on this machine, so a program's word does not suffice.
        Change::Setting { name, .. } => (name.starts_with("fs.")
            || facts.surroundings.account.hearsay)
            .then_some(Never::Protection),
        Change::Run { argv, .. } if command::trusts_another(argv, attempt, facts) => {
            Some(Never::Private)
        }
        Change::Run { argv, .. } => command::disarms(argv),
        Change::Deploy { setting, .. } => deployed::deployed(subject, facts, setting),
        Change::SetMode { node, mode } if only_closes(change, facts) => {
            others::closing(attempt, facts, *node, *mode)
        }
        Change::SetMode { node, mode } if is_standard(facts, *node, *mode) => None,
        Change::SetMode { node, mode } => mode_set(subject, facts, *node, *mode),
        // These changes serve to undo others at the user's request, and are never suggested.
        Change::SetAcl { .. }
        | Change::Remove { .. }
        | Change::LeaveGroup(_)
        | Change::SetFileCapabilities { .. }
        | Change::SetFlag { on: true, .. }
        | Change::Relogin(_)
        | Change::RunThrough { .. }
        | Change::Advice(_) => None,
    }
}

/// A command that root would run, though its way or what it reads may be somebody else's, or it does more than was refused.
fn repeats_too_much(change: &Change, attempt: &Attempt, facts: &Facts) -> Option<Never> {
    let runs_as_root = matches!(change, Change::RunAsRoot(_) | Change::Tee);
    if runs_as_root && safely::is_way_led_astray(facts) {
        return Some(Never::Swapped);
    }
    let runs = runs_as_root || matches!(change, Change::Run { .. });
    runs.then(|| repeated::reaches_too_far(change, attempt, facts))
        .flatten()
}

/// The command as root.
fn as_root(words: &[Vec<u8>], attempt: &Attempt, facts: &Facts) -> Option<Never> {
    let around = &facts.surroundings;
    match () {
        () if attempt.object == Object::Another(1) => Some(Never::Protection),
        () if around.planted => Some(Never::AnyCommand),
        () if around.swappable => Some(Never::Swappable),
        () => command::line(words).or_else(|| {
            let operation = &attempt.operation;
            let widens = matches!(operation, Operation::Chmod(_) | Operation::Chown { .. })
                || command::sets_rights(programs::at_work(words));
            widens
                .then(|| command::by_root(&attempt.subject, facts, operation))
                .flatten()
        }),
    }
}

/// A capability for every run of a program, by anybody.
fn capability(subject: &Subject, facts: &Facts, program: &[u8]) -> Option<Never> {
    let system = purpose(program, subject.uid, facts) == Purpose::System;
    let owner = facts.surroundings.program.as_ref().map(|file| file.owner);
    let foreign = owner.is_none_or(|owner| ![0, subject.uid].contains(&owner));
    (system || foreign || command::runs_anything(program)).then_some(Never::AnyCommand)
}

/// A whole mode in place of another.
fn mode_set(subject: &Subject, facts: &Facts, node: NodeId, mode: u32) -> Option<Never> {
    let inode = place::inode(facts, node);
    let before = inode.map_or(0, |inode| inode.mode);
    let program = inode.is_some_and(|inode| inode.kind != Kind::Directory);
    if program && mode & !before & 0o6000 != 0 {
        return Some(Never::Program);
    }
    place::bits(subject, facts, node, mode & !before)
}

/// Whether the kernel lets nobody in permwrap's own user namespace change the object (`capable_wrt_inode_uidgid`).
fn is_without_mapping(node: NodeId, facts: &Facts) -> bool {
    let inode = facts.node(node).inode.as_ref();
    inode.is_ok_and(|inode| inode.uid == UNMAPPED || inode.gid == UNMAPPED)
}

/// Whether nothing can be modified there, because the mount is read-only. An object of another place that has a path here is
/// modified here.
fn is_read_only(node: NodeId, facts: &Facts) -> bool {
    let path = &facts.node(node).path;
    let abroad = facts.surroundings.abroad.as_ref();
    let mut paths = abroad.into_iter().flat_map(|abroad| &abroad.paths);
    if paths.any(|(there, _)| there == path) {
        return false;
    }
    let mount = facts.mount_of(node);
    mount.flags.read_only || mount.super_read_only
}

/// Whether the path leads through a symlink that belongs to neither root nor the subject. Its owner decides where it leads,
/// both now and when the command is pasted.
fn leads_astray(walk: &Walk, subject: &Subject, facts: &Facts) -> bool {
    let end = walk.target();
    walk.steps
        .iter()
        .filter_map(|step| step.found.as_ref().ok().copied().flatten())
        .filter(|id| end != Some(*id))
        .filter_map(|id| place::inode(facts, id))
        .any(|inode| inode.kind == Kind::Symlink && ![0, subject.uid].contains(&inode.uid))
}

/// Whether the change opens a directory so that the subject can remove another person's object from it. Directories that belong
/// to that person or the subject, or to a group of the subject's, do not count.
fn takes_away_anothers(change: &Change, attempt: &Attempt, facts: &Facts) -> bool {
    let subject = &attempt.subject;
    let removes = matches!(
        attempt.operation,
        Operation::Delete | Operation::Rmdir | Operation::Rename
    );
    let is_anothers = |walk: &Walk| {
        let directory = walk.parent().filter(|id| change.alters() == Some(*id));
        let directory = directory.and_then(|id| place::inode(facts, id));
        let victim = walk.named().and_then(|id| place::inode(facts, id));
        directory.zip(victim).is_some_and(|(directory, victim)| {
            PEOPLE.contains(&victim.uid)
                && ![subject.uid, directory.uid].contains(&victim.uid)
                && directory.uid != subject.uid
                && !subject.in_group(directory.gid)
        })
    };
    removes && facts.walks().any(is_anothers)
}

/// Whether the change adds only owner bits, on a file that belongs to the subject.
fn is_own_mode(change: &Change, subject: &Subject, facts: &Facts) -> bool {
    matches!(change, Change::Chmod { node, add } if add & 0o077 == 0 && place::is_owner(subject, facts, *node))
}

/// Whether the change only removes permissions.
fn only_closes(change: &Change, facts: &Facts) -> bool {
    let Change::SetMode { node, mode } = change else {
        return false;
    };
    place::inode(facts, *node).is_some_and(|inode| mode & !inode.mode == 0)
}

/// Clearing an inode flag, which only root can have set, and on purpose. It is permitted for the subject's own files and for data,
/// but not for what is root's, the system's or another person's. For root it is its own flag.
fn unmarked(subject: &Subject, facts: &Facts, node: NodeId) -> Option<Never> {
    let place = purpose(&facts.node(node).path, subject.uid, facts);
    let by_root = subject.uid == 0;
    let fitting = match place {
        Purpose::Own | Purpose::Service | Purpose::Temporary | Purpose::State => true,
        Purpose::Home => by_root,
        _ => false,
    };
    if !by_root && place::inode(facts, node).is_some_and(|inode| inode.uid == 0) {
        return Some(Never::Marked);
    }
    if !by_root && command::is_another_persons(subject, facts, node) {
        return Some(Never::Private);
    }
    (!fitting && !place::is_owner(subject, facts, node)).then_some(Never::System)
}
