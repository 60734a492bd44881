//! The seccomp filter that stops a process at the calls of the [table](super::table) and lets all others pass at full speed.
//!
//! If a filter of the command itself returns a stricter action (an error number, a signal), that takes precedence (seccomp(2)).
//! Programs with an unknown ABI are not watched.

use nix::libc::{self, sock_filter};

use super::table::{Abi, CALLS, Row, When};

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// The data reported with a stop at a call that creates a process.
pub const MAKES_PROCESS: u16 = 1;
/// The data reported with a stop at a call whose success matters; it is 0 for all calls not listed here.
pub const MATTERS: u16 = 2;
/// The data reported with a stop at a call that executes a program.
pub const EXECUTES: u16 = 3;

/// Allows a call.
const PASS: sock_filter = answer(libc::SECCOMP_RET_ALLOW);

/// The filter program for this machine.
#[must_use]
pub fn filter() -> Vec<sock_filter> {
    let mut program = Vec::with_capacity(1024);
    program.push(load(ARCHITECTURE));
    for &abi in Abi::HERE {
        let section = Section::of(abi);
        // The distance is too long for a conditional jump.
        program.push(jump(libc::BPF_JEQ, abi.audit_number(), 1, 0));
        program.push(skip(1 + section.length(&section.ranges)));
        program.push(load(NUMBER));
        section.search(&section.ranges, &mut program);
    }
    program.push(PASS);
    program
}

/// Consecutive numbers with the same decision: the first number, and where the decision is.
type Range = (u32, std::ops::Range<usize>);

/// The part for one ABI. When a filter is installed, the kernel compiles it and runs it once for every system call number, so
/// the command starts faster if it is short. Consecutive numbers with the same decision form one range, and the range of a number
/// is found by a binary search.
struct Section {
    /// The ranges, in ascending order.
    ranges: Vec<Range>,
    /// The decisions, one after the other.
    decisions: Vec<sock_filter>,
}

impl Section {
    fn of(abi: Abi) -> Section {
        let numbered = |row: &'static Row| Some((row.number(abi)?, row));
        let mut calls: Vec<(u32, &Row)> = CALLS.iter().filter_map(numbered).collect();
        calls.sort_by_key(|(number, _)| *number);
        let mut section = Section {
            ranges: Vec::with_capacity(2 * calls.len()),
            decisions: Vec::with_capacity(4 * calls.len()),
        };
        section.begin(0, &[]);
        for rows in calls.chunk_by(|(one, _), (other, _)| one == other) {
            let number = rows[0].0;
            section.begin(number, rows);
            section.begin(number + 1, &[]);
        }
        section
    }

    /// Starts a range at this number, which these rows decide about, unless the decision is that of the range before.
    fn begin(&mut self, number: u32, rows: &[(u32, &Row)]) {
        if let Some((_, replaced)) = self.ranges.pop_if(|(first, _)| *first == number) {
            self.decisions.truncate(replaced.start);
        }
        let start = self.decisions.len();
        decide(rows, &mut self.decisions);
        let (before, decision) = self.decisions.split_at(start);
        let is_alike = |(_, range): &Range| is_same(&before[range.clone()], decision);
        if self.ranges.last().is_some_and(is_alike) {
            self.decisions.truncate(start);
        } else {
            self.ranges.push((number, start..self.decisions.len()));
        }
    }

    /// Appends a binary search among these ranges.
    fn search(&self, ranges: &[Range], program: &mut Vec<sock_filter>) {
        if let [(_, decision)] = ranges {
            program.extend_from_slice(&self.decisions[decision.clone()]);
            return;
        }
        let (lower, upper) = ranges.split_at(ranges.len() / 2);
        let (first, length) = (upper[0].0, self.length(lower));
        match u8::try_from(length) {
            Ok(length) => program.push(jump(libc::BPF_JGE, first, length, 0)),
            // The distance is too long for a conditional jump.
            Err(_) => program.extend([jump(libc::BPF_JGE, first, 0, 1), skip(length)]),
        }
        self.search(lower, program);
        self.search(upper, program);
    }

    /// The number of instructions of a search among these ranges.
    fn length(&self, ranges: &[Range]) -> usize {
        if let [(_, decision)] = ranges {
            return decision.len();
        }
        let (lower, upper) = ranges.split_at(ranges.len() / 2);
        let length = self.length(lower);
        let jump = if length > u8::MAX.into() { 2 } else { 1 };
        jump + length + self.length(upper)
    }
}

fn is_same(one: &[sock_filter], other: &[sock_filter]) -> bool {
    let fields = |step: &sock_filter| (step.code, step.jt, step.jf, step.k);
    one.iter().map(fields).eq(other.iter().map(fields))
}

/// Appends the decision about a call, some or all of whose uses are watched.
fn decide(rows: &[(u32, &Row)], program: &mut Vec<sock_filter>) {
    let mut loaded = None;
    for (_, row) in rows {
        watch_use(row, &mut loaded, program);
        if row.when == When::Always {
            return;
        }
    }
    program.push(PASS);
}

/// Stops if the use is a watched one, otherwise falls through. `loaded` is the argument that was loaded last.
fn watch_use(row: &Row, loaded: &mut Option<u8>, program: &mut Vec<sock_filter>) {
    let low = |argument: u8| {
        ARGUMENTS + 8 * u32::from(argument) + if cfg!(target_endian = "big") { 4 } else { 0 }
    };
    let high = |argument: u8| {
        ARGUMENTS + 8 * u32::from(argument) + if cfg!(target_endian = "big") { 0 } else { 4 }
    };
    if let When::Equals(argument, _)
    | When::In(argument, ..)
    | When::AnyBit(argument, _)
    | When::NoBit(argument, _) = row.when
        && loaded.replace(argument) != Some(argument)
    {
        program.push(load(low(argument)));
    }
    match row.when {
        When::Always => {}
        When::Nonzero(argument) => {
            *loaded = None;
            program.extend([
                load(low(argument)),
                jump(libc::BPF_JEQ, 0, 0, 2),
                load(high(argument)),
                jump(libc::BPF_JEQ, 0, 1, 0),
            ]);
        }
        When::Equals(_, value) => program.push(jump(libc::BPF_JEQ, value, 0, 1)),
        When::In(_, first, last) => program.extend([
            jump(libc::BPF_JGE, first, 0, 2),
            jump(libc::BPF_JGE, last + 1, 1, 0),
        ]),
        When::AnyBit(_, bits) => program.push(jump(libc::BPF_JSET, bits, 0, 1)),
        When::NoBit(_, bits) => program.push(jump(libc::BPF_JSET, bits, 1, 0)),
    }
    let data = match row.name {
        "clone" | "clone3" => MAKES_PROCESS,
        "execve" => EXECUTES,
        _ if row.matters() => MATTERS,
        _ => 0,
    };
    program.push(answer(libc::SECCOMP_RET_TRACE | u32::from(data)));
}

/// Skips this many instructions.
fn skip(length: usize) -> sock_filter {
    statement(libc::BPF_JMP | libc::BPF_JA, length as u32)
}

fn load(offset: u32) -> sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

const fn answer(action: u32) -> sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, action)
}

const fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

/// Compares with a constant, and skips `holds` instructions if the comparison holds, otherwise `fails`.
fn jump(test: u32, constant: u32, holds: u8, fails: u8) -> sock_filter {
    sock_filter {
        jt: holds,
        jf: fails,
        ..statement(libc::BPF_JMP | test | libc::BPF_K, constant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Interprets the filter as the kernel does: returns its answer and the number of executed instructions.
    fn answered(program: &[sock_filter], data: &[u32]) -> (u32, usize) {
        let (mut at, mut value, mut steps) = (0, 0, 0);
        loop {
            let step = program[at];
            (at, steps) = (at + 1, steps + 1);
            let next = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
            match u32::from(step.code) {
                code if code == libc::BPF_RET | libc::BPF_K => return (step.k, steps),
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                    value = data[step.k as usize / 4];
                }
                code if code == libc::BPF_JMP | libc::BPF_JA => at += step.k as usize,
                code if code == libc::BPF_JMP | libc::BPF_JEQ => at += next(value == step.k),
                code if code == libc::BPF_JMP | libc::BPF_JGE => at += next(value >= step.k),
                code if code == libc::BPF_JMP | libc::BPF_JSET => at += next(value & step.k != 0),
                code => panic!("{code}"),
            }
        }
    }

    #[test]
    fn calls_of_the_table_are_stopped_at_and_no_others() {
        let program = filter();
        for &abi in Abi::HERE {
            for number in 0..600 {
                let rows = CALLS.iter().filter(|row| row.number(abi) == Some(number));
                let rows: Vec<&Row> = rows.collect();
                // With all arguments 0, the only watched uses are those of `Always` and `NoBit` rows.
                let mut data = [0; 16];
                (data[0], data[1]) = (number, abi.audit_number());
                let watched = rows.iter().any(|row| row.when.holds([0; 6]));
                let (answer, steps) = answered(&program, &data);
                let stops = answer & libc::SECCOMP_RET_ACTION_FULL == libc::SECCOMP_RET_TRACE;
                assert_eq!(stops, watched, "{number} of {abi:?}");
                assert!(steps < 40, "{number} of {abi:?}: {steps} steps");
            }
        }
        assert!(program.len() < 900, "{} steps in all", program.len());
    }
}
