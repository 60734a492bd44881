//! Terminals and their modes, as far as the wrapper needs tty_ioctl(4) and termios(3).

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::libc;
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::process::Pid;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, Winsize, tcgetattr,
    tcgetpgrp, tcgetwinsize, tcsetattr, tcsetpgrp, tcsetwinsize,
};

use crate::run::sys;

/// The modes of a terminal.
#[derive(Clone)]
pub struct Modes(Termios);

impl Modes {
    /// The present modes. For a pseudo-terminal, the master reports those of the slave.
    pub fn of(terminal: impl AsFd) -> io::Result<Modes> {
        Ok(Modes(tcgetattr(terminal)?))
    }

    /// Sets the modes immediately; pending input is kept.
    pub fn set(&self, terminal: impl AsFd) {
        let _ = tcsetattr(terminal, OptionalActions::Now, &self.0);
    }

    /// Sets the modes if the terminal is still in the raw mode set by a wrapper that was killed.
    pub fn put_back(&self, terminal: impl AsFd) {
        let terminal = terminal.as_fd();
        if Modes::of(terminal).is_ok_and(|now| now == self.raw()) {
            self.set(terminal);
        }
    }

    /// These modes made raw: input and output are passed through unchanged. The line speed and format remain.
    #[must_use]
    pub fn raw(&self) -> Modes {
        let mut raw = self.clone();
        raw.0.make_raw();
        raw.0.control_modes = self.0.control_modes;
        raw.0.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.0.special_codes[SpecialCodeIndex::VTIME] = 0;
        raw
    }

    /// These modes without echo.
    #[must_use]
    pub fn silent(&self) -> Modes {
        self.without(LocalModes::ECHO | LocalModes::ECHONL)
    }

    /// These modes without line buffering.
    #[must_use]
    pub fn uncooked(&self) -> Modes {
        self.without(LocalModes::ICANON)
    }

    fn without(&self, modes: LocalModes) -> Modes {
        let mut less = self.clone();
        less.0.local_modes.remove(modes);
        less
    }

    /// The end-of-input character.
    #[must_use]
    pub fn end_of_input(&self) -> Option<u8> {
        // If it is disabled, its value is _POSIX_VDISABLE.
        Some(self.0.special_codes[SpecialCodeIndex::VEOF]).filter(|key| *key != 0)
    }

    /// Whether the terminal edits and echoes lines: no program has taken over the terminal or is asking for a password.
    #[must_use]
    pub fn are_plain(&self) -> bool {
        let plain = LocalModes::ICANON | LocalModes::ECHO;
        self.0.local_modes.contains(plain)
    }

    /// Whether a line feed is output as carriage return and line feed.
    #[must_use]
    pub fn add_returns(&self) -> bool {
        let both = OutputModes::OPOST | OutputModes::ONLCR;
        self.0.output_modes.contains(both)
    }
}

impl PartialEq for Modes {
    fn eq(&self, other: &Modes) -> bool {
        let flags = |modes: &Modes| {
            let Termios {
                input_modes,
                output_modes,
                control_modes,
                local_modes,
                line_discipline,
                ..
            } = modes.0.clone();
            (
                input_modes,
                output_modes,
                control_modes,
                local_modes,
                line_discipline,
            )
        };
        let key = |modes: &Modes, code: SpecialCodeIndex| modes.0.special_codes[code];
        flags(self) == flags(other) && KEYS.iter().all(|&code| key(self, code) == key(other, code))
    }
}

/// The special characters and timing values that are part of the modes (termios(3), c_cc).
const KEYS: [SpecialCodeIndex; 17] = [
    SpecialCodeIndex::VINTR,
    SpecialCodeIndex::VQUIT,
    SpecialCodeIndex::VERASE,
    SpecialCodeIndex::VKILL,
    SpecialCodeIndex::VEOF,
    SpecialCodeIndex::VTIME,
    SpecialCodeIndex::VMIN,
    SpecialCodeIndex::VSWTC,
    SpecialCodeIndex::VSTART,
    SpecialCodeIndex::VSTOP,
    SpecialCodeIndex::VSUSP,
    SpecialCodeIndex::VEOL,
    SpecialCodeIndex::VREPRINT,
    SpecialCodeIndex::VDISCARD,
    SpecialCodeIndex::VWERASE,
    SpecialCodeIndex::VLNEXT,
    SpecialCodeIndex::VEOL2,
];

/// The size of a terminal in rows, columns and pixels.
#[derive(Clone, Copy, PartialEq)]
pub struct Size(Winsize);

impl Size {
    /// The present size.
    pub fn of(terminal: impl AsFd) -> Option<Size> {
        tcgetwinsize(terminal).ok().map(Size)
    }

    /// Sets the size. If it changes, the kernel sends SIGWINCH to the foreground process group.
    pub fn set(&self, terminal: impl AsFd) {
        let _ = tcsetwinsize(terminal, self.0);
    }
}

/// The master of a new pseudo-terminal, in non-blocking mode.
pub fn new_master() -> io::Result<OwnedFd> {
    let nonblock = OpenptFlags::from_bits_retain(libc::O_NONBLOCK as u32);
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC | nonblock)?;
    unlockpt(&master)?;
    Ok(master)
}

/// Opens the slave of a master, whether or not its name is accessible, for reading and writing. Otherwise its flags are those of
/// another open terminal, since fcntl(2) shows them to the command, even O_CLOEXEC.
pub fn slave_like(other: impl AsFd, master: &OwnedFd) -> io::Result<OwnedFd> {
    let shown = fcntl_getfl(other).unwrap_or(OFlags::empty());
    let shown = OpenptFlags::from_bits_retain((shown - OFlags::ACCMODE).bits());
    let slave = ioctl_tiocgptpeer(master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | shown)?;
    fcntl_setfd(&slave, FdFlags::CLOEXEC)?;
    Ok(slave)
}

/// Opens it in non-blocking mode.
pub fn slave_without_waiting(master: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let nonblock = OpenptFlags::from_bits_retain(libc::O_NONBLOCK as u32);
    Ok(ioctl_tiocgptpeer(master, flags | nonblock)?)
}

/// Makes this process the leader of a new session with this controlling terminal; false if that fails.
pub fn lead_session(terminal: &OwnedFd) -> bool {
    rustix::process::setsid().is_ok() && rustix::process::ioctl_tiocsctty(terminal).is_ok()
}

/// Whether this is the controlling terminal of this process's session.
#[must_use]
pub fn is_controlling(terminal: impl AsFd) -> bool {
    let terminal = terminal.as_fd().as_raw_fd();
    // SAFETY: no memory is involved. In a container, a session from outside has the id 0, which rustix's Pid cannot represent.
    unsafe { libc::tcgetsid(terminal) == libc::getsid(0) }
}

/// The foreground process group of a terminal; -1 if there is none, 0 if it is outside of the container.
#[must_use]
pub fn foreground(terminal: impl AsFd) -> i32 {
    match tcgetpgrp(terminal) {
        Ok(group) => group.as_raw_pid(),
        Err(Errno::OPNOTSUPP) => 0,
        Err(_) => -1,
    }
}

/// Puts a process group in the foreground. The caller must block SIGTTOU.
pub fn set_foreground(terminal: impl AsFd, group: i32) {
    if let Some(group) = Pid::from_raw(group) {
        let _ = tcsetpgrp(terminal, group);
    }
}

/// This process's own process group.
#[must_use]
pub fn own_group() -> i32 {
    // SAFETY: no memory is involved. In a container, a process group from outside has the id 0, which rustix's Pid cannot
    // represent.
    unsafe { libc::getpgrp() }
}

/// Inserts a byte into a terminal's input (TIOCSTI). The kernel may refuse it.
pub fn type_in(terminal: impl AsFd, byte: u8) -> bool {
    let terminal = terminal.as_fd().as_raw_fd();
    // SAFETY: the ioctl reads one byte.
    unsafe { libc::ioctl(terminal, libc::TIOCSTI, &raw const byte) == 0 }
}

/// Whether no process has the slave of this master open.
#[must_use]
pub fn slave_is_closed(master: &OwnedFd) -> bool {
    let mut watched = [sys::watch(master.as_fd(), 0)];
    sys::poll(&mut watched, 0);
    watched[0].revents & libc::POLLHUP != 0
}

/// Waits until input written to the master has passed the slave's line discipline, which a kernel thread does. Polling the
/// slave for input waits for that thread.
pub fn settle(slave: &OwnedFd) {
    sys::poll(&mut [sys::watch(slave.as_fd(), libc::POLLIN)], 1);
}
