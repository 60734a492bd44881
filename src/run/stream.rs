//! The two output streams of a command, and what the wrapper's own are.

use std::os::fd::{BorrowedFd, RawFd};

use rustix::fs::FileType;

use super::{Options, sys};

/// An output stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

/// What a stream is, as far as it decides how the stream is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Not watched.
    Nowhere,
    /// A regular file.
    File,
    /// A pipe, a FIFO, a socket or another file of this type.
    Pipe(FileType),
    /// A terminal.
    Terminal,
}

impl Stream {
    /// Both, in the order of their descriptors.
    pub const BOTH: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

    /// Its descriptor.
    #[must_use]
    pub fn number(self) -> RawFd {
        match self {
            Stream::Stdout => 1,
            Stream::Stderr => 2,
        }
    }

    /// Its index in an array with an element for each stream: stdout first.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The wrapper's own stream.
    #[must_use]
    pub fn own(self) -> BorrowedFd<'static> {
        match self {
            Stream::Stdout => sys::stdout(),
            Stream::Stderr => sys::stderr(),
        }
    }

    /// What the wrapper's own stream is. If a report is wanted, a device that nobody reads is watched, too.
    #[must_use]
    pub fn goal(self, options: Options) -> Goal {
        let own = self.own();
        let Some(kind) = sys::kind(own).filter(|_| sys::is_writable(own)) else {
            return Goal::Nowhere;
        };
        match kind {
            FileType::RegularFile => Goal::File,
            FileType::Fifo | FileType::Socket if sys::has_reader(own) => Goal::Pipe(kind),
            FileType::CharacterDevice if sys::is_terminal(own) => Goal::Terminal,
            FileType::CharacterDevice if options.report => Goal::Pipe(kind),
            _ => Goal::Nowhere,
        }
    }
}

/// Whether both of the wrapper's own streams are the same file.
#[must_use]
pub fn are_one() -> bool {
    let file = |stream: Stream| sys::stat(stream.own()).map(|stat| (stat.st_dev, stat.st_ino));
    file(Stream::Stdout).is_some_and(|stdout| file(Stream::Stderr) == Some(stdout))
}
