//! stderr is a regular file: the command inherits it, and the wrapper reads back what is written through an open file
//! description of its own.
//!
//! inotify(7) can report the writes, but removing a watch takes the kernel several milliseconds, as long as a short command
//! runs. At first, therefore, the file is polled.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::libc;
use rustix::fs::OFlags;

use super::exit::Exit;
use super::pipe::pass_on;
use super::signals::Inbox;
use super::sys;
use super::watch::Watch;

/// How much is read at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// The time until the file is first polled. Each following interval is twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// Once the polling interval exceeds this duration, inotify takes over.
const WATCHED_FROM: Duration = Duration::from_millis(60);

/// The file behind stderr, followed as it grows.
#[derive(Debug)]
pub struct File {
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
    /// Opens the file behind stderr for reading, from where the command will write. Fails if the file is not readable.
    pub fn behind_stderr() -> io::Result<File> {
        let file = sys::open(c"/proc/self/fd/2", OFlags::RDONLY)?;
        let changes = sys::new_watch()?;
        let position = sys::write_position(sys::stderr())?;
        Ok(File {
            file,
            changes,
            look: None,
            position,
            buffer: vec![0; PIECE],
        })
    }

    /// The descriptors that are needed besides stderr.
    #[must_use]
    pub fn descriptors(&self) -> [RawFd; 2] {
        [self.file.as_raw_fd(), self.changes.as_raw_fd()]
    }

    /// Follows the file until the command ends, then writes the last words.
    pub fn follow(mut self, command: i32, mut inbox: Inbox, watch: &mut Watch) -> Exit {
        self.look = Some((Instant::now() + FIRST_LOOK, FIRST_LOOK));
        let exit = loop {
            let mut watched = [
                sys::watch(inbox.descriptor(), libc::POLLIN),
                sys::watch(self.changes.as_fd(), libc::POLLIN),
                watch.watched(),
            ];
            sys::poll(&mut watched, self.timeout(watch));
            let [signals, changes, _] = watched.map(|w| w.revents);
            if changes != 0 {
                sys::forget_events(&self.changes);
                self.read_back(watch);
            }
            self.look(watch);
            watch.exchange();
            if let Some(words) = watch.due() {
                self.say(&words);
            }
            if signals != 0
                && let Some(exit) = pass_on(command, &inbox)
            {
                break exit;
            }
        };
        inbox.command_has_ended();
        self.read_back(watch);
        let words = watch.last_words(exit, &inbox);
        self.say(&words);
        inbox.close();
        exit
    }

    fn timeout(&self, watch: &Watch) -> i32 {
        let words = watch.timeout();
        let Some((when, _)) = self.look else {
            return words;
        };
        let left = when.saturating_duration_since(Instant::now()).as_millis() as i32 + 1;
        if words < 0 { left } else { left.min(words) }
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
            let _ = sys::tell_of_writes(&self.changes, c"/proc/self/fd/2");
            self.look = None;
        }
        self.read_back(watch);
    }

    fn read_back(&mut self, watch: &mut Watch) {
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
                    watch.see(&self.buffer[..count]);
                    self.position += count as u64;
                }
                _ => return,
            }
        }
    }

    /// Writes hints at the position where the command would write next, and skips them when reading back.
    fn say(&mut self, words: &[u8]) {
        let mut rest = words;
        while !rest.is_empty() {
            match sys::write(sys::stderr(), rest) {
                Ok(count) if count > 0 => rest = &rest[count..],
                _ => return,
            }
        }
        if !words.is_empty()
            && let Ok(position) = sys::write_position(sys::stderr())
        {
            self.position = position;
        }
    }
}
