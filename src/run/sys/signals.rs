//! Signals: all 64 of them.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;

use nix::libc;

/// A set of signals: bit `n - 1` is signal `n`.
pub type Signals = u64;

/// The set that contains only this signal.
#[must_use]
pub fn only(signal: c_int) -> Signals {
    1 << (signal - 1)
}

fn change_mask(how: c_int, set: Signals) -> io::Result<Signals> {
    let mut old: Signals = 0;
    // SAFETY: both pointers refer to 8-byte sets, the size passed to the kernel.
    let changed = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            how,
            &raw const set,
            &raw mut old,
            8,
        )
    };
    if changed == 0 {
        Ok(old)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Blocks every signal that can be blocked, and returns the previous mask.
pub fn block_all() -> io::Result<Signals> {
    change_mask(libc::SIG_SETMASK, !0)
}

/// Sets the signal mask.
pub fn set_mask(mask: Signals) {
    let _ = change_mask(libc::SIG_SETMASK, mask);
}

/// A non-blocking descriptor that yields all blocked signals.
pub fn signal_descriptor() -> io::Result<OwnedFd> {
    let all: Signals = !0;
    // SAFETY: the pointer refers to an 8-byte set, the size passed to the kernel.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_signalfd4,
            -1,
            &raw const all,
            8,
            libc::SFD_CLOEXEC | libc::SFD_NONBLOCK,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just created and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// The next signal that is pending on a signal descriptor.
pub fn next_signal(fd: &OwnedFd) -> Option<libc::signalfd_siginfo> {
    let mut bytes = [0; size_of::<libc::signalfd_siginfo>()];
    let got = rustix::io::read(fd, &mut bytes).ok()?;
    // SAFETY: any bytes are a valid signalfd_siginfo, since all its fields are integers.
    (got == bytes.len()).then(|| unsafe {
        bytes
            .as_ptr()
            .cast::<libc::signalfd_siginfo>()
            .read_unaligned()
    })
}

/// The disposition of a signal: its handler (`SIG_DFL` and `SIG_IGN` included) and its flags.
pub fn disposition(signal: c_int) -> io::Result<(libc::sighandler_t, c_int)> {
    // SAFETY: all-zero bytes are a valid sigaction; with a null new action the call only reads.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, ptr::null(), &raw mut now) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((now.sa_sigaction, now.sa_flags))
    }
}

/// Sets the disposition of a signal to `SIG_DFL` or `SIG_IGN`.
pub fn set_disposition(signal: c_int, handler: libc::sighandler_t) {
    debug_assert!(handler == libc::SIG_DFL || handler == libc::SIG_IGN);
    // SAFETY: neither value is a function that could be called.
    unsafe { libc::signal(signal, handler) };
}

/// Sends a signal; a negative pid denotes a process group. False if that fails.
pub fn kill(pid: i32, signal: c_int) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::kill(pid, signal) == 0 }
}

/// The signals that are blocked and pending.
#[must_use]
pub fn pending() -> Signals {
    let mut set: Signals = 0;
    // SAFETY: the pointer refers to an 8-byte set, the size passed to the kernel.
    unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut set, 8) };
    set
}

/// The signals of a set.
pub fn signals_of(set: Signals) -> impl Iterator<Item = c_int> {
    (1..=64).filter(move |signal| set & only(*signal) != 0)
}

/// Consumes a pending signal; false if it was not pending.
pub fn take_signal(signal: c_int) -> bool {
    let set = only(signal);
    let now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the set has the 8 bytes passed to the kernel; a null siginfo is permitted.
    let got = unsafe {
        libc::syscall(
            libc::SYS_rt_sigtimedwait,
            &raw const set,
            ptr::null_mut::<c_void>(),
            &raw const now,
            8,
        )
    };
    got > 0
}

/// Waits for any signal, all of which must be blocked. Returns its number, its code and the sender's process id; `None` if the
/// kernel refuses to wait.
#[must_use]
pub fn wait_for_signal() -> Option<(c_int, c_int, u32)> {
    let all: Signals = !0;
    loop {
        // SAFETY: all-zero bytes are a valid siginfo_t; the set has the 8 bytes passed to the kernel.
        unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let none = ptr::null::<libc::timespec>();
            let signal = libc::syscall(
                libc::SYS_rt_sigtimedwait,
                &raw const all,
                &raw mut info,
                none,
                8,
            );
            if signal > 0 {
                return Some((signal as c_int, info.si_code, info.si_pid() as u32));
            }
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return None;
        }
    }
}
