//! The private directory that holds the records of failures and changes (the state directory of the XDG base directory
//! specification).
//!
//! It belongs to its user and is not accessible to others. Symlinks in it are not followed, its size is bounded, and each file
//! is written atomically.

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

use super::invoker::{invoker, state_home, state_homes};

/// The maximum size of a file, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;

/// The directory in which root keeps records of changes made for others.
const OF_ROOT: &str = "/var/lib/permwrap";

/// A directory of the store.
#[derive(Debug)]
pub struct Store {
    fd: OwnedFd,
    owner: u32,
}

impl Store {
    /// The directory with this name in the state directory of the current user; created if it does not exist.
    ///
    /// # Errors
    /// A message of one line: there is no home directory, it is not writable, or the directory belongs to somebody else.
    pub fn own(name: &str) -> Result<Store, String> {
        let top = state_directory().ok_or("there is no home to keep anything in")?;
        let owner = rustix::process::geteuid().as_raw();
        let failed = |errno: Errno| format!("{}: {errno}", top.display());
        if let Some(above) = top.parent() {
            make_all(above).map_err(|error| {
                format!("{}: {}", above.display(), crate::complaint::reason(&error))
            })?;
        }
        private(CWD, top.as_os_str(), true, owner).map_err(failed)?;
        let fd = private(CWD, top.as_os_str(), false, owner).map_err(failed)?;
        let fd = private(&fd, OsStr::new(name), true, owner).map_err(failed)?;
        Ok(Store { fd, owner })
    }

    /// The directory with this name in the state directory of another user, to be read by root. Nothing is created there.
    #[must_use]
    pub fn of_user(uid: u32, name: &str) -> Option<Store> {
        let how = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let below = |fd: OwnedFd| {
            let fd = private(&fd, OsStr::new("permwrap"), false, uid).ok()?;
            let fd = private(&fd, OsStr::new(name), false, uid).ok()?;
            Some(Store { fd, owner: uid })
        };
        let at = |place: PathBuf| below(openat(CWD, &place, how, Mode::empty()).ok()?);
        let in_home = || {
            let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok()??;
            let mut fd = openat(CWD, &user.dir, how, Mode::empty()).ok()?;
            for part in [".local", "state"] {
                fd = openat(&fd, part, how | OFlags::NOFOLLOW, Mode::empty()).ok()?;
            }
            below(fd)
        };
        match (invoker() == Some(uid)).then(|| state_home(uid)).flatten() {
            Some(place) => at(place),
            // What it is for the user's sessions, their processes tell.
            None => in_home().or_else(|| state_homes(uid).into_iter().find_map(at)),
        }
    }

    /// The names of its files, sorted.
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

    /// The content of a file; `None` if it does not exist, or is not a file that this store has written.
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

    /// Writes a file atomically. With `lasts`, it is on disk when this returns.
    ///
    /// # Errors
    /// A message of one line: it is too large, or could not be written.
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

    /// Removes a file.
    pub fn remove(&self, name: &str) {
        let _ = unlinkat(&self.fd, name, AtFlags::empty());
    }

    /// Keeps the latest files, by name, up to this number, and removes the others.
    pub fn keep(&self, most: usize) {
        let names = self.names();
        let too_many = names.len().saturating_sub(most);
        for name in &names[..too_many] {
            self.remove(name);
        }
    }

    /// Locks the directory, waiting if necessary. The lock is held until the value is dropped.
    ///
    /// # Errors
    /// A message of one line.
    pub fn hold(&self) -> Result<OwnedFd, String> {
        let how = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.fd, "lock", how, Mode::RUSR | Mode::WUSR);
        let fd = fd.map_err(|errno| format!("cannot record anything: {errno}"))?;
        flock(&fd, FlockOperation::LockExclusive).map_err(|errno| errno.to_string())?;
        Ok(fd)
    }
}

/// Opens a directory that must belong to its owner and be inaccessible to others.
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

/// Creates the directories above; new ones are private.
fn make_all(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// `$XDG_STATE_HOME/permwrap`, or `~/.local/state/permwrap` if the variable is not set. Root uses a directory of its own for
/// what it does on behalf of others, or where the environment is that of another user, as after su(1).
fn state_directory() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    let is_root = rustix::process::geteuid().is_root();
    if is_root && (invoker().is_some() || state.as_deref().is_some_and(leads_through_anothers)) {
        return Some(PathBuf::from(OF_ROOT));
    }
    Some(state?.join("permwrap"))
}

/// Whether a directory or symlink on the way belongs to somebody other than root.
fn leads_through_anothers(path: &Path) -> bool {
    path.ancestors().any(|above| {
        let found = rustix::fs::lstat(above);
        found.is_ok_and(|found| found.st_uid != 0)
    })
}
