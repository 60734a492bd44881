//! Who could replace what a path leads to, as far as the file system tells now.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A user, whose files nobody but that user and root should be able to replace.
pub struct Holder<'a> {
    /// The user.
    pub uid: u32,
    /// Whether nobody else is in a group.
    pub is_own_group: &'a dyn Fn(u32) -> bool,
}

impl Holder<'_> {
    /// Whether only this user and root can change what an absolute path leads to, now that it exists. What does not exist
    /// cannot be replaced.
    #[must_use]
    pub fn holds_the_way_to(&self, path: &[u8]) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        let Ok(target) = path.canonicalize() else {
            return true;
        };
        [path, &target]
            .iter()
            .flat_map(|way| way.ancestors().zip(way.ancestors().skip(1)))
            .all(|(name, directory)| self.holds(name, directory))
    }

    /// Whether only this user and root can write to the file or directory that a path leads to, if any. Other types of files
    /// have no content that waits there.
    #[must_use]
    pub fn holds_the_content_of(&self, path: &[u8]) -> bool {
        let found = Path::new(OsStr::from_bytes(path)).metadata();
        found.map_or(true, |found| {
            let is_kept = self.is_one(found.uid()) && !self.others_write_to(&found);
            is_kept || !(found.is_file() || found.is_dir())
        })
    }

    /// Whether nobody else can replace this name in its directory. In a sticky directory, only the owners of both can.
    fn holds(&self, name: &Path, directory: &Path) -> bool {
        let (Ok(above), Ok(named)) = (directory.metadata(), name.symlink_metadata()) else {
            return false;
        };
        let is_kept = above.mode() & 0o1000 != 0 && self.is_one(named.uid());
        self.is_one(above.uid()) && (!self.others_write_to(&above) || is_kept)
    }

    /// Whether the permission bits let others than the owner and root write.
    fn others_write_to(&self, found: &Metadata) -> bool {
        let by_all = found.mode() & 0o002 != 0;
        // Write permission by an ACL shows in the group bits, which are the mask.
        let by_group = found.mode() & 0o020 != 0;
        by_all || by_group && found.gid() != 0 && !(self.is_own_group)(found.gid())
    }

    fn is_one(&self, uid: u32) -> bool {
        [0, self.uid].contains(&uid)
    }
}
