//! The way out: the wrapper's own stderr, to which it writes without ever waiting.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::FileType;

use super::ATOMIC;
use crate::run::sys;

/// Where the wrapper's own stderr goes.
#[derive(Debug)]
pub struct Outlet {
    way: Way,
    /// A second opening of the same pipe, whose flags are the wrapper's own.
    reopened: Option<OwnedFd>,
}

/// How to write without waiting, though the open file is shared with others and its flags are theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// pwritev2 with `RWF_NOWAIT`: pipes, since Linux 6.4, but not FIFOs.
    Now,
    /// send with `MSG_DONTWAIT`: sockets.
    Send,
    /// A plain write to this process's own opening, which does not wait.
    Reopened,
    /// A page where poll(2) says that there is room: what is left where nothing better is to be had.
    Ready,
    /// A plain write: the file does not wait.
    Plain,
}

impl Outlet {
    /// For stderr, which is a file of this kind.
    #[must_use]
    pub fn stderr(kind: FileType) -> Outlet {
        let way = match kind {
            FileType::Fifo => Way::Now,
            FileType::Socket => Way::Send,
            _ => Way::Plain,
        };
        Outlet {
            way,
            reopened: None,
        }
    }

    /// For poll(2).
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.reopened.as_ref().map_or(sys::stderr(), AsFd::as_fd)
    }

    /// Writes what it can without waiting.
    ///
    /// # Errors
    /// `WouldBlock` and `Interrupted` are to be tried again; any other means that nobody will ever read it.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let page = &bytes[..bytes.len().min(ATOMIC)];
            let done = match self.way {
                Way::Now => sys::write_now(self.descriptor(), bytes),
                Way::Send => sys::send_now(self.descriptor(), bytes),
                Way::Reopened | Way::Plain => sys::write(self.descriptor(), bytes),
                Way::Ready => sys::write_ready(self.descriptor(), page),
            };
            match (self.way, done) {
                (_, Ok(count)) => return Ok(count),
                (_, Err(error)) if is_final(&error) || is_passing(&error) => return Err(error),
                // Any other error of a special way to write says that it is not to be had here.
                (Way::Now, _) => self.reopen(),
                (Way::Send | Way::Reopened, _) => self.write_when_ready(),
                // A full disk, and the like: the command would have gone on without these bytes.
                (Way::Ready | Way::Plain, _) => return Ok(bytes.len()),
            }
        }
    }

    /// Opens the pipe once more, not to wait at this opening.
    fn reopen(&mut self) {
        match sys::open_without_waiting(self.descriptor()) {
            Ok(again) => {
                self.way = Way::Reopened;
                self.reopened = Some(again);
            }
            Err(_) => self.write_when_ready(),
        }
    }

    fn write_when_ready(&mut self) {
        self.way = Way::Ready;
        self.reopened = None;
    }
}

/// Whether nobody will ever read what is written.
fn is_final(error: &io::Error) -> bool {
    let gone = [
        ErrorKind::BrokenPipe,
        ErrorKind::ConnectionReset,
        ErrorKind::NotConnected,
    ];
    gone.contains(&error.kind())
}

/// Whether it is only not to be had just now.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
