//! What is never suggested, whoever asks: the one place where that is decided.
//!
//! The words on stderr are untrusted: a program, or someone whose text it prints, may try to have a dangerous command
//! suggested. So each change, of whatever cause, passes here before anybody sees it.

mod command;
mod group;
mod place;
mod secret;

use super::safely;
use crate::attempt::{Attempt, Object, Operation, Subject};
use crate::cause::{Obstacle, Purpose, held, purpose};
use crate::change::Change;
use crate::facts::{Facts, Kind, NodeId, Walk};

/// Why a change is never suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Never {
    /// What everybody may write, anybody may replace.
    WritableByAll,
    /// A home is opened to named people, never to everybody.
    OpenHome,
    /// What lies in `/root` is root's own.
    RootsHome,
    /// Nothing recursive on a directory that is not the subject's.
    ForeignTree,
    /// Who owns a directory in which everybody may create may delete there: it stays whose it is.
    Shared,
    /// Keys, password hashes, raw disks and the rights to become root.
    Secret,
    /// A set-user-ID program, or one that is kept from the subject.
    Program,
    /// The system's own directories are its package manager's.
    System,
    /// A group whose members are as good as root.
    PowerfulGroup,
    /// A file with another name elsewhere, which would change hands too.
    OtherNames,
    /// A setting or module that protects the system.
    Protection,
    /// A shell or an interpreter runs whatever it is told to.
    AnyCommand,
    /// A mount that is as it is so that the system stays as it is.
    SystemMount,
    /// The way leads through a symlink that belongs to neither root nor the subject.
    ForeignLink,
    /// It lies on a read-only mount: no mode or owner can be changed there.
    ReadOnly,
    /// Who may write at the top of a project may replace all that runs there.
    Project,
    /// Others can put something else in the place of what root would touch.
    Swapped,
    /// What root or a service closed to others in a place of the system.
    Closed,
    /// A file that a person keeps from everybody else, wherever it lies.
    Private,
    /// What root keeps to itself among data: swap, snapshots, backups, keys.
    KeptByRoot,
    /// A device or a socket is opened by its group, not by an entry that the next start takes away.
    Special,
}

impl Never {
    /// What to do instead, for who finds nothing else on offer.
    pub fn advice(self, path: &str) -> Option<String> {
        Some(match self {
            Never::Secret => format!(
                "{path} is a secret of the system and stays closed: what needs it has to run as the user it is meant for"
            ),
            Never::Program => {
                format!("{path} is kept for those who may run it: ask the administrator")
            }
            Never::RootsHome | Never::OpenHome => {
                format!(
                    "move what is needed out of the home to where others may be, /srv or /opt: {path} stays closed, \
                     unless its owner shares it"
                )
            }
            Never::System => format!(
                "{path} is the system's: use a directory of your own, or leave it to the administrator"
            ),
            Never::Closed => format!(
                "{path} is closed on purpose: what needs it has to run as the user it is meant for"
            ),
            Never::KeptByRoot => format!(
                "root keeps {path} to itself: where it is meant for others too, give it to a group of theirs (chgrp, chmod g+rX)"
            ),
            Never::Special => format!(
                "{path} is for root and its service: ask the administrator for a group that may use it"
            ),
            Never::ReadOnly => format!(
                "{path} lies on a read-only mount, where no mode or owner can be changed: change it where the data comes from"
            ),
            Never::Project => format!(
                "put what is written there in a directory of its own below {path}, and open that: who may write {path} itself may \
                 replace the program"
            ),
            Never::ForeignLink => format!(
                "the way to {path} leads through a symlink of somebody else's, who can turn it elsewhere: name the object itself"
            ),
            Never::Private
            | Never::ForeignTree
            | Never::OtherNames
            | Never::Shared
            | Never::WritableByAll => {
                format!("ask the owner of {path}")
            }
            Never::Swapped
            | Never::PowerfulGroup
            | Never::AnyCommand
            | Never::Protection
            | Never::SystemMount => {
                return None;
            }
        })
    }
}

/// Why this change must not be suggested for a refusal there, if it must not.
pub fn forbids(change: &Change, attempt: &Attempt, facts: &Facts, at: &Obstacle) -> Option<Never> {
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
        return Some(Never::Secret);
    }
    let marked = match change {
        Change::SetFlag { node, .. } => Some(*node),
        _ => None,
    };
    if change
        .alters()
        .or(marked)
        .is_some_and(|node| is_read_only(node, facts))
    {
        return Some(Never::ReadOnly);
    }
    match change {
        Change::Chmod { node, add } => place::bits(subject, facts, *node, *add),
        Change::AclGrant { node, perms, .. } => {
            let gained = held(subject, *node, facts).map_or(*perms, |held| perms.minus(held));
            place::widening(subject, facts, *node, gained)
        }
        Change::AclMask { node, perms } => place::widening(subject, facts, *node, *perms),
        Change::Chown {
            node, uid: None, ..
        } => place::group_ownership(subject, facts, *node),
        Change::Chown { node, .. } => place::ownership(subject, facts, *node),
        Change::ChownTree { top, .. } => place::tree(subject, facts, top),
        Change::Make { parent, name, .. } => place::made_in(subject, facts, *parent, name),
        Change::Remount { mount, option, .. } => place::remount(subject, facts, *mount, *option),
        Change::SetFlag {
            node, on: false, ..
        } => unmarked(subject, facts, *node),
        Change::JoinGroup(gid) => group::joined(attempt, facts, *gid, at),
        Change::RunAsRoot | Change::Tee if safely::is_way_led_astray(facts) => Some(Never::Swapped),
        Change::Tee => None,
        Change::RunAsRoot if attempt.object == Object::Another(1) => Some(Never::Protection),
        Change::RunAsRoot => command::line(&facts.surroundings.command).or_else(|| {
            let widens = matches!(
                attempt.operation,
                Operation::Chmod(_) | Operation::Chown { .. }
            ) || command::sets_rights(&facts.surroundings.command);
            widens
                .then(|| command::by_root(subject, facts, &attempt.operation))
                .flatten()
        }),
        Change::ByRoot { operation, path } if safely::is_led_astray(operation, path, facts) => {
            Some(Never::Swapped)
        }
        Change::ByRoot { operation, .. } => command::by_root(subject, facts, operation),
        Change::FileCapability { program, .. } => {
            let system = purpose(program, subject.uid, facts) == Purpose::System;
            let owner = facts.surroundings.program.as_ref().map(|file| file.owner);
            let foreign = owner.is_none_or(|owner| ![0, subject.uid].contains(&owner));
            (system || foreign || command::runs_anything(program)).then_some(Never::AnyCommand)
        }
        Change::Setting { name, .. } => name.starts_with("fs.").then_some(Never::Protection),
        Change::Run { argv, .. } => command::disarms(argv),
        Change::Deploy { setting, .. } => place::deployed(subject, facts, setting),
        Change::SetMode { .. } if only_closes(change, facts) => None,
        Change::SetMode { node, mode } => {
            let inode = place::inode(facts, *node);
            let before = inode.map_or(0, |inode| inode.mode);
            let program = inode.is_some_and(|inode| inode.kind != Kind::Directory);
            if program && mode & !before & 0o6000 != 0 {
                return Some(Never::Program);
            }
            place::bits(subject, facts, *node, mode & !before)
        }
        // What undoes a change is asked for by who made it, and never suggested.
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

/// Whether the members of a group are as good as root, so that nobody is told to join it for a file's or a manifest's sake.
#[must_use]
pub fn is_powerful(group: &str) -> bool {
    group::is_powerful(group)
}

/// Whether nothing can be altered there, since the mount is read-only.
fn is_read_only(node: NodeId, facts: &Facts) -> bool {
    let mount = facts.mount_of(node);
    mount.flags.read_only || mount.super_read_only
}

/// Whether the way goes through a symlink that belongs to neither root nor the subject: whoever owns it decides where it
/// ends, now and when the command is pasted.
fn leads_astray(walk: &Walk, subject: &Subject, facts: &Facts) -> bool {
    let end = walk.target();
    walk.steps
        .iter()
        .filter_map(|step| step.found.as_ref().ok().copied().flatten())
        .filter(|id| end != Some(*id))
        .filter_map(|id| place::inode(facts, id))
        .any(|inode| inode.kind == Kind::Symlink && ![0, subject.uid].contains(&inode.uid))
}

/// The owner's own bits on the owner's own file.
fn is_own_mode(change: &Change, subject: &Subject, facts: &Facts) -> bool {
    matches!(change, Change::Chmod { node, add } if add & 0o077 == 0 && place::is_owner(subject, facts, *node))
}

/// Whether a file is only closed, which opens nothing to anybody.
fn only_closes(change: &Change, facts: &Facts) -> bool {
    let Change::SetMode { node, mode } = change else {
        return false;
    };
    place::inode(facts, *node).is_some_and(|inode| mode & !inode.mode == 0)
}

/// Taking away a mark: somebody set it on purpose. It is for the owner's own files and for data, not for the system's.
fn unmarked(subject: &Subject, facts: &Facts, node: NodeId) -> Option<Never> {
    let place = purpose(&facts.node(node).path, subject.uid, facts);
    let fitting = matches!(
        place,
        Purpose::Own | Purpose::Service | Purpose::Temporary | Purpose::State
    );
    (!fitting && !place::is_owner(subject, facts, node)).then_some(Never::System)
}
