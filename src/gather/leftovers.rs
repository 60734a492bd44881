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

/// Directories that one program makes and maintains, with all that is in them: repositories, installed packages, caches. They are
/// whose the directory is that they lie in.
const MAINTAINED: [&str; 9] = [
    ".git",
    ".hg",
    ".jj",
    ".svn",
    ".venv",
    "__pycache__",
    "_cacache",
    "node_modules",
    "venv",
];

/// What was counted: the top of a tree, the foreign owner, and the subject's uid and gid.
type Counting = (Vec<u8>, u32, u32, u32);

/// The trees that were counted.
#[derive(Debug, Default)]
pub(super) struct Counted(RefCell<HashMap<Counting, Count>>);

/// The files in a tree of the subject's own that have the same foreign owner as the first object on the path that is not the
/// subject's. The tree is the largest one that is the subject's as a whole, if any is.
pub(super) fn read(view: &View, subject: &Subject, facts: &Facts) -> Option<Leftovers> {
    let counted = |tree| counted(tree, view, subject);
    let mut found: Vec<Leftovers> = trees(subject, facts)
        .into_iter()
        .filter_map(counted)
        .collect();
    let best = found.iter().position(Leftovers::are_strays).unwrap_or(0);
    (!found.is_empty()).then(|| found.swap_remove(best))
}

/// What is in the tree; `None` if nothing in it was left by accident.
fn counted(tree: Tree, view: &View, subject: &Subject) -> Option<Leftovers> {
    let Tree { top, owner, whole } = tree;
    let mut counted = view.counted.0.borrow_mut();
    let key = (top.clone(), owner, subject.uid, subject.gid);
    let &mut found = counted.entry(key).or_insert_with(|| {
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
        whole,
    })
}

/// A tree of the subject's in which something has a foreign owner.
struct Tree {
    top: Vec<u8>,
    /// The foreign owner.
    owner: u32,
    /// See [`Leftovers::whole`].
    whole: bool,
}

/// The trees that the path lies in, the largest first. None if no object on the path has a foreign owner.
///
/// If the refused command deletes the first directory with a foreign owner, that is the top. Otherwise the top is the project
/// directory if the subject owns it; otherwise, in the home, the entry of the home directory on the path (`~/.npm`); elsewhere the
/// topmost directory on the path that the subject owns. Below it may be one that a program maintains.
fn trees(subject: &Subject, facts: &Facts) -> Vec<Tree> {
    let way = way(facts);
    let owner = |at: usize| {
        let inode = facts.node(way[at]).inode.as_ref();
        inode.ok().map(|inode| inode.uid)
    };
    let is_own = |at: &usize| owner(*at) == Some(subject.uid);
    let Some(own) = (0..way.len()).find(is_own).filter(|_| subject.uid != 0) else {
        return Vec::new();
    };
    let foreign = (own..way.len()).find(|at| !is_own(at));
    let Some((foreign, uid)) = foreign.and_then(|at| Some((at, owner(at)?))) else {
        return Vec::new();
    };
    let path = |at: usize| facts.node(way[at]).path.as_slice();
    let tree = |at: usize, whole: bool| Tree {
        top: path(at).to_vec(),
        owner: uid,
        whole,
    };
    let around = &facts.surroundings;
    let deleted = around.account.deleted.as_deref();
    if deleted.is_some_and(|top| byte_path::is_within(path(foreign), top)) {
        return vec![tree(foreign, true)];
    }
    let is = |at: usize, top: &Option<Vec<u8>>| top.as_deref() == Some(path(at));
    let project = (own..foreign).find(|&at| is(at, &around.project));
    let home = (own..foreign).find(|&at| is(at, &around.home));
    let top = project.unwrap_or_else(|| home.map_or(own, |home| home + 1));
    let is_maintained = |at: &usize| {
        let name = byte_path::name(path(*at));
        MAINTAINED.iter().any(|known| known.as_bytes() == name)
    };
    let maintained = (own + 1..=foreign).find(is_maintained);
    let maintained = maintained.map(|at| tree(at, true));
    [tree(top, false)].into_iter().chain(maintained).collect()
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
