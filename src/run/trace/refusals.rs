//! The refused calls of a process, and which of them it worked around.

use std::collections::VecDeque;
use std::ffi::c_int;

use nix::libc;

use super::entry::{Failed, Refusal};
use super::log::{Log, Place};
use super::table::{Does, Row};

/// The maximum number of refused calls of a process that are remembered until it ends.
const REMEMBERED: usize = 16;

/// After this many further calls, a success no longer counts as a reaction to a refusal.
const ATTENTION: u32 = 256;

/// The refused calls of a process.
#[derive(Debug, Default)]
pub struct Refusals {
    parent: i32,
    latest: VecDeque<Latest>,
    /// The number of watched calls since its first refusal.
    calls: u32,
    attention: u32,
}

/// A remembered refusal.
#[derive(Debug)]
struct Latest {
    place: Place,
    deed: Deed,
    /// The last component of its path.
    name: Vec<u8>,
    /// Whether the same operation has succeeded since.
    passed: bool,
    /// The number of this call among those of its process.
    number: u32,
}

impl Refusals {
    /// The state for a process with this parent, without any refusals.
    #[must_use]
    pub fn new(parent: i32) -> Refusals {
        Refusals {
            parent,
            ..Refusals::default()
        }
    }

    /// Counts a watched call.
    pub fn count(&mut self) {
        self.calls = self.calls.saturating_add(1);
    }

    /// Records a refused call; `name` is the last component of its path.
    pub fn add(&mut self, place: Place, deed: Deed, name: Vec<u8>) {
        self.attention = ATTENTION;
        if self.latest.len() == REMEMBERED {
            self.latest.pop_front();
        }
        self.latest.push_back(Latest {
            place,
            deed,
            name,
            passed: false,
            number: self.calls,
        });
    }

    /// Whether a refusal is recent enough for the present call to be a reaction to it.
    #[must_use]
    pub fn are_recent(&self) -> bool {
        self.attention > 0
    }

    /// A call has succeeded: marks the refusals that it was a reaction to, here and in the log.
    pub fn answer(&mut self, deed: Deed, name: &[u8], log: &Log) {
        self.attention = self.attention.saturating_sub(1);
        self.pass(log, |latest| {
            deed.answers(latest.deed, !name.is_empty() && name == latest.name)
        });
    }

    /// The process has executed another program: marks the refusals that occurred while it searched for one.
    pub fn answer_by_program(&mut self, log: &Log) {
        self.pass(log, |latest| {
            matches!(latest.deed, Deed::Look | Deed::Other(Does::Exec))
        });
    }

    fn pass(&mut self, log: &Log, is_answered: impl Fn(&Latest) -> bool) {
        for latest in &mut self.latest {
            if !latest.passed && is_answered(latest) {
                latest.passed = true;
                log.pass(latest.place);
            }
        }
    }

    /// The entry for the end of the process, with this id and exit code.
    #[must_use]
    pub fn failed(&self, pid: i32, code: c_int) -> Failed {
        let refused = self.latest.iter().map(|latest| Refusal {
            place: latest.place.number(),
            passed: latest.passed,
            followed_by: self.calls - latest.number,
        });
        Failed {
            pid,
            parent: self.parent,
            code,
            refused: refused.collect(),
        }
    }
}

/// The kind of a call, as far as it matters for whether one call can be a reaction to the refusal of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Checks whether something exists or is permitted.
    Look,
    /// Opens for reading only.
    Read,
    /// Opens for writing or otherwise.
    Write,
    /// Binds or connects a socket.
    Address,
    /// Anything else.
    Other(Does),
}

impl Deed {
    /// The kind of a call with these arguments.
    #[must_use]
    pub fn of(row: &Row, arguments: [u64; 6]) -> Deed {
        let flags = |argument: u8| arguments[usize::from(argument)] as i32;
        let reads = |argument| flags(argument) & libc::O_ACCMODE == libc::O_RDONLY;
        match row.does {
            Does::Look | Does::Access(_) => Deed::Look,
            // It requires nothing of the object.
            Does::Open(argument) if flags(argument) & libc::O_PATH != 0 => Deed::Look,
            Does::Open(argument) if reads(argument) => Deed::Read,
            Does::Read => Deed::Read,
            Does::Open(_) | Does::OpenHow(_) | Does::Create => Deed::Write,
            Does::Bind | Does::Connect => Deed::Address,
            does => Deed::Other(does),
        }
    }

    /// Whether the success of this call makes up for the refusal of that one: the same name found in another directory, the
    /// same file opened in another way that serves the purpose, another address.
    fn answers(self, refused: Deed, same_name: bool) -> bool {
        match (refused, self) {
            (Deed::Address, Deed::Address) => true,
            (Deed::Look, _)
            | (Deed::Read, Deed::Read | Deed::Write)
            | (Deed::Write, Deed::Write) => same_name,
            (Deed::Other(refused), Deed::Other(done)) => same_name && refused == done,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::trace::table::CALLS;

    /// openat(2) with these flags.
    fn opened(flags: libc::c_int) -> Deed {
        let mut rows = CALLS.iter();
        let row = rows
            .find(|row| row.name == "openat")
            .expect("it is watched");
        Deed::of(row, [0, 0, flags as u64, 0, 0, 0])
    }

    #[test]
    fn a_handle_of_a_directory_does_not_make_up_for_reading_it() {
        let list = opened(libc::O_RDONLY | libc::O_DIRECTORY);
        let handle = opened(libc::O_PATH | libc::O_DIRECTORY);
        assert!(list.answers(list, true) && list.answers(handle, true));
        assert!(!handle.answers(list, true));
    }
}
