//! A stream is a terminal: the command gets a pseudo-terminal of its own, as under sudo, ssh or tmux.
//!
//! The [`monitor`] leads a new session, and the new terminal replaces the user's on every descriptor that referred to it. While
//! the command is in the foreground, the user's terminal is in raw mode: each key is passed on to the command's terminal, which
//! has the modes that the user's had, and the output there is copied back. Stops and continues are carried over between the two
//! sessions.
//!
//! If the wrapper may be one of several processes in a pipeline (`permwrap git log | less`, or `permwrap a & permwrap b` in a
//! script), another one may read the keys. The modes of the user's terminal then remain unchanged until the command changes
//! those of its own, or a line was typed that nobody reads.

mod job;
mod keys;
mod listener;
mod messages;
mod modes;
mod monitor;
mod output;
mod returns;
mod screen;

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::libc;
use rustix::fs::OFlags;

use job::Job;
use messages::Report;
use modes::{Modes, Size};
use monitor::Post;
use output::Output;

use super::channels::{Channels, sooner};
use super::exit::Exit;
use super::signals::Inbox;
use super::spawn::{Command, Inherited, NotStarted};
use super::stream::Stream;
use super::sys;
use super::watch::Watch;

/// How much is read at a time, in bytes.
const PIECE: usize = 16 * 1024;

/// In a pipeline: how long a typed line is left to others before the command gets it; also how long after the command's last
/// output its terminal modes are checked again.
const GRACE: Duration = Duration::from_millis(40);

/// The user's terminal and the command's, and the relay between them.
pub struct Terminal {
    user: User,
    inner: Inner,
    job: Job,
    output: Output,
    keys: Keys,
    /// The stream that is the terminal: stderr, if that is one.
    stream: Stream,
    /// The channel of the other stream, if that is watched and not a terminal.
    channels: Channels,
}

/// The user's terminal.
struct User {
    /// An open file description of the wrapper's own, so that its flags are not shared.
    opening: OwnedFd,
    /// Its modes before the wrapper changed them.
    before: Modes,
    /// Whether it is now in raw mode.
    raw: bool,
    /// Whether other processes of a pipeline may use it.
    shared: bool,
    /// Whether the user has closed it.
    closed: bool,
}

/// The command's terminal.
struct Inner {
    master: Option<OwnedFd>,
    /// The modes and the size that it was last given.
    modes: Modes,
    size: Option<Size>,
    /// Whether no process has it open any more.
    vacant: bool,
}

/// Keys typed on the user's terminal.
#[derive(Default)]
struct Keys {
    /// Keys that the command's terminal has not accepted yet.
    typed: Vec<u8>,
    /// Whether any keys have been passed to the command.
    sent: bool,
    /// When to check next whether a shared terminal is wanted by the command.
    look: Option<Instant>,
}

/// A command started on its own terminal.
pub struct Started {
    /// The relay.
    pub terminal: Terminal,
    /// The command's process id.
    pub command: i32,
    /// The targets of /proc/PID/fd/1 and /proc/PID/fd/2 of the command, as far as they are watched.
    pub channels: [Option<PathBuf>; 2],
}

/// The user's terminal, and the two ends of a new one like it.
struct Likeness {
    user: OwnedFd,
    before: Modes,
    size: Option<Size>,
    master: OwnedFd,
    slave: OwnedFd,
}

impl Likeness {
    /// Of the controlling terminal, as this stream, which is it, shows it.
    fn new(stream: Stream) -> io::Result<Likeness> {
        let user = sys::open(c"/dev/tty", OFlags::RDWR | OFlags::NONBLOCK)?;
        let before = Modes::of(&user)?;
        let size = Size::of(&user);
        let master = modes::new_master()?;
        let slave = modes::slave_like(stream.own(), &master)?;
        before.set(&slave);
        if let Some(size) = size {
            size.set(&slave);
        }
        Ok(Likeness {
            user,
            before,
            size,
            master,
            slave,
        })
    }
}

/// Whether a stream is a terminal that can be replaced by a pseudo-terminal.
#[must_use]
pub fn is_replaceable(stream: Stream) -> bool {
    sys::is_terminal(stream.own()) && modes::is_controlling(stream.own())
}

impl Terminal {
    /// Creates the command's terminal in place of this stream's and starts the command on it. The other stream may have a
    /// channel.
    pub fn start(
        command: &Command,
        inherited: Inherited,
        stream: Stream,
        channels: Channels,
    ) -> Result<Started, NotStarted> {
        let made = Terminal::made(command, inherited, stream, channels);
        made.unwrap_or(Err(NotStarted::NoProcess))
    }

    /// The same. The outer error means that the terminal could not be created, and nothing has happened yet.
    fn made(
        command: &Command,
        inherited: Inherited,
        stream: Stream,
        channels: Channels,
    ) -> io::Result<Result<Started, NotStarted>> {
        let descriptors = sys::descriptors_like(stream.own());
        let likeness = Likeness::new(stream)?;
        let (monitor, wrapper) = sys::conversation()?;
        let theirs = (likeness.user.try_clone()?, likeness.master.try_clone()?);
        let Likeness {
            user,
            before,
            size,
            master,
            slave,
        } = likeness;
        let mut links = channels.links();
        links[stream.index()] = sys::link_of(&slave);

        let mut terminal = Terminal {
            user: User {
                opening: user,
                before: before.clone(),
                raw: false,
                shared: !descriptors.contains(&0) || sys::is_pipe(sys::stdout()),
                closed: false,
            },
            inner: Inner {
                master: Some(master),
                modes: before.clone(),
                size,
                vacant: false,
            },
            job: Job::new(monitor, command.name().to_bytes()),
            output: Output::default(),
            keys: Keys::default(),
            stream,
            channels,
        };
        terminal.job.foreground = terminal.is_foreground();
        if terminal.job.foreground && !terminal.user.shared {
            terminal.take_over();
            terminal.move_typeahead();
        }
        // SAFETY: this process has a single thread.
        match unsafe { sys::fork() } {
            Err(error) => {
                terminal.give_back(&before);
                return Err(error);
            }
            Ok(Some(pid)) => terminal.job.monitor_pid = pid,
            Ok(None) => monitor::stand_by(Post {
                command,
                inherited,
                descriptors: &descriptors,
                channels: &terminal.channels,
                foreground: terminal.job.foreground,
                user: (theirs.0, before.clone()),
                master: theirs.1,
                slave,
                wrapper,
            }),
        }
        drop((slave, wrapper, theirs));
        Ok(terminal.once_started(links))
    }

    /// Waits until the monitor has started the command; `links` are the names of the command's streams.
    fn once_started(mut self, links: [Option<PathBuf>; 2]) -> Result<Started, NotStarted> {
        let failure = match self.job.first_report() {
            Some(Report::Started(command)) => {
                self.job.command = command;
                self.job.end = sys::end_of(command);
                return Ok(Started {
                    terminal: self,
                    command,
                    channels: links,
                });
            }
            Some(Report::NotStarted(failure)) => failure,
            _ => NotStarted::NoProcess,
        };
        let before = self.user.before.clone();
        self.give_back(&before);
        sys::end(self.job.monitor_pid);
        Err(failure)
    }

    /// The descriptors that the wrapper opened for itself.
    #[must_use]
    pub fn descriptors(&self) -> Vec<RawFd> {
        let master = self.inner.master.as_ref().map(AsRawFd::as_raw_fd);
        let end = self.job.end.as_ref().map(AsRawFd::as_raw_fd);
        [self.user.opening.as_raw_fd(), self.job.monitor.as_raw_fd()]
            .into_iter()
            .chain(master)
            .chain(end)
            .chain(self.channels.descriptors())
            .collect()
    }

    /// Relays until the command has ended, then writes the last words.
    pub fn relay(mut self, mut inbox: Inbox, watch: &mut Watch) -> Exit {
        self.listen_from_background();
        for signal in std::mem::take(&mut self.job.early) {
            inbox.send_to_others(signal);
        }
        let exit = loop {
            let [user, master, signals, monitor, news, diagnosis] = self.watched(&inbox, watch);
            let [a, b, c, d] = self.channels.watched();
            let mut watched = [user, master, signals, monitor, news, diagnosis, a, b, c, d];
            if sys::poll(&mut watched, self.timeout(watch)) == Some(0) {
                self.output.shown.extend(self.output.returns.release());
            }
            let [user, master, signals, monitor, news, _, a, b, c, d] = watched.map(|w| w.revents);
            self.channels.turn([a, b, c, d], watch);
            if master & !libc::POLLOUT != 0 {
                self.take_output(watch);
            }
            // A new size comes first, because the keys typed next may depend on it.
            if signals != 0 || user & libc::POLLIN != 0 {
                self.pass_on(&inbox);
            }
            if news != 0 {
                self.notice_keys();
            }
            self.relay_keys(user);
            self.show();
            if self.keys.look.is_some_and(|when| when <= Instant::now()) {
                self.keys.look = None;
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
        inbox.command_has_ended();
        self.finish(exit, &inbox, watch);
        inbox.close();
        let channels = std::mem::take(&mut self.channels);
        drop(self);
        channels.leave_remainder();
        exit
    }

    fn watched(&self, inbox: &Inbox, watch: &Watch) -> [libc::pollfd; 6] {
        let open = self.inner.master.as_ref().filter(|_| !self.inner.vacant);
        let master = open.map(AsFd::as_fd);
        let user = (!self.user.closed).then(|| self.user.opening.as_fd());
        let when = |wanted: bool, event: i16| if wanted { event } else { 0 };
        // While a typed line is left to others, its presence is not an event.
        let keys = self.job.foreground && self.keys.typed.is_empty() && self.keys.look.is_none();
        let user_events =
            when(keys, libc::POLLIN) | when(!self.output.shown.is_empty(), libc::POLLOUT);
        let master_events = when(self.output.shown.is_empty(), libc::POLLIN)
            | when(!self.keys.typed.is_empty(), libc::POLLOUT);
        [
            sys::watch(user, user_events),
            sys::watch(master.filter(|_| master_events != 0), master_events),
            sys::watch(inbox.descriptor(), libc::POLLIN),
            self.job.watched(),
            sys::watch(self.job.news.as_ref().map(AsFd::as_fd), libc::POLLIN),
            watch.watched(),
        ]
    }

    fn timeout(&self, watch: &Watch) -> i32 {
        let words = match sooner(watch.timeout(), self.channels.timeout()) {
            words if self.output.returns.holds() => sooner(words, returns::A_MOMENT),
            words => words,
        };
        match self.keys.look {
            None => words,
            Some(when) => {
                let left = when.saturating_duration_since(Instant::now()).as_millis() as i32 + 1;
                sooner(left, words)
            }
        }
    }

    fn command_modes(&self) -> Option<Modes> {
        Modes::of(self.inner.master.as_ref()?).ok()
    }

    /// The command has ended: shows its last output, restores the user's terminal, and writes the last words.
    fn finish(&mut self, exit: Exit, inbox: &Inbox, watch: &mut Watch) {
        let unknown = self.take_unread();
        let left = self.command_modes();
        let size = self.inner.master.as_ref().and_then(Size::of);
        let mut calm = self.show_all(inbox);
        while calm && self.take_output(watch) {
            calm = self.show_all(inbox);
        }
        if self.user.raw {
            self.user.before.silent().set(&self.user.opening);
            unknown
                .iter()
                .all(|&byte| modes::type_in(&self.user.opening, byte));
        }
        // Modes that the command changed remain changed, unless it failed and could not restore them.
        match left {
            Some(modes) if exit == Exit::with_code(0) && modes != self.inner.modes => {
                self.give_back(&modes)
            }
            _ => self.give_back(&self.user.before.clone()),
        }
        if let Some(size) = size
            && self.inner.size.is_some_and(|given| given != size)
        {
            size.set(&self.user.opening);
        }
        self.channels.command_has_ended(watch);
        calm &= self.channels.drain(inbox, watch, exit.signal.is_none());
        let words = watch.last_words(exit, inbox);
        if self.channels.has(Stream::Stderr) {
            self.channels.say(&words);
            calm = calm && self.channels.drain(inbox, watch, exit.signal.is_none());
        } else {
            self.put_words(&words);
        }
        if calm && !self.user.closed {
            self.show_all(inbox);
        }
        if self.inner.vacant || self.inner.master.is_none() {
            // No process has the command's terminal open any more. Reaping the monitor adds the command's resource usage to
            // that of this process.
            sys::hang_up(&self.job.monitor);
            sys::reap(self.job.monitor_pid);
        }
    }
}
