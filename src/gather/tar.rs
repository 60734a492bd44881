//! What the entries of a tar archive tell of their files.

use std::io::Read;

use tar::EntryType;

use crate::facts::{Inode, Kind};

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: Vec<u8>,
    pub inode: Inode,
    /// The target, if it is a symlink.
    pub link: Option<Vec<u8>>,
    /// The name of the earlier entry that is the same file, if it is a hard link.
    pub same_as: Option<Vec<u8>>,
}

/// What an entry tells; `None` if it is no file.
pub(super) fn file_of<R: Read>(entry: &tar::Entry<'_, R>) -> Option<Entry> {
    let header = entry.header();
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::Link => Kind::Regular,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Char => Kind::Char,
        EntryType::Block => Kind::Block,
        EntryType::Directory => Kind::Directory,
        EntryType::Fifo => Kind::Fifo,
        _ => return None,
    };
    let link = entry.link_name_bytes().map(|name| name.into_owned());
    let (link, same_as) = match header.entry_type() {
        EntryType::Symlink => (link, None),
        EntryType::Link => (None, link),
        _ => (None, None),
    };
    Some(Entry {
        name: entry.path_bytes().into_owned(),
        inode: Inode {
            kind,
            mode: header.mode().ok()? & 0o7777,
            uid: u32::try_from(header.uid().ok()?).ok()?,
            gid: u32::try_from(header.gid().ok()?).ok()?,
            device: Default::default(),
            number: 0,
            links: 1,
            rdev: Default::default(),
        },
        link,
        same_as,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Cursor;

    use tar::{Archive, Builder, Header};

    use super::*;

    /// An archive for tests.
    pub struct Made(Builder<Vec<u8>>);

    impl Made {
        pub fn new() -> Made {
            Made(Builder::new(Vec::new()))
        }

        /// With this entry; `content` is the target of a link.
        #[must_use]
        pub fn with(
            mut self,
            name: &str,
            kind: EntryType,
            mode: u32,
            (uid, gid): (u64, u64),
            content: &[u8],
        ) -> Made {
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_uid(uid);
            header.set_gid(gid);
            let added = match kind {
                EntryType::Symlink | EntryType::Link => {
                    header.set_size(0);
                    let target = std::str::from_utf8(content).expect("a name");
                    self.0.append_link(&mut header, name, target)
                }
                _ => {
                    header.set_size(content.len() as u64);
                    self.0.append_data(&mut header, name, content)
                }
            };
            added.expect("it fits into memory");
            self
        }

        pub fn bytes(self) -> Vec<u8> {
            self.0.into_inner().expect("it fits into memory")
        }
    }

    fn first(archive: Vec<u8>) -> Option<Entry> {
        let mut archive = Archive::new(Cursor::new(archive));
        let entry = archive.entries().ok()?.next()?.ok()?;
        file_of(&entry)
    }

    #[test]
    fn an_entry_tells_mode_and_owner() {
        let made = Made::new().with("root/", EntryType::Directory, 0o700, (1000, 42), b"");
        let directory = first(made.bytes()).expect("it is a directory");
        assert_eq!(directory.name, b"root/");
        let inode = directory.inode;
        assert_eq!((inode.kind, inode.mode), (Kind::Directory, 0o700));
        assert_eq!((inode.uid, inode.gid), (1000, 42));
        assert_eq!(first(b"short".to_vec()), None);
    }

    #[test]
    fn names_may_be_long_and_ids_large() {
        let long = "d/".repeat(80) + "f";
        let made = Made::new().with(&long, EntryType::Regular, 0o640, (4_000_000, 7), b"x\n");
        let entry = first(made.bytes()).expect("it is a file");
        assert_eq!(entry.name, long.as_bytes());
        assert_eq!((entry.inode.uid, entry.inode.gid), (4_000_000, 7));
    }

    #[test]
    fn a_hard_link_is_the_file_that_it_names() {
        let made = Made::new().with("b", EntryType::Link, 0o644, (0, 0), b"a");
        let entry = first(made.bytes()).expect("it is a file");
        assert_eq!(entry.same_as.as_deref(), Some(&b"a"[..]));
        assert_eq!((entry.inode.kind, entry.link), (Kind::Regular, None));
    }
}
