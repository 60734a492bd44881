//! Files of a foreign owner in a tree that is otherwise the subject's: a bounded count.

use std::fs::read_dir;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::View;
use super::surroundings::under;
use crate::attempt::Subject;
use crate::facts::{Facts, Leftovers, NodeId};

/// How many entries are looked at, at most.
const MOST: usize = 20_000;

/// How long is looked, at most.
const LONGEST: Duration = Duration::from_millis(200);

/// The files below the top of the subject's own tree that belong to the same foreign owner as the first object on the
/// walk that is not the subject's.
pub(super) fn read(view: &View, subject: &Subject, facts: &Facts) -> Option<Leftovers> {
    let (top, owner) = tree(subject, facts)?;
    let (count, own) = count(&under(&view.root_directory(), &top), owner, subject.uid);
    (count > 0).then(|| Leftovers {
        mounts: super::mounts::any_below(view, &top),
        top,
        owner,
        count,
        own,
    })
}

/// The top of the tree, and whose files in it are foreign. `None` where nothing on the way is foreign.
///
/// The top is that of the project, where the subject owns it; in the home else what lies directly in the home (`~/.npm`);
/// elsewhere the topmost directory on the way that the subject owns.
fn tree(subject: &Subject, facts: &Facts) -> Option<(Vec<u8>, u32)> {
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
    let top = project.unwrap_or_else(|| home.map_or(own, |home| home + 1));
    Some((path(top).to_vec(), owner(way[foreign])?))
}

/// The nodes from the root to the end of the walk, symlinks left out.
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

/// Counts what belongs to this owner at and below the top, on its file system, symlinks not followed, and what belongs to
/// the subject there. What lets in nobody else was not left by accident.
fn count(top: &Path, owner: u32, subject: u32) -> (usize, usize) {
    let started = Instant::now();
    let Ok(status) = top.symlink_metadata() else {
        return (0, 0);
    };
    let is_left = |status: &std::fs::Metadata| {
        status.uid() == owner && (status.is_symlink() || status.mode() & 0o077 != 0)
    };
    let mut left = usize::from(is_left(&status));
    let mut own = usize::from(status.uid() == subject);
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
                return (left, own);
            }
            let Ok(entry_status) = entry.metadata() else {
                continue;
            };
            left += usize::from(is_left(&entry_status));
            own += usize::from(entry_status.uid() == subject);
            if entry_status.is_dir() && entry_status.dev() == status.dev() {
                directories.push(entry.path());
            }
        }
    }
    (left, own)
}
