//! Counts files of a foreign owner in a tree that is otherwise the subject's own, within limits.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fs::read_dir;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::View;
use super::mounts::points_below;
use super::surroundings::under;
use crate::attempt::Subject;
use crate::byte_path;
use crate::facts::{Facts, Leftovers, NodeId, is_left_by_accident};

/// The maximum number of entries examined.
const MOST: usize = 20_000;

/// The maximum time spent.
const LONGEST: Duration = Duration::from_millis(200);

/// What was counted: the top of a tree, the foreign owner, and the subject's uid and gid.
type Counting = (Vec<u8>, u32, u32, u32);

/// The trees that were counted.
#[derive(Debug, Default)]
pub(super) struct Counted(RefCell<HashMap<Counting, Count>>);

/// The files in the subject's own tree that have the same foreign owner as the first object on the path that is not the
/// subject's.
pub(super) fn read(view: &View, subject: &Subject, facts: &Facts) -> Option<Leftovers> {
    let Tree {
        top,
        owner,
        removed,
    } = tree(subject, facts)?;
    let mut counted = view.counted.0.borrow_mut();
    let tree = (top.clone(), owner, subject.uid, subject.gid);
    let &mut found = counted.entry(tree).or_insert_with(|| {
        let top_here = under(&view.root_directory(), &top);
        let means_something = |gid: u32| ![0, owner, subject.gid].contains(&gid);
        let mounts = points_below(view, &top);
        count(&top_here, (owner, subject.uid), &mounts, &means_something)
    });
    (found.left > 0).then_some(Leftovers {
        mounts: found.mounts,
        top,
        owner,
        count: found.left,
        own: found.own,
        groups: found.groups,
        removed,
    })
}

/// A tree of the subject's in which something has a foreign owner.
struct Tree {
    top: Vec<u8>,
    /// The foreign owner.
    owner: u32,
    /// Whether the refused command deletes the tree.
    removed: bool,
}

/// The tree that the path lies in. `None` if no object on the path has a foreign owner.
///
/// If the refused command deletes the first directory with a foreign owner, that is the top. Otherwise the top is the project directory if the subject owns it; otherwise, in the home, the entry of the home directory on the path
/// (`~/.npm`); elsewhere the topmost directory on the path that the subject owns.
fn tree(subject: &Subject, facts: &Facts) -> Option<Tree> {
    if subject.uid == 0 {
        return None;
    }
    let way = way(facts);
    let owner = |id: NodeId| facts.node(id).inode.as_ref().ok().map(|inode| inode.uid);
    let own = way.iter().position(|&id| owner(id) == Some(subject.uid))?;
    let foreign = own
        + way[own..]
            .iter()
            .position(|&id| owner(id) != Some(subject.uid))?;
    let path = |at: usize| facts.node(way[at]).path.as_slice();
    let around = &facts.surroundings;
    let is = |at: usize, top: &Option<Vec<u8>>| top.as_deref() == Some(path(at));
    let project = (own..foreign).find(|&at| is(at, &around.project));
    let home = (own..foreign).find(|&at| is(at, &around.home));
    let deleted = around.account.deleted.as_deref();
    let removed = deleted.is_some_and(|top| byte_path::is_within(path(foreign), top));
    let top = match removed {
        true => foreign,
        false => project.unwrap_or_else(|| home.map_or(own, |home| home + 1)),
    };
    Some(Tree {
        top: path(top).to_vec(),
        owner: owner(way[foreign])?,
        removed,
    })
}

/// The nodes from the root to the end of the walk, without symlinks.
fn way(facts: &Facts) -> Vec<NodeId> {
    let above = super::surroundings::directories(&facts.walk, facts);
    let at = |path: &[u8]| {
        facts
            .nodes
            .iter()
            .position(|node| node.path == path)
            .map(NodeId)
    };
    let mut way: Vec<NodeId> = above
        .iter()
        .rev()
        .filter_map(|directory| at(directory))
        .collect();
    way.extend(facts.walk.target().filter(|end| !way.contains(end)));
    way
}

/// What a tree holds.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// The files of the foreign owner.
    left: usize,
    /// The files of the subject.
    own: usize,
    /// Whether the group of one of the foreign owner's files means something.
    groups: bool,
    /// Whether something is mounted in it.
    mounts: bool,
}

/// Counts the files at and below the top that belong to the foreign owner, and those that belong to the subject. It stays on one
/// file system and does not follow symlinks. Nothing is counted if a program has file capabilities, which a change of owner takes
/// away.
fn count(
    top: &Path,
    (owner, subject): (u32, u32),
    mounts: &HashSet<PathBuf>,
    means_something: &impl Fn(u32) -> bool,
) -> Count {
    let started = Instant::now();
    let mut found = Count {
        mounts: !mounts.is_empty(),
        ..Count::default()
    };
    let Ok(status) = top.symlink_metadata() else {
        return found;
    };
    let mut add = |status: &std::fs::Metadata| {
        // A file with capabilities ends the count.
        let is_left =
            is_left_by_accident(status.mode(), status.is_dir(), status.nlink() > 1, false);
        if status.uid() == owner && is_left {
            found.left += 1;
            found.groups |= means_something(status.gid());
        }
        found.own += usize::from(status.uid() == subject);
    };
    add(&status);
    let mut seen = 0;
    let mut directories: Vec<PathBuf> = if status.is_dir() {
        vec![top.to_owned()]
    } else {
        vec![]
    };
    while let Some(directory) = directories.pop() {
        for entry in read_dir(&directory).into_iter().flatten().flatten() {
            seen += 1;
            if seen > MOST || started.elapsed() > LONGEST {
                return found;
            }
            if mounts.contains(&entry.path()) {
                continue;
            }
            let Ok(entry_status) = entry.metadata() else {
                continue;
            };
            add(&entry_status);
            if entry_status.uid() == owner && has_capabilities(&entry.path(), &entry_status) {
                return Count::default();
            }
            if entry_status.is_dir() && entry_status.dev() == status.dev() {
                directories.push(entry.path());
            }
        }
    }
    found
}

fn has_capabilities(path: &Path, status: &std::fs::Metadata) -> bool {
    let is_program = status.is_file() && status.mode() & 0o111 != 0;
    is_program && super::program::has_capabilities(path)
}
