//! What is typed: whose it is, and how it gets from the user's terminal to the command's.

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
            if self.keys.look.is_none() {
                self.read_keys();
            }
        }
        self.type_keys();
    }

    pub(super) fn read_keys(&mut self) {
        // An error is no news: the terminal is another group's now.
        if matches!(sys::append(&self.user.opening, &mut self.keys.typed, PIECE), Ok(count) if count > 0)
        {
            self.keys.sent = true;
        }
    }

    pub(super) fn type_keys(&mut self) {
        if let Some(master) = &self.inner.master
            && !self.keys.typed.is_empty()
            && let Ok(count) = sys::write(master, &self.keys.typed)
        {
            self.keys.typed.drain(..count);
        }
    }

    /// In a pipeline: looks again in a moment.
    pub(super) fn look_soon(&mut self) {
        if self.user.shared && self.job.foreground && !self.user.raw && self.keys.look.is_none() {
            self.keys.look = Some(Instant::now() + GRACE);
        }
    }

    /// In a pipeline: the user's terminal is the command's as long as the command has changed the modes of its own.
    pub(super) fn mind_modes(&mut self) {
        if !self.user.shared || !self.job.foreground {
            return;
        }
        let plain = self.command_modes().is_none_or(|modes| modes.are_plain());
        if plain && self.user.raw {
            self.give_back(&self.user.before.clone());
        } else if !plain && !self.user.raw {
            self.take_over();
        }
    }

    /// In a pipeline: a line that nobody else took is the command's, and so is an end of input.
    pub(super) fn take_unclaimed(&mut self) {
        let user = &self.user.opening;
        let plain = Modes::of(user).is_ok_and(|modes| modes.are_plain());
        if self.user.raw || !self.job.foreground || !plain || !sys::is_readable(user) {
            return;
        }
        let read = sys::append(user, &mut self.keys.typed, PIECE).is_ok();
        if read && self.keys.typed.last() != Some(&b'\n') {
            // The key for the end of input is not read; it ended the line.
            self.keys.typed.extend(self.user.before.end_of_input());
        }
        self.keys.sent |= read;
        self.type_unseen();
    }

    /// Hands on what was typed and shown already.
    pub(super) fn type_unseen(&mut self) {
        let Some(Ok(slave)) = self.inner.master.as_ref().map(modes::slave_without_waiting) else {
            return;
        };
        if let Ok(modes) = Modes::of(&slave) {
            modes.silent().set(&slave);
            self.type_keys();
            modes::settle(&slave);
            modes.set(&slave);
        }
    }

    /// The user's terminal becomes raw. Its modes are the command's, as long as the command has not chosen its own: a shell
    /// that starts a job in the background has other modes for itself.
    pub(super) fn take_over(&mut self) {
        let Ok(before) = Modes::of(&self.user.opening) else {
            return;
        };
        if let Some(master) = &self.inner.master
            && Modes::of(master).is_ok_and(|modes| modes == self.inner.modes)
        {
            before.set(master);
            self.inner.modes = before.clone();
        }
        before.raw().set(&self.user.opening);
        self.user.before = before;
        self.user.raw = true;
        self.keys.look = None;
    }

    /// The user's terminal gets these modes.
    pub(super) fn give_back(&mut self, modes: &Modes) {
        if self.user.raw && self.is_foreground() {
            modes.set(&self.user.opening);
        }
        self.user.raw = false;
    }

    /// Whether something was typed that nobody has read.
    pub(super) fn has_typeahead(&self) -> bool {
        sys::readable(&self.user.opening).is_some_and(|count| count > 0)
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
        if self.keys.sent
            && let Some(master) = &self.inner.master
            && let Ok(slave) = modes::slave_without_waiting(master)
            && let Ok(modes) = Modes::of(&slave)
        {
            modes.uncooked().set(&slave);
            while sys::append(&slave, &mut unknown, PIECE).is_ok_and(|count| count > 0) {}
            modes.set(&slave);
        }
        unknown.append(&mut self.keys.typed);
        unknown
    }
}
