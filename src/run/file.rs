//! A stream is a regular file: the command inherits it, and the wrapper reads back what is written through an open file
//! description of its own.
//!
//! inotify(7) can report the writes, but removing a watch takes the kernel several milliseconds, as long as a short command
//! runs. At first, therefore, the file is polled.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::libc;
use rustix::fs::OFlags;

use super::stream::Stream;
use super::sys;
use super::watch::Watch;

/// How much is read at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// The time until the file is first polled. Each following interval is twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// Once the polling interval exceeds this duration, inotify takes over.
const WATCHED_FROM: Duration = Duration::from_millis(60);

/// The file behind a stream, followed as it grows.
#[derive(Debug)]
pub struct File {
    stream: Stream,
    file: OwnedFd,
    /// The inotify descriptor, which reports writes once a watch was added.
    changes: OwnedFd,
    /// When the file is polled next, and after which interval; `None` once inotify has taken over.
    look: Option<(Instant, Duration)>,
    /// The position up to which the file has been read.
    position: u64,
    buffer: Vec<u8>,
}

impl File {
    /// Opens the file behind a stream for reading, from where the command will write. Fails if the file is not readable.
    pub fn behind(stream: Stream) -> io::Result<File> {
        let file = sys::open(path(stream), OFlags::RDONLY)?;
        let changes = sys::new_watch()?;
        let position = sys::write_position(stream.own())?;
        Ok(File {
            stream,
            file,
            changes,
            look: Some((Instant::now() + FIRST_LOOK, FIRST_LOOK)),
            position,
            buffer: vec![0; PIECE],
        })
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// The descriptors that the wrapper opened for it.
    #[must_use]
    pub fn descriptors(&self) -> Vec<RawFd> {
        vec![self.file.as_raw_fd(), self.changes.as_raw_fd()]
    }

    /// The poll(2) entry that reports writes to the file.
    #[must_use]
    pub fn watched(&self) -> libc::pollfd {
        sys::watch(self.changes.as_fd(), libc::POLLIN)
    }

    /// How long poll(2) may wait until the file has to be looked at, in milliseconds; -1 for no limit.
    #[must_use]
    pub fn timeout(&self) -> i32 {
        let left = |when: Instant| when.saturating_duration_since(Instant::now()).as_millis();
        self.look.map_or(-1, |(when, _)| left(when) as i32 + 1)
    }

    /// Reads back what is new. `changes` are the events that poll(2) returned for [`File::watched`].
    pub fn turn(&mut self, changes: i16, watch: &mut Watch) {
        if changes != 0 {
            sys::forget_events(&self.changes);
            self.read_back(watch);
        }
        self.look(watch);
    }

    /// Polls the file if it is time to.
    fn look(&mut self, watch: &mut Watch) {
        let Some((_, wait)) = self.look.filter(|(when, _)| *when <= Instant::now()) else {
            return;
        };
        let next = 2 * wait;
        self.look = Some((Instant::now() + next, next));
        if next > WATCHED_FROM {
            // If inotify is not available, reading at the end suffices.
            let _ = sys::tell_of_writes(&self.changes, path(self.stream));
            self.look = None;
        }
        self.read_back(watch);
    }

    /// Reads back what was written until now.
    pub fn read_back(&mut self, watch: &mut Watch) {
        let size = sys::stat(&self.file).map_or(0, |stat| stat.st_size as u64);
        if size < self.position {
            // The file was truncated, so all of its content is new.
            self.position = 0;
        }
        // Read only up to the present size: a command that never stops writing must not delay the forwarding of signals.
        while self.position < size {
            // A command that keeps writing at its old offset after a truncation leaves a hole.
            self.position = sys::next_data(&self.file, self.position).unwrap_or(self.position);
            match sys::read_at(&self.file, &mut self.buffer, self.position) {
                Ok(count) if count > 0 => {
                    watch.see(self.stream, &self.buffer[..count]);
                    self.position += count as u64;
                }
                _ => return,
            }
        }
    }

    /// Writes hints at the position where the command would write next, and skips them when reading back.
    pub fn say(&mut self, words: &[u8]) {
        let mut rest = words;
        while !rest.is_empty() {
            match sys::write(self.stream.own(), rest) {
                Ok(count) if count > 0 => rest = &rest[count..],
                _ => return,
            }
        }
        if !words.is_empty()
            && let Ok(position) = sys::write_position(self.stream.own())
        {
            self.position = position;
        }
    }
}

fn path(stream: Stream) -> &'static CStr {
    match stream {
        Stream::Stdout => c"/proc/self/fd/1",
        Stream::Stderr => c"/proc/self/fd/2",
    }
}
