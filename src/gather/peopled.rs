//! Directories of root's that several users have something in.

use std::fs::read_dir;
use std::os::unix::fs::MetadataExt;

use super::View;
use super::surroundings::under;
use crate::attempt::Subject;
use crate::facts::Facts;

/// The maximum number of entries examined.
const MOST: usize = 1_000;

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
    let is_kept = |status: &std::fs::Metadata| match status.uid() {
        0 => status.mode() & 0o077 == 0,
        uid => uid != subject.uid,
    };
    let root = view.root_directory();
    let found = directories.find(|path| {
        let entries = read_dir(under(&root, path));
        let entries = entries.into_iter().flatten().flatten().take(MOST);
        // The metadata of an entry is that of a symlink itself.
        let mut statuses = entries.filter_map(|entry| entry.metadata().ok());
        statuses.any(|status| is_kept(&status))
    });
    found.cloned()
}
