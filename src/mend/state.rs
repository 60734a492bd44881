//! All attributes of an inode that a change may affect.

use std::os::fd::OwnedFd;

use rustix::fs::{
    AtFlags, FileType, Gid, IFlags, Mode, StatxAttributes, StatxFlags, Uid, XattrFlags, chmod,
    chownat, getxattr, ioctl_getflags, ioctl_setflags, removexattr, setxattr, statx,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::object::{handle, reopen};

const ACL: &str = "system.posix_acl_access";
const CAPABILITY: &str = "security.capability";

/// Mode, owner and further attributes of an inode, bit for bit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The permission bits with set-user-ID, set-group-ID and sticky.
    pub mode: u32,
    /// The uid of the owner.
    pub uid: u32,
    /// The gid of the owning group.
    pub gid: u32,
    /// The access ACL, as the value of its extended attribute.
    pub acl: Option<Vec<u8>>,
    /// FS_IMMUTABLE_FL.
    pub immutable: bool,
    /// FS_APPEND_FL.
    pub append: bool,
    /// The file capabilities, as the value of their extended attribute.
    pub capability: Option<Vec<u8>>,
}

/// An inode as it was found: its state, and what a change must respect.
pub(super) struct Found {
    pub state: State,
    pub is_directory: bool,
    /// Whether a regular file has further hard links, so that changing it would affect other paths.
    pub has_other_names: bool,
}

impl Found {
    /// The object opened with O_PATH.
    pub fn of(fd: &OwnedFd) -> Result<Found, Errno> {
        let found = statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        let set = |attribute| found.stx_attributes.contains(attribute);
        let mode = u32::from(found.stx_mode);
        let is_directory = FileType::from_raw_mode(mode) == FileType::Directory;
        Ok(Found {
            state: State {
                mode: mode & 0o7777,
                uid: found.stx_uid,
                gid: found.stx_gid,
                acl: attribute(fd, ACL)?,
                immutable: set(StatxAttributes::IMMUTABLE),
                append: set(StatxAttributes::APPEND),
                capability: attribute(fd, CAPABILITY)?,
            },
            is_directory,
            has_other_names: !is_directory && found.stx_nlink > 1,
        })
    }
}

impl State {
    /// The state of an object opened with O_PATH.
    pub fn of(fd: &OwnedFd) -> Result<State, Errno> {
        Ok(Found::of(fd)?.state)
    }

    /// Brings the object into this state. An immutable or append-only flag is cleared for the duration of the change.
    pub fn put(&self, fd: &OwnedFd) -> Result<(), Errno> {
        let now = State::of(fd)?;
        if now.immutable || now.append {
            mark(fd, false, false)?;
        }
        let done = self.put_unmarked(fd, &now);
        // A flag is restored even if the change itself failed.
        let marks = match done {
            Ok(()) => (self.immutable, self.append),
            Err(_) => (now.immutable, now.append),
        };
        if marks != (false, false) {
            mark(fd, marks.0, marks.1)?;
        }
        done
    }

    fn put_unmarked(&self, fd: &OwnedFd, now: &State) -> Result<(), Errno> {
        if (self.uid, self.gid) != (now.uid, now.gid) {
            let uid = (self.uid != now.uid).then(|| Uid::from_raw(self.uid));
            let gid = (self.gid != now.gid).then(|| Gid::from_raw(self.gid));
            chownat(fd, c"", uid, gid, AtFlags::EMPTY_PATH)?;
        }
        if self.acl != now.acl {
            put_attribute(fd, ACL, self.acl.as_deref())?;
        }
        // The mode is set last, because a new owner or ACL can clear some of its bits.
        if State::of(fd)?.mode != self.mode {
            chmod(handle(fd), Mode::from_raw_mode(self.mode))?;
        }
        if attribute(fd, CAPABILITY)? != self.capability {
            put_attribute(fd, CAPABILITY, self.capability.as_deref())?;
        }
        Ok(())
    }
}

/// When a file's content or attributes were changed last, which nobody can forge; `None` for anything but a regular file.
pub(super) fn changed(fd: &OwnedFd) -> Option<(i64, u32)> {
    let found = statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).ok()?;
    let is_file = FileType::from_raw_mode(u32::from(found.stx_mode)) == FileType::RegularFile;
    is_file.then_some((found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec))
}

/// The value of an extended attribute; `None` if it does not exist or the file system does not support it.
fn attribute(fd: &OwnedFd, name: &str) -> Result<Option<Vec<u8>>, Errno> {
    let mut value = vec![0; 65536];
    match getxattr(handle(fd), name, &mut value) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn put_attribute(fd: &OwnedFd, name: &str, value: Option<&[u8]>) -> Result<(), Errno> {
    match value {
        Some(value) => setxattr(handle(fd), name, value, XattrFlags::empty()),
        None => match removexattr(handle(fd), name) {
            Err(Errno::NODATA) => Ok(()),
            removed => removed,
        },
    }
}

/// Sets or clears the two inode flags, and leaves the others unchanged.
fn mark(fd: &OwnedFd, immutable: bool, append: bool) -> Result<(), Errno> {
    let file = reopen(fd)?;
    let mut flags = ioctl_getflags(&file)?;
    flags.set(IFlags::IMMUTABLE, immutable);
    flags.set(IFlags::APPEND, append);
    ioctl_setflags(&file, flags)
}
