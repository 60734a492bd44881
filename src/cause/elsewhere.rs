//! Ways around a refusal that is justified: install elsewhere, or run the command as root if it is one that is usually run as
//! root.

mod prefix;
mod redirected;
mod tool;

use super::case::Case;
use super::{Candidate, Fit, Purpose, held, kernel_setting};
use crate::attempt::{Object, Operation};
use crate::byte_path;
use crate::change::{Argv, Change, Effect, argv};
use crate::facts::{Elevator, Inode, Kind, Perms};
use crate::programs::{CommandLine, Operand, Repeated};
use crate::{programs, quote};
use prefix::own_prefix;
use redirected::redirected;
use tool::Tool;

/// The ways around the refusal; empty unless the location belongs to the system or the program is an administrator's.
pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let mut all = Vec::new();
    let writes = case.wanted().contains(Perms::W);
    let tool = Tool::of(&case.facts.surroundings.command);
    all.extend(tool.as_ref().and_then(|tool| own_prefix(tool, case)));
    all.extend(as_root(case));
    all.extend(tool.as_ref().and_then(|tool| edit_as_root(tool, case)));
    all.extend(tool.as_ref().and_then(|tool| redirected(tool, case)));
    if is_of_the_system(case) && writes && all.is_empty() {
        all.push(somewhere_else(case));
    }
    all
}

/// Whether the refusing object belongs to the system, rather than being somebody's data.
pub(super) fn is_of_the_system(case: &Case) -> bool {
    matches!(
        case.purpose(),
        Some(Purpose::System | Purpose::Kernel | Purpose::State)
    )
}

/// Runs the refused command as root. This is for programs that administer the system, and for those that place files where they
/// are told to, in a system location. It is not for servers, package runners and scripts.
pub(super) fn as_root(case: &Case) -> Option<Candidate> {
    if case.subject().uid == 0 || case.facts.surroundings.planted {
        return None;
    }
    let lines = programs::command_lines(&case.facts.surroundings.command);
    if lines.iter().any(|line| !line.users.is_empty()) {
        // Root runs it as that user.
        return None;
    }
    let command = &case.facts.surroundings.command;
    let Repeated { words, line } = programs::repeated(command, case.asked_bytes())?;
    let arguments = line.words.get(1..).unwrap_or_default();
    let known = line.known;
    if known.is_some_and(|known| known.about_its_user) && line.operands.is_empty() {
        return None;
    }
    let is_named = || {
        let path = case.asked_bytes();
        let mut operands = line.operands.iter();
        path.is_some_and(|path| operands.any(|operand| operand.leads_to(path)))
    };
    // A file that it is given, such as its output, is not what it needs root for.
    let is_beside = case.purpose().is_some() && !is_of_the_system(case) && is_named();
    let administers = known.is_some_and(|program| program.administers_with(arguments));
    let administers = administers && !is_beside;
    let places = known.is_some_and(|program| program.places);
    let installs = matches!(line.name(), b"make" | b"ninja" | b"cmake" | b"meson")
        && arguments
            .iter()
            .any(|argument| memchr::memmem::find(argument, b"install").is_some());
    let of_system = case.purpose().is_none() || is_of_the_system(case);
    let places = places && is_what_it_does(case, &line);
    (administers || (places || installs) && of_system).then(|| {
        let name = quote::display(line.name());
        Candidate::new(
            Fit::Around,
            format!("run this one command as root: {name}"),
            [Change::RunAsRoot(words)],
        )
        .noting("runs this one command as root")
    })
}

/// Whether the refused operation is what the command asks for: modifying an operand, or something in one.
fn is_what_it_does(case: &Case, line: &CommandLine) -> bool {
    let Object::Path(path) = &case.attempt.object else {
        return false;
    };
    let operation = &case.attempt.operation;
    // Removing an object, or changing its owner or mode, must be the purpose of the program.
    let is_particular = |operation: &Operation| {
        let makes = operation.makes_a_name() || *operation == Operation::Rename;
        !makes && !matches!(operation, Operation::Open(_))
    };
    if replaced(case).is_some() {
        return true;
    }
    operation.alters()
        && line
            .operands
            .iter()
            .filter(|operand| {
                let does = operand.operation.as_ref();
                let particular = is_particular(operation) || does.is_some_and(is_particular);
                !particular || does.map(Operation::name) == Some(operation.name())
            })
            .any(|operand| operand.leads_to(path) || makes_beside(&operand.word, path, operation))
}

/// The operand, as given, that the program is to replace with the file that it was refused to create in the same directory.
pub(super) fn replaced(case: &Case) -> Option<Vec<u8>> {
    let path = case.asked_bytes()?;
    if case.attempt.operation != Operation::CREATE {
        return None;
    }
    let directory = byte_path::parent(path)?;
    let beside = |operand: &&Operand| match byte_path::parent(&operand.word) {
        Some(above) => programs::is_the_end_of(above, directory),
        // The word alone does not tell the directory.
        None => case.facts.surroundings.named.iter().any(|named| {
            let is_it = byte_path::name(&named.path) == operand.word.as_slice();
            is_it && byte_path::parent(&named.path) == Some(directory)
        }),
    };
    let lines = programs::command_lines(&case.facts.surroundings.command);
    let mut replacing = lines
        .iter()
        .filter(|line| line.known.is_some_and(|known| known.replaces));
    replacing.find_map(|line| Some(line.operands.iter().find(beside)?.word.clone()))
}

/// Whether a new file is created in the directory of an operand, in order to replace it as `sed -i` does.
fn makes_beside(word: &[u8], path: &[u8], operation: &Operation) -> bool {
    let makes = matches!(operation, Operation::Open(how) if how.create);
    makes && word.starts_with(b"/") && byte_path::parent(word) == byte_path::parent(path)
}

/// Performs the operation itself as root, if only an owner or root may do it.
pub(super) fn by_root(case: &Case) -> Option<Candidate> {
    let subject = case.subject();
    let operation = &case.attempt.operation;
    let tool = Tool::of(&case.facts.surroundings.command);
    let program = tool
        .as_ref()
        .and_then(|tool| programs::program(tool.name.as_bytes()));
    if program.is_some_and(|program| program.replaces) {
        // The program removes a file only to replace it with another one.
        return None;
    }
    let object = match operation.takes_the_link_itself() {
        true => case.facts.walk.named(),
        false => case.facts.walk.target(),
    };
    let inode = case.facts.node(object?).inode.as_ref();
    if *operation == Operation::Delete && inode.is_ok_and(Inode::is_dir) {
        // `Delete` is unlink(2), which never removes a directory, whoever calls it.
        return None;
    }
    // The object itself, by its path without symlinks.
    let done = Change::ByRoot {
        operation: operation.clone(),
        path: case.facts.node(object?).path.clone(),
    };
    let change = if done.argv(subject, case.facts).is_some() {
        done
    } else {
        let does_it = tool.is_some_and(|tool| does(&tool, &case.attempt.operation));
        does_it.then(|| Change::RunAsRoot(case.facts.surroundings.command.clone()))?
    };
    let operation = &case.attempt.operation;
    (subject.uid != 0).then(|| {
        let title = format!("{} {} as root", operation.name(), case.asked());
        Candidate::new(Fit::Narrow, title, [change]).noting("does this one thing as root")
    })
}

/// Whether the program exists for this operation.
fn does(tool: &Tool, operation: &Operation) -> bool {
    match operation {
        Operation::Chmod(_) => tool.name == "chmod",
        Operation::Chown { .. } => tool.name == "chown" || tool.name == "chgrp",
        Operation::Rename => tool.name == "mv",
        Operation::Utime { .. } => tool.name == "touch",
        _ => false,
    }
}

/// The command line, if its program serves the refused operation and its last argument is the path that was asked for.
pub(super) fn does_just_that(case: &Case) -> Option<Argv> {
    let tool = Tool::of(&case.facts.surroundings.command)?;
    let of_object = tool.raw.last().map(Vec::as_slice) == case.asked_bytes();
    (!case.facts.surroundings.planted && does(&tool, &case.attempt.operation) && of_object)
        .then_some(tool.raw)
}

/// Lets a copying program leave owners and times unset, if setting them was what was refused, and not the copying as well.
pub(super) fn keep_attributes_out(case: &Case) -> Option<Candidate> {
    if !held(case.subject(), case.at()?, case.facts)?.contains(Perms::W) {
        return None;
    }
    let tool = Tool::of(&case.facts.surroundings.command)?;
    let options: &[&str] = match tool.name.as_str() {
        "tar" => &["--no-same-owner", "--no-same-permissions", "--touch"],
        "rsync" => &["--no-owner", "--no-group", "--no-perms", "--omit-dir-times"],
        "cp" => &["--no-preserve=ownership,timestamps,mode"],
        "unzip" => &["-D"],
        _ => return None,
    };
    let mut words = tool.raw.clone();
    // The first argument of tar may be a bundle of letters without a dash, so options are appended, before any `--`.
    let at = words
        .iter()
        .position(|word| word == b"--")
        .unwrap_or(words.len());
    words.splice(
        at..at,
        options.iter().map(|option| option.as_bytes().to_vec()),
    );
    Some(
        Candidate::new(
            Fit::Around,
            format!(
                "let {} leave owners, modes and times as they come",
                tool.name
            ),
            [Change::Run {
                argv: words,
                root: false,
                effect: Effect::Avoids,
            }],
        )
        .noting("copies the contents, not who owned them"),
    )
}

fn edit_as_root(tool: &Tool, case: &Case) -> Option<Candidate> {
    let node = case.node()?;
    let edits = programs::program(tool.name.as_bytes()).is_some_and(|program| program.edits);
    let regular = case
        .inode()
        .is_some_and(|inode| inode.kind == Kind::Regular);
    let opens = matches!(case.attempt.operation, Operation::Open(_));
    // Files below /proc and /sys cannot be edited by replacing their content.
    let of_system = is_of_the_system(case) && case.purpose() != Some(Purpose::Kernel);
    let fitting = edits && regular && opens && of_system;
    (fitting && case.facts.surroundings.elevator == Elevator::Sudo).then(|| {
        Candidate::new(
            Fit::Around,
            format!("edit {} as its administrator", case.path()),
            [Change::Run {
                argv: argv(&[b"sudoedit", &node.path]),
                root: false,
                effect: Effect::DoesIt,
            }],
        )
        .noting("edits a copy and puts it in place as root")
    })
}

fn somewhere_else(case: &Case) -> Candidate {
    let path = case.path();
    if let Some(setting) = kernel_setting::candidate(case) {
        return setting;
    }
    if case.purpose() == Some(Purpose::Kernel) {
        return Candidate::advice(format!("{path} is the kernel's: only root may set it"));
    }
    if matches!(
        case.attempt.operation,
        Operation::Delete | Operation::Rmdir | Operation::Rename
    ) {
        return Candidate::advice(format!(
            "{path} is the system's: leave its removal to whatever put the file there, or to the administrator"
        ));
    }
    let place = match &case.facts.surroundings.home {
        Some(home) if home.len() > 1 => format!("below {}", quote::display(home)),
        _ => "in a directory of its own".to_owned(),
    };
    Candidate::advice(format!(
        "{} is the system's: write {place} instead, or leave it to the administrator",
        path
    ))
}
