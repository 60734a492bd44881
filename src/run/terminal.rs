//! stderr is a terminal: the command gets a whole terminal of its own, as under sudo, ssh or tmux.
//!
//! A new session with the [`monitor`] as its leader, and the new terminal on every descriptor that was the user's. While
//! the command is in the foreground the user's terminal is raw: each key goes on to the command's terminal, whose modes
//! are those the user's had, and what appears there goes out. Stops and continues pass between the two sessions.
//!
//! Where the wrapper may be one of several (`permwrap git log | less`, `permwrap a & permwrap b` in a script), another may
//! read the keys. Then the user's terminal stays as it is until the command changes the modes of its own, or a line was
//! typed that nobody takes.

mod listener;
mod modes;
mod monitor;
mod returns;
mod screen;

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::libc;

use modes::{Modes, Size};
use monitor::{Order, Post, Report};
use returns::Returns;
use screen::Screen;

use super::exit::Exit;
use super::signals::{Inbox, Notice, To, stop_as};
use super::spawn::{Command, Inherited, NotStarted};
use super::sys::{self, Change};
use super::watch::{Watch, wants_the_end};

/// How much is read at once.
const PIECE: usize = 16 * 1024;

/// How long a line typed in a pipeline is left to others before the command gets it, and how long after its last output
/// the command's modes are looked at once more.
const GRACE: Duration = Duration::from_millis(40);

/// Two terminals, the user's and the command's, and the relay between them.
pub struct Terminal {
    /// An opening of the wrapper's own: its flags are nobody else's.
    user: OwnedFd,
    master: Option<OwnedFd>,
    monitor: OwnedFd,
    monitor_pid: i32,
    /// The modes of the user's terminal before the wrapper changed them.
    before: Modes,
    /// The modes and the size the command's terminal was given.
    given: (Modes, Option<Size>),
    /// Whether the wrapper's group is the user's foreground group, and so the command's that of its own terminal.
    foreground: bool,
    stopped: bool,
    /// Whether the user's terminal is raw now.
    raw: bool,
    /// Whether other processes of a pipeline may use the user's terminal.
    shared: bool,
    /// When to look whether a shared terminal is wanted.
    look: Option<Instant>,
    /// Whether the user has closed the terminal.
    closed: bool,
    /// Whether no process has the command's terminal open any more.
    vacant: bool,
    /// What is to be shown, and what was typed: not yet taken.
    shown: Vec<u8>,
    typed: Vec<u8>,
    returns: Returns,
    screen: Screen,
    /// Whether the command was ever sent a key.
    keys: bool,
}

/// The command's terminal and what the relay of it needs.
pub struct Started {
    /// The relay.
    pub terminal: Terminal,
    /// The command's process id.
    pub command: i32,
    /// What /proc/PID/fd/2 of the command shows.
    pub channel: Option<std::path::PathBuf>,
}

/// Whether stderr is a terminal that can be replaced by one of the command's own.
#[must_use]
pub fn is_replaceable() -> bool {
    sys::is_terminal(2) && modes::is_controlling(2)
}

impl Terminal {
    /// Makes the command's terminal and starts the command on it. The outer error means that no terminal could be had, and
    /// nothing has happened yet; the inner one that the command is not running.
    pub fn start(command: &Command) -> io::Result<Result<Started, NotStarted>> {
        let descriptors = sys::descriptors_like(2);
        let user = sys::open(c"/dev/tty", libc::O_RDWR | libc::O_NONBLOCK)?;
        let before = Modes::of(user.as_raw_fd()).ok_or_else(io::Error::last_os_error)?;
        let size = Size::of(user.as_raw_fd());
        let master = modes::new_master()?;
        let slave = modes::slave_of(&master, 0)?;
        before.set(slave.as_raw_fd());
        if let Some(size) = size {
            size.set(slave.as_raw_fd());
        }
        let channel = sys::link_of(slave.as_raw_fd());
        let (monitor, wrapper) = sys::conversation()?;
        let theirs = (user.try_clone()?, master.try_clone()?);

        let inherited = Inherited::set_aside();
        let mut terminal = Terminal {
            user,
            master: Some(master),
            monitor,
            monitor_pid: 0,
            before,
            given: (before, size),
            foreground: false,
            stopped: false,
            raw: false,
            shared: !descriptors.contains(&0) || sys::is_pipe(1),
            look: None,
            closed: false,
            vacant: false,
            shown: Vec::new(),
            typed: Vec::new(),
            returns: Returns::default(),
            screen: Screen::default(),
            keys: false,
        };
        terminal.foreground = terminal.is_foreground();
        if terminal.foreground && !terminal.shared {
            terminal.take_over();
            terminal.move_typeahead();
        }
        // SAFETY: this process has one thread.
        match unsafe { sys::fork() } {
            Err(error) => {
                terminal.give_back(before);
                inherited.put_back();
                return Err(error);
            }
            Ok(Some(pid)) => terminal.monitor_pid = pid,
            Ok(None) => monitor::stand_by(Post {
                command,
                inherited,
                descriptors: &descriptors,
                foreground: terminal.foreground,
                user: (theirs.0, before),
                master: theirs.1,
                slave,
                wrapper,
            }),
        }
        drop((slave, wrapper, theirs));
        Ok(match Report::receive(&terminal.monitor) {
            Some(Report::Started(command)) => Ok(Started {
                terminal,
                command,
                channel,
            }),
            Some(Report::NotStarted(failure)) => {
                terminal.give_back(before);
                Err(failure)
            }
            _ => {
                terminal.give_back(before);
                Err(NotStarted::NoProcess(libc::EAGAIN))
            }
        })
    }

    /// The descriptors the relay needs, besides stderr.
    #[must_use]
    pub fn descriptors(&self) -> Vec<RawFd> {
        let master = self.master.as_ref().map(AsRawFd::as_raw_fd);
        [self.user.as_raw_fd(), self.monitor.as_raw_fd()]
            .into_iter()
            .chain(master)
            .collect()
    }

    /// Relays until the command has ended, then says what there is to say.
    pub fn relay(mut self, inbox: &Inbox, watch: &mut Watch) -> Exit {
        let exit = loop {
            let mut watched = self.watched(inbox, watch);
            sys::poll(&mut watched, self.timeout(watch));
            let [user, master, signals, monitor, _] = watched.map(|w| w.revents);
            if master & !libc::POLLOUT != 0 {
                self.take_output(watch);
            }
            self.relay_keys(user);
            self.show();
            if self.look.is_some_and(|when| when <= Instant::now()) {
                self.look = None;
                self.mind_modes();
                self.take_unclaimed();
            }
            if signals != 0 {
                self.pass_on(inbox);
            }
            if monitor != 0
                && let Some(exit) = self.hear(inbox, watch)
            {
                break exit;
            }
            self.say(watch);
        };
        self.finish(exit, inbox, watch);
        exit
    }

    fn watched(&self, inbox: &Inbox, watch: &Watch) -> [libc::pollfd; 5] {
        let open = self.master.as_ref().filter(|_| !self.vacant);
        let master = open.map_or(-1, AsRawFd::as_raw_fd);
        let user = if self.closed {
            -1
        } else {
            self.user.as_raw_fd()
        };
        let when = |wanted: bool, event: i16| if wanted { event } else { 0 };
        // While a line is left to others, its being there is no news.
        let keys = self.foreground && self.typed.is_empty() && self.look.is_none();
        let user_events = when(keys, libc::POLLIN) | when(!self.shown.is_empty(), libc::POLLOUT);
        let master_events =
            when(self.shown.is_empty(), libc::POLLIN) | when(!self.typed.is_empty(), libc::POLLOUT);
        [
            sys::watch(user, user_events),
            sys::watch(if master_events == 0 { -1 } else { master }, master_events),
            sys::watch(inbox.descriptor(), libc::POLLIN),
            sys::watch(self.monitor.as_raw_fd(), libc::POLLIN),
            sys::watch(watch.descriptor(), libc::POLLIN),
        ]
    }

    fn timeout(&self, watch: &mut Watch) -> i32 {
        let words = watch.timeout();
        match self.look {
            None => words,
            Some(when) => {
                let left = when.saturating_duration_since(Instant::now()).as_millis() as i32 + 1;
                if words < 0 { left } else { left.min(words) }
            }
        }
    }

    /// Reads what appeared on the command's terminal; false when there is no more for now.
    fn take_output(&mut self, watch: &mut Watch) -> bool {
        let Some(master) = &self.master else {
            return false;
        };
        let mut bytes = Vec::new();
        match sys::append(master.as_raw_fd(), &mut bytes, PIECE) {
            Ok(count) if count > 0 => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return false,
            _ => {
                self.vacant = true;
                return false;
            }
        }
        watch.see(&bytes);
        self.screen.after(&bytes);
        self.mind_modes();
        self.look_soon();
        if !self.foreground && self.is_foreground() {
            self.take_place();
        }
        self.put(&bytes, bytes.len() < PIECE);
        true
    }

    /// Adds to what is to be shown, as the user's terminal now needs it.
    fn put(&mut self, bytes: &[u8], whole: bool) {
        if !self.raw && Modes::of(self.user.as_raw_fd()).is_some_and(|modes| modes.add_returns()) {
            self.shown.extend(self.returns.remove(bytes, whole));
        } else {
            self.shown.extend_from_slice(bytes);
        }
    }

    /// Shows what it can without waiting.
    fn show(&mut self) {
        while !self.shown.is_empty() {
            match sys::write(self.user.as_raw_fd(), &self.shown) {
                Ok(count) => {
                    self.shown.drain(..count);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.shown.clear();
                    self.hang_up();
                }
            }
        }
    }

    /// Waits until everything is shown, as the command would have waited.
    fn show_all(&mut self, inbox: &Inbox) -> bool {
        self.show();
        while !self.shown.is_empty() {
            let mut watched = [
                sys::watch(self.user.as_raw_fd(), libc::POLLOUT),
                sys::watch(inbox.descriptor(), libc::POLLIN),
            ];
            sys::poll(&mut watched, -1);
            if watched[1].revents != 0 && wants_the_end(inbox) {
                return false;
            }
            self.show();
        }
        true
    }

    /// Hands on what was typed.
    fn relay_keys(&mut self, user: i16) {
        if user & (libc::POLLHUP | libc::POLLERR) != 0 {
            return self.hang_up();
        }
        if user & libc::POLLIN != 0 {
            self.look_soon();
            if self.look.is_none() {
                self.read_keys();
            }
        }
        self.type_keys();
    }

    fn read_keys(&mut self) {
        // An error is no news: the terminal is another group's now.
        if matches!(sys::append(self.user.as_raw_fd(), &mut self.typed, PIECE), Ok(count) if count > 0)
        {
            self.keys = true;
        }
    }

    fn type_keys(&mut self) {
        if let Some(master) = &self.master
            && !self.typed.is_empty()
            && let Ok(count) = sys::write(master.as_raw_fd(), &self.typed)
        {
            self.typed.drain(..count);
        }
    }

    /// In a pipeline: looks again in a moment.
    fn look_soon(&mut self) {
        if self.shared && self.foreground && !self.raw && self.look.is_none() {
            self.look = Some(Instant::now() + GRACE);
        }
    }

    /// In a pipeline: the user's terminal is the command's as long as the command has changed the modes of its own.
    fn mind_modes(&mut self) {
        if !self.shared || !self.foreground {
            return;
        }
        let plain = self.command_modes().is_none_or(|modes| modes.are_plain());
        if plain && self.raw {
            self.give_back(self.before);
        } else if !plain && !self.raw {
            self.take_over();
        }
    }

    /// In a pipeline: a line that nobody else took is the command's, and so is an end of input.
    fn take_unclaimed(&mut self) {
        let user = self.user.as_raw_fd();
        let plain = Modes::of(user).is_some_and(|modes| modes.are_plain());
        if self.raw || !self.foreground || !plain || !sys::is_readable(user) {
            return;
        }
        let read = sys::append(user, &mut self.typed, PIECE).is_ok();
        if read && self.typed.last() != Some(&b'\n') {
            // The key for the end of input is not read; it ended the line.
            self.typed.extend(self.before.end_of_input());
        }
        self.keys |= read;
        self.type_unseen();
    }

    /// Hands on what was typed and shown already.
    fn type_unseen(&mut self) {
        let Some(Ok(slave)) = self
            .master
            .as_ref()
            .map(|master| modes::slave_of(master, libc::O_NONBLOCK))
        else {
            return;
        };
        if let Some(modes) = Modes::of(slave.as_raw_fd()) {
            modes.silent().set(slave.as_raw_fd());
            self.type_keys();
            modes::settle(&slave);
            modes.set(slave.as_raw_fd());
        }
    }

    fn command_modes(&self) -> Option<Modes> {
        Modes::of(self.master.as_ref()?.as_raw_fd())
    }

    fn is_foreground(&self) -> bool {
        // SAFETY: no memory is involved.
        modes::foreground(self.user.as_raw_fd()) == unsafe { libc::getpgrp() }
    }

    /// The user's terminal becomes raw. Its modes are the command's, as long as the command has not chosen its own: a shell
    /// that starts a job in the background has other modes for itself.
    fn take_over(&mut self) {
        let Some(before) = Modes::of(self.user.as_raw_fd()) else {
            return;
        };
        if let Some(master) = &self.master
            && Modes::of(master.as_raw_fd()).is_some_and(|modes| modes == self.given.0)
        {
            before.set(master.as_raw_fd());
            self.given.0 = before;
        }
        self.before = before;
        before.raw().set(self.user.as_raw_fd());
        self.raw = true;
        self.look = None;
    }

    /// The user's terminal gets these modes.
    fn give_back(&mut self, modes: Modes) {
        if self.raw && self.is_foreground() {
            modes.set(self.user.as_raw_fd());
        }
        self.raw = false;
    }

    /// What was typed before the command was started is moved to its terminal.
    fn move_typeahead(&mut self) {
        if sys::readable(self.user.as_raw_fd()) > 0 {
            self.read_keys();
            // It was shown when it was typed.
            self.type_unseen();
        }
    }

    /// Puts the command where the wrapper is now: in the foreground or in the background.
    fn take_place(&mut self) {
        self.foreground = self.is_foreground();
        if self.foreground {
            if !self.shared && !self.raw {
                self.take_over();
            }
            self.mind_modes();
            self.resize();
            Order::Foreground.send(&self.monitor);
        } else {
            Order::Background.send(&self.monitor);
        }
    }

    /// The wrapper was continued, or need not have stopped: so is the command.
    fn go_on(&mut self) {
        self.stopped = false;
        self.take_place();
        Order::SignalGroup(libc::SIGCONT).send(&self.monitor);
    }

    fn pass_on(&mut self, inbox: &Inbox) {
        while let Some(notice) = inbox.next() {
            match notice {
                Notice::Child => {}
                Notice::Sent(libc::SIGCONT, _) if self.stopped => self.go_on(),
                Notice::Sent(libc::SIGWINCH, To::Foreground) => self.resize(),
                Notice::Sent(
                    signal @ (libc::SIGINT | libc::SIGQUIT | libc::SIGTSTP),
                    To::Foreground,
                ) => {
                    if !self.foreground {
                        self.take_place();
                    }
                    Order::SignalForeground(signal).send(&self.monitor);
                }
                Notice::Sent(signal, To::Foreground | To::Group) => {
                    Order::SignalGroup(signal).send(&self.monitor)
                }
                Notice::Sent(signal, To::Wrapper) => Order::Signal(signal).send(&self.monitor),
            }
        }
    }

    /// The command's terminal gets the size of the user's; the kernel tells the command.
    fn resize(&mut self) {
        let size = Size::of(self.user.as_raw_fd());
        if let (Some(size), Some(master)) = (size, &self.master) {
            size.set(master.as_raw_fd());
            self.given.1 = Some(size);
        }
    }

    /// The user's terminal is gone: so is the command's.
    fn hang_up(&mut self) {
        self.closed = true;
        self.shown.clear();
        self.master = None;
        Order::HangUp.send(&self.monitor);
    }

    /// What the monitor reports: stops are followed, the end comes back.
    fn hear(&mut self, inbox: &Inbox, watch: &mut Watch) -> Option<Exit> {
        match Report::receive(&self.monitor) {
            Some(Report::Changed(Change::Exited(code))) => Some(Exit::with_code(code)),
            Some(Report::Changed(Change::Killed(signal))) => Some(Exit::by_signal(signal)),
            Some(Report::Changed(Change::Stopped(signal))) => {
                self.stop(signal, watch);
                None
            }
            Some(Report::Group(signal)) => {
                // The command's group is part of the job: what was sent to it is for the rest of the job, too.
                inbox.send_to_others(signal);
                None
            }
            Some(_) => None,
            // The monitor was killed, and the kernel has hung up the command's terminal.
            None => Some(Exit::by_signal(libc::SIGKILL)),
        }
    }

    /// The command stopped: so does the wrapper, and with it its group where the terminal would have stopped that.
    fn stop(&mut self, signal: i32, watch: &mut Watch) {
        if matches!(signal, libc::SIGTTIN | libc::SIGTTOU)
            && !self.foreground
            && self.is_foreground()
        {
            // It wanted the terminal from the background, where it is not any more.
            return self.go_on();
        }
        while self.take_output(watch) {
            self.show();
        }
        self.show();
        self.give_back(self.before);
        self.stopped = true;
        if signal != libc::SIGSTOP {
            sys::kill(0, signal);
        }
        stop_as(signal);
        // Where the group is orphaned nothing has stopped, and nobody will continue it.
        sys::take_signal(libc::SIGCONT);
        self.go_on();
    }

    /// Writes hints at a moment when they disturb nobody.
    fn say(&mut self, watch: &mut Watch) {
        let free = self.shown.is_empty()
            && !self.screen.is_alternate()
            && self.command_modes().is_some_and(|modes| modes.are_plain());
        if free && let Some(words) = watch.due() {
            self.put_words(&words);
            self.show();
        }
    }

    fn put_words(&mut self, words: &[u8]) {
        for line in words.split_inclusive(|b| *b == b'\n') {
            match line {
                [text @ .., b'\n'] if self.raw => self.shown.extend([text, b"\r\n"].concat()),
                line => self.shown.extend_from_slice(line),
            }
        }
    }

    /// The command has ended: what it wrote last is shown, the user's terminal is given back, the last words follow.
    fn finish(&mut self, exit: Exit, inbox: &Inbox, watch: &mut Watch) {
        let unread = self.take_unread();
        let left = self.command_modes();
        let size = self
            .master
            .as_ref()
            .and_then(|master| Size::of(master.as_raw_fd()));
        let mut calm = self.show_all(inbox);
        while calm && self.take_output(watch) {
            calm = self.show_all(inbox);
        }
        if self.raw {
            self.before.silent().set(self.user.as_raw_fd());
            unread
                .iter()
                .all(|&byte| modes::type_in(self.user.as_raw_fd(), byte));
        }
        // What the command changed stays changed, unless it failed and could not put it right.
        match left {
            Some(modes) if exit == Exit::with_code(0) && modes != self.given.0 => {
                self.give_back(modes)
            }
            _ => self.give_back(self.before),
        }
        if let Some(size) = size
            && self.given.1.is_some_and(|given| given != size)
        {
            size.set(self.user.as_raw_fd());
        }
        let words = watch.last_words(exit, Some(inbox));
        self.put_words(&words);
        if calm && !self.closed {
            self.show_all(inbox);
        }
        if self.vacant || self.master.is_none() {
            // Nobody has the command's terminal any more: the monitor ends too, and the command's usage is counted.
            sys::hang_up(&self.monitor);
            sys::reap(self.monitor_pid);
        }
    }

    /// What was typed and the command never read.
    fn take_unread(&mut self) -> Vec<u8> {
        let mut unread = Vec::new();
        if self.keys
            && let Some(master) = &self.master
            && let Ok(slave) = modes::slave_of(master, libc::O_NONBLOCK)
            && let Some(modes) = Modes::of(slave.as_raw_fd())
        {
            modes.uncooked().set(slave.as_raw_fd());
            while sys::append(slave.as_raw_fd(), &mut unread, PIECE).is_ok_and(|count| count > 0) {}
            modes.set(slave.as_raw_fd());
        }
        unread.append(&mut self.typed);
        unread
    }
}
