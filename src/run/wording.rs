//! What is looked for in what the command writes: refusals in the words of its language, and what the user's own patterns
//! speak of.
//!
//! Finding that out reads files: a locale's, a configuration's, in a home directory that may be a network file system which
//! does not answer. So a process of its own does it, when the command writes for the first time.

use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::libc;

use super::diagnosis::wire;
use super::helper::Helper;
use super::sys;
use crate::gather;

/// The most that is taken of an answer, in bytes.
const MOST: usize = 256 * 1024;

/// The question and, by and by, its answer.
#[derive(Debug)]
pub struct Wording {
    helper: Helper,
    answers: OwnedFd,
    received: Vec<u8>,
}

impl Wording {
    /// Asks. `own` is what the user's own patterns look for. `None` when there is no process to be had.
    pub fn ask(own: Option<fn() -> Vec<Vec<u8>>>) -> Option<Wording> {
        let (answers, theirs) = sys::stream().ok()?;
        let life = || {
            // SAFETY: this process does what follows and then ends, and uses no other descriptor.
            unsafe { sys::keep_only(&[theirs.as_raw_fd()]) };
            if let Ok(theirs) = sys::beyond_standard_streams(&theirs) {
                sys::silence_standard_streams();
                answer(&theirs, own);
            }
        };
        // SAFETY: the relay has one thread.
        let helper = unsafe { Helper::start(life) }?;
        Some(Wording {
            helper,
            answers,
            received: Vec::new(),
        })
    }

    /// For poll(2): what is to be waited for.
    #[must_use]
    pub fn watched(&self) -> libc::pollfd {
        sys::watch(self.answers.as_fd(), libc::POLLIN)
    }

    /// Whether the answer is there. It may be that of a process which was killed.
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

    /// The words, as far as they have arrived. No more will.
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
