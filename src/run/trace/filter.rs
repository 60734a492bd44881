//! The seccomp filter that stops a process at the calls of the [table](super::table) and lets all others pass at full speed.
//!
//! If a filter of the command itself returns a stricter action (an error number, a signal), that takes precedence (seccomp(2)).
//! Programs with an unknown ABI are not watched.

use std::collections::BTreeMap;

use nix::libc::{self, sock_filter};

use super::table::{Abi, CALLS, Row, When};

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// The data reported with a stop at a call that creates a process.
pub const MAKES_PROCESS: u16 = 1;
/// The data reported with a stop at a call whose success matters; it is 0 for all other calls.
pub const MATTERS: u16 = 2;

/// Allows a call.
const PASS: sock_filter = answer(libc::SECCOMP_RET_ALLOW);

/// The filter program for this machine.
#[must_use]
pub fn filter() -> Vec<sock_filter> {
    let mut program = vec![load(ARCHITECTURE)];
    for &abi in Abi::HERE {
        let section = section(abi);
        // The distance is too long for a conditional jump.
        program.push(jump(libc::BPF_JEQ, abi.audit_number(), 1, 0));
        program.push(statement(
            libc::BPF_JMP | libc::BPF_JA,
            section.len() as u32,
        ));
        program.extend(section);
    }
    program.push(PASS);
    program
}

/// The part for one ABI. When a filter is installed, the kernel compiles it and runs it once for every system call number, so
/// the command starts faster if it is short. Consecutive numbers with the same decision form one range, and the range of a number
/// is found by a binary search.
fn section(abi: Abi) -> Vec<sock_filter> {
    let mut calls: BTreeMap<u32, Vec<&Row>> = BTreeMap::new();
    for row in CALLS {
        if let Some(number) = row.number(abi) {
            calls.entry(number).or_default().push(row);
        }
    }
    let mut ranges = vec![(0, vec![PASS])];
    for (number, rows) in calls {
        begin(&mut ranges, number, decision(&rows));
        begin(&mut ranges, number + 1, vec![PASS]);
    }
    let mut program = vec![load(NUMBER)];
    program.extend(search(&ranges));
    program
}

/// Consecutive numbers with the same decision: the first number, and the decision.
type Range = (u32, Vec<sock_filter>);

/// Starts a range at this number, unless the decision is that of the range before.
fn begin(ranges: &mut Vec<Range>, number: u32, decision: Vec<sock_filter>) {
    ranges.pop_if(|(first, _)| *first == number);
    let is_alike = |(_, before): &Range| is_same(before, &decision);
    if !ranges.last().is_some_and(is_alike) {
        ranges.push((number, decision));
    }
}

fn is_same(one: &[sock_filter], other: &[sock_filter]) -> bool {
    let fields = |step: &sock_filter| (step.code, step.jt, step.jf, step.k);
    one.iter().map(fields).eq(other.iter().map(fields))
}

/// A binary search among these ranges, which are sorted.
fn search(ranges: &[Range]) -> Vec<sock_filter> {
    let (lower, upper) = ranges.split_at(ranges.len() / 2);
    let first = upper[0].0;
    if lower.is_empty() {
        return upper[0].1.clone();
    }
    let (lower, upper) = (search(lower), search(upper));
    let mut program = match u8::try_from(lower.len()) {
        Ok(length) => vec![jump(libc::BPF_JGE, first, length, 0)],
        // The distance is too long for a conditional jump.
        Err(_) => vec![
            jump(libc::BPF_JGE, first, 0, 1),
            statement(libc::BPF_JMP | libc::BPF_JA, lower.len() as u32),
        ],
    };
    program.extend(lower);
    program.extend(upper);
    program
}

/// The decision about a call, some or all of whose uses are watched.
fn decision(rows: &[&Row]) -> Vec<sock_filter> {
    let mut program = Vec::new();
    for row in rows {
        program.extend(watched_use(row));
        if row.when == When::Always {
            return program;
        }
    }
    program.push(PASS);
    program
}

/// Stops if the use is a watched one, otherwise falls through.
fn watched_use(row: &Row) -> Vec<sock_filter> {
    let low = |argument: u8| {
        ARGUMENTS + 8 * u32::from(argument) + if cfg!(target_endian = "big") { 4 } else { 0 }
    };
    let high = |argument: u8| {
        ARGUMENTS + 8 * u32::from(argument) + if cfg!(target_endian = "big") { 0 } else { 4 }
    };
    let data = match row.name {
        "clone" | "clone3" => MAKES_PROCESS,
        _ if row.matters() => MATTERS,
        _ => 0,
    };
    let stop = answer(libc::SECCOMP_RET_TRACE | u32::from(data));
    match row.when {
        When::Always => vec![stop],
        When::Nonzero(argument) => vec![
            load(low(argument)),
            jump(libc::BPF_JEQ, 0, 0, 2),
            load(high(argument)),
            jump(libc::BPF_JEQ, 0, 1, 0),
            stop,
        ],
        When::Equals(argument, value) => {
            vec![load(low(argument)), jump(libc::BPF_JEQ, value, 0, 1), stop]
        }
        When::AnyBit(argument, bits) => {
            vec![load(low(argument)), jump(libc::BPF_JSET, bits, 0, 1), stop]
        }
        When::NoBit(argument, bits) => {
            vec![load(low(argument)), jump(libc::BPF_JSET, bits, 1, 0), stop]
        }
    }
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
                assert!(steps < 30, "{number} of {abi:?}: {steps} steps");
            }
        }
        assert!(program.len() < 700, "{} steps in all", program.len());
    }
}
