//! Signals: all 64 of them.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;

use nix::libc;

/// A set of signals: bit `n - 1` is signal `n`.
pub type Signals = u64;

/// The set of this one signal.
#[must_use]
pub fn only(signal: c_int) -> Signals {
    1 << (signal - 1)
}

fn change_mask(how: c_int, set: Signals) -> io::Result<Signals> {
    let mut old: Signals = 0;
    // SAFETY: both pointers are to 8-byte sets, the size the kernel is told.
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

/// Blocks every signal that can be blocked; the mask before comes back.
pub fn block_all() -> io::Result<Signals> {
    change_mask(libc::SIG_SETMASK, !0)
}

/// Sets the signal mask.
pub fn set_mask(mask: Signals) {
    let _ = change_mask(libc::SIG_SETMASK, mask);
}

/// A non-blocking descriptor from which all blocked signals are read.
pub fn signal_descriptor() -> io::Result<OwnedFd> {
    let all: Signals = !0;
    // SAFETY: the pointer is to an 8-byte set, the size the kernel is told.
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
    // SAFETY: the descriptor was just made and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// The next signal that waits at a signal descriptor.
pub fn next_signal(fd: &OwnedFd) -> Option<libc::signalfd_siginfo> {
    let mut bytes = [0; size_of::<libc::signalfd_siginfo>()];
    let got = rustix::io::read(fd, &mut bytes).ok()?;
    // SAFETY: any bytes are a valid signalfd_siginfo, plain integers throughout.
    (got == bytes.len()).then(|| unsafe {
        bytes
            .as_ptr()
            .cast::<libc::signalfd_siginfo>()
            .read_unaligned()
    })
}

/// The disposition of a signal: its handler, or `SIG_DFL` or `SIG_IGN`, and its flags.
pub fn disposition(signal: c_int) -> io::Result<(libc::sighandler_t, c_int)> {
    // SAFETY: all-zero bytes are a valid sigaction; a null new action only asks.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, ptr::null(), &raw mut now) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((now.sa_sigaction, now.sa_flags))
    }
}

/// Sets a signal to `SIG_DFL` or `SIG_IGN`.
pub fn set_disposition(signal: c_int, handler: libc::sighandler_t) {
    debug_assert!(handler == libc::SIG_DFL || handler == libc::SIG_IGN);
    // SAFETY: neither value is a function that could be called.
    unsafe { libc::signal(signal, handler) };
}

/// Sends a signal; a negative pid means a process group.
pub fn kill(pid: i32, signal: c_int) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::kill(pid, signal) == 0 }
}

/// Takes a signal that waits out of the queue; whether there was one.
pub fn take_signal(signal: c_int) -> bool {
    let set = only(signal);
    let now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the set has the 8 bytes the kernel is told; a null siginfo is allowed.
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

/// Waits for any signal, all of which must be blocked: which it was, its code, and who sent it. `None` where the kernel
/// refuses to wait.
#[must_use]
pub fn wait_for_signal() -> Option<(c_int, c_int, u32)> {
    let all: Signals = !0;
    loop {
        // SAFETY: all-zero bytes are a valid siginfo_t; the set has the 8 bytes the kernel is told.
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
