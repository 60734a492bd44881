//! One of the wrapper's own streams, written to without ever blocking.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::FileType;

use super::ATOMIC;
use crate::run::stream::Stream;
use crate::run::sys;

/// One of the wrapper's own streams.
#[derive(Debug)]
pub struct Outlet {
    stream: Stream,
    way: Way,
    /// A second open file description of the same pipe, with the wrapper's own flags.
    reopened: Option<OwnedFd>,
}

/// How to write without blocking, although the open file description, and so its flags, are shared with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// pwritev2(2) with `RWF_NOWAIT`: works for pipes since Linux 6.4, but not for FIFOs.
    Now,
    /// send(2) with `MSG_DONTWAIT`: works for sockets.
    Send,
    /// write(2) to an open file description of this process's own, which is non-blocking.
    Reopened,
    /// One page at a time, when poll(2) reports room: the last resort.
    Ready,
    /// write(2): the file never blocks.
    Plain,
}

impl Outlet {
    /// The outlet for this stream, which is a file of this type.
    #[must_use]
    pub fn new(stream: Stream, kind: FileType) -> Outlet {
        let way = match kind {
            FileType::Fifo => Way::Now,
            FileType::Socket => Way::Send,
            _ => Way::Plain,
        };
        Outlet {
            stream,
            way,
            reopened: None,
        }
    }

    /// The descriptor for poll(2).
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        let own = self.stream.own();
        self.reopened.as_ref().map_or(own, AsFd::as_fd)
    }

    /// Writes what it can without blocking.
    ///
    /// # Errors
    /// After `WouldBlock` and `Interrupted` the write is to be repeated. Any other error means that nobody will ever read it.
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
                // Any other error means that this way of writing is not supported here.
                (Way::Now, _) => self.reopen(),
                (Way::Send | Way::Reopened, _) => self.write_when_ready(),
                // A full disk, for example: the command would have continued without these bytes.
                (Way::Ready | Way::Plain, _) => return Ok(bytes.len()),
            }
        }
    }

    /// Opens the pipe once more, in non-blocking mode.
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

/// Whether the write can succeed later.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
