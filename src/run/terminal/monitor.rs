//! The monitor: the leader of the session on the command's terminal, and the command's parent.
//!
//! It does what only a process of that session can do (put the command in the foreground, learn that it was stopped). It may
//! outlive the wrapper: to restore the user's terminal if the wrapper was killed, and to relay the output of processes that the
//! command left behind.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use nix::libc;

use super::listener;
use super::messages::{Order, Report};
use super::modes::{self, Modes, own_group};
use super::returns::{A_MOMENT, Returns};
use crate::run::channels::Channels;
use crate::run::spawn::{Command, Inherited, NotStarted, spawn};
use crate::run::sys::{self, Change};

/// What the monitor needs.
pub struct Post<'a> {
    /// The command to start.
    pub command: &'a Command,
    /// The process attributes that the command is to inherit.
    pub inherited: Inherited,
    /// The descriptors that referred to the user's terminal.
    pub descriptors: &'a [RawFd],
    /// The channel of the stream that is watched and not a terminal.
    pub channels: &'a Channels,
    /// Whether the command starts in the foreground.
    pub foreground: bool,
    /// The user's terminal, and its modes before the wrapper changed them.
    pub user: (OwnedFd, Modes),
    /// The master of the command's terminal.
    pub master: OwnedFd,
    /// The slave of the command's terminal.
    pub slave: OwnedFd,
    /// The connection to the wrapper.
    pub wrapper: OwnedFd,
}

struct Monitor {
    user: (OwnedFd, Modes),
    master: Option<OwnedFd>,
    slave: OwnedFd,
    wrapper: OwnedFd,
    signals: OwnedFd,
    command: i32,
    /// The signal that the command gets if its parent ends, in whose place the wrapper stands.
    for_parents_end: Option<i32>,
    listener: Option<i32>,
}

/// Starts the command, and runs until neither the command nor any process that it left behind needs the terminal.
pub fn stand_by(post: Post<'_>) -> ! {
    let Post {
        command,
        inherited,
        descriptors,
        channels,
        foreground,
        user,
        master,
        slave,
        wrapper,
    } = post;
    if !modes::lead_session(&slave) {
        Report::NotStarted(NotStarted::NoProcess).send(&wrapper);
        sys::exit(0)
    }
    let Ok(signals) = sys::signal_descriptor() else {
        Report::NotStarted(NotStarted::NoProcess).send(&wrapper);
        sys::exit(0)
    };
    let monitor = std::process::id();
    let mut hearing = None;
    let started = spawn(command, inherited, &mut || {
        // SAFETY: no memory is involved.
        let own = unsafe {
            if libc::setpgid(0, 0) != 0 {
                return false;
            }
            libc::getpid()
        };
        if foreground {
            modes::set_foreground(&slave, own);
        }
        Report::Starting(own).send(&wrapper);
        hearing = listener::start(monitor, &wrapper, (&user.0, &user.1));
        let mut descriptors = descriptors.iter();
        channels.connect() && descriptors.all(|&descriptor| sys::duplicate(&slave, descriptor))
    });
    let report = started.map_or_else(Report::NotStarted, Report::Started);
    report.send(&wrapper);
    let Ok(command) = started else {
        hearing.into_iter().for_each(listener::dismiss);
        sys::exit(0)
    };
    let kept = [&user.0, &master, &slave, &wrapper, &signals].map(AsRawFd::as_raw_fd);
    // SAFETY: the monitor uses only the descriptors that are kept, and never returns.
    unsafe { sys::keep_only(&kept) };
    sys::leave_directory();
    Monitor {
        user,
        master: Some(master),
        slave,
        wrapper,
        signals,
        command,
        for_parents_end: inherited.for_parents_end(),
        listener: hearing,
    }
    .watch()
}

impl Monitor {
    fn watch(mut self) -> ! {
        loop {
            let mut watched = [
                sys::watch(self.signals.as_fd(), libc::POLLIN),
                sys::watch(self.wrapper.as_fd(), libc::POLLIN),
            ];
            sys::poll(&mut watched, -1);
            if watched[1].revents != 0 {
                match Order::receive(&self.wrapper) {
                    Some(order) => self.obey(order),
                    None => self.replace_the_wrapper(),
                }
            }
            if watched[0].revents != 0 {
                while sys::next_signal(&self.signals).is_some() {}
                self.listener.into_iter().for_each(sys::continue_if_stopped);
                while let Some((_, change)) = sys::wait(Some(self.command)) {
                    let ended = matches!(change, Change::Exited(_) | Change::Killed(_));
                    if ended {
                        self.end(Report::Changed(change));
                    }
                    Report::Changed(change).send(&self.wrapper);
                }
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Signal(signal) => {
                sys::kill(self.command, signal);
            }
            Order::SignalGroup(signal) => {
                sys::kill(-self.command, signal);
            }
            Order::SignalForeground(signal) => {
                sys::kill(-modes::foreground(&self.slave), signal);
            }
            Order::Foreground => modes::set_foreground(&self.slave, self.command),
            Order::Background => modes::set_foreground(&self.slave, own_group()),
            Order::HangUp => self.master = None,
        }
    }

    /// The command has ended: reports that and, once the wrapper is done, relays what other processes still write.
    fn end(self, report: Report) -> ! {
        self.dismiss_listener();
        // Processes that the command left behind are in the background now, as they would be after the shell took its terminal
        // back.
        modes::set_foreground(&self.slave, own_group());
        drop(self.slave);
        // Checked before the report: output of processes that existed when the command ended must be relayed even if they end
        // immediately afterwards.
        let nobody_left = self.master.as_ref().is_none_or(modes::slave_is_closed);
        report.send(&self.wrapper);
        let Some(master) = self.master.filter(|_| !nobody_left) else {
            sys::exit(0)
        };
        while Order::receive(&self.wrapper).is_some() {}
        carry(&master, &self.user.0)
    }

    fn dismiss_listener(&self) {
        if let Some(listener) = self.listener {
            listener::dismiss(listener);
        }
    }

    /// The wrapper was killed: restores the user's terminal, hangs up on the command as when a terminal is closed, and relays
    /// what it still writes.
    fn replace_the_wrapper(self) -> ! {
        self.dismiss_listener();
        let (user, before) = &self.user;
        before.put_back(user);
        let Some(master) = self.master else {
            sys::exit(0)
        };
        modes::set_foreground(&self.slave, own_group());
        drop(self.slave);
        if let Some(signal) = self.for_parents_end {
            sys::kill(self.command, signal);
        }
        sys::kill(-self.command, libc::SIGHUP);
        sys::kill(-self.command, libc::SIGCONT);
        carry(&master, user)
    }
}

/// Copies the output on the command's terminal to the user's, until no process can write there any more.
fn carry(master: &OwnedFd, user: &OwnedFd) -> ! {
    let mut returns = Returns::default();
    let mut buffer = Vec::new();
    loop {
        let mut watched = [
            sys::watch(master.as_fd(), libc::POLLIN),
            sys::watch(user.as_fd(), 0),
        ];
        let quiet = sys::poll(&mut watched, if returns.holds() { A_MOMENT } else { -1 }) == Some(0);
        buffer.clear();
        let gone = watched[1].revents != 0;
        match sys::append(master, &mut buffer, super::PIECE) {
            Ok(count) if count > 0 && !gone => {}
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock && !gone => {
                if !quiet {
                    continue;
                }
                buffer = returns.release();
            }
            _ => sys::exit(0),
        }
        if !quiet && Modes::of(user).is_ok_and(|modes| modes.add_returns()) {
            buffer = returns.remove(&buffer);
        }
        let mut rest = &buffer[..];
        while !rest.is_empty() {
            match sys::write(user, rest) {
                Ok(count) => rest = &rest[count..],
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                    sys::poll(&mut [sys::watch(user.as_fd(), libc::POLLOUT)], -1);
                }
                Err(_) => sys::exit(0),
            }
        }
    }
}
