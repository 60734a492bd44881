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
mod repeated;
mod secret;

pub(super) use repeated::deciding;

use super::safely;
use crate::attempt::{Attempt, Object, Operation, Subject, UNMAPPED};
use crate::cause::{Obstacle, PEOPLE, Purpose, held, is_standard, purpose};
use crate::change::{Change, Deployment};
use crate::facts::{Facts, Kind, NodeId, Walk};

/// Why a change must never be suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Never {
    /// What everybody can write, anybody can replace.
    WritableByAll,
    /// A home directory is opened to particular users, never to everybody.
    OpenHome,
    /// `/root` and its content belong to root.
    RootsHome,
    /// No recursive change of a directory that does not belong to the subject.
    ForeignTree,
    /// The owner of a directory in which everybody may create files may delete any of them, so its owner remains.
    Shared,
    /// Keys, password hashes, raw disks, and rights to become root.
    Secret,
    /// A disk or another block device, which holds everybody's files.
    Disk,
    /// A set-user-ID program, or one that the subject is not meant to run.
    Program,
    /// System directories are managed by the package manager.
    System,
    /// A group whose members are equivalent to root.
    PowerfulGroup,
    /// A file with further hard links, which would be affected as well.
    OtherNames,
    /// A setting or module that protects the system.
    Protection,
    /// A shell or an interpreter, which can execute anything.
    AnyCommand,
    /// A mount whose options protect the system.
    SystemMount,
    /// The path leads through a symlink that belongs to neither root nor the subject.
    ForeignLink,
    /// It is on a read-only mount, where neither mode nor owner can be changed.
    ReadOnly,
    /// Its owner or group has no mapping in the user namespace, so that nobody in there can change it.
    Unmapped,
    /// Whoever can write to the top directory of a project can replace everything that is run there.
    Project,
    /// Others could replace the object before root changes it.
    Swapped,
    /// Others could replace a file that the command names, or the recipe that it follows, before root runs it.
    Swappable,
    /// Something that root or a service has deliberately closed to others, in a system directory.
    Closed,
    /// A directory of root's in which others keep something that whoever can write there could delete or replace.
    Peopled,
    /// Something that its owner keeps private, wherever it is, or another person's object that would be removed.
    Private,
    /// Data that root keeps to itself: swap, snapshots, backups, keys.
    KeptByRoot,
    /// A device or a socket, which is opened to a group rather than by an ACL entry that the next start would remove.
    Special,
    /// It is bind-mounted in the subject's own location, and belongs to another user elsewhere.
    MountedThere,
    /// It determines who may become root.
    Authority,
    /// A setting of the kernel that names a program which the kernel runs as root.
    RunByKernel,
    /// It cannot be taken back, or gives somebody the rights of root: the reason, as a clause.
    Grave(&'static str),
    /// Others execute it, or what is in it, so that whoever can write to it can act as them.
    RunByOthers,
    /// Root has marked its own object as immutable or append-only, which nobody else can do.
    Marked,
    /// The subject is permitted less than everybody else, so somebody meant to keep it out.
    ShutOut,
}

impl Never {
    /// What to do instead, if no fix is offered. `owner` is the name of the path's owner, if it is known.
    pub fn advice(self, path: &str, owner: Option<&str>) -> Option<String> {
        Some(match self {
            Never::Secret => format!(
                "{path} is a secret of the system and stays closed: run what needs it as the user it is meant for"
            ),
            Never::Disk => format!(
                "{path} is a whole disk: whoever can read or write it has every file on it, so it stays closed"
            ),
            Never::Program => {
                format!("{path} is kept for those who may run it: ask the administrator")
            }
            Never::RootsHome | Never::OpenHome => {
                format!(
                    "{path} stays closed, unless its owner shares it: put what others need somewhere else, such as /srv or /opt"
                )
            }
            Never::System => format!(
                "{path} is the system's: use a directory of your own, or leave it to the administrator"
            ),
            Never::Closed => format!(
                "{path} is closed on purpose: run what needs it as the user it is meant for"
            ),
            Never::KeptByRoot => format!(
                "root keeps {path} to itself; only if this user is meant to have it, root gives it to a group of theirs"
            ),
            Never::Peopled => format!(
                "others keep something in {path}, which whoever can write there could delete: let root make a directory for this user in it"
            ),
            Never::Special => format!(
                "{path} is for root and its service: ask the administrator for a group that may use it"
            ),
            Never::MountedThere => format!(
                "{path} is only mounted there, and belongs elsewhere: change it where it comes from"
            ),
            Never::RunByKernel => format!("{path} names what the kernel runs as root: leave it to the administrator"),
            Never::RunByOthers => format!(
                "whoever can write to {path} decides what others run: use a directory of your own, or ask its owner"
            ),
            Never::Marked => format!(
                "root has locked {path} on purpose (chattr), which nobody else can do: ask the administrator"
            ),
            Never::ShutOut => format!(
                "{path} permits everybody else more than this user, which must be intended: only whoever set it can lift it"
            ),
            Never::Grave(because) => {
                format!("run it as root only if you are sure: {because}")
            }
            Never::Authority => format!(
                "{path} decides who may become root: change it with its own tool (visudo, vipw, usermod)"
            ),
            Never::ReadOnly => format!(
                "{path} lies on a read-only mount, where no mode or owner can be changed: change it where the data comes from"
            ),
            Never::Unmapped => format!(
                "{path} belongs to a user of the host who does not exist in here: it can only be changed from outside"
            ),
            Never::Project => format!(
                "put what is written there in its own directory below {path}, and open that: whoever can write to {path} itself can \
                 replace the program"
            ),
            Never::ForeignLink => format!(
                "the way to {path} leads through another user's symlink, which can be redirected at any time: name the object itself"
            ),
            Never::Private
            | Never::ForeignTree
            | Never::OtherNames
            | Never::Shared
            | Never::WritableByAll => match owner {
                Some("root") => format!("ask the administrator: {path} belongs to root"),
                Some(owner) => format!("ask {owner}, who owns {path}"),
                None => format!("ask the owner of {path}"),
            },
            Never::Swappable => "others could replace what root would read then: copy it to a directory of your own, and run it as root from there"
                .to_owned(),
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
        Change::RunAsRoot | Change::Tee | Change::Run { .. } => {
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
    let runs_as_root = matches!(change, Change::RunAsRoot | Change::Tee);
    if runs_as_root && safely::is_way_led_astray(facts) {
        return Some(Never::Swapped);
    }
    if (runs_as_root || matches!(change, Change::Run { .. }))
        && let Some(never) = repeated::reaches_too_far(change, attempt, facts)
    {
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
        Change::RunAsRoot if attempt.object == Object::Another(1) => Some(Never::Protection),
        Change::RunAsRoot if facts.surroundings.planted => Some(Never::AnyCommand),
        Change::RunAsRoot if facts.surroundings.swappable => Some(Never::Swappable),
        Change::RunAsRoot => command::line(&facts.surroundings.command).or_else(|| {
            let widens = matches!(
                attempt.operation,
                Operation::Chmod(_) | Operation::Chown { .. }
            ) || command::sets_rights(&facts.surroundings.command);
            widens
                .then(|| command::by_root(subject, facts, &attempt.operation))
                .flatten()
        }),
        Change::ByRoot { operation, path }
            if safely::is_led_astray(operation, path, facts)
                && safely::command(change, subject, facts).is_none() =>
        {
            Some(Never::Swapped)
        }
        Change::ByRoot { operation, .. } => command::by_root(subject, facts, operation),
        Change::FileCapability { program, .. } => {
            let system = purpose(program, subject.uid, facts) == Purpose::System;
            let owner = facts.surroundings.program.as_ref().map(|file| file.owner);
            let foreign = owner.is_none_or(|owner| ![0, subject.uid].contains(&owner));
            (system || foreign || command::runs_anything(program)).then_some(Never::AnyCommand)
        }
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
        Change::SetMode { node, mode } => {
            let inode = place::inode(facts, *node);
            let before = inode.map_or(0, |inode| inode.mode);
            let program = inode.is_some_and(|inode| inode.kind != Kind::Directory);
            if program && mode & !before & 0o6000 != 0 {
                return Some(Never::Program);
            }
            place::bits(subject, facts, *node, mode & !before)
        }
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

/// Whether the members of a group are equivalent to root, so that joining it must not be suggested for the sake of a file or a
/// manifest.
#[must_use]
pub fn is_powerful(group: &str) -> bool {
    group::is_powerful(group)
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
