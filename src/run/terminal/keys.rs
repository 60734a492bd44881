//! Typed keys: for whom they are meant, and how they get from the user's terminal to the command's.

use std::time::Instant;

use nix::libc;

use super::modes::{self, Modes};
use super::{GRACE, PIECE, Terminal};
use crate::run::sys;

impl Terminal {
    /// Passes on typed keys.
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
        // An error is expected if the terminal belongs to another process group now.
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

    /// In a pipeline: schedules another check.
    pub(super) fn look_soon(&mut self) {
        if self.user.shared && self.job.foreground && !self.user.raw && self.keys.look.is_none() {
            self.keys.look = Some(Instant::now() + GRACE);
        }
    }

    /// In a pipeline: takes over the user's terminal as long as the command has changed the modes of its own.
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

    /// In a pipeline: passes on a line, or an end of input, that nobody else has read.
    pub(super) fn take_unclaimed(&mut self) {
        let user = &self.user.opening;
        let plain = Modes::of(user).is_ok_and(|modes| modes.are_plain());
        if self.user.raw || !self.job.foreground || !plain || !sys::is_readable(user) {
            return;
        }
        let read = sys::append(user, &mut self.keys.typed, PIECE).is_ok();
        if read && self.keys.typed.last() != Some(&b'\n') {
            // Reading does not return the end-of-input character that ended the line.
            self.keys.typed.extend(self.user.before.end_of_input());
        }
        self.keys.sent |= read;
        self.type_unseen();
    }

    /// Passes on keys that were already echoed.
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

    /// Puts the user's terminal in raw mode. The command's terminal gets its modes, unless the command has set its own: a shell
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

    /// Gives these modes to the user's terminal.
    pub(super) fn give_back(&mut self, modes: &Modes) {
        if self.user.raw && self.is_foreground() {
            modes.set(&self.user.opening);
        }
        self.user.raw = false;
    }

    /// Whether typed keys are waiting to be read.
    pub(super) fn has_typeahead(&self) -> bool {
        sys::readable(&self.user.opening).is_some_and(|count| count > 0)
    }

    /// Moves keys that were typed before the user's terminal was taken over to the command's terminal.
    pub(super) fn move_typeahead(&mut self) {
        if self.has_typeahead() {
            self.read_keys();
            // They were echoed when they were typed.
            self.type_unseen();
        }
    }

    /// Takes back the keys that the command never read.
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
