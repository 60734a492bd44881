//! stderr is a regular file: the command keeps it, and what it writes is read back through an opening of the wrapper's own.
//!
//! The kernel tells of writes to it (inotify(7)), but takes several milliseconds to end that, as much as a short command
//! takes as a whole. So the first moments are looked at by the clock.

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

/// How much is read back at once.
const PIECE: usize = 64 * 1024;

/// When the file is looked at first after the command was started; the time until each further look is twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// How long the command has to run for the kernel to be asked to tell of writes.
const WATCHED_FROM: Duration = Duration::from_millis(60);

/// The file behind stderr, followed as it grows.
#[derive(Debug)]
pub struct File {
    file: OwnedFd,
    /// Tells of writes to the file, once it is asked to.
    changes: OwnedFd,
    /// When the file is to be looked at next, and how long that was put off; `None` once the kernel tells of writes.
    look: Option<(Instant, Duration)>,
    /// Up to where it was read.
    position: u64,
    buffer: Vec<u8>,
}

impl File {
    /// Opens the file behind stderr for reading, from where the command will write. Fails where it may not be read.
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

    /// The descriptors this needs, besides stderr.
    #[must_use]
    pub fn descriptors(&self) -> [RawFd; 2] {
        [self.file.as_raw_fd(), self.changes.as_raw_fd()]
    }

    /// Follows the file until the command ends, then says what there is to say.
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

    /// Looks at the file when it is time to.
    fn look(&mut self, watch: &mut Watch) {
        let Some((_, wait)) = self.look.filter(|(when, _)| *when <= Instant::now()) else {
            return;
        };
        let next = 2 * wait;
        self.look = Some((Instant::now() + next, next));
        if next > WATCHED_FROM {
            // Where the kernel does not do it, the end is soon enough.
            let _ = sys::tell_of_writes(&self.changes, c"/proc/self/fd/2");
            self.look = None;
        }
        self.read_back(watch);
    }

    fn read_back(&mut self, watch: &mut Watch) {
        let size = sys::stat(&self.file).map_or(0, |stat| stat.st_size as u64);
        if size < self.position {
            // Truncated: what is there now is new.
            self.position = 0;
        }
        // No further than the size now: a command that never stops writing must not keep its signals waiting.
        while self.position < size {
            // A command that goes on writing at its old offset after a truncation leaves a hole.
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

    /// Writes hints where the command would have gone on writing, and does not read them back.
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
