//! What is typed: whose it is, and how it gets from the user's terminal to the command's.

use std::os::fd::AsRawFd;
use std::time::Instant;

use nix::libc;

use super::modes::{self, Modes};
use super::{GRACE, PIECE, Terminal};
use crate::run::sys;

impl Terminal {
    /// Hands on what was typed.
    pub(super) fn relay_keys(&mut self, user: i16) {
        if user & (libc::POLLHUP | libc::POLLERR) != 0 {
            return self.hang_up();
        }
        if user & libc::POLLIN != 0 {
            self.look_soon();
            if self.look.is_none() {
                self.read_keys();
            }
        }
        self.type_keys();
    }

    pub(super) fn read_keys(&mut self) {
        // An error is no news: the terminal is another group's now.
        if matches!(sys::append(self.user.as_raw_fd(), &mut self.typed, PIECE), Ok(count) if count > 0)
        {
            self.keys = true;
        }
    }

    pub(super) fn type_keys(&mut self) {
        if let Some(master) = &self.master
            && !self.typed.is_empty()
            && let Ok(count) = sys::write(master.as_raw_fd(), &self.typed)
        {
            self.typed.drain(..count);
        }
    }

    /// In a pipeline: looks again in a moment.
    pub(super) fn look_soon(&mut self) {
        if self.shared && self.foreground && !self.raw && self.look.is_none() {
            self.look = Some(Instant::now() + GRACE);
        }
    }

    /// In a pipeline: the user's terminal is the command's as long as the command has changed the modes of its own.
    pub(super) fn mind_modes(&mut self) {
        if !self.shared || !self.foreground {
            return;
        }
        let plain = self.command_modes().is_none_or(|modes| modes.are_plain());
        if plain && self.raw {
            self.give_back(self.before);
        } else if !plain && !self.raw {
            self.take_over();
        }
    }

    /// In a pipeline: a line that nobody else took is the command's, and so is an end of input.
    pub(super) fn take_unclaimed(&mut self) {
        let user = self.user.as_raw_fd();
        let plain = Modes::of(user).is_some_and(|modes| modes.are_plain());
        if self.raw || !self.foreground || !plain || !sys::is_readable(user) {
            return;
        }
        let read = sys::append(user, &mut self.typed, PIECE).is_ok();
        if read && self.typed.last() != Some(&b'\n') {
            // The key for the end of input is not read; it ended the line.
            self.typed.extend(self.before.end_of_input());
        }
        self.keys |= read;
        self.type_unseen();
    }

    /// Hands on what was typed and shown already.
    pub(super) fn type_unseen(&mut self) {
        let Some(Ok(slave)) = self
            .master
            .as_ref()
            .map(|master| modes::slave_of(master, libc::O_NONBLOCK))
        else {
            return;
        };
        if let Some(modes) = Modes::of(slave.as_raw_fd()) {
            modes.silent().set(slave.as_raw_fd());
            self.type_keys();
            modes::settle(&slave);
            modes.set(slave.as_raw_fd());
        }
    }

    /// The user's terminal becomes raw. Its modes are the command's, as long as the command has not chosen its own: a shell
    /// that starts a job in the background has other modes for itself.
    pub(super) fn take_over(&mut self) {
        let Some(before) = Modes::of(self.user.as_raw_fd()) else {
            return;
        };
        if let Some(master) = &self.master
            && Modes::of(master.as_raw_fd()).is_some_and(|modes| modes == self.given.0)
        {
            before.set(master.as_raw_fd());
            self.given.0 = before;
        }
        self.before = before;
        before.raw().set(self.user.as_raw_fd());
        self.raw = true;
        self.look = None;
    }

    /// The user's terminal gets these modes.
    pub(super) fn give_back(&mut self, modes: Modes) {
        if self.raw && self.is_foreground() {
            modes.set(self.user.as_raw_fd());
        }
        self.raw = false;
    }

    /// Whether something was typed that nobody has read.
    pub(super) fn has_typeahead(&self) -> bool {
        sys::readable(&self.user).is_some_and(|count| count > 0)
    }

    /// What was typed before the user's terminal was taken over is moved to the command's.
    pub(super) fn move_typeahead(&mut self) {
        if self.has_typeahead() {
            self.read_keys();
            // It was shown when it was typed.
            self.type_unseen();
        }
    }

    /// What was typed and the command never read.
    pub(super) fn take_unread(&mut self) -> Vec<u8> {
        let mut unknown = Vec::new();
        if self.keys
            && let Some(master) = &self.master
            && let Ok(slave) = modes::slave_of(master, libc::O_NONBLOCK)
            && let Some(modes) = Modes::of(slave.as_raw_fd())
        {
            modes.uncooked().set(slave.as_raw_fd());
            while sys::append(slave.as_raw_fd(), &mut unknown, PIECE).is_ok_and(|count| count > 0) {
            }
            modes.set(slave.as_raw_fd());
        }
        unknown.append(&mut self.typed);
        unknown
    }
}
