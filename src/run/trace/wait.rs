//! Waiting for the next event of a tracee: waitpid(2) with all 64 signals (nix knows 31).
//!
//! A tracee usually stops again within microseconds, and going to sleep and being woken takes longer than that, on each side.
//! If there is a processor for the tracee beside the tracer's, the tracer therefore keeps polling for a while, then lets others
//! run between polls, and sleeps only after that.

use std::ffi::c_int;
use std::io;

use nix::libc;

/// The maximum number of polls in close succession. Together they last about as long as execve(2).
const MOST_POLLS: u32 = 200;

/// The pause between them, in iterations of an empty loop.
const PAUSE: u32 = 20;

/// The number of polls between which other threads on the same processor may run.
const GLANCES: u32 = 40;

/// How a tracee's state has changed: its id, and the status as waitpid(2) reports it.
type Change = (i32, c_int);

/// How to wait.
#[derive(Debug)]
pub struct Wait {
    /// The number of polls in close succession that are worth while at present.
    polls: u32,
    most_polls: u32,
}

impl Wait {
    /// Starts with the maximum number of polls.
    #[must_use]
    pub fn new() -> Wait {
        let most_polls = if has_another_processor() {
            MOST_POLLS
        } else {
            0
        };
        Wait {
            polls: most_polls,
            most_polls,
        }
    }

    /// The next change of a tracee's state; `None` if there are no tracees left.
    #[must_use]
    pub fn next(&mut self) -> Option<Change> {
        self.soon().unwrap_or_else(|| {
            loop {
                match poll(0) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    change => return change.ok().flatten(),
                }
            }
        })
    }

    /// The next change, if it happens soon.
    fn soon(&mut self) -> Option<Option<Change>> {
        for _ in 0..self.polls {
            match poll(libc::WNOHANG) {
                Ok(None) => (0..PAUSE).for_each(|_| std::hint::spin_loop()),
                change => return Some(change.ok().flatten()),
            }
        }
        // The tracee is busy, or is waiting for this processor because all others are busy.
        self.polls /= 2;
        for _ in 0..GLANCES {
            match poll(libc::WNOHANG) {
                Ok(None) => rustix::thread::sched_yield(),
                change => {
                    self.polls = (self.polls + 1).min(self.most_polls);
                    return Some(change.ok().flatten());
                }
            }
        }
        None
    }
}

/// Whether this process may run on more than one processor.
fn has_another_processor() -> bool {
    rustix::thread::sched_getaffinity(None).is_ok_and(|processors| processors.count() > 1)
}

fn poll(how: c_int) -> io::Result<Option<Change>> {
    let mut status = 0;
    // SAFETY: the status is an int that the kernel writes to.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | how) };
    match pid {
        ..0 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => Ok(Some((pid, status))),
    }
}
