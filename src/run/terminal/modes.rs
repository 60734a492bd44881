//! Terminals and their modes: what tty_ioctl(4) and termios(3) offer, as the wrapper needs it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::libc;
use rustix::io::Errno;
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
    /// The modes now. Of a pseudo-terminal the master's answer is the slave's.
    pub fn of(terminal: impl AsFd) -> io::Result<Modes> {
        Ok(Modes(tcgetattr(terminal)?))
    }

    /// Sets them at once; what was typed and not read yet is kept.
    pub fn set(&self, terminal: impl AsFd) {
        let _ = tcsetattr(terminal, OptionalActions::Now, &self.0);
    }

    /// Sets them where the terminal is still raw as the wrapper made it, which was killed.
    pub fn put_back(&self, terminal: impl AsFd) {
        let terminal = terminal.as_fd();
        if Modes::of(terminal).is_ok_and(|now| now == self.raw()) {
            self.set(terminal);
        }
    }

    /// Every byte typed is handed on and every byte written shown as it is; the line's speed and form stay.
    #[must_use]
    pub fn raw(&self) -> Modes {
        let mut raw = self.clone();
        raw.0.make_raw();
        raw.0.control_modes = self.0.control_modes;
        raw.0.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.0.special_codes[SpecialCodeIndex::VTIME] = 0;
        raw
    }

    /// Without showing what is typed.
    #[must_use]
    pub fn silent(&self) -> Modes {
        self.without(LocalModes::ECHO | LocalModes::ECHONL)
    }

    /// Without waiting for whole lines.
    #[must_use]
    pub fn uncooked(&self) -> Modes {
        self.without(LocalModes::ICANON)
    }

    fn without(&self, modes: LocalModes) -> Modes {
        let mut less = self.clone();
        less.0.local_modes.remove(modes);
        less
    }

    /// The key that ends the input.
    #[must_use]
    pub fn end_of_input(&self) -> Option<u8> {
        // A terminal without such a key has _POSIX_VDISABLE there.
        Some(self.0.special_codes[SpecialCodeIndex::VEOF]).filter(|key| *key != 0)
    }

    /// Whether lines are edited and shown by the terminal itself: no program has taken it over, and none asks for a password.
    #[must_use]
    pub fn are_plain(&self) -> bool {
        let plain = LocalModes::ICANON | LocalModes::ECHO;
        self.0.local_modes.contains(plain)
    }

    /// Whether a line feed written becomes carriage return and line feed.
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

/// The keys and numbers that belong to a terminal's modes (termios(3), c_cc).
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

/// Rows, columns and pixels of a terminal.
#[derive(Clone, Copy, PartialEq)]
pub struct Size(Winsize);

impl Size {
    /// The size now.
    pub fn of(terminal: impl AsFd) -> Option<Size> {
        tcgetwinsize(terminal).ok().map(Size)
    }

    /// Sets it. Where it changes, the foreground group is sent SIGWINCH by the kernel.
    pub fn set(&self, terminal: impl AsFd) {
        let _ = tcsetwinsize(terminal, self.0);
    }
}

/// A new pseudo-terminal: its master, which does not wait.
pub fn new_master() -> io::Result<OwnedFd> {
    let nonblock = OpenptFlags::from_bits_retain(libc::O_NONBLOCK as u32);
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC | nonblock)?;
    unlockpt(&master)?;
    Ok(master)
}

/// Opens the slave of a master, wherever its name may be.
pub fn slave_of(master: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    Ok(ioctl_tiocgptpeer(master, flags)?)
}

/// The same, with an opening that does not wait.
pub fn slave_without_waiting(master: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let nonblock = OpenptFlags::from_bits_retain(libc::O_NONBLOCK as u32);
    Ok(ioctl_tiocgptpeer(master, flags | nonblock)?)
}

/// Makes this process the leader of a new session with this controlling terminal; whether that was allowed.
pub fn lead_session(terminal: &OwnedFd) -> bool {
    rustix::process::setsid().is_ok() && rustix::process::ioctl_tiocsctty(terminal).is_ok()
}

/// Whether this is the controlling terminal of this process's session.
#[must_use]
pub fn is_controlling(terminal: impl AsFd) -> bool {
    let terminal = terminal.as_fd().as_raw_fd();
    // SAFETY: no memory is involved. In a container a session of the outside is 0, which is no Pid of rustix's.
    unsafe { libc::tcgetsid(terminal) == libc::getsid(0) }
}

/// The foreground group of a terminal; -1 where there is none, 0 for one of the outside, seen from a container.
#[must_use]
pub fn foreground(terminal: impl AsFd) -> i32 {
    match tcgetpgrp(terminal) {
        Ok(group) => group.as_raw_pid(),
        Err(Errno::OPNOTSUPP) => 0,
        Err(_) => -1,
    }
}

/// Makes a group the foreground one. The caller's SIGTTOU must be blocked.
pub fn set_foreground(terminal: impl AsFd, group: i32) {
    if let Some(group) = Pid::from_raw(group) {
        let _ = tcsetpgrp(terminal, group);
    }
}

/// This process's own group.
#[must_use]
pub fn own_group() -> i32 {
    // SAFETY: no memory is involved. In a container a group of the outside is 0, which is no Pid of rustix's.
    unsafe { libc::getpgrp() }
}

/// Puts a byte in front of what a terminal's reader has not read yet. The kernel may not allow it.
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

/// Waits until what was typed on the master has gone through the slave's line discipline, which the kernel does in a
/// thread of its own; asking the slave for input makes it finish.
pub fn settle(slave: &OwnedFd) {
    sys::poll(&mut [sys::watch(slave.as_fd(), libc::POLLIN)], 1);
}
