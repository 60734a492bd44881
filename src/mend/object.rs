//! Objects by what they are, not by what their path leads to at the moment.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, ResolveFlags, Statx, StatxFlags, open, openat, openat2, statx,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::quote;

/// One object, as it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its path, without symlinks.
    pub path: Vec<u8>,
    /// The device number of its file system: major, minor.
    pub device: (u32, u32),
    /// Its inode number.
    pub inode: u64,
    /// The mount it was met on.
    pub mount: u64,
    /// When it was made, in seconds and nanoseconds, where its file system knows: an inode number is given out again.
    pub birth: Option<(i64, u32)>,
}

impl Object {
    /// What lies at this path now, opened with O_PATH.
    ///
    /// # Errors
    /// In one line: nothing is there, or a symlink is on the way.
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

    /// What an open descriptor stands for.
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

    /// The object itself, opened with O_PATH.
    ///
    /// # Errors
    /// In one line: something else has its path now.
    pub fn open(&self) -> Result<OwnedFd, String> {
        let (now, fd) = Object::at(&self.path)?;
        match *self == now {
            true => Ok(fd),
            false => Err(self.swapped()),
        }
    }

    /// The object itself, after the machine may have been started anew: mounts have other numbers then.
    ///
    /// # Errors
    /// In one line: something else has its path now.
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
            "{} is another object now than the one that was judged",
            quote::display(&self.path)
        )
    }
}

/// Goes down from the root directory, one name after the other, following no link.
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
            // Older than Linux 5.6.
            Err(Errno::NOSYS) => openat(&here, name, how, Mode::empty())?,
            found => found?,
        };
    }
    Ok(here)
}

/// A path that leads to the open object itself, whatever has become of its name.
pub(super) fn handle(fd: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// The object opened for reading, for what O_PATH does not do: only a regular file or a directory is.
pub(super) fn reopen(fd: &OwnedFd) -> Result<OwnedFd, Errno> {
    let how = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open(handle(fd), how, Mode::empty())
}

/// A system call's trouble with a path, in one line.
pub(super) fn trouble(path: &[u8], errno: Errno) -> String {
    format!("{}: {errno}", quote::display(path))
}

fn birth(found: &Statx) -> Option<(i64, u32)> {
    let known = found.stx_mask & StatxFlags::BTIME.bits() != 0;
    known.then_some((found.stx_btime.tv_sec, found.stx_btime.tv_nsec))
}
