//! The objects among a command's arguments, for messages that name none.

use super::course::Script;
use super::port::port;
use super::source::{self, Literal};
use super::speaker::Speakers;
use crate::attempt::{Incident, Object, Operation, Sign};
use crate::programs::{CommandLine, Operand};

/// The maximum length of a path (PATH_MAX).
const LONGEST_PATH: usize = 4096;

/// The words that may name files, those with a slash first: a word without one is rarely a path.
/// What uses a database names it in its code, so that the scripts count for that.
pub fn files(incident: &Incident, speakers: &Speakers, scripts: &[Script]) -> Vec<Operand> {
    if incident.operations == [Operation::Exec] {
        return started(speakers);
    }
    let mut found: Vec<Operand> = Vec::new();
    let is_of_a_database = incident.beside.is_some();
    let programs = scripts
        .iter()
        .filter(|script| !script.is_for_a_shell && script.is_text());
    let written = programs
        .filter(|_| is_of_a_database)
        .flat_map(|script| literals(&script.code));
    // All of the code tells more than the one call: a database that is opened for writing may only be read.
    let is_told_by_code = incident.operation_sign == Some(Sign::Source);
    let given = lines(speakers).iter().flat_map(|line| {
        let code = line.code.as_ref().filter(|_| !line.is_code_for_a_shell());
        let mut in_code = code.map(|code| literals(code)).unwrap_or_default();
        for literal in in_code.iter_mut().filter(|_| is_told_by_code) {
            literal.operation = None;
        }
        line.operands.iter().cloned().chain(in_code)
    });
    for operand in given.chain(written) {
        let word = operand.word.as_slice();
        let word = word.strip_prefix(b"unix:").unwrap_or(word);
        let word = word
            .strip_prefix(b"//")
            .filter(|rest| rest.starts_with(b"/"))
            .unwrap_or(word);
        let is_phrase = word.contains(&b' ') && !word.contains(&b'/');
        let is_path = !word.is_empty()
            && !is_phrase
            && word.len() < LONGEST_PATH
            && !word.iter().any(|byte| b"\0\n".contains(byte));
        let is_address = memchr::memmem::find(word, b"://").is_some() || port(word).is_some();
        // The program uses this word for another operation than the one in the message.
        let is_other = operand.operation.as_ref().is_some_and(|does| {
            !incident.operations.is_empty()
                && !incident
                    .operations
                    .iter()
                    .any(|told| told.name() == does.name() || both_write(told, does))
        });
        if is_path && !is_address && !is_other && !found.iter().any(|known| known.word == word) {
            found.push(Operand {
                word: word.to_vec(),
                operation: operand.operation.clone(),
            });
        }
    }
    found.sort_by_key(|operand| !operand.word.contains(&b'/'));
    found
}

/// The programs on the command lines, one of which another was told to start: `strace ./server`.
fn started(speakers: &Speakers) -> Vec<Operand> {
    let lines = speakers.all_lines().iter();
    let programs = lines.map(|line| Operand {
        word: line.program.clone(),
        operation: Some(Operation::Exec),
    });
    programs.collect()
}

/// The paths that code names, and what it does with them.
fn literals(code: &[u8]) -> Vec<Operand> {
    let operand = |literal: Literal| Operand {
        word: literal.path,
        operation: literal.operation,
    };
    source::paths(code).into_iter().map(operand).collect()
}

/// The ports among the command's arguments and in the code among them; if there are none, those on which its scripts start a server.
pub fn ports(speakers: &Speakers, scripts: &[Script]) -> Vec<Object> {
    let mut found: Vec<Object> = Vec::new();
    for line in lines(speakers) {
        let in_code = line.code.iter().flat_map(|code| source::ports(code));
        for object in ports_of(line).chain(in_code) {
            if !found.contains(&object) {
                found.push(object);
            }
        }
    }
    if found.is_empty() {
        let texts = scripts.iter().filter(|script| script.is_text());
        found.extend(texts.flat_map(|script| source::served_ports(&script.code)));
    }
    found
}

/// The ports among the arguments of a command, given by an option for ports or as an address.
pub fn ports_of(line: &CommandLine) -> impl Iterator<Item = Object> {
    let numbers = line.ports.iter().map(|&port| Object::Port {
        address: String::new(),
        port,
    });
    let addresses = line
        .words
        .iter()
        .skip(1)
        .filter(|word| word.contains(&b':'));
    let addresses = addresses.filter_map(|word| port(word.rsplit(|&byte| byte == b'=').next()?));
    numbers.chain(addresses)
}

/// Whether both open for writing, regardless of whether they also open for reading.
fn both_write(told: &Operation, does: &Operation) -> bool {
    let writes = |operation: &Operation| matches!(operation, Operation::Open(how) if how.write);
    writes(told) && writes(does)
}

/// The command lines of the program that wrote the message, if they are known; otherwise all of them.
fn lines<'s>(speakers: &'s Speakers) -> &'s [CommandLine] {
    match speakers.own_lines() {
        [] => speakers.all_lines(),
        own => own,
    }
}
