//! Processes: making them, becoming something else, waiting for them.

use std::ffi::{c_int, c_void};
use std::io;
use std::ptr;

use nix::libc;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};
use rustix::process::{Resource, Rlimit, setrlimit};

/// A change of state of a child.
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

/// The next change of state of a child, if there is one; with `None` for the pid, of any child.
pub fn wait(pid: Option<i32>) -> Option<(i32, Change)> {
    // SAFETY: all-zero bytes are a valid siginfo_t.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let (kind, id) = pid.map_or((libc::P_ALL, 0), |pid| (libc::P_PID, pid as libc::id_t));
    let options = libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED | libc::WNOHANG | libc::__WALL;
    // SAFETY: info is a siginfo_t to be written to.
    if unsafe { libc::waitid(kind, id, &raw mut info, options) } != 0 {
        return None;
    }
    // SAFETY: waitid filled in the fields of SIGCHLD, or left the zeroes.
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

/// Waits until a child that is about to exit has done so, and reaps it.
pub fn reap(pid: i32) {
    // SAFETY: a null status pointer is allowed.
    while unsafe { libc::waitpid(pid, ptr::null_mut(), libc::__WALL) } < 0
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
}

/// Continues a child that somebody stopped.
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

/// Reaps a child that has ended, without waiting; whether it is gone.
pub fn is_reaped(pid: i32) -> bool {
    // SAFETY: a null status pointer is allowed.
    unsafe { libc::waitpid(pid, ptr::null_mut(), libc::__WALL | libc::WNOHANG) != 0 }
}

/// How much of something this process may have (getrlimit(2)), `u64::MAX` for as much as there is; `None` where the kernel
/// does not tell.
#[must_use]
pub fn limit(of: nix::sys::resource::Resource) -> Option<u64> {
    let (current, _) = nix::sys::resource::getrlimit(of).ok()?;
    Some(current)
}

/// Whether this process can wait for events, learn of its children's ends and send signals: what a wrapper lives on, and a
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

/// A crash of this process leaves no file behind.
pub fn forbid_core_files() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
}

/// Ends a child, whatever it is doing, and reaps it.
pub fn end(pid: i32) {
    super::kill(pid, libc::SIGKILL);
    reap(pid);
}

/// A stack for a child of `clone(2)` that shares this process's memory, with a guard page below it. It is never unmapped:
/// the process is short, and unmapping costs more than it gives back.
#[derive(Debug)]
pub struct Stack {
    base: *mut c_void,
    length: usize,
}

/// The part of a stack's mapping that nobody may touch, in bytes: a page on every machine.
const GUARD: usize = 64 * 1024;

impl Stack {
    /// Maps a stack; its pages cost nothing until they are touched.
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

    /// Starts `entry(argument)` on this stack, with this process's memory.
    ///
    /// # Safety
    /// Until the child has executed or ended, `argument` must stay valid, the stack must not be used for another child,
    /// and the child must do nothing but system calls that leave this process's memory as it is.
    pub unsafe fn start(
        &self,
        entry: extern "C" fn(*mut c_void) -> c_int,
        argument: *mut c_void,
        flags: c_int,
    ) -> io::Result<i32> {
        // SAFETY: the top of the mapping is its end, as clone wants it; the rest is the caller's promise.
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

/// A copy of this process; true in the copy.
///
/// # Safety
/// The copy has one thread. It must not take locks that another thread may have held.
pub unsafe fn fork() -> io::Result<Option<i32>> {
    // SAFETY: the caller's promise.
    match unsafe { libc::fork() } {
        0 => Ok(None),
        pid if pid > 0 => Ok(Some(pid)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ends this process at once: no destructors, no buffers.
pub fn exit(code: i32) -> ! {
    // SAFETY: nothing of this process is used afterwards.
    unsafe { libc::_exit(code) }
}

/// Makes this process end when its parent does, also when that has ended already.
pub fn end_with_parent(parent: i32) {
    // SAFETY: no memory is involved.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent {
            exit(0);
        }
    }
}

/// Has this process sent a signal when its parent ends; whether that was allowed. It may have ended before.
pub fn tell_of_parents_end(signal: c_int) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) == 0 }
}

/// A copy of this process whose parent is this process's parent. The C library does not know of it, so it must not make
/// threads.
///
/// # Safety
/// As for [`fork`]; where this process shares its memory with its parent, that must be waiting.
pub unsafe fn fork_sibling() -> io::Result<Option<i32>> {
    let flags = libc::c_long::from(libc::CLONE_PARENT | libc::SIGCHLD);
    // SAFETY: the copy goes on with copies of this stack and this memory; the rest is the caller's promise.
    match unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } {
        0 => Ok(None),
        pid if pid > 0 => Ok(Some(pid as i32)),
        _ => Err(io::Error::last_os_error()),
    }
}
