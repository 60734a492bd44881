//! The wording to look for in the command's output: refusals in the language of its locale, and the literals of the user's own
//! patterns.
//!
//! Determining it requires reading files: those of a locale, and a configuration in a home directory that may be on a dead
//! network file system. A separate process does that, when the command first writes something.

use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::libc;

use super::diagnosis::wire;
use super::helper::Helper;
use super::sys;
use crate::gather;

/// The maximum length of an answer, in bytes.
const MOST: usize = 256 * 1024;

/// The request and the answer received so far.
#[derive(Debug)]
pub struct Wording {
    helper: Helper,
    answers: OwnedFd,
    received: Vec<u8>,
}

impl Wording {
    /// Requests the wording. `own` returns the literals of the user's own patterns. `None` if no process can be created.
    pub fn ask(own: Option<fn() -> Vec<Vec<u8>>>) -> Option<Wording> {
        let (answers, theirs) = sys::stream().ok()?;
        let life = || {
            // SAFETY: this process uses no other descriptor, and exits after this function.
            unsafe { sys::keep_only(&[theirs.as_raw_fd()]) };
            if let Ok(theirs) = sys::beyond_standard_streams(&theirs) {
                sys::silence_standard_streams();
                answer(&theirs, own);
            }
        };
        // SAFETY: the relay has a single thread.
        let helper = unsafe { Helper::start(life) }?;
        Some(Wording {
            helper,
            answers,
            received: Vec::new(),
        })
    }

    /// The poll(2) entry to wait for.
    #[must_use]
    pub fn watched(&self) -> libc::pollfd {
        sys::watch(self.answers.as_fd(), libc::POLLIN)
    }

    /// Whether the answer is complete. If the process was killed, it may have been cut off.
    pub fn is_answered(&mut self) -> bool {
        loop {
            match sys::append(&self.answers, &mut self.received, 4096) {
                Ok(count) if count > 0 && self.received.len() < MOST => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                _ => return true,
            }
        }
    }

    /// The literals received so far. No more will be read.
    #[must_use]
    pub fn words(self) -> Vec<Vec<u8>> {
        self.helper.dismiss();
        let mut rest = &self.received[..];
        std::iter::from_fn(|| wire::bytes(&mut rest)).collect()
    }
}

fn answer(relay: &OwnedFd, own: Option<fn() -> Vec<Vec<u8>>>) {
    let refusals = gather::refusals_in_locale().into_iter();
    let mut words: Vec<Vec<u8>> = refusals.map(|(_, words)| words).collect();
    words.extend(own.map(|own| own()).unwrap_or_default());
    let mut out = Vec::new();
    words
        .iter()
        .for_each(|word| wire::put_bytes(&mut out, word));
    let mut rest = &out[..];
    while !rest.is_empty() {
        match sys::write(relay, rest) {
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                sys::poll(&mut [sys::watch(relay.as_fd(), libc::POLLOUT)], -1);
            }
            Err(_) => return,
        }
    }
}
