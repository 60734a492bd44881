//! The command as a job: foreground and background, stopping and continuing, signals.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use nix::libc;

use super::messages::{Order, Report};
use super::modes::{self, Size};
use super::{GRACE, Terminal};
use crate::byte_path;
use crate::run::exit::Exit;
use crate::run::signals::{Inbox, Notice, To};
use crate::run::sys::{self, Change};
use crate::run::watch::Watch;

/// How often the foreground is checked after a key was typed in the background. The checks extend over about five seconds.
const LOOKS: u32 = 6;

/// How long to wait for the monitor's first report before it is checked whether the monitor was stopped, in milliseconds.
const A_LOOK: i32 = 50;

/// How long to wait until the process that has adopted the command reaps it, in milliseconds.
const ADOPTION: u32 = 1000;

/// The command as a job, and its monitor.
pub struct Job {
    /// The connection to the monitor.
    pub(super) monitor: OwnedFd,
    pub(super) monitor_pid: i32,
    /// Whether the monitor was killed. The wrapper then waits for the command's end itself.
    pub(super) orphaned: bool,
    /// The command's process id, and whether it is a shell that may show a prompt.
    pub(super) command: i32,
    pub(super) shell: bool,
    /// Becomes readable when the command has ended; `None` if the kernel has no such descriptors.
    pub(super) end: Option<OwnedFd>,
    /// Whether the wrapper's process group is in the foreground of the user's terminal, and so the command's in that of its
    /// own.
    pub(super) foreground: bool,
    pub(super) stopped: bool,
    /// In the background: becomes readable when something is typed. A shell sends no signal if its `fg` finds the job still
    /// running.
    pub(super) news: Option<OwnedFd>,
    /// How many checks for the foreground remain after the last key.
    pub(super) looks_left: u32,
    /// Signals that the command sent to its process group before the wrapper knew that it was running.
    pub(super) early: Vec<i32>,
}

impl Terminal {
    pub(super) fn is_foreground(&self) -> bool {
        modes::foreground(&self.user.opening) == modes::own_group()
    }

    /// Puts the command where the wrapper is: in the foreground or in the background.
    pub(super) fn take_place(&mut self) {
        self.job.foreground = self.is_foreground();
        if self.job.foreground {
            self.job.order(Order::Foreground);
            if !self.user.shared && !self.user.raw {
                self.take_over();
                self.wait_for_foreground();
                self.move_typeahead();
            }
            self.mind_modes();
            self.resize();
        } else {
            self.job.order(Order::Background);
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
        self.take_up();
        self.job.order(Order::SignalGroup(libc::SIGCONT));
    }

    /// The command runs again.
    fn take_up(&mut self) {
        self.job.stopped = false;
        self.take_place();
    }

    pub(super) fn pass_on(&mut self, inbox: &Inbox) {
        while let Some(notice) = inbox.next() {
            // The terminal sends the signals of its keys to the foreground process group.
            if matches!(notice, Notice::Sent(_, To::Foreground)) && !self.job.foreground {
                self.take_place();
            }
            match notice {
                Notice::Child => self.job.mind_monitor(),
                Notice::Sent(libc::SIGCONT, _) if self.job.stopped => self.go_on(),
                Notice::Sent(libc::SIGWINCH, To::Foreground) => self.resize(),
                Notice::Sent(
                    signal @ (libc::SIGINT | libc::SIGQUIT | libc::SIGTSTP),
                    To::Foreground,
                ) => self.job.order(Order::SignalForeground(signal)),
                Notice::Sent(signal, To::Foreground | To::Group) => {
                    self.job.order(Order::SignalGroup(signal))
                }
                Notice::Sent(signal, To::Wrapper) => self.job.order(Order::Signal(signal)),
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
        self.job.order(Order::HangUp);
    }

    /// Handles a report of the monitor: follows stops, and returns the command's end.
    pub(super) fn hear(&mut self, inbox: &Inbox, watch: &mut Watch) -> Option<Exit> {
        match self.job.report() {
            Some(Report::Changed(Change::Exited(code))) => Some(Exit::with_code(code)),
            Some(Report::Changed(Change::Killed(signal))) => Some(Exit::by_signal(signal)),
            Some(Report::Changed(Change::Stopped(signal))) => {
                self.stop(signal, inbox, watch);
                None
            }
            Some(Report::Group(signal)) => {
                // The command's process group is part of the job: what was sent to it is meant for the rest of the job, too.
                inbox.send_to_others(signal);
                None
            }
            Some(_) => None,
            None => self.job.end_of_orphan(),
        }
    }

    /// The command was stopped: stops the wrapper too, along with its process group if the terminal would have stopped that.
    pub(super) fn stop(&mut self, signal: i32, inbox: &Inbox, watch: &mut Watch) {
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
        let runs_already = inbox.stop_with(self.job.command, signal);
        // In an orphaned process group nothing has stopped, and nobody would continue it.
        sys::take_signal(libc::SIGCONT);
        match runs_already {
            true => self.take_up(),
            false => self.go_on(),
        }
    }
}

// If the monitor was killed, the kernel has hung up the command's terminal (SIGHUP to the foreground), and the wrapper does what
// is left to do.
impl Job {
    /// A job that is about to be started by a monitor, given the connection to that and the name of the command.
    pub(super) fn new(monitor: OwnedFd, name: &[u8]) -> Job {
        Job {
            monitor,
            monitor_pid: 0,
            orphaned: false,
            command: 0,
            shell: has_prompt(name),
            end: None,
            foreground: false,
            stopped: false,
            news: None,
            looks_left: 0,
            early: Vec::new(),
        }
    }

    /// The report whether the command was started. It may already run and signal its process group before the monitor reports
    /// that.
    pub(super) fn first_report(&mut self) -> Option<Report> {
        let mut starting = None;
        loop {
            self.await_report();
            match Report::receive(&self.monitor) {
                Some(Report::Group(signal)) => self.early.push(signal),
                Some(Report::Starting(command)) => starting = Some(Report::Started(command)),
                // The monitor was killed. The command may already run, and must not be started again.
                None => return starting,
                report => return report,
            }
        }
    }

    /// Waits for a report. Signals are not read yet, so that a monitor that was stopped must be looked for.
    fn await_report(&self) {
        let watched = || [sys::watch(self.monitor.as_fd(), libc::POLLIN)];
        while sys::poll(&mut watched(), A_LOOK) == Some(0) {
            sys::continue_if_stopped(self.monitor_pid);
        }
    }

    /// The poll(2) entry that announces a report, or the command's end.
    pub(super) fn watched(&self) -> libc::pollfd {
        match &self.end {
            Some(end) if self.orphaned => sys::watch(end.as_fd(), libc::POLLIN),
            _ => sys::watch(self.monitor.as_fd(), libc::POLLIN),
        }
    }

    /// The monitor's state has changed: continues it, or does without it.
    fn mind_monitor(&mut self) {
        sys::continue_if_stopped(self.monitor_pid);
        self.orphaned |= self.end.is_some() && sys::was_killed(self.monitor_pid);
    }

    /// Gives the monitor an order. Without a monitor, signals are sent directly.
    fn order(&self, order: Order) {
        match order {
            Order::Signal(signal) if self.orphaned => {
                sys::kill(self.command, signal);
            }
            Order::SignalGroup(signal) | Order::SignalForeground(signal) if self.orphaned => {
                sys::kill(-self.command, signal);
            }
            order => order.send(&self.monitor),
        }
    }

    /// The next report; `None` if there will be none.
    fn report(&self) -> Option<Report> {
        let may_wait = !self.orphaned || sys::is_readable(&self.monitor);
        may_wait.then(|| Report::receive(&self.monitor)).flatten()
    }

    /// The end of the command that the killed monitor left behind; `None` while that still runs. The connection may be closed
    /// before the signal that tells of the monitor's end is read.
    fn end_of_orphan(&mut self) -> Option<Exit> {
        self.orphaned = self.end.is_some();
        let runs = self.end.as_ref().is_some_and(|end| !sys::is_readable(end));
        (!runs).then(|| self.how_orphan_ended())
    }

    /// How it ended. Its new parent is told that. /proc shows it to others until then, and since Linux 6.15 the kernel tells
    /// them afterwards as well. If neither does, the hangup has ended the command.
    fn how_orphan_ended(&self) -> Exit {
        for _ in 0..ADOPTION {
            // As the init process of a container, the wrapper is the new parent.
            let change = match sys::wait(Some(self.command)) {
                Some((_, change)) => Some(change),
                None => sys::end_of_zombie(self.command)
                    .or_else(|| self.end.as_ref().and_then(sys::end_told_by)),
            };
            match change {
                Some(Change::Exited(code)) => return Exit::with_code(code),
                Some(Change::Killed(signal)) => return Exit::by_signal(signal),
                _ if self.end.is_none() => break,
                _ => sys::poll(&mut [], 1),
            };
        }
        Exit::by_signal(libc::SIGHUP)
    }
}

/// Whether the program is a shell whose prompt is a line that can be written again.
fn has_prompt(program: &[u8]) -> bool {
    let name = byte_path::name(program);
    [
        &b"sh"[..],
        b"dash",
        b"bash",
        b"rbash",
        b"zsh",
        b"ksh",
        b"mksh",
        b"fish",
    ]
    .contains(&name)
}
