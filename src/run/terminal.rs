//! stderr is a terminal: the command gets a whole terminal of its own, as under sudo, ssh or tmux.
//!
//! A new session with the [`monitor`] as its leader, and the new terminal on every descriptor that was the user's. While
//! the command is in the foreground the user's terminal is raw: each key goes on to the command's terminal, whose modes
//! are those the user's had, and what appears there goes out. Stops and continues pass between the two sessions.
//!
//! Where the wrapper may be one of several (`permwrap git log | less`, `permwrap a & permwrap b` in a script), another may
//! read the keys. Then the user's terminal stays as it is until the command changes the modes of its own, or a line was
//! typed that nobody takes.

mod job;
mod keys;
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
use monitor::{Post, Report};
use returns::Returns;
use screen::Screen;

use super::exit::Exit;
use super::signals::Inbox;
use super::spawn::{Command, Inherited, NotStarted};
use super::sys;
use super::watch::{Watch, wants_the_end};
use crate::byte_path;

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
    /// The command's process id, and whether it is a shell that may show a prompt.
    command: i32,
    shell: bool,
    /// The modes of the user's terminal before the wrapper changed them.
    before: Modes,
    /// The modes and the size the command's terminal was given.
    given: (Modes, Option<Size>),
    /// Whether the wrapper's group is the user's foreground group, and so the command's that of its own terminal.
    foreground: bool,
    /// In the background: tells when something was typed. A shell whose `fg` finds the job running says nothing.
    news: Option<OwnedFd>,
    /// How often the place is still to be looked at because of the last news.
    looks_left: u32,
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
    /// Signals that the command sent to its group before the wrapper knew that it runs.
    early: Vec<i32>,
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

/// Whether the program is a shell whose prompt is one line of text, which can be written again. (fish draws its own anew, and
/// keeps count of what it drew.)
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
    ]
    .contains(&name)
}

impl Terminal {
    /// Makes the command's terminal and starts the command on it, where a terminal and a process are to be had.
    pub fn start(command: &Command, inherited: Inherited) -> Result<Started, NotStarted> {
        Terminal::made(command, inherited).unwrap_or(Err(NotStarted::NoProcess))
    }

    /// The same. The outer error means that no terminal could be had, and nothing has happened yet.
    fn made(command: &Command, inherited: Inherited) -> io::Result<Result<Started, NotStarted>> {
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

        let mut terminal = Terminal {
            user,
            master: Some(master),
            monitor,
            monitor_pid: 0,
            command: 0,
            shell: has_prompt(command.name().to_bytes()),
            before,
            given: (before, size),
            foreground: false,
            news: None,
            looks_left: 0,
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
            early: Vec::new(),
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
        let started = match terminal.first_report() {
            Some(Report::Started(command)) => {
                terminal.command = command;
                Ok(Started {
                    terminal,
                    command,
                    channel,
                })
            }
            report => {
                terminal.give_back(before);
                sys::end(terminal.monitor_pid);
                Err(match report {
                    Some(Report::NotStarted(failure)) => failure,
                    _ => NotStarted::NoProcess,
                })
            }
        };
        Ok(started)
    }

    /// Whether the command runs. It may do so, and signal its group, before the monitor has said so.
    fn first_report(&mut self) -> Option<Report> {
        loop {
            match Report::receive(&self.monitor) {
                Some(Report::Group(signal)) => self.early.push(signal),
                report => return report,
            }
        }
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
    pub fn relay(mut self, inbox: Inbox, watch: &mut Watch) -> Exit {
        self.listen_from_background();
        for signal in std::mem::take(&mut self.early) {
            inbox.send_to_others(signal);
        }
        let exit = loop {
            let mut watched = self.watched(&inbox, watch);
            if sys::poll(&mut watched, self.timeout(watch)) == Some(0) {
                self.shown.extend(self.returns.release());
            }
            let [user, master, signals, monitor, news, _] = watched.map(|w| w.revents);
            if master & !libc::POLLOUT != 0 {
                self.take_output(watch);
            }
            // A new size first: what is typed next may ask for it.
            if signals != 0 || user & libc::POLLIN != 0 {
                self.pass_on(&inbox);
            }
            if news != 0 {
                self.notice_keys();
            }
            self.relay_keys(user);
            self.show();
            if self.look.is_some_and(|when| when <= Instant::now()) {
                self.look = None;
                self.mind_modes();
                self.take_unclaimed();
                self.look_for_place();
            }
            if monitor != 0
                && let Some(exit) = self.hear(&inbox, watch)
            {
                break exit;
            }
            watch.exchange();
            self.say(watch);
        };
        self.finish(exit, &inbox, watch);
        inbox.close();
        exit
    }

    fn watched(&self, inbox: &Inbox, watch: &Watch) -> [libc::pollfd; 6] {
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
            sys::watch(
                self.news.as_ref().map_or(-1, AsRawFd::as_raw_fd),
                libc::POLLIN,
            ),
            watch.watched(),
        ]
    }

    fn timeout(&self, watch: &Watch) -> i32 {
        let words = match watch.timeout() {
            words if !self.returns.holds() => words,
            words if words < 0 => returns::A_MOMENT,
            words => words.min(returns::A_MOMENT),
        };
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
        self.put(&bytes);
        true
    }

    /// Adds to what is to be shown, as the user's terminal now needs it.
    fn put(&mut self, bytes: &[u8]) {
        if !self.raw && Modes::of(self.user.as_raw_fd()).is_some_and(|modes| modes.add_returns()) {
            self.shown.extend(self.returns.remove(bytes));
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

    fn command_modes(&self) -> Option<Modes> {
        Modes::of(self.master.as_ref()?.as_raw_fd())
    }

    /// Writes hints at a moment when they disturb nobody.
    fn say(&mut self, watch: &mut Watch) {
        if !self.shown.is_empty() || self.screen.is_alternate() {
            return;
        }
        let is_plain = self.command_modes().is_some_and(|modes| modes.are_plain());
        let words = match (is_plain, self.is_at_prompt()) {
            (true, _) => watch.due(),
            (false, true) => watch.due_at_prompt(),
            (false, false) => None,
        };
        if let Some(words) = words {
            self.put_words(&words);
            self.show();
        }
    }

    /// Whether the command is a shell that edits its next line: it has its terminal's foreground to itself.
    fn is_at_prompt(&self) -> bool {
        let own = |master: &OwnedFd| modes::foreground(master.as_raw_fd()) == self.command;
        self.shell && self.master.as_ref().is_some_and(own)
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
        let unknown = self.take_unread();
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
            unknown
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
        let words = watch.last_words(exit, inbox);
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
}
