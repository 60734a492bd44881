//! Adapts a finding from another place (a container, sandbox or chroot): it names the place, and rewrites the fixes to be made
//! from here, inside that place, or where the place is configured.

use super::OnVolume;
use crate::attempt::{Attempt, Object, Place, Subject};
use crate::byte_path;
use crate::cause;
use crate::change::{Argv, Change, Effect, Place as Where};
use crate::denial::{Code, Denial, Obstacle};
use crate::facts::{Abroad, Facts, NodeId, Tag};
use crate::gather;
use crate::programs;
use crate::quote;
use crate::remedy::{self, Fix};
use crate::report::{Conclusion, Finding};

/// Names the place and adapts the fixes. A command that would affect an object with the same path here is removed. `stays` says
/// whether the place will still exist when the hint is read.
pub(super) fn settle(finding: &mut Finding, place: Place, stays: bool) {
    let around = &mut finding.facts.surroundings;
    let abroad = around.abroad.get_or_insert_with(Abroad::default);
    abroad.place = Some(place.clone());
    if !stays {
        abroad.enter.clear();
    }
    let is_sandbox = matches!(place, Place::Sandbox(_));
    if let Place::Sandbox(program) = &place
        && let Some(known) = programs::program(program.as_bytes())
    {
        // The object that hides another one is not the hidden one.
        let is_cover = |path: &[u8]| known.cover.iter().any(|cover| cover.as_bytes() == path);
        abroad.paths.retain(|(_, here)| !is_cover(here));
    }
    let (Conclusion::Refused(denial, remedy), Some(attempt)) =
        (&mut finding.conclusion, &finding.attempt)
    else {
        return;
    };
    let facts = &finding.facts;
    let fixes = std::mem::take(&mut remedy.fixes).into_iter();
    // A sandbox is created by a program's options, not from an image.
    let is_described = |fix: &Fix| is_sandbox && fix.place == Where::Deployment;
    let fixes = fixes.filter(|fix| is_for_abroad(fix) && !is_described(fix));
    let mut done: Vec<Fix> = advice(attempt, denial, facts, &place).into_iter().collect();
    for fix in fixes {
        let made = match fix.effect {
            Effect::Advice => Some(fix),
            _ => from_here(&fix, attempt, facts)
                .or_else(|| by_entering(&fix, attempt, facts))
                .or_else(|| (stays || !is_of_a_container(&place)).then(|| in_words(fix, &place))),
        };
        done.extend(made);
    }
    done.truncate(remedy::SHOWN);
    remedy.fixes = done;
    if OnVolume::of(finding).is_none()
        && let Conclusion::Refused(_, remedy) = &mut finding.conclusion
    {
        // `permwrap fix` could not make it either.
        remedy.fixes.retain(|fix| !fix.led_astray);
    }
}

/// Whether a fix can apply to another place. A remount, a new login and other changes of this machine cannot.
fn is_for_abroad(fix: &Fix) -> bool {
    let is_of_here = |change: &Change| {
        matches!(
            change,
            Change::Remount { .. }
                | Change::JoinGroup(_)
                | Change::Relogin(_)
                | Change::RunAsRoot(_)
                | Change::ByRoot { .. }
        )
    };
    !fix.changes.iter().any(is_of_here)
}

/// Whether the place is created anew at each start, unlike the tree of a chroot.
fn is_of_a_container(place: &Place) -> bool {
    matches!(place, Place::Container(_) | Place::Sandbox(_))
}

/// The option of the program that created the place, as `patterns/programs.toml` describes it.
fn advice(attempt: &Attempt, denial: &Denial, facts: &Facts, place: &Place) -> Option<Fix> {
    let Place::Sandbox(program) = place else {
        return None;
    };
    let known = programs::program(program.as_bytes())?;
    let (words, there) = match denial.at {
        Obstacle::Mount(id, node) if denial.code == Code::ReadOnlyMount => {
            let mount = &facts.mounts[id.0];
            // The kernel's own file systems are the same for all, and sandboxes make them read-only by themselves.
            let is_kernels = matches!(mount.fs_type.as_str(), "proc" | "sysfs");
            if is_kernels || cause::is_refused_once_writable(attempt, facts, id) {
                return None;
            }
            match (is_named(&mount.point, facts), &known.writable_below) {
                (false, Some(words)) => (words.as_str(), &facts.node(node).path),
                _ => (known.writable.as_deref()?, &mount.point),
            }
        }
        Obstacle::Node(node) => {
            let node = facts.node(node);
            let is_cover = facts.mounts[node.mount.0].point == node.path
                && known
                    .cover
                    .iter()
                    .any(|cover| facts.mounts[node.mount.0].root.ends_with(cover.as_bytes()));
            (known.opens.as_deref().filter(|_| is_cover)?, &node.path)
        }
        _ => return None,
    };
    let here = match (path_here(there, facts), path_here(b"/", facts)) {
        (Some(here), _) => here.clone(),
        (None, Some(root)) => [root.strip_suffix(b"/").unwrap_or(root), there].concat(),
        (None, None) => there.clone(),
    };
    let words = words
        .replace("{there}", &quote::display(there))
        .replace("{here}", &quote::display(&here));
    let fix = Fix::advice(format!("run {program} with {words}"));
    Some(Fix {
        place: Where::Deployment,
        ..fix
    })
}

/// Whether an option of the command names this mount point, which is not the root directory.
fn is_named(point: &[u8], facts: &Facts) -> bool {
    let mut words = facts.surroundings.command.iter();
    let is_it = |word: &[u8]| word.strip_suffix(b"/").unwrap_or(word) == point;
    point != b"/" && words.any(|word| word.split(|byte| b":=".contains(byte)).any(is_it))
}

/// The path here of the object with this path there.
pub(super) fn path_here<'f>(there: &[u8], facts: &'f Facts) -> Option<&'f Vec<u8>> {
    let abroad = facts.surroundings.abroad.as_ref()?;
    let mut paths = abroad.paths.iter().rev();
    let (_, here) = paths.find(|(known, _)| known == there)?;
    Some(here)
}

/// The same changes in terms of the paths, names and ids here, if every object that they alter has a path here. They are judged
/// and checked against what lies on those paths here.
fn from_here(fix: &Fix, attempt: &Attempt, facts: &Facts) -> Option<Fix> {
    let nodes = fix.changes.iter().map(Change::alters);
    let nodes: Vec<NodeId> = nodes.collect::<Option<_>>()?;
    let last = facts.node(*nodes.last()?);
    let asked = match &attempt.object {
        Object::Path(path) => path_here(path, facts),
        _ => None,
    };
    let here = Attempt {
        object: Object::Path(asked.or_else(|| path_here(&last.path, facts))?.clone()),
        to: None,
        directory: None,
        subject: Subject {
            pid: None,
            ..attempt.subject.clone()
        },
        ..attempt.clone()
    };
    let mut facts_here = gather::facts(&here);
    // Only the number matters there. The user who has it here is somebody else.
    let (uid, gid) = (attempt.subject.uid, attempt.subject.gid);
    let alike = facts_here.names.users.remove(&uid);
    facts_here.names.groups.remove(&gid);
    let node_here = |node: NodeId| {
        let path = path_here(&facts.node(node).path, facts)?;
        let mut every = (0..facts_here.nodes.len()).map(NodeId);
        every.find(|id| facts_here.node(*id).path == *path)
    };
    let changes = fix.changes.iter();
    let changes: Vec<Change> = changes
        .map(|change| moved(change, node_here))
        .collect::<Option<_>>()?;
    let is_read_only = |node: NodeId| {
        let mount = facts_here.mount_of(node);
        mount.flags.read_only || mount.super_read_only
    };
    if changes.iter().filter_map(Change::alters).any(is_read_only) {
        return None;
    }
    let reader = gather::own_subject().ok()?;
    let commands = remedy::commands(&changes, &here, &facts_here, &reader)?;
    let called = match alike {
        Some(ref name) if !has_other_names(facts) => about(&attempt.subject, name, facts),
        _ => None,
    };
    let (title, note) = match called {
        Some([there, here]) => (
            fix.title
                .replacen(&format!("let {there} "), &format!("let {here} "), 1),
            fix.note
                .replacen(&format!("lets {there} "), &format!("lets {here} "), 1),
        ),
        None => (fix.title.clone(), fix.note.clone()),
    };
    let note = match alike {
        Some(name) if has_other_names(facts) => {
            format!(
                "here; the {} of this machine is let in too",
                quote::display(name.as_bytes())
            )
        }
        _ if note.is_empty() => "here".to_owned(),
        _ => format!("here; {note}"),
    };
    Some(Fix {
        title,
        note,
        led_astray: commands.argv.is_none(),
        argv: commands.argv.unwrap_or_default(),
        needs_root: commands.needs_root,
        place: Where::Here,
        ..fix.clone()
    })
}

/// What the subject is called there and here, if these differ: one who is root in a user namespace is not root here.
fn about(subject: &Subject, here: &str, facts: &Facts) -> Option<[String; 2]> {
    let there = facts.names.user_word(subject.uid);
    let here = quote::display(here.as_bytes());
    (there != here).then_some([there, here])
}

/// Whether the users of the place may differ from those here.
fn has_other_names(facts: &Facts) -> bool {
    let abroad = facts.surroundings.abroad.as_ref();
    let place = abroad.and_then(|abroad| abroad.place.as_ref());
    // A sandbox is entered by a user of this machine.
    !matches!(place, Some(Place::Namespace | Place::Sandbox(_)))
}

/// The same change of the object with another node id.
fn moved(change: &Change, to: impl Fn(NodeId) -> Option<NodeId>) -> Option<Change> {
    let node = to(change.alters()?)?;
    Some(match change.clone() {
        Change::Chmod { add, .. } => Change::Chmod { node, add },
        Change::Chown { uid, gid, .. } => Change::Chown { node, uid, gid },
        Change::AclGrant { tag, perms, .. } => Change::AclGrant { node, tag, perms },
        Change::AclMask { perms, .. } => Change::AclMask { node, perms },
        _ => return None,
    })
}

/// The commands, run as root inside the place by the container engine.
fn by_entering(fix: &Fix, attempt: &Attempt, facts: &Facts) -> Option<Fix> {
    let abroad = facts.surroundings.abroad.as_ref()?;
    let is_named = |change: &Change| abroad.numbers.is_none() || change_is_named(change, facts);
    if abroad.enter.is_empty() || !fix.changes.iter().all(is_named) {
        return None;
    }
    // The engine gives the root whom it lets in no more than the container may have.
    let root = Subject {
        capabilities: attempt.subject.bounding,
        ..Subject::login(0, 0, Vec::new())
    };
    let is_beyond = |change: &Change| change.needs_root(&root, facts);
    if abroad.numbers.is_none() && fix.changes.iter().any(is_beyond) {
        return None;
    }
    let argv = remedy::commands(&fix.changes, attempt, facts, &root)?.argv?;
    let is_there = |argv: &Argv| match argv.first().map(|program| byte_path::name(program)) {
        Some(b"setfacl") => abroad.setfacl,
        Some(b"chmod" | b"chown" | b"chgrp") => true,
        _ => false,
    };
    argv.iter().all(is_there).then(|| Fix {
        note: format!("{}, until it is recreated", fix.title),
        led_astray: false,
        argv: argv
            .into_iter()
            .map(|words| [&abroad.enter[..], &words].concat())
            .collect(),
        needs_root: false,
        place: Where::Container,
        ..fix.clone()
    })
}

/// Whether the users and groups that a change names have names: the numbers there differ from those here.
fn change_is_named(change: &Change, facts: &Facts) -> bool {
    let names = &facts.names;
    let has_user = |uid: u32| names.users.contains_key(&uid);
    let has_group = |gid: u32| names.groups.contains_key(&gid);
    match change {
        Change::AclGrant {
            tag: Tag::User(uid),
            ..
        } => has_user(*uid),
        Change::AclGrant {
            tag: Tag::Group(gid),
            ..
        } => has_group(*gid),
        Change::Chown { uid, gid, .. } => uid.is_none_or(has_user) && gid.is_none_or(has_group),
        _ => true,
    }
}

/// Describes the fix in words, because a command would affect the object with the same path on this machine.
fn in_words(fix: Fix, place: &Place) -> Fix {
    Fix {
        title: format!("{}: {}", place.words(), fix.title),
        led_astray: false,
        argv: Vec::new(),
        needs_root: false,
        effect: Effect::Advice,
        place: Where::Container,
        verified: false,
        ..fix
    }
}
