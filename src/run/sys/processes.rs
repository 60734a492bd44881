//! Processes: creating them, terminating them, waiting for them.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;

use nix::libc;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, pidfd_open, setrlimit};

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

/// Waits for a child that is about to exit, and reaps it. If it was stopped, it is continued.
pub fn reap(pid: i32) {
    let changes = libc::WEXITED | libc::WSTOPPED;
    while let Some(libc::CLD_STOPPED | libc::CLD_TRAPPED) = state_change(pid, changes) {
        super::kill(pid, libc::SIGCONT);
    }
}

/// Continues a child if it was stopped.
pub fn continue_if_stopped(pid: i32) {
    if state_change(pid, libc::WSTOPPED | libc::WNOHANG).is_some() {
        super::kill(pid, libc::SIGCONT);
    }
}

/// Whether a signal has killed a child, which is not reaped.
#[must_use]
pub fn was_killed(pid: i32) -> bool {
    let ended = state_change(pid, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT);
    matches!(ended, Some(libc::CLD_KILLED | libc::CLD_DUMPED))
}

/// A descriptor that becomes readable when a process has ended, whoever its parent is (pidfd_open(2)).
#[must_use]
pub fn end_of(pid: i32) -> Option<OwnedFd> {
    pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()
}

/// How a process of this user has ended that its parent has not reaped yet (proc_pid_stat(5)).
#[must_use]
pub fn end_of_zombie(pid: i32) -> Option<Change> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    end_in(&stat)
}

fn end_in(stat: &str) -> Option<Change> {
    /// The position of the wait status after the process name.
    const STATUS: usize = 49;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_ascii_whitespace();
    let is_zombie = fields.next() == Some("Z");
    let status = fields.nth(STATUS - 1).filter(|_| is_zombie)?;
    Some(end_of_status(status.parse().ok()?))
}

/// How a process has ended, by its descriptor (since Linux 6.15); `None` until its parent has reaped it.
#[must_use]
pub fn end_told_by(end: &OwnedFd) -> Option<Change> {
    /// The first version of `struct pidfd_info`.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        mask: u64,
        cgroup: u64,
        ids: [u32; 11],
        status: c_int,
    }
    /// PIDFD_GET_INFO, and PIDFD_INFO_EXIT.
    const GET_INFO: libc::c_ulong = 0xC040_FF0B;
    const EXIT: u64 = 1 << 3;
    let mut info = Info {
        mask: EXIT,
        ..Info::default()
    };
    // SAFETY: the kernel writes no more than the size that is part of the request, which is that of the structure.
    let told = unsafe { libc::ioctl(end.as_raw_fd(), GET_INFO as _, &raw mut info) } == 0;
    (told && info.mask & EXIT != 0).then(|| end_of_status(info.status))
}

/// The end that a wait status stands for.
fn end_of_status(status: c_int) -> Change {
    match libc::WIFSIGNALED(status) {
        true => Change::Killed(libc::WTERMSIG(status)),
        false => Change::Exited(libc::WEXITSTATUS(status)),
    }
}

/// Waits for one of these changes of a child's state, and returns its kind (`CLD_*`); `None` if there is none, or no such child.
fn state_change(pid: i32, changes: c_int) -> Option<c_int> {
    loop {
        // SAFETY: all-zero bytes are a valid siginfo_t, which waitid may write to.
        let (waited, info) = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let options = changes | libc::__WALL;
            let waited = libc::waitid(libc::P_PID, pid as libc::id_t, &raw mut info, options);
            (waited, info)
        };
        match waited {
            // Without a change, the structure remains zero.
            0 => return (info.si_code != 0).then_some(info.si_code),
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zombie_tells_how_it_ended() {
        let stat = |state: &str, status: &str| {
            format!(
                "42 (a) Z 1) {state} 1 {} {status}\n",
                "0 ".repeat(47).trim_end()
            )
        };
        assert_eq!(end_in(&stat("Z", "1792")), Some(Change::Exited(7)));
        assert_eq!(end_in(&stat("Z", "9")), Some(Change::Killed(9)));
        assert_eq!(end_in(&stat("Z", "139")), Some(Change::Killed(11)));
        assert_eq!(end_in(&stat("S", "0")), None);
    }
}
