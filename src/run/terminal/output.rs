//! The output on the command's terminal, and how it gets to the user's.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::libc;

use super::modes::{self, Modes};
use super::returns::Returns;
use super::screen::Screen;
use super::{PIECE, Terminal};
use crate::run::signals::Inbox;
use crate::run::stream::Stream;
use crate::run::sys;
use crate::run::watch::{Watch, wants_the_end};

/// The output on the command's terminal.
#[derive(Default)]
pub struct Output {
    /// Output for the user's terminal that has not been written yet.
    pub shown: Vec<u8>,
    pub returns: Returns,
    pub screen: Screen,
}

impl Terminal {
    /// Reads output of the command's terminal; false if there is no more for now.
    pub(super) fn take_output(&mut self, watch: &mut Watch) -> bool {
        let Some(master) = &self.inner.master else {
            return false;
        };
        let mut bytes = Vec::new();
        match sys::append(master, &mut bytes, PIECE) {
            Ok(count) if count > 0 => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return false,
            _ => {
                self.inner.vacant = true;
                return false;
            }
        }
        watch.see(self.stream, &bytes);
        self.output.screen.after(&bytes);
        self.mind_modes();
        self.look_soon();
        if !self.job.foreground && self.is_foreground() {
            self.take_place();
        }
        self.put(&bytes);
        true
    }

    /// Adds to the pending output, in the form that the user's terminal requires at present.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        if !self.user.raw && Modes::of(&self.user.opening).is_ok_and(|modes| modes.add_returns()) {
            self.output.shown.extend(self.output.returns.remove(bytes));
        } else {
            self.output.shown.extend_from_slice(bytes);
        }
    }

    /// Writes as much as possible without blocking.
    pub(super) fn show(&mut self) {
        while !self.output.shown.is_empty() {
            match sys::write(&self.user.opening, &self.output.shown) {
                Ok(count) => {
                    self.output.shown.drain(..count);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.output.shown.clear();
                    self.hang_up();
                }
            }
        }
    }

    /// Waits until everything has been written, as the command would have waited.
    pub(super) fn show_all(&mut self, inbox: &Inbox) -> bool {
        self.show();
        while !self.output.shown.is_empty() {
            let mut watched = [
                sys::watch(self.user.opening.as_fd(), libc::POLLOUT),
                sys::watch(inbox.descriptor(), libc::POLLIN),
            ];
            sys::poll(&mut watched, -1);
            if watched[1].revents != 0 && wants_the_end(inbox) {
                return false;
            }
            self.show();
        }
        true
    }

    /// Writes hints when they disturb nobody.
    pub(super) fn say(&mut self, watch: &mut Watch) {
        if self.channels.has(Stream::Stderr) {
            return self.channels.say_what_is_due(watch);
        }
        if !self.output.shown.is_empty() || self.output.screen.is_alternate() {
            return;
        }
        let is_plain = self.command_modes().is_some_and(|modes| modes.are_plain());
        let words = match (is_plain, self.is_at_prompt()) {
            (true, _) => watch.due_on_terminal(),
            (false, true) => watch.due_at_prompt(),
            (false, false) => None,
        };
        if let Some(words) = words {
            self.put_words(&words);
            self.show();
        }
    }

    /// Whether the command is a shell that is reading its next line: it is itself in the foreground of its terminal.
    fn is_at_prompt(&self) -> bool {
        let own = |master: &OwnedFd| modes::foreground(master) == self.job.command;
        self.job.shell && self.inner.master.as_ref().is_some_and(own)
    }

    pub(super) fn put_words(&mut self, words: &[u8]) {
        for line in words.split_inclusive(|b| *b == b'\n') {
            match line {
                [text @ .., b'\n'] if self.user.raw => {
                    self.output.shown.extend([text, b"\r\n"].concat())
                }
                line => self.output.shown.extend_from_slice(line),
            }
        }
    }
}
