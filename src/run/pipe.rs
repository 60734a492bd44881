//! A stream is a pipe, a FIFO or a socket (or anything else that is not a terminal): the command writes into a packet-mode pipe,
//! and each of its writes of up to `PIPE_BUF` bytes is passed on in one piece.

mod batch;
mod outlet;

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use nix::libc;
use rustix::fs::FileType;

use batch::{Batch, Kept};
use outlet::Outlet;

use super::stream::Stream;
use super::sys;
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

/// The relay between the command's pipe and one of the wrapper's own streams.
pub struct Pipe {
    /// The streams of the command that are this pipe. If there are two, the wrapper's own are the same file.
    streams: &'static [Stream],
    /// The reading end; `None` once the command's side or the reader is gone.
    source: Option<OwnedFd>,
    /// The writing end, which the command has as well. It serves to switch packet mode, and is closed when the command has
    /// ended.
    sink: Option<OwnedFd>,
    batch: Batch,
    outlet: Outlet,
    long: bool,
    /// Once the command has ended: how many of the bytes it had written are still unread.
    left: usize,
}

impl Pipe {
    /// A relay to the first of these streams, which is a file of this type.
    ///
    /// # Errors
    /// If no pipe can be created.
    pub fn before(streams: &'static [Stream], kind: FileType) -> io::Result<Pipe> {
        let (source, sink) = sys::packet_pipe()?;
        Ok(Pipe {
            streams,
            source: Some(source),
            sink: Some(sink),
            batch: Batch::default(),
            outlet: Outlet::new(streams[0], kind),
            long: false,
            left: 0,
        })
    }

    /// The wrapper's own stream that it writes to.
    #[must_use]
    pub fn stream(&self) -> Stream {
        self.streams[0]
    }

    /// Makes the writing end the command's streams; called in the command's process. Returns whether that succeeded.
    #[must_use]
    pub fn connect(&self) -> bool {
        let numbers = self.streams.iter().map(|stream| stream.number());
        self.sink.iter().all(|sink| {
            let mut numbers = numbers.clone();
            numbers.all(|number| sys::duplicate(sink, number))
        })
    }

    /// The descriptors that the wrapper opened for it.
    pub fn descriptors(&self) -> Vec<RawFd> {
        let ends = [&self.source, &self.sink];
        ends.into_iter().flatten().map(AsRawFd::as_raw_fd).collect()
    }

    /// The target of /proc/PID/fd/N for a process that writes to it.
    #[must_use]
    pub fn link(&self) -> Option<PathBuf> {
        sys::link_of(self.source.as_ref()?)
    }

    /// The poll(2) entries of the pipe and of the outlet.
    #[must_use]
    pub fn watched(&self) -> [libc::pollfd; 2] {
        let full = !self.batch.is_empty();
        let source = self.source.as_ref().filter(|_| !full).map(AsFd::as_fd);
        // Even without requested events, poll(2) reports that the reader is gone. The command must then notice it, too.
        let outlet = self.source.is_some() || full;
        let outlet = outlet.then(|| self.outlet.descriptor());
        [
            sys::watch(source, libc::POLLIN),
            sys::watch(outlet, if full { libc::POLLOUT } else { 0 }),
        ]
    }

    /// Relays what is available without blocking, given the events that poll(2) returned for [`Pipe::watched`].
    pub fn turn(&mut self, [source, outlet]: [i16; 2], watch: &mut Watch) {
        if source != 0 {
            self.take(watch);
        }
        self.give(outlet);
    }

    /// Whether everything that was read has been written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.batch.is_empty()
    }

    /// Writes this as far as possible without blocking.
    pub fn say(&mut self, words: &[u8]) {
        self.batch.add(words);
        self.give(0);
    }

    /// The command has ended. What it had written is still relayed, even if other processes go on writing.
    pub fn command_has_ended(&mut self) {
        if let Some(sink) = self.sink.take() {
            sys::keep_packets(&sink, true);
        }
        // If the kernel does not report the number, assume as much as the pipe can hold.
        self.left = self
            .source
            .as_ref()
            .map_or(0, |source| sys::readable(source).unwrap_or(LONG));
    }

    /// Relays what the command had written when it ended, as far as possible without blocking, given the events of the outlet.
    /// False if the reader is slow.
    pub fn drain(&mut self, outlet: i16, watch: &mut Watch) -> bool {
        self.give(outlet);
        loop {
            if self.left == 0 {
                self.batch.close();
            }
            self.give(0);
            if !self.batch.is_empty() || self.left == 0 {
                return self.batch.is_empty();
            }
            let before = self.batch.bytes.len();
            let more = self.take(watch);
            let taken = self.batch.bytes.len() - before;
            self.left = if more {
                self.left.saturating_sub(taken)
            } else {
                0
            };
        }
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
            watch.see(self.stream(), &self.batch.bytes[before..]);
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

    /// The pipe, if other processes still hold it or a slow reader has not read everything yet.
    #[must_use]
    pub fn remainder(mut self) -> Option<Pipe> {
        let source = self.source.as_ref()?;
        self.batch.expect(Kept::Writes);
        let is_over = self.batch.is_empty() && matches!(self.batch.fill(source), Ok(0));
        (!is_over).then_some(self)
    }

    /// The descriptors that [`Pipe::carry`] needs.
    pub fn carried(&self) -> impl Iterator<Item = RawFd> {
        let outlet = self.outlet.descriptor().as_raw_fd();
        self.source.iter().map(AsRawFd::as_raw_fd).chain([outlet])
    }

    /// Relays what other processes write, given the events that poll(2) returned for [`Pipe::watched`]. False once there is no
    /// writer or no reader any more.
    pub fn carry(&mut self, [source, outlet]: [i16; 2]) -> bool {
        let is_gone = outlet & !libc::POLLOUT != 0;
        let is_over = source != 0
            && self
                .source
                .as_ref()
                .is_none_or(|source| matches!(self.batch.fill(source), Ok(0)));
        !is_gone && !is_over && self.batch.write(&mut self.outlet).is_ok()
    }
}
