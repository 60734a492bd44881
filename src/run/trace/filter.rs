//! The filter that stops a process at the calls of the [table](super::table) and lets all others pass at full speed.
//!
//! Where it answers "trace", a filter of the command's own that answers otherwise (an errno, a signal) wins: the kernel
//! takes the strictest answer (seccomp(2)). Programs in a table of calls that is not known here pass unwatched.

use nix::libc::{self, sock_filter};

use super::table::{Abi, CALLS, Does, Row, When};

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// What the filter tells with a stop: of a call that makes a process.
pub const MAKES_PROCESS: u16 = 1;
/// Of one whose success is of interest; of all others it tells 0.
pub const MATTERS: u16 = 2;

/// The filter for this machine.
#[must_use]
pub fn filter() -> Vec<sock_filter> {
    let mut program = vec![load(ARCHITECTURE)];
    for &abi in Abi::HERE {
        let section = section(abi);
        // Too far for a conditional jump.
        program.push(jump(libc::BPF_JEQ, abi.audit_number(), 1, 0));
        program.push(statement(
            libc::BPF_JMP | libc::BPF_JA,
            section.len() as u32,
        ));
        program.extend(section);
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

/// What decides for one table of calls: the calls of which only some uses are watched first, then all others.
fn section(abi: Abi) -> Vec<sock_filter> {
    let rows = || {
        let numbered = CALLS.iter().filter_map(|row| Some((row.number(abi)?, row)));
        numbered.collect::<Vec<_>>()
    };
    let (always, sometimes): (Vec<_>, Vec<_>) = rows()
        .into_iter()
        .partition(|(_, row)| row.when == When::Always && row.does != Does::Clone3);
    let mut program = vec![load(NUMBER)];
    let mut done = Vec::new();
    for &(number, _) in &sometimes {
        if done.contains(&number) {
            continue;
        }
        done.push(number);
        let uses = sometimes.iter().filter(|(other, _)| *other == number);
        let body: Vec<sock_filter> = uses.flat_map(|(_, row)| watched_use(row)).collect();
        program.push(jump(libc::BPF_JEQ, number, 0, body.len() as u8 + 1));
        program.extend(body);
        program.push(answer(libc::SECCOMP_RET_ALLOW));
    }
    for (at, (number, row)) in always.iter().enumerate() {
        // To one of the last two of this section.
        let target = always.len() - at + usize::from(row.matters());
        program.push(jump(libc::BPF_JEQ, *number, target as u8, 0));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program.push(answer(libc::SECCOMP_RET_TRACE));
    program.push(answer(libc::SECCOMP_RET_TRACE | u32::from(MATTERS)));
    program
}

/// Stops where the use is a watched one, else goes on behind.
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

fn answer(action: u32) -> sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, action)
}

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

/// Compares with a constant, and skips so many instructions when it holds, so many when it does not.
fn jump(test: u32, constant: u32, holds: u8, fails: u8) -> sock_filter {
    sock_filter {
        jt: holds,
        jf: fails,
        ..statement(libc::BPF_JMP | test | libc::BPF_K, constant)
    }
}
