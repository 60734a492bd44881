//! Performs an operation by its system call, and returns the error number.

use std::ffi::CString;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, connect, socket};
use nix::sys::stat::{
    FchmodatFlags, Mode, SFlag, UtimensatFlags, fchmodat, makedev, mknod, utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::{
    ForkResult, Gid, Uid, UnlinkatFlags, chdir, execve, fork, linkat, mkdir, pipe2, symlinkat,
    unlinkat,
};
use permwrap::attempt::{NodeType, OpenHow, Operation};

use crate::ground::c_path;
use crate::plan::Who;

/// Performs the operation and returns the error number; 0 for success.
pub fn perform(operation: &Operation, path: &str, to: Option<&str>, who: &Who) -> i32 {
    match attempt(operation, path, to.unwrap_or_default(), who) {
        Ok(()) => 0,
        Err(errno) => errno as i32,
    }
}

fn attempt(operation: &Operation, path: &str, to: &str, who: &Who) -> nix::Result<()> {
    let here = nix::fcntl::AT_FDCWD;
    let all = Mode::from_bits_truncate(0o777);
    match operation {
        Operation::Open(how) => open_and_close(path, flags(*how)),
        Operation::List => open_and_close(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY),
        Operation::Traverse => {
            chdir(path)?;
            chdir("/")
        }
        Operation::Stat { follow: true } => nix::sys::stat::stat(path).map(drop),
        Operation::Stat { follow: false } => nix::sys::stat::lstat(path).map(drop),
        Operation::Exec => run(path),
        Operation::Mkdir => mkdir(path, all),
        Operation::Mknod(NodeType::Fifo) => mknod(path, SFlag::S_IFIFO, all, 0),
        Operation::Mknod(NodeType::Char) => mknod(path, SFlag::S_IFCHR, all, makedev(1, 3)),
        Operation::Mknod(NodeType::Block) => mknod(path, SFlag::S_IFBLK, all, makedev(7, 200)),
        Operation::Symlink => symlinkat("anywhere", here, path),
        Operation::Delete => unlinkat(here, path, UnlinkatFlags::NoRemoveDir),
        Operation::Rmdir => unlinkat(here, path, UnlinkatFlags::RemoveDir),
        Operation::Rename => nix::fcntl::renameat(here, path, here, to),
        Operation::Link => linkat(here, path, here, to, AtFlags::empty()),
        Operation::Chmod(mode) => {
            let mode = Mode::from_bits_truncate(mode.expect("the plan says which"));
            fchmodat(here, path, mode, FchmodatFlags::FollowSymlink)
        }
        Operation::Chown { uid, gid } => {
            let uid = uid.map(|uid| Uid::from_raw(who.inner_uid(uid)));
            let gid = gid.map(|gid| Gid::from_raw(who.inner_gid(gid)));
            nix::unistd::chown(path, uid, gid)
        }
        Operation::Utime { now } => {
            let time = if *now {
                TimeSpec::UTIME_NOW
            } else {
                TimeSpec::new(1_000_000_000, 0)
            };
            utimensat(here, path, &time, &time, UtimensatFlags::FollowSymlink)
        }
        Operation::Setxattr(name) => set_attribute(path, name),
        Operation::Bind if !path.starts_with('/') => bind_port(path),
        Operation::Bind => bind(unix_socket()?.as_raw_fd(), &UnixAddr::new(path)?),
        Operation::Connect => connect(unix_socket()?.as_raw_fd(), &UnixAddr::new(path)?),
        Operation::Mount
        | Operation::Signal
        | Operation::Ptrace
        | Operation::Privileged(_)
        | Operation::Trust(_) => {
            unreachable!("not in the plan")
        }
    }
}

fn flags(how: OpenHow) -> OFlag {
    let mut flags = match (how.read, how.write) {
        (true, true) => OFlag::O_RDWR,
        (_, true) => OFlag::O_WRONLY,
        _ => OFlag::O_RDONLY,
    };
    flags.set(OFlag::O_APPEND, how.append);
    flags.set(OFlag::O_TRUNC, how.truncate);
    flags.set(OFlag::O_CREAT, how.create);
    flags.set(OFlag::O_EXCL, how.exclusive);
    flags.set(OFlag::O_NOATIME, how.noatime);
    flags
}

/// Opens a file without waiting for the other end of a FIFO.
fn open_and_close(path: &str, flags: OFlag) -> nix::Result<()> {
    let flags = flags | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::from_bits_truncate(0o666)).map(drop)
}

fn set_attribute(path: &str, name: &str) -> nix::Result<()> {
    // VFS_CAP_REVISION_2 without capabilities.
    let mut value = [0u8; 20];
    value[3] = 2;
    let set = rustix::fs::setxattr(path, name, &value, rustix::fs::XattrFlags::empty());
    set.map_err(|errno| Errno::from_raw(errno.raw_os_error()))
}

fn unix_socket() -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(AddressFamily::Unix, SockType::Stream, flags, None)
}

fn bind_port(address: &str) -> nix::Result<()> {
    let bound = std::net::TcpListener::bind(address);
    bound
        .map(drop)
        .map_err(|error| Errno::from_raw(error.raw_os_error().expect("of a system call")))
}

/// Executes the program in a child process. If that fails, the error number comes through a pipe that execution closes.
fn run(path: &str) -> nix::Result<()> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: this process has a single thread, so the child is not restricted.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let none: [CString; 0] = [];
            let Err(errno) = execve(&c_path(path), &[c"program"], &none);
            let _ = std::fs::File::from(writer).write_all(&(errno as i32).to_ne_bytes());
            // SAFETY: _exit(2) ends the process and does not return.
            unsafe { nix::libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let mut errno = [0; 4];
            let told = std::fs::File::from(reader).read_exact(&mut errno);
            nix::sys::wait::waitpid(child, None)?;
            match told {
                Ok(()) => Err(Errno::from_raw(i32::from_ne_bytes(errno))),
                Err(_) => Ok(()),
            }
        }
    }
}

/// Whether success leaves everything unchanged.
pub fn leaves_no_trace(operation: &Operation) -> bool {
    match operation {
        Operation::Open(how) => !how.create && !how.truncate,
        Operation::Exec
        | Operation::List
        | Operation::Traverse
        | Operation::Stat { .. }
        | Operation::Connect => true,
        _ => false,
    }
}
