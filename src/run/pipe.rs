//! stderr is a pipe, a FIFO or a socket (or anything else that is not a terminal): the command writes into a packet-mode pipe,
//! and each of its writes of up to `PIPE_BUF` bytes is passed on in one piece.

mod batch;
mod outlet;

use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::libc;

use batch::{Batch, Kept};
pub use outlet::Outlet;

use super::exit::Exit;
use super::signals::{Inbox, Notice, To, stop_as};
use super::sys::{self, Change};
use super::watch::Watch;

/// How much is read before it is written out, in bytes.
const BATCH: usize = 64 * 1024;

/// The maximum length of a packet, in bytes: a page, on any machine.
const PACKET: usize = 64 * 1024;

/// How much can be written to a pipe atomically, in bytes (PIPE_BUF).
const ATOMIC: usize = 4096;

/// The number of packets in one batch that counts as a flood, upon which the pipe is enlarged.
const FLOOD: usize = 16;

/// The number of short lines in one batch from which on they are no longer read one by one.
const MANY: usize = 64;

/// The size of the enlarged pipe, in bytes. Each packet occupies a page of it, however short it is.
const LONG: usize = 1024 * 1024;

/// The relay between the command's pipe and the wrapper's stderr.
pub struct Pipe {
    /// The reading end; `None` once the command's side or the reader is gone.
    source: Option<OwnedFd>,
    /// The writing end, which the command has as well. It serves to switch packet mode, and is closed when the command has
    /// ended.
    sink: Option<OwnedFd>,
    batch: Batch,
    outlet: Outlet,
    long: bool,
}

impl Pipe {
    /// A relay from this pipe (reading end and writing end) to stderr.
    #[must_use]
    pub fn new((source, sink): (OwnedFd, OwnedFd), outlet: Outlet) -> Pipe {
        Pipe {
            source: Some(source),
            sink: Some(sink),
            batch: Batch::default(),
            outlet,
            long: false,
        }
    }

    /// Relays until the command has ended and all its output has been written. Then writes the last words, and leaves a small
    /// process behind if other processes still hold the pipe.
    pub fn relay(mut self, command: i32, mut inbox: Inbox, watch: &mut Watch) -> Exit {
        let mut ended = None;
        while ended.is_none() {
            let mut watched = self.watched(&inbox, watch);
            sys::poll(&mut watched, watch.timeout());
            let [source, outlet, signals, _] = watched.map(|w| w.revents);
            // Output comes first: what the command wrote before it ended must be read before its end is handled.
            if source != 0 {
                self.take(watch);
            }
            self.give(outlet);
            watch.exchange();
            if self.batch.is_empty()
                && let Some(words) = watch.due()
            {
                self.batch.add(&words);
                self.give(0);
            }
            if signals != 0 {
                ended = pass_on(command, &inbox);
            }
        }
        inbox.command_has_ended();
        let exit = ended.unwrap_or(Exit::with_code(125));
        if let Some(sink) = self.sink.take() {
            sys::keep_packets(&sink, true);
        }
        // A command that was killed would no longer wait for a reader that does not read.
        let patient = exit.signal.is_none();
        let calm = self.drain(&inbox, watch, patient);
        let words = watch.last_words(exit, &inbox);
        if calm {
            self.batch.add(&words);
            self.empty(&inbox, patient);
        }
        inbox.close();
        self.leave_remainder();
        exit
    }

    fn watched(&self, inbox: &Inbox, watch: &Watch) -> [libc::pollfd; 4] {
        let full = !self.batch.is_empty();
        let source = self.source.as_ref().filter(|_| !full).map(AsFd::as_fd);
        // Even without requested events, poll(2) reports that the reader is gone. The command must then notice it, too.
        let outlet = self.source.as_ref().map(|_| self.outlet.descriptor());
        [
            sys::watch(source, libc::POLLIN),
            sys::watch(outlet, if full { libc::POLLOUT } else { 0 }),
            sys::watch(inbox.descriptor(), libc::POLLIN),
            watch.watched(),
        ]
    }

    /// Reads what is available, up to a batch; false when there is no more.
    fn take(&mut self, watch: &mut Watch) -> bool {
        let Some(source) = &self.source else {
            return false;
        };
        let before = self.batch.bytes.len();
        let mut packets = 0;
        let more = loop {
            if self.batch.bytes.len() >= BATCH {
                break true;
            }
            match self.batch.fill(source) {
                Ok(0) => {
                    self.source = None;
                    break false;
                }
                Ok(_) => packets += 1,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => break false,
            }
        };
        if !(more && self.batch.kept() == Kept::Lines && self.has_more()) {
            self.batch.close();
        }
        self.adapt(packets, self.batch.bytes.len() - before);
        if self.batch.bytes.len() > before {
            watch.see(&self.batch.bytes[before..]);
        }
        more
    }

    /// Adapts the pipe mode to the output, given the number of reads and of bytes.
    fn adapt(&mut self, reads: usize, count: usize) {
        let (Some(source), Some(sink)) = (&self.source, &self.sink) else {
            return;
        };
        if reads >= FLOOD && !self.long {
            self.long = true;
            sys::lengthen_pipe(source, LONG);
        }
        let whole_lines = self.batch.took_whole_lines();
        let pages = count.is_multiple_of(ATOMIC) && count / ATOMIC >= reads;
        let before = self.batch.kept();
        let kept = match before {
            // Whole pages are split by the kernel in any case.
            Kept::Writes | Kept::Pages if pages && count >= BATCH / 2 => Kept::Pages,
            Kept::Writes if whole_lines && reads >= MANY => Kept::Lines,
            // A read may end in the middle of a line.
            Kept::Lines if count >= ATOMIC => Kept::Lines,
            _ => Kept::Writes,
        };
        if kept != before {
            self.batch.expect(kept);
            sys::keep_packets(sink, kept == Kept::Writes);
        }
    }

    /// Whether the command has written more than was read.
    fn has_more(&self) -> bool {
        let readable = self.source.as_ref().and_then(sys::readable);
        readable.is_some_and(|count| count > 0)
    }

    /// Writes out as much as possible without blocking.
    fn give(&mut self, revents: i16) {
        let gone = revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0;
        if gone || self.batch.write(&mut self.outlet).is_err() {
            // The command's next write fails, as it would without the pipe in between.
            self.source = None;
            self.batch.clear();
        }
    }

    /// Relays what the command had written when it ended, even if other processes go on writing. False if a signal asks the
    /// wrapper to end, or if `patient` is not set and the reader is slow.
    fn drain(&mut self, inbox: &Inbox, watch: &mut Watch, patient: bool) -> bool {
        // If the kernel does not report the number, assume as much as the pipe can hold.
        let mut left = self
            .source
            .as_ref()
            .map_or(0, |source| sys::readable(source).unwrap_or(LONG));
        loop {
            if left == 0 {
                self.batch.close();
            }
            if !self.empty(inbox, patient) {
                return false;
            }
            if left == 0 {
                return true;
            }
            let before = self.batch.bytes.len();
            let more = self.take(watch);
            left = left.saturating_sub(self.batch.bytes.len() - before);
            if !more {
                left = 0;
            }
        }
    }

    /// Writes out everything, waiting for a slow reader as the command itself would have waited.
    fn empty(&mut self, inbox: &Inbox, patient: bool) -> bool {
        self.give(0);
        while !self.batch.is_empty() {
            if !patient {
                return false;
            }
            let mut watched = [
                sys::watch(self.outlet.descriptor(), libc::POLLOUT),
                sys::watch(inbox.descriptor(), libc::POLLIN),
            ];
            sys::poll(&mut watched, -1);
            if watched[1].revents != 0 && super::watch::wants_the_end(inbox) {
                return false;
            }
            self.give(watched[0].revents);
        }
        true
    }

    /// If other processes still hold the command's stderr, a copy of this process relays what they write, and what a slow
    /// reader has not read yet.
    fn leave_remainder(mut self) {
        let Some(source) = self.source.take() else {
            return;
        };
        self.batch.expect(Kept::Writes);
        if self.batch.is_empty() && matches!(self.batch.fill(&source), Ok(0)) {
            return;
        }
        // Before the fork, because the copy may start late.
        // SAFETY: neither this process nor the copy uses any other descriptor from here on.
        unsafe { sys::keep_only(&[source.as_raw_fd(), self.outlet.descriptor().as_raw_fd()]) };
        sys::leave_directory();
        // SAFETY: this process has a single thread.
        if matches!(unsafe { sys::fork() }, Ok(None)) {
            self.carry(&source);
        }
    }

    fn carry(mut self, source: &OwnedFd) -> ! {
        loop {
            while !self.batch.is_empty() {
                let mut outlet = [sys::watch(self.outlet.descriptor(), libc::POLLOUT)];
                sys::poll(&mut outlet, -1);
                if outlet[0].revents & libc::POLLERR != 0
                    || self.batch.write(&mut self.outlet).is_err()
                {
                    sys::exit(0);
                }
            }
            let mut watched = [
                sys::watch(source.as_fd(), libc::POLLIN),
                sys::watch(self.outlet.descriptor(), 0),
            ];
            sys::poll(&mut watched, -1);
            if watched[1].revents != 0 || matches!(self.batch.fill(source), Ok(0)) {
                sys::exit(0);
            }
        }
    }
}

/// Handles the pending signals: forwards them to a command in the wrapper's own process group, stops along with it, and notices
/// its end.
pub fn pass_on(command: i32, inbox: &Inbox) -> Option<Exit> {
    let mut ended = None;
    while let Some(notice) = inbox.next() {
        match notice {
            Notice::Child => ended = children(command).or(ended),
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
fn children(command: i32) -> Option<Exit> {
    let first = std::process::id() == 1;
    let mut ended = None;
    while let Some((pid, change)) = sys::wait((!first).then_some(command)) {
        match change {
            Change::Exited(code) if pid == command => ended = Some(Exit::with_code(code)),
            Change::Killed(signal) if pid == command => ended = Some(Exit::by_signal(signal)),
            Change::Stopped(signal) if pid == command => stop_as(signal),
            _ => {}
        }
        if ended.is_some() && !first {
            break;
        }
    }
    ended
}
