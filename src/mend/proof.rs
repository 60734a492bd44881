//! Asks the kernel itself: makes the call with exactly the subject's credentials, if it has no side effects.
//!
//! On Linux, credentials are per thread (credentials(7)): a separate thread assumes those of the subject, makes the call and
//! ends.

use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, FileType, Gid, Mode, OFlags, Uid, accessat, fstat, open};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::object::handle;
use crate::attempt::{Attempt, CapabilitySet, NodeType, Object, Operation, Subject};
use crate::byte_path::below;
use crate::gather;

/// The result of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The kernel allows the access.
    Works,
    /// The kernel still refuses the access.
    Refused(Errno),
    /// The call would have side effects, or these credentials cannot be assumed, so only the judgement is available.
    Untried,
}

/// Makes the attempt as its subject; from `top` on, if the subject sees nothing above it.
#[must_use]
pub fn prove(attempt: &Attempt, top: Option<&[u8]>) -> Proof {
    let Ok(own) = gather::own_subject() else {
        return Proof::Untried;
    };
    let subject = &attempt.subject;
    if subject.uid != 0 && subject.capabilities != CapabilitySet::EMPTY {
        // A thread that changes its uid loses its capabilities, and those of a file apply only when it is executed.
        return Proof::Untried;
    }
    let as_is = own.uid == subject.uid && own.has_the_rights_of(&as_own(subject, &own));
    if !as_is && (own.uid != 0 || subject.uid == 0) {
        return Proof::Untried;
    }
    // It is opened with permwrap's own credentials, because the subject need not be able to reach it by this path.
    let top = match top.map(Top::open) {
        Some(Ok(top)) => Some(top),
        Some(Err(_)) => return Proof::Untried,
        None => None,
    };
    let tried = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if !as_is && become_subject(subject).is_err() {
                return Proof::Untried;
            }
            attempt_it(attempt, top.as_ref())
        });
        thread.join()
    });
    tried.unwrap_or(Proof::Untried)
}

/// The subject, with every attribute that permission checks ignore taken from permwrap's own process.
fn as_own(subject: &Subject, own: &Subject) -> Subject {
    Subject {
        pid: own.pid,
        database_groups: own.database_groups.clone(),
        label: own.label.clone(),
        seccomp: own.seccomp,
        no_new_privs: own.no_new_privs,
        ..subject.clone()
    }
}

/// Sets the credentials of this thread permanently. With a uid other than 0, the kernel drops its capabilities.
fn become_subject(subject: &Subject) -> Result<(), Errno> {
    let groups: Vec<Gid> = subject
        .groups
        .iter()
        .map(|&gid| Gid::from_raw(gid))
        .collect();
    set_thread_groups(&groups)?;
    let (uid, gid) = (Uid::from_raw(subject.uid), Gid::from_raw(subject.gid));
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

/// An open file or directory from which paths are resolved.
struct Top<'p> {
    path: &'p [u8],
    fd: OwnedFd,
}

impl Top<'_> {
    fn open(path: &[u8]) -> Result<Top<'_>, Errno> {
        let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = open(OsStr::from_bytes(path), how, Mode::empty())?;
        Ok(Top { path, fd })
    }

    /// A path that leads through the open file; `None` if it does not begin there.
    fn beneath(&self, path: &[u8]) -> Option<PathBuf> {
        let mut through = handle(&self.fd).into_os_string();
        through.push(OsStr::from_bytes(below(path, self.path)?));
        Some(PathBuf::from(through))
    }
}

fn attempt_it(attempt: &Attempt, top: Option<&Top<'_>>) -> Proof {
    let path = match &attempt.object {
        Object::Path(path) => path,
        Object::Port { address, port } if attempt.operation == Operation::Bind => {
            return address
                .parse()
                .map_or(Proof::Untried, |address| answer(bound(address, *port)));
        }
        _ => return Proof::Untried,
    };
    let to = attempt.to.as_deref();
    let Some(path) = resolved_from(attempt, path, top) else {
        return Proof::Untried;
    };
    let tried = match attempt.operation {
        Operation::Open(how) => {
            let mut flags = match (how.read, how.write) {
                (true, true) => OFlags::RDWR,
                (false, true) => OFlags::WRONLY,
                _ => OFlags::RDONLY,
            };
            flags.set(OFlags::APPEND, how.append);
            flags.set(OFlags::NOATIME, how.noatime);
            match open_without_effect(&path, flags) {
                Some(Err(Errno::NOENT)) if how.create => may_make(&path),
                Some(opened) => opened,
                None => return Proof::Untried,
            }
        }
        Operation::List => opened(&path, OFlags::RDONLY | OFlags::DIRECTORY),
        Operation::Traverse => accessible(&path, Access::EXEC_OK),
        Operation::Exec => accessible(&path, Access::EXEC_OK),
        Operation::Connect => accessible(&path, Access::WRITE_OK),
        Operation::Mkdir
        | Operation::Symlink
        | Operation::Bind
        | Operation::Mknod(NodeType::Fifo) => may_make(&path),
        Operation::Delete | Operation::Rmdir | Operation::Rename | Operation::Link => {
            let to = to.and_then(|to| resolved_from(attempt, to, top));
            return in_directories(attempt, &path, to);
        }
        _ => return Proof::Untried,
    };
    answer(tried)
}

fn answer(tried: Result<(), Errno>) -> Proof {
    match tried {
        Ok(()) => Proof::Works,
        Err(errno) => Proof::Refused(errno),
    }
}

/// For operations that remove or rename, only write permission on the directories is tried: without it they are refused. What
/// else may refuse them is left to the judgement.
fn in_directories(attempt: &Attempt, path: &Path, to: Option<PathBuf>) -> Proof {
    let from = (attempt.operation != Operation::Link).then(|| path.to_owned());
    let refused = from
        .into_iter()
        .chain(to)
        .find_map(|path| may_make(&path).err());
    refused.map_or(Proof::Untried, Proof::Refused)
}

/// Binds the port for a moment. That another process uses it is not a refusal.
fn bound(address: IpAddr, port: u16) -> Result<(), Errno> {
    let family = match address {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    match bind(&socket, &SocketAddr::new(address, port)) {
        Err(errno @ (Errno::ACCESS | Errno::PERM)) => Err(errno),
        _ => Ok(()),
    }
}

/// The path to try, which begins where the kernel began.
fn resolved_from(attempt: &Attempt, path: &[u8], top: Option<&Top<'_>>) -> Option<PathBuf> {
    match top {
        Some(top) => top.beneath(path),
        None => Some(from_here(attempt, path)),
    }
}

/// A path that was relative is made relative again, if this process is in the same directory.
fn from_here(attempt: &Attempt, path: &[u8]) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let directory = attempt.directory.as_deref();
    let rest = directory
        .filter(|directory| *directory == here.as_os_str().as_bytes())
        .and_then(|directory| path.strip_prefix(directory)?.strip_prefix(b"/"));
    PathBuf::from(OsStr::from_bytes(rest.unwrap_or(path)))
}

/// Opens a regular file or a directory. Opening other types of files could have side effects.
fn open_without_effect(path: &PathBuf, flags: OFlags) -> Option<Result<(), Errno>> {
    let found = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let found = match found.and_then(fstat) {
        Ok(found) => FileType::from_raw_mode(found.st_mode),
        Err(errno) => return Some(Err(errno)),
    };
    let harmless = matches!(found, FileType::RegularFile | FileType::Directory);
    harmless.then(|| opened(path, flags))
}

fn opened(path: &PathBuf, flags: OFlags) -> Result<(), Errno> {
    let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).map(drop)
}

fn accessible(path: &PathBuf, access: Access) -> Result<(), Errno> {
    accessat(CWD, path, access, AtFlags::empty())
}

/// Whether a name may be created: the directory grants write and search permission.
fn may_make(path: &std::path::Path) -> Result<(), Errno> {
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above.to_owned(),
        _ => PathBuf::from("."),
    };
    accessible(&above, Access::WRITE_OK | Access::EXEC_OK)
}
