//! Processes: creating them, terminating them, waiting for them.

use std::ffi::{c_int, c_void};
use std::io;
use std::ptr;

use nix::libc;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};
use rustix::process::{Resource, Rlimit, setrlimit};

/// A change of a child's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It exited with this code.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
    /// This signal stopped it.
    Stopped(i32),
    /// It was continued.
    Continued,
}

/// The next change of a child's state, if there is one; if `pid` is `None`, of any child.
pub fn wait(pid: Option<i32>) -> Option<(i32, Change)> {
    // SAFETY: all-zero bytes are a valid siginfo_t.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let (kind, id) = pid.map_or((libc::P_ALL, 0), |pid| (libc::P_PID, pid as libc::id_t));
    let options = libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED | libc::WNOHANG | libc::__WALL;
    // SAFETY: info is a valid siginfo_t to write to.
    if unsafe { libc::waitid(kind, id, &raw mut info, options) } != 0 {
        return None;
    }
    // SAFETY: waitid has filled in the fields of SIGCHLD, or left the zeros.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    let change = match info.si_code {
        libc::CLD_EXITED => Change::Exited(status),
        libc::CLD_KILLED | libc::CLD_DUMPED => Change::Killed(status),
        libc::CLD_STOPPED | libc::CLD_TRAPPED => Change::Stopped(status),
        libc::CLD_CONTINUED => Change::Continued,
        _ => return None,
    };
    (pid != 0).then_some((pid, change))
}

/// Waits for a child that is about to exit, and reaps it.
pub fn reap(pid: i32) {
    // SAFETY: a null status pointer is permitted.
    while unsafe { libc::waitpid(pid, ptr::null_mut(), libc::__WALL) } < 0
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
}

/// Continues a child if it was stopped.
pub fn continue_if_stopped(pid: i32) {
    // SAFETY: all-zero bytes are a valid siginfo_t, which waitid may write to.
    let stopped = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let options = libc::WSTOPPED | libc::WNOHANG | libc::__WALL;
        libc::waitid(libc::P_PID, pid as libc::id_t, &raw mut info, options) == 0
            && info.si_pid() == pid
    };
    if stopped {
        super::kill(pid, libc::SIGCONT);
    }
}

/// Reaps a child if it has ended, without blocking; false if it is still running.
pub fn is_reaped(pid: i32) -> bool {
    // SAFETY: a null status pointer is permitted.
    unsafe { libc::waitpid(pid, ptr::null_mut(), libc::__WALL | libc::WNOHANG) != 0 }
}

/// The soft limit of a resource (getrlimit(2)), `u64::MAX` if unlimited; `None` if it cannot be read.
#[must_use]
pub fn limit(of: nix::sys::resource::Resource) -> Option<u64> {
    let (current, _) = nix::sys::resource::getrlimit(of).ok()?;
    Some(current)
}

/// Whether this process can wait for events and for children and send signals, all of which the wrapper depends on and a
/// sandbox may forbid.
#[must_use]
pub fn can_mind_children() -> bool {
    // SAFETY: all-zero bytes are a valid siginfo_t, which waitid may write to; no child is reaped.
    let waits = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        libc::waitid(libc::P_ALL, 0, &raw mut info, options) == 0
            || io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD)
    };
    waits && super::poll(&mut [], 0).is_some() && super::kill(std::process::id() as i32, 0)
}

/// Prevents this process from dumping core.
pub fn forbid_core_files() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
}

/// Kills and reaps a child.
pub fn end(pid: i32) {
    super::kill(pid, libc::SIGKILL);
    reap(pid);
}

/// A stack for a child created by `clone(2)` that shares this process's memory, with a guard area below it. It is never
/// unmapped: this process is short-lived, and unmapping would only cost time.
#[derive(Debug)]
pub struct Stack {
    base: *mut c_void,
    length: usize,
}

/// The size of the guard area, in bytes: at least a page on any machine.
const GUARD: usize = 64 * 1024;

impl Stack {
    /// Maps a stack. Its pages take no memory until they are used.
    pub fn new(length: usize) -> io::Result<Stack> {
        let whole = GUARD + length.next_multiple_of(GUARD);
        let flags = MapFlags::PRIVATE | MapFlags::STACK | MapFlags::NORESERVE;
        // SAFETY: a new anonymous mapping touches no existing memory, and its protection is changed before it is used.
        unsafe {
            let base = mmap_anonymous(ptr::null_mut(), whole, ProtFlags::empty(), flags)?;
            let usable = MprotectFlags::READ | MprotectFlags::WRITE;
            mprotect(base.byte_add(GUARD), whole - GUARD, usable)?;
            Ok(Stack {
                base,
                length: whole,
            })
        }
    }

    /// Starts a process that runs `entry(argument)` on this stack and shares this process's memory.
    ///
    /// # Safety
    /// Until the child has executed or exited, `argument` must remain valid, the stack must not be used for another child, and
    /// the child may only make system calls that leave this process's memory unchanged.
    pub unsafe fn start(
        &self,
        entry: extern "C" fn(*mut c_void) -> c_int,
        argument: *mut c_void,
        flags: c_int,
    ) -> io::Result<i32> {
        // SAFETY: clone expects the top of the stack, which is the end of the mapping; the rest is guaranteed by the caller.
        let pid = unsafe {
            libc::clone(
                entry,
                self.base.byte_add(self.length),
                libc::CLONE_VM | flags,
                argument,
            )
        };
        if pid < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(pid)
        }
    }
}

/// Forks. Returns `None` in the child.
///
/// # Safety
/// The child has a single thread. It must not take locks that another thread may have held.
pub unsafe fn fork() -> io::Result<Option<i32>> {
    // SAFETY: guaranteed by the caller.
    match unsafe { libc::fork() } {
        0 => Ok(None),
        pid if pid > 0 => Ok(Some(pid)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Terminates this process immediately, without destructors or flushing of buffers.
pub fn exit(code: i32) -> ! {
    // SAFETY: nothing of this process is used afterwards.
    unsafe { libc::_exit(code) }
}

/// Makes this process end together with its parent, even if that has already ended.
pub fn end_with_parent(parent: i32) {
    // SAFETY: no memory is involved.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent {
            exit(0);
        }
    }
}

/// Requests a signal for the end of this process's parent; false if that is not permitted. The parent may already have ended.
pub fn tell_of_parents_end(signal: c_int) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) == 0 }
}

/// Forks a process that becomes a child of this process's parent. The C library is bypassed, so the new process must not create
/// threads.
///
/// # Safety
/// As for [`fork`]. If this process shares its memory with its parent, the parent must be suspended.
pub unsafe fn fork_sibling() -> io::Result<Option<i32>> {
    let flags = libc::c_long::from(libc::CLONE_PARENT | libc::SIGCHLD);
    // SAFETY: the new process continues with copies of this stack and memory; the rest is guaranteed by the caller.
    match unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } {
        0 => Ok(None),
        pid if pid > 0 => Ok(Some(pid as i32)),
        _ => Err(io::Error::last_os_error()),
    }
}
