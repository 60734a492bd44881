//! Objects identified by inode rather than by what their path refers to at the moment.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, ResolveFlags, Statx, StatxFlags, open, openat, openat2, statx,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::quote;

/// An object as it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its path without symlinks.
    pub path: Vec<u8>,
    /// The device number of its file system (major, minor).
    pub device: (u32, u32),
    /// Its inode number.
    pub inode: u64,
    /// The id of the mount on which it was met.
    pub mount: u64,
    /// Its creation time in seconds and nanoseconds, if the file system stores it. It distinguishes objects that reuse an inode
    /// number.
    pub birth: Option<(i64, u32)>,
}

impl Object {
    /// The object at this path, opened with O_PATH.
    ///
    /// # Errors
    /// A message of one line, if there is no object or the path contains a symlink.
    pub fn at(path: &[u8]) -> Result<(Object, OwnedFd), String> {
        let fd = walk(path).map_err(|errno| match errno {
            Errno::LOOP | Errno::NOTDIR => {
                format!(
                    "{}: a symlink took the place of something on the way",
                    quote::display(path)
                )
            }
            errno => format!("{}: {errno}", quote::display(path)),
        })?;
        let object = Object::of(&fd, path).map_err(|errno| trouble(path, errno))?;
        Ok((object, fd))
    }

    /// The object that a descriptor refers to.
    pub(super) fn of(fd: &OwnedFd, path: &[u8]) -> Result<Object, Errno> {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID | StatxFlags::BTIME;
        let found = statx(fd, c"", AtFlags::EMPTY_PATH, wanted)?;
        Ok(Object {
            path: path.to_vec(),
            device: (found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
            mount: found.stx_mnt_id,
            birth: birth(&found),
        })
    }

    /// Opens the object itself, with O_PATH.
    ///
    /// # Errors
    /// A message of one line, if its path refers to another object now.
    pub fn open(&self) -> Result<OwnedFd, String> {
        let (now, fd) = Object::at(&self.path)?;
        match *self == now {
            true => Ok(fd),
            false => Err(self.swapped()),
        }
    }

    /// Like [`Object::open`], but after a possible reboot, which changes mount ids.
    ///
    /// # Errors
    /// A message of one line, if its path refers to another object now.
    pub fn open_later(&self) -> Result<OwnedFd, String> {
        let (now, fd) = Object::at(&self.path)?;
        let mount = self.mount;
        match *self == (Object { mount, ..now }) {
            true => Ok(fd),
            false => Err(self.swapped()),
        }
    }

    fn swapped(&self) -> String {
        format!(
            "{} is no longer the object that was judged",
            quote::display(&self.path)
        )
    }
}

/// Resolves a path from the root directory, one name after the other, without following symlinks.
fn walk(path: &[u8]) -> Result<OwnedFd, Errno> {
    let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut here = openat(CWD, "/", how | OFlags::DIRECTORY, Mode::empty())?;
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" => continue,
            b"." | b".." => return Err(Errno::INVAL),
            _ => {}
        }
        let beneath =
            ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::BENEATH;
        here = match openat2(&here, name, how, Mode::empty(), beneath) {
            // The kernel is older than 5.6.
            Err(Errno::NOSYS) => openat(&here, name, how, Mode::empty())?,
            found => found?,
        };
    }
    Ok(here)
}

/// A path that leads to the open object even if its name has changed.
pub(super) fn handle(fd: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// Opens the object for reading, for operations that O_PATH does not permit. Only for regular files and directories.
pub(super) fn reopen(fd: &OwnedFd) -> Result<OwnedFd, Errno> {
    let how = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open(handle(fd), how, Mode::empty())
}

/// The error of a system call on a path, as a message of one line.
pub(super) fn trouble(path: &[u8], errno: Errno) -> String {
    format!("{}: {errno}", quote::display(path))
}

fn birth(found: &Statx) -> Option<(i64, u32)> {
    let known = found.stx_mask & StatxFlags::BTIME.bits() != 0;
    known.then_some((found.stx_btime.tv_sec, found.stx_btime.tv_nsec))
}
