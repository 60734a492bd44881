//! Resolves printed names to absolute paths.

use super::course::Course;
use super::speaker::{Speakers, is_waiting_shell, leading_name};
use super::standpoint::{Standpoint, from, is_seen, script_of, started_in};
use super::{CandidateProcess, Circumstances, Reading};
use crate::attempt::{Attempt, Errno, Incident, Object, Operation, Sign, Signs};
use crate::byte_path::{self, is_within, join, tidy};
use crate::programs::{CommandLine, Program, Whereabouts, command_lines, program, search_path};

/// How a directory that a name may be relative to is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placing {
    /// Something indicates it.
    Told,
    /// It is this one or another of the same kind, and nothing indicates which.
    OneOf,
    /// Nothing indicates it.
    Assumed,
}

/// A candidate process, and a path where the object of its message may be.
#[derive(Debug, Clone)]
pub struct Aim<'c> {
    process: &'c CandidateProcess,
    /// The name as printed.
    printed: Vec<u8>,
    /// The absolute path.
    pub path: Vec<u8>,
    placing: Placing,
    /// Whether it is known which process failed.
    subject_known: bool,
}

impl Aim<'_> {
    /// The reading that this operation was tried there; `sign` is what identified the operation.
    pub fn reading(
        self,
        operation: Operation,
        sign: Option<Sign>,
        errno: Option<Errno>,
    ) -> Reading {
        Reading {
            signs: Signs {
                operation: sign,
                object: Some(Sign::Message),
                subject: self.subject_known,
                place: self.placing == Placing::Told,
                elsewhere: false,
            },
            attempt: Attempt {
                subject: self.process.subject.clone(),
                operation,
                directory: self.working_directory(),
                object: Object::Path(self.path),
                to: None,
                errno,
            },
        }
    }

    /// The second path of an operation, relative to the same directory as the first.
    pub fn beside(
        &self,
        path: &[u8],
        incident: &Incident,
        circumstances: &Circumstances,
    ) -> Option<Vec<u8>> {
        let base = self.path.strip_suffix(tidy(&self.printed).as_slice());
        if let (true, true, Some(base)) = (is_relative(path), is_relative(&self.printed), base) {
            return Some(tidy(&join(base, path)));
        }
        let places = places(
            path,
            &Operation::CREATE,
            incident,
            self.process,
            circumstances,
        );
        places.into_iter().next().map(|(path, _)| path)
    }

    /// The working directory that the name was relative to. `None` if the path is not below the working directory, because it
    /// is then unknown where the kernel started.
    fn working_directory(&self) -> Option<Vec<u8>> {
        let own = self.process.directory.as_ref()?;
        let is_below = is_within(&self.path, own);
        (is_relative(&self.printed) && is_below).then(|| own.clone())
    }
}

/// Where the object with this printed name may be, for each candidate process, the most likely first.
pub fn aims<'c>(
    printed: &[u8],
    operation: &Operation,
    incident: &Incident,
    speakers: &Speakers<'c>,
    circumstances: &Circumstances,
) -> Vec<Aim<'c>> {
    let aims = speakers.processes.iter().flat_map(|process| {
        let places = places(printed, operation, incident, process, circumstances);
        places.into_iter().map(|(path, placing)| Aim {
            process,
            printed: printed.to_vec(),
            path,
            placing,
            subject_known: speakers.known,
        })
    });
    aims.collect()
}

/// The directories in one of which a name was used, if nothing indicates in which.
pub fn alternatives(
    printed: &[u8],
    incident: &Incident,
    speakers: &Speakers,
    circumstances: &Circumstances,
) -> Option<Vec<Vec<u8>>> {
    if !is_relative(printed) {
        return None;
    }
    let of_each = speakers.processes.iter();
    let of_each = of_each
        .flat_map(|one| directories(printed, &Operation::READ, incident, one, circumstances));
    let mut found: Vec<(Vec<u8>, Placing)> = of_each
        .filter(|(_, placing)| *placing != Placing::Assumed)
        .collect();
    let is_open = found.iter().any(|(_, placing)| *placing == Placing::OneOf);
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found.dedup_by(|(one, _), (other, _)| one == other);
    is_open.then(|| found.into_iter().map(|(directory, _)| directory).collect())
}

/// Whether a printed name is relative to a directory.
#[must_use]
pub fn is_relative(path: &[u8]) -> bool {
    !path.starts_with(b"/") && !path.starts_with(b"~")
}

/// The absolute paths that a name printed by this process can mean.
fn places(
    path: &[u8],
    operation: &Operation,
    incident: &Incident,
    process: &CandidateProcess,
    circumstances: &Circumstances,
) -> Vec<(Vec<u8>, Placing)> {
    if path.starts_with(b"/") {
        return vec![(tidy(path), Placing::Told)];
    }
    if let (Some(rest), Some(home)) = (path.strip_prefix(b"~/"), &circumstances.home) {
        return vec![(tidy(&join(home, rest)), Placing::Told)];
    }
    let mut found: Vec<(Vec<u8>, Placing)> = Vec::new();
    for (base, told) in directories(path, operation, incident, process, circumstances) {
        let path = tidy(&join(&base, path));
        if path.starts_with(b"/") && !found.iter().any(|(known, _)| *known == path) {
            found.push((path, told));
        }
    }
    found
}

/// The directories that a relative name can be relative to. Empty if shell code used the name after a change of directory that only
/// running it would tell.
fn directories(
    path: &[u8],
    operation: &Operation,
    incident: &Incident,
    process: &CandidateProcess,
    circumstances: &Circumstances,
) -> Vec<(Vec<u8>, Placing)> {
    let start = &circumstances.start;
    let own = process.directory.as_ref().unwrap_or(start);
    let mut bases: Vec<(Vec<u8>, Placing)> = Vec::new();
    // A program named without a slash is looked for in PATH.
    if *operation == Operation::Exec && !path.contains(&b'/') {
        let inherited = &circumstances.search_path;
        let told = search_path(&circumstances.command, inherited, start);
        let search = told.as_ref().unwrap_or(inherited).iter();
        bases.extend(search.map(|directory| (directory.clone(), Placing::Told)));
    }
    if let Some(told) = &incident.directory {
        bases.push((join(own, told), Placing::Told));
        if told.starts_with(b"/") {
            return bases;
        }
    }
    let by_options = |base: &[u8], lines: &[CommandLine]| {
        let others = lines
            .iter()
            .filter(|line| !is_found_at_the_start(path, line));
        let options = others.flat_map(|line| &line.directories);
        // The directory itself is relative to where the program was started.
        let elsewhere = options.filter(|told| !told.is_empty() && !base.ends_with(&tidy(told)));
        let bases: Vec<(Vec<u8>, Placing)> = elsewhere
            .map(|told| (join(base, told), Placing::Told))
            .collect();
        bases
    };
    if incident.count > 1 && is_used_in_several_places(path, incident, circumstances) {
        return bases;
    }
    let lines = command_lines(match process.arguments.is_empty() {
        // It was about to end when it was inspected.
        true => &circumstances.command,
        false => &process.arguments,
    });
    let speaking = speaking(lines.clone(), incident);
    let may_speak = lines.first().is_none_or(|line| {
        let is_known = process.name.as_deref() == leading_name(&incident.message);
        let by_a_shell = leading_name(&incident.message).and_then(program);
        let by_a_shell = by_a_shell.is_some_and(Program::is_shell);
        let is_inner = |line: &CommandLine| line.is_code_for_a_shell();
        let is_code = is_inner(line) || by_a_shell && lines.iter().any(is_inner);
        let is_another = is_about_its_operands(line) && !line.names(path);
        !is_code && !is_another && (is_its(line, incident) || is_known)
    });
    let is_put = speaking.iter().any(|line| line.place != Whereabouts::Start);
    if is_seen(process) && may_speak && !is_put && !is_told_by_script(&lines, circumstances) {
        if let Some(own) = before_its_operands(process, &speaking, circumstances) {
            bases.extend(by_options(&own, &speaking));
            bases.push((own, Placing::Told));
            return bases;
        }
        let one_of = match Standpoint::of(path, incident, process, circumstances) {
            Standpoint::Now => None,
            Standpoint::At(place) => Some(vec![(place, Placing::Told)]),
            Standpoint::OneOf(places) => Some(
                places
                    .into_iter()
                    .map(|place| (place, Placing::OneOf))
                    .collect(),
            ),
            Standpoint::Unknown => Some(Vec::new()),
        };
        if let Some(places) = one_of {
            bases.extend(places);
            return bases;
        }
        // A program that is told to work in a directory but has not changed to it resolves its files from there, as tar does
        // with openat(2).
        bases.extend(by_options(own, &speaking));
        bases.push((own.clone(), Placing::Told));
        return bases;
    }
    // A shell at its prompt has been waiting in the directory in which what was typed there ran.
    if is_waiting_shell(process, circumstances) && stays_where_started(incident) {
        bases.push((own.clone(), Placing::Told));
        return bases;
    }
    let is_its = speaking.iter().any(|line| is_its(line, incident));
    match Course::along(path, incident, &lines, is_its, &circumstances.scripts) {
        Course::At(place, lines) => {
            let is_settled = !lines.is_empty() && lines.iter().all(|line| line.is_settled);
            let each = each_base(&place, is_settled, process, circumstances);
            for (base, placing) in each {
                let told = by_options(&base, &lines).into_iter();
                bases.extend(told.map(|(there, _)| (there, placing)));
                bases.push((base, placing));
            }
        }
        Course::Settled(_) | Course::Stays if is_seen(process) => {
            bases.push((own.clone(), Placing::Told))
        }
        Course::Stays => {
            let mut told = by_options(own, &lines);
            if told.is_empty() {
                told.push((own.clone(), Placing::Told));
            }
            bases.extend(told);
        }
        Course::Settled(place) => bases.extend(each_base(&place, false, process, circumstances)),
        Course::Started | Course::Unknown => {}
        Course::NoCode => {
            let told = by_options(own, &speaking);
            let is_at_start = speaking
                .iter()
                .any(|line| is_found_at_the_start(path, line));
            let stays = told.is_empty() && speaking.iter().any(|line| line.names(path));
            bases.extend(told);
            bases.push((
                own.clone(),
                match stays || is_at_start {
                    true => Placing::Told,
                    false => Placing::Assumed,
                },
            ));
            if !is_seen(process) && !is_at_start {
                bases.extend(guesses(circumstances));
            }
        }
    }
    bases
}

/// Where a process was started that may have changed to a directory on the way to one of its operands since, while it names files
/// as they were given to it.
fn before_its_operands(
    process: &CandidateProcess,
    lines: &[CommandLine],
    circumstances: &Circumstances,
) -> Option<Vec<u8>> {
    let goes_along = |line: &&CommandLine| line.known.is_some_and(|known| known.goes_along);
    let line = lines.iter().find(goes_along)?;
    if process.arguments == circumstances.command {
        return Some(circumstances.start.clone());
    }
    let own = process.directory.as_deref()?;
    let words = line.operands.iter().map(|operand| operand.word.as_slice());
    let mut ways = words
        .filter(|word| is_relative(word))
        .flat_map(byte_path::above);
    ways.find_map(|way| own.strip_suffix(way)?.strip_suffix(b"/"))
        .map(|start| if start.is_empty() { b"/" } else { start }.to_vec())
}

/// Whether it is a shell whose script tells where it was: it may have changed directory before it was inspected, or since.
fn is_told_by_script(lines: &[CommandLine], circumstances: &Circumstances) -> bool {
    let Some(line) = lines.first() else {
        return false;
    };
    let is_shell = line.known.is_some_and(Program::is_shell);
    script_of(line, circumstances).is_some_and(|script| {
        script.changes_directory() && (is_shell || line.known.is_none() && script.is_for_a_shell)
    })
}

/// Whether a program speaks of no files but those that it was given on its command line.
fn is_about_its_operands(line: &CommandLine) -> bool {
    let does = line.known.and_then(Program::always_does);
    does == Some(Operation::READ) && !line.walks() && !line.operands.is_empty()
}

/// Whether the message names a known program that works in the directory that it was started in, whatever it is told.
fn stays_where_started(incident: &Incident) -> bool {
    let speaker = leading_name(&incident.message).and_then(program);
    speaker.is_some_and(|known| !known.reads_recipes() && !known.takes_a_directory())
}

/// Whether it is the directory that the program is told to work in, or an archive, both of which it opens where it was started.
fn is_found_at_the_start(path: &[u8], line: &CommandLine) -> bool {
    let mut told = line.directories.iter().chain(&line.archives);
    told.any(|told| told == path)
}

/// Whether the command's own code uses the name in more than one directory: the same words several times may be about each.
fn is_used_in_several_places(
    path: &[u8],
    incident: &Incident,
    circumstances: &Circumstances,
) -> bool {
    let lines = command_lines(&circumstances.command);
    let course = Course::along(path, incident, &lines, true, &circumstances.scripts);
    match course {
        Course::Unknown => true,
        Course::At(place, _) => place.each().len() > 1,
        _ => false,
    }
}

/// Whether the message names no known program other than this command line's as its writer. What recipes run says nothing of
/// its origin, so that the program that reads them must name itself.
fn is_its(line: &CommandLine, incident: &Incident) -> bool {
    if line.runs_recipes() {
        return incident.message.starts_with(line.name());
    }
    let name = leading_name(&incident.message).filter(|name| program(name).is_some());
    let script = line.script.as_deref().map(byte_path::name);
    name.is_none_or(|name| line.name() == name || script == Some(name))
}

/// The absolute directories of a shell's code, if it is known where it was started.
fn each_base(
    place: &Whereabouts,
    is_settled: bool,
    process: &CandidateProcess,
    circumstances: &Circumstances,
) -> Vec<(Vec<u8>, Placing)> {
    let placing = match place {
        Whereabouts::OneOf(_) => Placing::OneOf,
        _ => Placing::Told,
    };
    let each = place.each().iter();
    let each = each.map(|place| base_of(place, is_settled, process, circumstances));
    let each: Option<Vec<Vec<u8>>> = each.collect();
    let each = each.into_iter().flatten();
    each.map(|base| (base, placing)).collect()
}

fn base_of(
    place: &Whereabouts,
    is_settled: bool,
    process: &CandidateProcess,
    circumstances: &Circumstances,
) -> Option<Vec<u8>> {
    let now = process.directory.as_ref().filter(|_| is_seen(process));
    let start = started_in(process, circumstances);
    match place {
        Whereabouts::At(directory) if directory.starts_with(b"~") => {
            let below = directory.strip_prefix(b"~/").unwrap_or_default();
            Some(join(home(circumstances)?, below))
        }
        // The shell has changed to it by now.
        Whereabouts::At(directory) if start.is_none() && !directory.starts_with(b"/") => {
            now.filter(|now| now.ends_with(&tidy(directory))).cloned()
        }
        Whereabouts::Start if start.is_none() && is_settled => now.cloned(),
        place => from(place, start.as_deref()),
    }
}

/// The home directory of the command's shells. Unknown if the command line sets another one, or runs something as another user.
fn home(circumstances: &Circumstances) -> Option<&[u8]> {
    let sets_it = |word: &Vec<u8>| memchr::memmem::find(word, b"HOME=").is_some();
    let lines = command_lines(&circumstances.command);
    let is_another = circumstances.command.iter().any(sets_it)
        || lines.iter().any(|line| !line.users.is_empty());
    circumstances.home.as_deref().filter(|_| !is_another)
}

/// Where a process that ended before it could be inspected may have worked, with nothing to indicate it: the directory that the
/// command was started in, or one that another program of the command line was told to work in.
fn guesses(circumstances: &Circumstances) -> impl Iterator<Item = (Vec<u8>, Placing)> {
    let start = &circumstances.start;
    let lines = command_lines(&circumstances.command).into_iter();
    let told = lines.flat_map(|line| line.directories);
    let told = told.map(|directory| join(start, &directory));
    std::iter::once(start.clone())
        .chain(told)
        .map(|base| (base, Placing::Assumed))
}

/// The command lines of the program that wrote the message; all of them if it does not name itself.
fn speaking(mut lines: Vec<CommandLine>, incident: &Incident) -> Vec<CommandLine> {
    let name = leading_name(&incident.message);
    let speaks = |line: &CommandLine| name.is_some_and(|name| line.name() == name);
    if lines.iter().any(speaks) {
        lines.retain(speaks);
    }
    lines
}

#[cfg(test)]
mod tests;
