//! Terminals and their modes: what tty_ioctl(4) and termios(3) offer, as the wrapper needs it.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::libc;

use crate::run::sys;

/// The modes of a terminal.
#[derive(Clone, Copy)]
pub struct Modes(libc::termios);

impl Modes {
    /// The modes now. Of a pseudo-terminal the master's answer is the slave's.
    pub fn of(terminal: RawFd) -> Option<Modes> {
        // SAFETY: all-zero bytes are a valid termios, and tcgetattr writes no more than one.
        unsafe {
            let mut modes: libc::termios = std::mem::zeroed();
            (libc::tcgetattr(terminal, &raw mut modes) == 0).then_some(Modes(modes))
        }
    }

    /// Sets them at once; what was typed and not read yet is kept.
    pub fn set(&self, terminal: RawFd) {
        // SAFETY: the pointer is to a termios, which is only read.
        unsafe { libc::tcsetattr(terminal, libc::TCSANOW, &raw const self.0) };
    }

    /// Sets them where the terminal is still raw as the wrapper made it, which was killed.
    pub fn put_back(&self, terminal: &OwnedFd) {
        if Modes::of(terminal.as_raw_fd()).is_some_and(|now| now == self.raw()) {
            self.set(terminal.as_raw_fd());
        }
    }

    /// Every byte typed is handed on and every byte written shown as it is; the line's speed and form stay.
    #[must_use]
    pub fn raw(mut self) -> Modes {
        let flags = self.0.c_cflag;
        // SAFETY: cfmakeraw changes the one termios it is given.
        unsafe { libc::cfmakeraw(&raw mut self.0) };
        self.0.c_cflag = flags;
        self.0.c_cc[libc::VMIN] = 1;
        self.0.c_cc[libc::VTIME] = 0;
        self
    }

    /// Without showing what is typed.
    #[must_use]
    pub fn silent(mut self) -> Modes {
        self.0.c_lflag &= !(libc::ECHO | libc::ECHONL);
        self
    }

    /// Without waiting for whole lines.
    #[must_use]
    pub fn uncooked(mut self) -> Modes {
        self.0.c_lflag &= !libc::ICANON;
        self
    }

    /// The key that ends the input.
    #[must_use]
    pub fn end_of_input(&self) -> Option<u8> {
        // A terminal without such a key has _POSIX_VDISABLE there.
        Some(self.0.c_cc[libc::VEOF]).filter(|key| *key != 0)
    }

    /// Whether lines are edited and shown by the terminal itself: no program has taken it over, and none asks for a password.
    #[must_use]
    pub fn are_plain(&self) -> bool {
        let plain = libc::ICANON | libc::ECHO;
        self.0.c_lflag & plain == plain
    }

    /// Whether a line feed written becomes carriage return and line feed.
    #[must_use]
    pub fn add_returns(&self) -> bool {
        let both = libc::OPOST | libc::ONLCR;
        self.0.c_oflag & both == both
    }
}

impl PartialEq for Modes {
    fn eq(&self, other: &Modes) -> bool {
        let key = |m: &Modes| {
            (
                m.0.c_iflag,
                m.0.c_oflag,
                m.0.c_cflag,
                m.0.c_lflag,
                m.0.c_line,
                m.0.c_cc,
            )
        };
        key(self) == key(other)
    }
}

/// Rows, columns and pixels of a terminal.
#[derive(Clone, Copy)]
pub struct Size(libc::winsize);

impl Size {
    /// The size now.
    pub fn of(terminal: RawFd) -> Option<Size> {
        // SAFETY: all-zero bytes are a valid winsize, and the ioctl writes no more than one.
        unsafe {
            let mut size: libc::winsize = std::mem::zeroed();
            (libc::ioctl(terminal, libc::TIOCGWINSZ, &raw mut size) == 0).then_some(Size(size))
        }
    }

    /// Sets it. Where it changes, the foreground group is sent SIGWINCH by the kernel.
    pub fn set(&self, terminal: RawFd) {
        // SAFETY: the pointer is to a winsize, which is only read.
        unsafe { libc::ioctl(terminal, libc::TIOCSWINSZ, &raw const self.0) };
    }
}

impl PartialEq for Size {
    fn eq(&self, other: &Size) -> bool {
        let key = |s: &Size| (s.0.ws_row, s.0.ws_col, s.0.ws_xpixel, s.0.ws_ypixel);
        key(self) == key(other)
    }
}

/// A new pseudo-terminal: its master, which does not wait.
pub fn new_master() -> io::Result<OwnedFd> {
    let master = sys::open(c"/dev/ptmx", libc::O_RDWR | libc::O_NONBLOCK)?;
    let unlocked: libc::c_int = 0;
    // SAFETY: the ioctl reads one int.
    if unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(master)
}

/// Opens the slave of a master, wherever its name may be.
pub fn slave_of(master: &OwnedFd, flags: libc::c_int) -> io::Result<OwnedFd> {
    let flags = flags | libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the ioctl takes open flags by value.
    let slave = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) };
    if slave < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(slave) })
}

/// Makes this process the leader of a new session with this controlling terminal; whether that was allowed.
pub fn lead_session(terminal: &OwnedFd) -> bool {
    rustix::process::setsid().is_ok() && rustix::process::ioctl_tiocsctty(terminal).is_ok()
}

/// Whether this is the controlling terminal of this process's session.
#[must_use]
pub fn is_controlling(terminal: RawFd) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::tcgetsid(terminal) == libc::getsid(0) }
}

/// The foreground group of a terminal.
#[must_use]
pub fn foreground(terminal: RawFd) -> i32 {
    // SAFETY: no memory is involved.
    unsafe { libc::tcgetpgrp(terminal) }
}

/// Makes a group the foreground one. The caller's SIGTTOU must be blocked.
pub fn set_foreground(terminal: RawFd, group: i32) {
    // SAFETY: no memory is involved.
    unsafe { libc::tcsetpgrp(terminal, group) };
}

/// Puts a byte in front of what a terminal's reader has not read yet. The kernel may not allow it.
pub fn type_in(terminal: RawFd, byte: u8) -> bool {
    // SAFETY: the ioctl reads one byte.
    unsafe { libc::ioctl(terminal, libc::TIOCSTI, &raw const byte) == 0 }
}

/// Whether no process has the slave of this master open.
#[must_use]
pub fn slave_is_closed(master: &OwnedFd) -> bool {
    let mut watched = [sys::watch(master.as_raw_fd(), 0)];
    sys::poll(&mut watched, 0);
    watched[0].revents & libc::POLLHUP != 0
}

/// Waits until what was typed on the master has gone through the slave's line discipline, which the kernel does in a
/// thread of its own; asking the slave for input makes it finish.
pub fn settle(slave: &OwnedFd) {
    sys::poll(&mut [sys::watch(slave.as_raw_fd(), libc::POLLIN)], 1);
}
