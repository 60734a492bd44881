//! The command as a job: foreground and background, stopping and continuing, signals.

use std::time::Instant;

use nix::libc;

use super::messages::{Order, Report};
use super::modes::{self, Size};
use super::{GRACE, Terminal};
use crate::run::exit::Exit;
use crate::run::signals::{Inbox, Notice, To, stop_as};
use crate::run::sys::{self, Change};
use crate::run::watch::Watch;

/// How often the foreground is checked after a key was typed in the background. The checks extend over about five seconds.
const LOOKS: u32 = 6;

impl Terminal {
    pub(super) fn is_foreground(&self) -> bool {
        modes::foreground(&self.user.opening) == modes::own_group()
    }

    /// Puts the command where the wrapper is: in the foreground or in the background.
    pub(super) fn take_place(&mut self) {
        self.job.foreground = self.is_foreground();
        if self.job.foreground {
            Order::Foreground.send(&self.job.monitor);
            if !self.user.shared && !self.user.raw {
                self.take_over();
                self.wait_for_foreground();
                self.move_typeahead();
            }
            self.mind_modes();
            self.resize();
        } else {
            Order::Background.send(&self.job.monitor);
        }
        self.listen_from_background();
    }

    /// Waits briefly until the monitor has put the command in the foreground. Keys that arrived earlier would stop the command.
    fn wait_for_foreground(&self) {
        let Some(master) = &self.inner.master else {
            return;
        };
        for _ in 0..50 {
            let in_background = modes::foreground(master) == self.job.monitor_pid;
            if !in_background || !self.has_typeahead() {
                return;
            }
            sys::poll(&mut [], 1);
        }
    }

    /// Listens for keys in the background: no signal reports that the shell has put the job in the foreground, but keys typed
    /// afterwards indicate it.
    pub(super) fn listen_from_background(&mut self) {
        self.job.news = (!self.job.foreground)
            .then(|| sys::watch_for_news(&self.user.opening).ok())
            .flatten();
    }

    /// Something was typed while the job was in the background. It is either meant for the shell, or the job is now in the
    /// foreground.
    pub(super) fn notice_keys(&mut self) {
        self.job.news.iter().for_each(sys::forget_news);
        self.job.looks_left = LOOKS;
        self.look_for_place();
    }

    /// If the shell has not read what was typed, it may be about to put the job in the foreground: checks again, at increasing
    /// intervals.
    pub(super) fn look_for_place(&mut self) {
        if self.job.foreground {
            return;
        }
        if self.is_foreground() {
            self.take_place();
        } else if self.job.looks_left > 0 && self.has_typeahead() {
            self.job.looks_left -= 1;
            self.keys.look = Some(Instant::now() + GRACE * (1 << (LOOKS - self.job.looks_left)));
        }
    }

    /// The wrapper was continued, or did not have to stop: continues the command.
    pub(super) fn go_on(&mut self) {
        self.job.stopped = false;
        self.take_place();
        Order::SignalGroup(libc::SIGCONT).send(&self.job.monitor);
    }

    pub(super) fn pass_on(&mut self, inbox: &Inbox) {
        while let Some(notice) = inbox.next() {
            // The terminal sends the signals of its keys to the foreground process group.
            if matches!(notice, Notice::Sent(_, To::Foreground)) && !self.job.foreground {
                self.take_place();
            }
            match notice {
                Notice::Child => sys::continue_if_stopped(self.job.monitor_pid),
                Notice::Sent(libc::SIGCONT, _) if self.job.stopped => self.go_on(),
                Notice::Sent(libc::SIGWINCH, To::Foreground) => self.resize(),
                Notice::Sent(
                    signal @ (libc::SIGINT | libc::SIGQUIT | libc::SIGTSTP),
                    To::Foreground,
                ) => Order::SignalForeground(signal).send(&self.job.monitor),
                Notice::Sent(signal, To::Foreground | To::Group) => {
                    Order::SignalGroup(signal).send(&self.job.monitor)
                }
                Notice::Sent(signal, To::Wrapper) => Order::Signal(signal).send(&self.job.monitor),
            }
        }
    }

    /// Gives the command's terminal the size of the user's; the kernel notifies the command.
    pub(super) fn resize(&mut self) {
        let size = Size::of(&self.user.opening);
        if let (Some(size), Some(master)) = (size, &self.inner.master) {
            size.set(master);
            self.inner.size = Some(size);
        }
    }

    /// The user's terminal was closed: closes the command's as well.
    pub(super) fn hang_up(&mut self) {
        self.user.closed = true;
        self.output.shown.clear();
        self.inner.master = None;
        Order::HangUp.send(&self.job.monitor);
    }

    /// Handles a report of the monitor: follows stops, and returns the command's end.
    pub(super) fn hear(&mut self, inbox: &Inbox, watch: &mut Watch) -> Option<Exit> {
        match Report::receive(&self.job.monitor) {
            Some(Report::Changed(Change::Exited(code))) => Some(Exit::with_code(code)),
            Some(Report::Changed(Change::Killed(signal))) => Some(Exit::by_signal(signal)),
            Some(Report::Changed(Change::Stopped(signal))) => {
                self.stop(signal, watch);
                None
            }
            Some(Report::Group(signal)) => {
                // The command's process group is part of the job: what was sent to it is meant for the rest of the job, too.
                inbox.send_to_others(signal);
                None
            }
            Some(_) => None,
            // The monitor was killed, and the kernel has hung up the command's terminal.
            None => Some(Exit::by_signal(libc::SIGKILL)),
        }
    }

    /// The command was stopped: stops the wrapper too, along with its process group if the terminal would have stopped that.
    pub(super) fn stop(&mut self, signal: i32, watch: &mut Watch) {
        if matches!(signal, libc::SIGTTIN | libc::SIGTTOU)
            && !self.job.foreground
            && self.is_foreground()
        {
            // It tried to use the terminal from the background, but is in the foreground by now.
            return self.go_on();
        }
        while self.take_output(watch) {
            self.show();
        }
        self.show();
        self.give_back(&self.user.before.clone());
        self.job.stopped = true;
        if signal != libc::SIGSTOP {
            sys::kill(0, signal);
        }
        stop_as(signal);
        // In an orphaned process group nothing has stopped, and nobody would continue it.
        sys::take_signal(libc::SIGCONT);
        self.go_on();
    }
}
