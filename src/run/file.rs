//! stderr is a regular file: the command keeps it, and what it writes is read back through an opening of the wrapper's own.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::libc;

use super::exit::Exit;
use super::pipe::pass_on;
use super::signals::Inbox;
use super::sys;
use super::watch::Watch;

/// How much is read back at once.
const PIECE: usize = 64 * 1024;

/// The file behind stderr, followed as it grows.
#[derive(Debug)]
pub struct File {
    file: OwnedFd,
    /// Tells of writes to the file.
    changes: OwnedFd,
    /// Up to where it was read.
    position: u64,
    buffer: Vec<u8>,
}

impl File {
    /// Opens the file behind stderr for reading, from where the command will write. Fails where it may not be read.
    pub fn behind_stderr() -> io::Result<File> {
        let file = sys::open(c"/proc/self/fd/2", libc::O_RDONLY)?;
        let changes = sys::watch_for_writes(c"/proc/self/fd/2")?;
        let position = sys::write_position(2)?;
        Ok(File {
            file,
            changes,
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
    pub fn follow(mut self, command: i32, inbox: Inbox, watch: &mut Watch) -> Exit {
        let exit = loop {
            let mut watched = [
                sys::watch(inbox.descriptor(), libc::POLLIN),
                sys::watch(self.changes.as_raw_fd(), libc::POLLIN),
                watch.watched(),
            ];
            sys::poll(&mut watched, watch.timeout());
            let [signals, changes, _] = watched.map(|w| w.revents);
            if changes != 0 {
                sys::forget_events(self.changes.as_raw_fd());
                self.read_back(watch);
            }
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
        self.read_back(watch);
        let words = watch.last_words(exit, &inbox);
        self.say(&words);
        inbox.close();
        exit
    }

    fn read_back(&mut self, watch: &mut Watch) {
        let size = sys::stat(self.file.as_raw_fd()).map_or(0, |stat| stat.st_size as u64);
        if size < self.position {
            // Truncated: what is there now is new.
            self.position = 0;
        }
        // No further than the size now: a command that never stops writing must not keep its signals waiting.
        while self.position < size {
            // A command that goes on writing at its old offset after a truncation leaves a hole.
            self.position =
                sys::next_data(self.file.as_raw_fd(), self.position).unwrap_or(self.position);
            match sys::read_at(self.file.as_raw_fd(), &mut self.buffer, self.position) {
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
            match sys::write(2, rest) {
                Ok(count) if count > 0 => rest = &rest[count..],
                _ => return,
            }
        }
        if !words.is_empty()
            && let Ok(position) = sys::write_position(2)
        {
            self.position = position;
        }
    }
}
