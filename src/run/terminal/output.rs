//! What appears on the command's terminal, and how it gets to the user's.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::libc;

use super::modes::{self, Modes};
use super::returns::Returns;
use super::screen::Screen;
use super::{PIECE, Terminal};
use crate::run::signals::Inbox;
use crate::run::sys;
use crate::run::watch::{Watch, wants_the_end};

/// What appeared on the command's terminal.
#[derive(Default)]
pub struct Output {
    /// What is to be shown on the user's, and was not taken yet.
    pub shown: Vec<u8>,
    pub returns: Returns,
    pub screen: Screen,
}

impl Terminal {
    /// Reads what appeared on the command's terminal; false when there is no more for now.
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
        watch.see(&bytes);
        self.output.screen.after(&bytes);
        self.mind_modes();
        self.look_soon();
        if !self.job.foreground && self.is_foreground() {
            self.take_place();
        }
        self.put(&bytes);
        true
    }

    /// Adds to what is to be shown, as the user's terminal now needs it.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        if !self.user.raw && Modes::of(&self.user.opening).is_ok_and(|modes| modes.add_returns()) {
            self.output.shown.extend(self.output.returns.remove(bytes));
        } else {
            self.output.shown.extend_from_slice(bytes);
        }
    }

    /// Shows what it can without waiting.
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

    /// Waits until everything is shown, as the command would have waited.
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

    /// Writes hints at a moment when they disturb nobody.
    pub(super) fn say(&mut self, watch: &mut Watch) {
        if !self.output.shown.is_empty() || self.output.screen.is_alternate() {
            return;
        }
        let is_plain = self.command_modes().is_some_and(|modes| modes.are_plain());
        let words = match (is_plain, self.is_at_prompt()) {
            (true, _) => watch.due(),
            (false, true) => watch.due_at_prompt(),
            (false, false) => None,
        };
        if let Some(words) = words {
            self.put_words(&words);
            self.show();
        }
    }

    /// Whether the command is a shell that edits its next line: it has its terminal's foreground to itself.
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
