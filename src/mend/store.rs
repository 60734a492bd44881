//! The private directory in which is kept what was met and what was changed (the XDG base directory specification's state).
//!
//! It belongs to its user and nobody else may look into it. No link in it is followed, what it holds is bounded, and each
//! file is there as a whole or not at all.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, fchmod, flock, fstat, fsync,
    mkdirat, openat, renameat, unlinkat,
};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::invoker::{invoker, state_home};

/// The most that one file may hold, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;

/// Where root keeps what it changed for others.
const OF_ROOT: &str = "/var/lib/permwrap";

/// One directory of the store.
#[derive(Debug)]
pub struct Store {
    fd: OwnedFd,
    owner: u32,
}

impl Store {
    /// The directory of this name in one's own state directory; made where it is not there.
    ///
    /// # Errors
    /// In one line: there is no home, it cannot be written, or it is another's.
    pub fn own(name: &str) -> Result<Store, String> {
        let top = state_directory().ok_or("there is no home to keep anything in")?;
        let owner = rustix::process::geteuid().as_raw();
        let failed = |errno: Errno| format!("{}: {errno}", top.display());
        if let Some(above) = top.parent() {
            make_all(above).map_err(|error| format!("{}: {error}", above.display()))?;
        }
        private(CWD, top.as_os_str(), true, owner).map_err(failed)?;
        let fd = private(CWD, top.as_os_str(), false, owner).map_err(failed)?;
        let fd = private(&fd, OsStr::new(name), true, owner).map_err(failed)?;
        Ok(Store { fd, owner })
    }

    /// The directory of this name in the state directory of another user, as root reads it: nothing is made there.
    #[must_use]
    pub fn of_user(uid: u32, name: &str) -> Option<Store> {
        let how = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let own_place = (invoker() == Some(uid)).then(|| state_home(uid)).flatten();
        let fd = match own_place {
            Some(place) => openat(CWD, &place, how, Mode::empty()).ok()?,
            None => {
                let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok()??;
                let mut fd = openat(CWD, &user.dir, how, Mode::empty()).ok()?;
                for part in [".local", "state"] {
                    fd = openat(&fd, part, how | OFlags::NOFOLLOW, Mode::empty()).ok()?;
                }
                fd
            }
        };
        let fd = private(&fd, OsStr::new("permwrap"), false, uid).ok()?;
        let fd = private(&fd, OsStr::new(name), false, uid).ok()?;
        Some(Store { fd, owner: uid })
    }

    /// The names of what it holds, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Dir::read_from(&self.fd)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned))
            .filter(|name| name.ends_with(".json") && !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }

    /// What a file holds; `None` where there is none, or it is not as this store writes them.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let how = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = openat(&self.fd, name, how, Mode::empty()).ok()?;
        let found = fstat(&fd).ok()?;
        let regular = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        if !regular || found.st_uid != self.owner {
            return None;
        }
        let mut text = Vec::new();
        std::fs::File::from(fd)
            .take(LARGEST)
            .read_to_end(&mut text)
            .ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes a file, as a whole or not at all. Where it `lasts`, it is on the disk when this returns.
    ///
    /// # Errors
    /// In one line: it is too large, or there is no room.
    pub fn write(&self, name: &str, what: &impl Serialize, lasts: bool) -> Result<(), String> {
        let text = serde_json::to_vec(what).map_err(|error| error.to_string())?;
        if text.len() as u64 > LARGEST {
            return Err("too much to be recorded".to_owned());
        }
        let new = format!(".{name}.{}", std::process::id());
        let written = self.write_new(&new, &text, lasts).and_then(|()| {
            renameat(&self.fd, &new, &self.fd, name)?;
            if lasts { fsync(&self.fd) } else { Ok(()) }
        });
        if written.is_err() {
            let _ = unlinkat(&self.fd, &new, AtFlags::empty());
        }
        written.map_err(|errno| format!("cannot record it: {errno}"))
    }

    fn write_new(&self, name: &str, text: &[u8], lasts: bool) -> Result<(), Errno> {
        let _ = unlinkat(&self.fd, name, AtFlags::empty());
        let how = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let fd = openat(
            &self.fd,
            name,
            how | OFlags::CLOEXEC,
            Mode::RUSR | Mode::WUSR,
        )?;
        let mut file = std::fs::File::from(fd);
        let synced = |file: &std::fs::File| if lasts { file.sync_all() } else { Ok(()) };
        let written = file.write_all(text).and_then(|()| synced(&file));
        written.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }

    /// Takes a file away.
    pub fn remove(&self, name: &str) {
        let _ = unlinkat(&self.fd, name, AtFlags::empty());
    }

    /// Keeps the newest of its files, by their names, up to this many.
    pub fn keep(&self, most: usize) {
        let names = self.names();
        let too_many = names.len().saturating_sub(most);
        for name in &names[..too_many] {
            self.remove(name);
        }
    }

    /// Waits until nobody else holds it, and holds it until the value is dropped.
    ///
    /// # Errors
    /// In one line.
    pub fn hold(&self) -> Result<OwnedFd, String> {
        let how = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.fd, "lock", how, Mode::RUSR | Mode::WUSR);
        let fd = fd.map_err(|errno| format!("cannot record anything: {errno}"))?;
        flock(&fd, FlockOperation::LockExclusive).map_err(|errno| errno.to_string())?;
        Ok(fd)
    }
}

/// A directory that belongs to its owner and is open to nobody else.
fn private(
    above: impl std::os::fd::AsFd,
    name: &OsStr,
    make: bool,
    owner: u32,
) -> Result<OwnedFd, Errno> {
    if make {
        match mkdirat(&above, name.as_bytes(), Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = openat(&above, name.as_bytes(), how, Mode::empty())?;
    let found = fstat(&fd)?;
    if found.st_uid != owner {
        return Err(Errno::PERM);
    }
    if make && found.st_mode & 0o077 != 0 {
        fchmod(&fd, Mode::RWXU)?;
    }
    Ok(fd)
}

/// Makes the directories above, private where they are new.
fn make_all(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// `$XDG_STATE_HOME/permwrap`, `~/.local/state/permwrap` where that is not set. What root does for somebody else is kept
/// in root's own place: the environment may be that user's.
fn state_directory() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    if rustix::process::geteuid().is_root() && invoker().is_some() {
        return Some(PathBuf::from(OF_ROOT));
    }
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    Some(state?.join("permwrap"))
}
