//! The streams that are not a terminal, and the relay between them and the command.
//!
//! Each stream has a channel of its own; if both are the same file, they share one. If both have output at the same time, that of
//! stdout is read first: a program that writes to both usually reports its failure last.

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::{array, io};

use nix::libc;
use rustix::fs::FileType;

use super::exit::Exit;
use super::file::File;
use super::pipe::Pipe;
use super::signals::{Inbox, Notice, To};
use super::stream::{Goal, Stream, are_one};
use super::sys::{self, Change};
use super::watch::{Watch, wants_the_end};

/// The channel of one stream.
enum Channel {
    Pipe(Pipe),
    File(File),
}

/// The channels, by [`Stream::index`].
#[derive(Default)]
pub struct Channels([Option<Channel>; 2]);

impl Channels {
    /// The channels for streams with these goals; a terminal has none.
    ///
    /// # Errors
    /// If a descriptor cannot be opened.
    pub fn new(stdout: Goal, stderr: Goal) -> io::Result<Channels> {
        Ok(Channels([
            Channel::to(Stream::Stdout, stdout)?,
            Channel::to(Stream::Stderr, stderr)?,
        ]))
    }

    /// Whether this stream has a channel.
    #[must_use]
    pub fn has(&self, stream: Stream) -> bool {
        self.0[stream.index()].is_some()
    }

    /// Connects the command's streams; called in the command's process. Returns whether that succeeded.
    #[must_use]
    pub fn connect(&self) -> bool {
        self.each().all(|channel| match channel {
            Channel::Pipe(pipe) => pipe.connect(),
            Channel::File(_) => true,
        })
    }

    /// The descriptors that the wrapper opened for them.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        self.each().flat_map(|channel| match channel {
            Channel::Pipe(pipe) => pipe.descriptors(),
            Channel::File(file) => file.descriptors(),
        })
    }

    /// The wrapper's own streams that are written to.
    pub fn outlets(&self) -> impl Iterator<Item = Stream> {
        self.each().map(|channel| match channel {
            Channel::Pipe(pipe) => pipe.stream(),
            Channel::File(file) => file.stream(),
        })
    }

    /// The targets of /proc/PID/fd/1 and /proc/PID/fd/2 for a process that writes to the channels.
    #[must_use]
    pub fn links(&self) -> [Option<PathBuf>; 2] {
        self.0.each_ref().map(|channel| match channel.as_ref()? {
            Channel::Pipe(pipe) => pipe.link(),
            Channel::File(file) => sys::link_of(file.stream().own()),
        })
    }

    /// Relays until the command has ended and all its output has been written. Then writes the last words, and leaves a small
    /// process behind if other processes still hold a pipe.
    pub fn relay(mut self, command: i32, mut inbox: Inbox, watch: &mut Watch) -> Exit {
        let exit = loop {
            let [a, b, c, d] = self.watched();
            let signals = sys::watch(inbox.descriptor(), libc::POLLIN);
            let mut watched = [a, b, c, d, signals, watch.watched()];
            sys::poll(&mut watched, sooner(self.timeout(), watch.timeout()));
            let [a, b, c, d, signals, _] = watched.map(|watched| watched.revents);
            // Output comes first: what the command wrote before it ended must be read before its end is handled.
            self.turn([a, b, c, d], watch);
            watch.exchange();
            self.say_what_is_due(watch);
            if signals != 0
                && let Some(exit) = pass_on(command, &inbox)
            {
                break exit;
            }
        };
        inbox.command_has_ended();
        // A command that was killed would no longer wait for a reader that does not read.
        let patient = exit.signal.is_none();
        self.command_has_ended(watch);
        let calm = self.drain(&inbox, watch, patient);
        let words = watch.last_words(exit, &inbox);
        if calm {
            self.say(&words);
            self.drain(&inbox, watch, patient);
        }
        inbox.close();
        self.leave_remainder();
        exit
    }

    /// The poll(2) entries, two for each stream.
    #[must_use]
    pub fn watched(&self) -> [libc::pollfd; 4] {
        let each = |channel: &Option<Channel>| match channel {
            Some(Channel::Pipe(pipe)) => pipe.watched(),
            Some(Channel::File(file)) => [file.watched(), sys::watch(None, 0)],
            None => array::from_fn(|_| sys::watch(None, 0)),
        };
        let [[a, b], [c, d]] = self.0.each_ref().map(each);
        [a, b, c, d]
    }

    /// How long poll(2) may wait, in milliseconds; -1 for no limit.
    #[must_use]
    pub fn timeout(&self) -> i32 {
        self.each().fold(-1, |soonest, channel| match channel {
            Channel::Pipe(_) => soonest,
            Channel::File(file) => sooner(soonest, file.timeout()),
        })
    }

    /// Relays what is available without blocking, given the events that poll(2) returned for [`Channels::watched`].
    pub fn turn(&mut self, [a, b, c, d]: [i16; 4], watch: &mut Watch) {
        for (channel, told) in self.0.iter_mut().zip([[a, b], [c, d]]) {
            match channel {
                Some(Channel::Pipe(pipe)) => pipe.turn(told, watch),
                Some(Channel::File(file)) => file.turn(told[0], watch),
                None => {}
            }
        }
    }

    /// Writes hints that are due to stderr, unless output is still on its way there.
    pub fn say_what_is_due(&mut self, watch: &mut Watch) {
        let is_free = match &self.0[Stream::Stderr.index()] {
            Some(Channel::Pipe(pipe)) => pipe.is_idle(),
            Some(Channel::File(_)) => true,
            None => false,
        };
        if is_free && let Some(words) = watch.due() {
            self.say(&words);
        }
    }

    /// Writes this to stderr as far as possible without blocking.
    pub fn say(&mut self, words: &[u8]) {
        match &mut self.0[Stream::Stderr.index()] {
            Some(Channel::Pipe(pipe)) => pipe.say(words),
            Some(Channel::File(file)) => file.say(words),
            None => {}
        }
    }

    /// The command has ended. What it had written is still relayed, even if other processes go on writing.
    pub fn command_has_ended(&mut self, watch: &mut Watch) {
        for channel in self.0.iter_mut().flatten() {
            match channel {
                Channel::Pipe(pipe) => pipe.command_has_ended(),
                Channel::File(file) => file.read_back(watch),
            }
        }
    }

    /// Relays what the command had written when it ended, and the hints, waiting for slow readers as the command itself would
    /// have waited. False if a signal asks the wrapper to end, or if `patient` is not set and a reader is slow.
    pub fn drain(&mut self, inbox: &Inbox, watch: &mut Watch, patient: bool) -> bool {
        let mut told = [0; 2];
        loop {
            let mut is_done = true;
            for (channel, told) in self.0.iter_mut().zip(told) {
                if let Some(Channel::Pipe(pipe)) = channel {
                    is_done &= pipe.drain(told, watch);
                }
            }
            if is_done || !patient {
                return is_done;
            }
            let [_, stdout, _, stderr] = self.watched();
            let signals = sys::watch(inbox.descriptor(), libc::POLLIN);
            let mut watched = [stdout, stderr, signals];
            sys::poll(&mut watched, -1);
            let [stdout, stderr, signals] = watched.map(|watched| watched.revents);
            if signals != 0 && wants_the_end(inbox) {
                return false;
            }
            told = [stdout, stderr];
        }
    }

    /// If other processes still hold the command's streams, a copy of this process relays what they write, and what a slow reader
    /// has not read yet.
    pub fn leave_remainder(self) {
        let pipes = self
            .0
            .into_iter()
            .flatten()
            .filter_map(|channel| match channel {
                Channel::Pipe(pipe) => pipe.remainder(),
                Channel::File(_) => None,
            });
        let mut pipes: Vec<Pipe> = pipes.collect();
        if pipes.is_empty() {
            return;
        }
        // Before the fork, because the copy may start late.
        let kept: Vec<RawFd> = pipes.iter().flat_map(Pipe::carried).collect();
        // SAFETY: neither this process nor the copy uses any other descriptor from here on.
        unsafe { sys::keep_only(&kept) };
        sys::leave_directory();
        // SAFETY: this process has a single thread.
        if matches!(unsafe { sys::fork() }, Ok(None)) {
            while !pipes.is_empty() {
                let mut watched: Vec<libc::pollfd> = pipes.iter().flat_map(Pipe::watched).collect();
                sys::poll(&mut watched, -1);
                let mut told = watched
                    .chunks_exact(2)
                    .map(|pair| [pair[0].revents, pair[1].revents]);
                pipes.retain_mut(|pipe| pipe.carry(told.next().unwrap_or_default()));
            }
            sys::exit(0);
        }
    }

    fn each(&self) -> impl Iterator<Item = &Channel> {
        self.0.iter().flatten()
    }
}

impl Channel {
    /// A regular file that is not readable is written to through a pipe.
    fn to(stream: Stream, goal: Goal) -> io::Result<Option<Channel>> {
        let kind = match goal {
            Goal::Nowhere | Goal::Terminal => return Ok(None),
            Goal::File => match File::behind(stream) {
                Ok(file) => return Ok(Some(Channel::File(file))),
                Err(_) => FileType::RegularFile,
            },
            Goal::Pipe(kind) => kind,
        };
        let streams: &'static [Stream] = match stream {
            Stream::Stderr if are_one() => &[Stream::Stderr, Stream::Stdout],
            Stream::Stderr => &[Stream::Stderr],
            Stream::Stdout => &[Stream::Stdout],
        };
        Ok(Some(Channel::Pipe(Pipe::before(streams, kind)?)))
    }
}

/// The shorter of two time limits of poll(2), where -1 is no limit.
#[must_use]
pub fn sooner(one: i32, other: i32) -> i32 {
    match (one, other) {
        (..0, other) => other,
        (one, ..0) => one,
        (one, other) => one.min(other),
    }
}

/// Handles the pending signals: forwards them to a command in the wrapper's own process group, stops along with it, and notices
/// its end.
fn pass_on(command: i32, inbox: &Inbox) -> Option<Exit> {
    let mut ended = None;
    while let Some(notice) = inbox.next() {
        match notice {
            Notice::Child => ended = children(command, inbox).or(ended),
            // The command is in the same process group and has already received it.
            Notice::Sent(_, To::Group | To::Foreground) => {}
            Notice::Sent(signal, To::Wrapper) => {
                sys::kill(command, signal);
            }
        }
    }
    ended
}

/// Handles changes of state of the command and, as the init process of a container, of adopted orphans.
fn children(command: i32, inbox: &Inbox) -> Option<Exit> {
    let first = std::process::id() == 1;
    let mut ended = None;
    while let Some((pid, change)) = sys::wait((!first).then_some(command)) {
        match change {
            Change::Exited(code) if pid == command => ended = Some(Exit::with_code(code)),
            Change::Killed(signal) if pid == command => ended = Some(Exit::by_signal(signal)),
            Change::Stopped(signal) if pid == command => {
                inbox.stop_with(command, signal);
            }
            _ => {}
        }
        if ended.is_some() && !first {
            break;
        }
    }
    ended
}
