//! What is written in files about a failure: the source line that a message points to, and the scripts and recipes that ran.

use std::rc::Rc;

use super::Views;
use crate::attempt::{Clue, Incident, Operation, Sign};
use crate::byte_path;
use crate::gather;
use crate::programs::{self, CommandLine, Program};
use crate::resolve::{self, Circumstances, Script};

/// The maximum number of scripts that are read to learn where a relative name leads.
const MOST_SCRIPTS: usize = 16;

/// Completes an incident by the source line that the message points to: with the operation, as in `./build.sh: line 3: out:
/// ...`, or with the directory that a program was to be started in.
pub(super) fn with_its_source(incident: Incident, circumstances: &Circumstances) -> Incident {
    if let (Some(Clue::Typed(code)), Some(name)) = (&incident.clue, incident.paths.first()) {
        let told = programs::use_in_code(code, name);
        return with_operation(incident, told);
    }
    let (Some(Clue::Line(file, number)), Some(name)) = (&incident.clue, incident.paths.first())
    else {
        return incident;
    };
    let sources = resolve::sources(file, &incident, circumstances);
    let found = sources
        .iter()
        .map(|file| gather::source_lines(file, *number))
        .find(|(lines, at)| lines.get(*at).is_some());
    let Some((lines, at)) = found else {
        return incident;
    };
    if incident.operations == [Operation::Exec] {
        let directory = incident.directory.clone();
        return Incident {
            directory: directory.or_else(|| resolve::started_in(&lines, at)),
            ..incident
        };
    }
    let is_shell = incident.pattern.starts_with("shell-");
    let told = || match is_shell {
        true => programs::use_in_code(&lines[at], name)
            .or_else(|| programs::use_of_what_is_filled_in(&lines[at])),
        false => resolve::use_in_source(&lines, at, name),
    };
    let told = told();
    with_operation(incident, told)
}

/// The incident with the operation that a line of source tells, unless the message tells one as exactly.
fn with_operation(incident: Incident, told: Option<Operation>) -> Incident {
    let is_needed =
        |told: &Operation| incident.operations.is_empty() || incident.is_told_more_exactly_by(told);
    match told.filter(is_needed) {
        Some(operation) => Incident {
            operations: vec![operation],
            operation_sign: Some(Sign::Source),
            ..incident
        },
        None => incident,
    }
}

/// The incident about a database as one of reading, if the code that ran does nothing else with its data.
pub(super) fn only_read(
    incident: Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Incident {
    if incident.beside.is_none() || !incident.operations.is_empty() {
        return incident;
    }
    let lines = programs::command_lines(&circumstances.command);
    let mut codes: Vec<Rc<[u8]>> = lines
        .into_iter()
        .filter_map(|line| line.code.map(Rc::from))
        .collect();
    codes.extend(
        scripts(circumstances, views)
            .into_iter()
            .map(|(code, _)| code),
    );
    let selects = codes.iter().any(|code| has_word(code, &["select"]));
    if !selects || codes.iter().any(|code| has_word(code, ALTERING)) {
        return incident;
    }
    Incident {
        operations: vec![Operation::READ],
        operation_sign: Some(Sign::Source),
        beside: None,
        ..incident
    }
}

/// Words of SQL, and of its bindings, that alter a database.
const ALTERING: &[&str] = &[
    "alter",
    "attach",
    "commit",
    "create",
    "create_all",
    "delete",
    "drop",
    "executescript",
    "insert",
    "migrate",
    "pragma",
    "reindex",
    "replace",
    "save",
    "to_sql",
    "update",
    "vacuum",
];

/// Whether the code has one of these words, in any case.
fn has_word(code: &[u8], words: &[&str]) -> bool {
    let is_of_a_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let mut all = code.split(|byte| !is_of_a_word(byte));
    all.any(|word| {
        words
            .iter()
            .any(|one| word.eq_ignore_ascii_case(one.as_bytes()))
    })
}

/// The circumstances with what the processes of a run have read, if it may tell where a relative name leads, the name of a
/// database, the port of a server, or what a quoted statement passes on.
pub(super) fn with_scripts(
    incident: &Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Option<Circumstances> {
    let name = match &incident.clue {
        Some(Clue::Path(path)) => Some(path),
        _ => incident.paths.first(),
    };
    let is_open = name.is_some_and(|name| resolve::is_relative(name));
    let is_bound = incident.operations == [Operation::Bind] && incident.address.is_none();
    let is_quoted = matches!(incident.clue, Some(Clue::Code(_)));
    let is_told_by_code = name.is_none() && (incident.beside.is_some() || is_bound || is_quoted);
    if !(is_open || is_told_by_code) || circumstances.command.is_empty() {
        return None;
    }
    let processes = circumstances.processes.iter();
    let lines = processes.map(|process| process.arguments.as_slice());
    let lines = lines.chain([circumstances.command.as_slice()]);
    let lines: Vec<CommandLine> = lines.flat_map(programs::command_lines).collect();
    let found = scripts(circumstances, views).into_iter();
    let mut found: Vec<Script> = found
        .map(|(code, path)| {
            let is_package = byte_path::name(&path) == b"package.json";
            let running = is_package.then(|| programs::scripts_that_run(&code, &lines));
            let code = running.flatten().unwrap_or_else(|| code.to_vec());
            let name = byte_path::name(&path);
            let arguments = lines.iter().find_map(|line| line.arguments_of(name));
            Script {
                is_for_a_shell: is_for_a_shell(&code, name, &lines),
                code,
                arguments: arguments.map(<[Vec<u8>]>::to_vec),
                path,
            }
        })
        .collect();
    let mut at = 0;
    while let Some(script) = found.get(at).filter(|_| found.len() < MOST_SCRIPTS) {
        let called = resolve::called(script, &circumstances.start).into_iter();
        let new = called.filter(|(path, _)| found.iter().all(|known| known.path != *path));
        let new = new.filter_map(|(path, reader)| {
            let code = views.script(&path)?.to_vec();
            Some(Script {
                is_for_a_shell: reader
                    .map_or_else(|| is_for_a_shell(&code, b"", &[]), Program::is_shell),
                arguments: None,
                code,
                path,
            })
        });
        let new: Vec<Script> = new.filter(Script::is_text).collect();
        found.extend(new);
        at += 1;
    }
    Some(Circumstances {
        scripts: found,
        ..circumstances.clone()
    })
}

/// Whether a shell runs the file of this name, which begins with the name of its interpreter or is given to it by a command line.
fn is_for_a_shell(code: &[u8], name: &[u8], lines: &[CommandLine]) -> bool {
    if let Some(rest) = code.strip_prefix(b"#!") {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let mut words = rest[..end].split(u8::is_ascii_whitespace);
        return words.any(|word| programs::program(word).is_some_and(Program::is_shell));
    }
    let is_its = |line: &&CommandLine| line.script.as_deref().map(byte_path::name) == Some(name);
    let reader = lines.iter().find(is_its).and_then(|line| line.known);
    reader.is_none_or(Program::is_shell)
}

/// The scripts and recipes of the programs seen here: their content and their paths.
pub(super) fn scripts(
    circumstances: &Circumstances,
    views: &mut Views,
) -> Vec<(Rc<[u8]>, Vec<u8>)> {
    let paths = resolve::scripts(circumstances).into_iter();
    paths
        .filter_map(|path| Some((views.script(&path)?, path)))
        .collect()
}
