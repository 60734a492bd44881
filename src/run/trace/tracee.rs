//! The traced threads, and the calls at whose starts and ends they are stopped.

use std::collections::{HashMap, HashSet};

use super::look::{Program, last_component};
use super::object;
use super::sys::{self, CallInfo};
use super::table::{self, Abi, CALLS, Does, NAMESPACES, Object, Row, UNTRACED};

/// A traced thread.
#[derive(Debug, Default)]
pub struct Tracee {
    /// Whether it is between the start and the end of a watched call.
    pub inside: bool,
    /// Whether it is stopped at every call, because a filter of its own may answer some.
    pub every_call: bool,
    /// Whether the tracer's filter stopped it at the start of the present call.
    pub seen_by_filter: bool,
    /// Whether the success of the present call matters.
    pub matters: bool,
    /// The present call, if its end does not identify it.
    pub start: Option<CallInfo>,
    /// Whether it runs a program that would have received privileges from its file if it were not traced.
    pub deprived: bool,
    /// Whether it, or an ancestor, has set no_new_privs or entered a Landlock sandbox.
    pub confined: bool,
    /// Whether it differs from the tracer: other credentials, another root directory or other mounts, a sandbox. What is
    /// permitted to the tracer then says nothing about it.
    pub differs: bool,
    /// Whether the present call creates a process in new namespaces.
    pub makes_namespaces: bool,
    /// The process id, if the process has had refused calls.
    pub process: Option<i32>,
    /// Whether it may be a thread of a process beside the first.
    pub is_beside: bool,
    /// Whether it stops when it has executed a program.
    pub stops_at_programs: bool,
    /// The program that it is about to execute, if that can be told apart from others.
    pub executes: Option<Program>,
}

/// All traced threads.
#[derive(Debug, Default)]
pub struct Tracees {
    threads: HashMap<i32, Tracee>,
    /// New threads whose creator has not been reported yet. They are held at their first stop, because they inherit its state.
    held: HashSet<i32>,
}

impl Tracees {
    /// Adds a thread that is going to be traced.
    pub fn add(&mut self, pid: i32) -> &mut Tracee {
        self.threads.entry(pid).or_default()
    }

    /// The state of a thread. An unknown one was created by a thread that was killed before the kernel reported it.
    pub fn get(&mut self, pid: i32) -> &mut Tracee {
        if !self.threads.contains_key(&pid) {
            let every_call = self.threads.values().any(|tracee| tracee.every_call);
            let new = Tracee {
                every_call,
                differs: true,
                is_beside: true,
                ..Tracee::default()
            };
            self.threads.insert(pid, new);
        }
        self.threads.entry(pid).or_default()
    }

    /// The state of a thread, if it is known.
    #[must_use]
    pub fn known(&self, pid: i32) -> Option<&Tracee> {
        self.threads.get(&pid)
    }

    /// Whether there are none left.
    #[must_use]
    pub fn are_gone(&self) -> bool {
        self.threads.is_empty()
    }

    /// Each thread's state.
    pub fn each(&mut self) -> impl Iterator<Item = &mut Tracee> {
        self.threads.values_mut()
    }

    /// A new thread is at its first stop. If its creator has not been reported yet, it is held there, and this returns true.
    pub fn hold(&mut self, pid: i32) -> bool {
        let is_new = !self.threads.contains_key(&pid);
        if is_new {
            self.held.insert(pid);
        }
        is_new
    }

    /// A thread has created another one, which inherits its state. It `is_beside` if it may be another
    /// thread of the same process. Returns whether the new one was held.
    pub fn inherit(&mut self, creator: i32, new: i32, is_beside: bool) -> bool {
        let &mut Tracee {
            every_call,
            confined,
            deprived,
            differs,
            makes_namespaces,
            stops_at_programs,
            ..
        } = self.get(creator);
        let tracee = self.threads.entry(new).or_default();
        tracee.every_call |= every_call;
        tracee.confined |= confined;
        tracee.differs |= differs || makes_namespaces;
        tracee.deprived = deprived;
        tracee.is_beside |= is_beside;
        tracee.stops_at_programs = stops_at_programs;
        self.held.remove(&new)
    }

    /// A thread has taken over the id of its process, after all others of the process have ended (execve(2)).
    pub fn rename(&mut self, before: i32, pid: i32) {
        if let Some(tracee) = self.threads.remove(&before) {
            self.threads.insert(pid, tracee);
        }
    }

    /// The threads that were held until now.
    pub fn take_held(&mut self) -> HashSet<i32> {
        std::mem::take(&mut self.held)
    }

    /// A thread has ended.
    pub fn end(&mut self, pid: i32) {
        self.threads.remove(&pid);
    }
}

/// The end of a watched call.
#[derive(Debug, Clone, Copy)]
pub struct EndedCall {
    /// The ABI it was made with.
    pub abi: Abi,
    /// Its index in the table.
    pub at: usize,
    /// Its row there.
    pub row: &'static Row,
    /// Its arguments.
    pub arguments: [u64; 6],
}

impl EndedCall {
    /// The call at whose end a thread is stopped; `None` if it is not in the table.
    pub fn of(pid: i32, start: Option<CallInfo>) -> Option<EndedCall> {
        let abi = Abi::with_audit_number(sys::call_info(pid)?.arch)?;
        let (number, arguments) = sys::ended_call(pid, abi, start)?;
        let number = u32::try_from(number).ok()?;
        let (number, arguments) =
            unpacked(pid, abi, number, arguments).unwrap_or((number, arguments));
        let mut rows = CALLS.iter().enumerate();
        let (at, row) =
            rows.find(|(_, row)| row.number(abi) == Some(number) && row.when.holds(arguments))?;
        Some(EndedCall {
            abi,
            at,
            row,
            arguments,
        })
    }

    /// The last component of its path; empty if it has none.
    pub fn name(&self, pid: i32) -> Vec<u8> {
        match self.row.object {
            Object::Path(path) | Object::At(_, path) => {
                last_component(&object::text_at(pid, self.arguments[usize::from(path)]))
            }
            _ => Vec::new(),
        }
    }
}

/// The call that socketcall(2) of a 32-bit program stands for: its number among the first's arguments, its own arguments in
/// memory.
fn unpacked(pid: i32, abi: Abi, number: u32, arguments: [u64; 6]) -> Option<(u32, [u64; 6])> {
    let [which, packed, ..] = arguments;
    let is_packed = abi == Abi::I386 && number == table::SOCKETCALL;
    let name = is_packed.then(|| table::packed_socket_call(which))??;
    let row = CALLS.iter().find(|row| row.name == name)?;
    let words = [0, 2, 4].map(|at| object::word_at(pid, packed + 4 * at).unwrap_or(0));
    let [a, b, c] = words.map(|word| [word & 0xFFFF_FFFF, word >> 32]);
    Some((row.number(abi)?, [a[0], a[1], b[0], b[1], c[0], c[1]]))
}

/// Handles the start of clone(2) or clone3(2): clears CLONE_UNTRACED, because the new process has the filter, and without a
/// tracer the kernel would answer its calls with ENOSYS. Returns whether the end of the call matters, because it creates
/// namespaces.
pub fn keep_traced(pid: i32, info: &CallInfo) -> bool {
    let untraced = u64::from(UNTRACED);
    let Some(abi) = Abi::with_audit_number(info.arch) else {
        return true;
    };
    let [first, ..] = info.arguments();
    let is_clone3 = table::find(abi, info.number()).is_some_and(|row| row.does == Does::Clone3);
    let flags = match is_clone3 {
        true => object::word_at(pid, first),
        false => Some(first),
    };
    let Some(flags) = flags else {
        return true;
    };
    if flags & untraced != 0 {
        match is_clone3 {
            true => object::set_word(pid, first, flags & !untraced),
            false => sys::set_first_argument(pid, abi, flags & !untraced),
        }
    }
    flags & u64::from(NAMESPACES) != 0
}
