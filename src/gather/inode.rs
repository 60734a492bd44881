//! Mode, owner, attributes and mount id of an open file, by statx(2).

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, FileType, Statx, StatxAttributes, StatxFlags, statx};

use super::unknown;
use crate::facts::{DeviceNumber, Fact, Flags, Inode, Kind};

/// What statx(2) reports about a file.
pub(super) struct Status {
    /// Mode, owner and the rest.
    pub inode: Fact<Inode>,
    /// The flags; `None` if the file system does not report any.
    pub flags: Option<Flags>,
    /// The mount id.
    pub mount: Option<u64>,
}

/// Requests everything in one call.
pub(super) fn status(fd: BorrowedFd<'_>, path: &[u8]) -> Status {
    let ask = |mask| statx(fd, c"", AtFlags::EMPTY_PATH, mask);
    match ask(StatxFlags::BASIC_STATS | StatxFlags::MNT_ID) {
        Ok(found) => Status {
            inode: Ok(inode(&found)),
            flags: flags(&found),
            mount: mount_id(&found),
        },
        // A FUSE mount of another user refuses everything except the mount id.
        Err(errno) => Status {
            inode: Err(unknown("mode and owner", path, errno)),
            flags: None,
            mount: ask(StatxFlags::MNT_ID).ok().as_ref().and_then(mount_id),
        },
    }
}

fn inode(found: &Statx) -> Inode {
    let kind = match FileType::from_raw_mode(u32::from(found.stx_mode)) {
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::CharacterDevice => Kind::Char,
        FileType::BlockDevice => Kind::Block,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        // Files of anon_inode have no type. They can be opened like regular files.
        FileType::RegularFile | FileType::Unknown => Kind::Regular,
    };
    Inode {
        kind,
        mode: u32::from(found.stx_mode) & 0o7777,
        uid: found.stx_uid,
        gid: found.stx_gid,
        device: DeviceNumber {
            major: found.stx_dev_major,
            minor: found.stx_dev_minor,
        },
        number: found.stx_ino,
        links: found.stx_nlink,
        rdev: DeviceNumber {
            major: found.stx_rdev_major,
            minor: found.stx_rdev_minor,
        },
    }
}

/// The flags; `None` if the file system does not report them.
fn flags(found: &Statx) -> Option<Flags> {
    let known = found.stx_attributes_mask;
    let set = |attribute| found.stx_attributes.contains(attribute);
    known
        .intersects(StatxAttributes::IMMUTABLE | StatxAttributes::APPEND)
        .then(|| Flags {
            immutable: set(StatxAttributes::IMMUTABLE),
            append: set(StatxAttributes::APPEND),
            swap: false,
            verity: set(StatxAttributes::VERITY),
        })
}

fn mount_id(found: &Statx) -> Option<u64> {
    (found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id)
}
