//! The refused calls of one process, and which of them it got round.

use std::collections::VecDeque;
use std::ffi::c_int;

use nix::libc;

use super::entry::{Failed, Refusal};
use super::log::{Log, Place};
use super::table::{Does, Row};

/// How many refused calls of a process are remembered until it ends.
const REMEMBERED: usize = 16;

/// After how many further calls a success no longer counts as the answer to a refusal.
const ATTENTION: u32 = 256;

/// The refused calls of one process.
#[derive(Debug, Default)]
pub struct Refusals {
    parent: i32,
    latest: VecDeque<Latest>,
    /// How many watched calls it made since its first refusal.
    calls: u32,
    attention: u32,
}

/// One of the latest.
#[derive(Debug)]
struct Latest {
    place: Place,
    deed: Deed,
    /// The last component of its path.
    name: Vec<u8>,
    /// Whether the same worked afterwards.
    passed: bool,
    /// The number of this call among those of its process.
    number: u32,
}

impl Refusals {
    /// Of a process with this parent, none yet.
    #[must_use]
    pub fn new(parent: i32) -> Refusals {
        Refusals {
            parent,
            ..Refusals::default()
        }
    }

    /// It made a watched call.
    pub fn count(&mut self) {
        self.calls = self.calls.saturating_add(1);
    }

    /// A call was refused; `name` is the last component of its path.
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

    /// Whether what it does now may be the answer to one of them.
    #[must_use]
    pub fn are_recent(&self) -> bool {
        self.attention > 0
    }

    /// A call worked: marks those refusals, here and in the log, to which that was the answer.
    pub fn answer(&mut self, deed: Deed, name: &[u8], log: &Log) {
        self.attention = self.attention.saturating_sub(1);
        self.pass(log, |latest| {
            deed.answers(latest.deed, !name.is_empty() && name == latest.name)
        });
    }

    /// It runs another program now: what looked for that has found it.
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

    /// The process with this number ended with this code.
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

/// What a call does, as far as another can be the answer to its refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It looks whether something is there or may be done.
    Look,
    /// It opens for reading only.
    Read,
    /// It opens for more.
    Write,
    /// It binds or connects a socket.
    Address,
    /// Anything else.
    Other(Does),
}

impl Deed {
    /// Of a call with these arguments.
    #[must_use]
    pub fn of(row: &Row, arguments: [u64; 6]) -> Deed {
        let reads =
            |flags: u8| arguments[usize::from(flags)] as i32 & libc::O_ACCMODE == libc::O_RDONLY;
        match row.does {
            Does::Look | Does::Access(_) => Deed::Look,
            Does::Open(flags) if reads(flags) => Deed::Read,
            Does::Read => Deed::Read,
            Does::Open(_) | Does::OpenHow(_) | Does::Create => Deed::Write,
            Does::Bind | Does::Connect => Deed::Address,
            does => Deed::Other(does),
        }
    }

    /// Whether a success of this is what was wanted by that which was refused: the same name found in another directory,
    /// the same file had in another way that is worth as much, another address.
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
