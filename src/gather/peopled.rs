//! Directories of root's that several users have something in.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::read_dir;
use std::os::unix::fs::MetadataExt;

use super::View;
use super::mounts::points_below;
use super::surroundings::under;
use crate::attempt::Subject;
use crate::facts::Facts;

/// The maximum number of entries examined.
const MOST: usize = 1_000;

/// The directories that were looked into for a subject with this uid, and whether somebody else keeps something in them.
#[derive(Debug, Default)]
pub(super) struct Known(RefCell<HashMap<(u32, Vec<u8>), bool>>);

/// The directory of root's in which the last name of the walk lies, if somebody other than the subject keeps something in it, or
/// root something private. Nobody but the owners deletes from a sticky directory.
pub(super) fn read(view: &View, subject: &Subject, facts: &Facts) -> Option<Vec<u8>> {
    let walks = facts
        .walks()
        .flat_map(|walk| [walk.parent(), walk.target()]);
    let mut directories = walks.flatten().filter_map(|id| {
        let node = facts.node(id);
        let inode = node.inode.as_ref().ok()?;
        let is_roots = inode.is_dir() && inode.uid == 0 && !inode.is_sticky();
        is_roots.then_some(&node.path)
    });
    let mut known = view.peopled.0.borrow_mut();
    let found = directories.find(|path| {
        let place = (subject.uid, path.to_vec());
        let is_peopled = known.entry(place);
        *is_peopled.or_insert_with(|| is_peopled_by_others(view, subject, path))
    });
    found.cloned()
}

fn is_peopled_by_others(view: &View, subject: &Subject, directory: &[u8]) -> bool {
    let is_kept = |status: &std::fs::Metadata| match status.uid() {
        0 => status.mode() & 0o077 == 0,
        uid => uid != subject.uid,
    };
    let entries = read_dir(under(&view.root_directory(), directory));
    let mounts = points_below(view, directory);
    let entries = entries.into_iter().flatten().flatten().take(MOST);
    let entries = entries.filter(|entry| !mounts.contains(&entry.path()));
    // The metadata of an entry is that of a symlink itself.
    let mut statuses = entries.filter_map(|entry| entry.metadata().ok());
    statuses.any(|status| is_kept(&status))
}
