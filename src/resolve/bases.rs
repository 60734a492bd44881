//! The directories that a printed name can be relative to.

use super::course::Course;
use super::places::is_relative;
use super::speaker::{is_waiting_shell, leading_name};
use super::standpoint::{Standpoint, from, is_seen, script_of, started_in};
use super::{CandidateProcess, Circumstances};
use crate::attempt::{Incident, Operation};
use crate::byte_path::{self, join, tidy};
use crate::programs::{CommandLine, Program, Whereabouts, command_lines, program, search_path};

/// A directory that a name may be relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    pub directory: Vec<u8>,
    pub placing: Placing,
}

/// How a directory that a name may be relative to is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// Something indicates it.
    Told,
    /// It is this one or another of the same kind, and nothing indicates which.
    OneOf,
    /// Nothing indicates it.
    Assumed,
}

/// A relative name in a message, and what is known of the process that printed it.
struct Mention<'a> {
    path: &'a [u8],
    incident: &'a Incident,
    process: &'a CandidateProcess,
    circumstances: &'a Circumstances,
    /// The working directory of the process or, if unknown, the command's.
    own: &'a Vec<u8>,
    /// The command lines of the process.
    lines: Vec<CommandLine>,
    /// Those of the program that wrote the message.
    speaking: Vec<CommandLine>,
}

/// The directories that this name can be relative to, the most likely first. Empty if shell code used the name after a change of
/// directory that only running it would tell.
pub fn bases(
    path: &[u8],
    operation: &Operation,
    incident: &Incident,
    process: &CandidateProcess,
    circumstances: &Circumstances,
) -> Vec<Base> {
    let mut bases = searched(path, operation, circumstances);
    let own = process.directory.as_ref().unwrap_or(&circumstances.start);
    if let Some(told) = &incident.directory {
        bases.push(Base::told(join(own, told)));
        if told.starts_with(b"/") {
            return bases;
        }
    }
    if incident.count > 1 && is_used_in_several_places(path, incident, circumstances) {
        return bases;
    }
    let lines = command_lines(match process.arguments.is_empty() {
        // It was about to end when it was inspected.
        true => &circumstances.command,
        false => &process.arguments,
    });
    let mention = Mention {
        path,
        incident,
        process,
        circumstances,
        own,
        speaking: speaking(lines.clone(), incident),
        lines,
    };
    bases.extend(mention.bases());
    bases
}

/// The directories in which a program named without a slash is looked for.
fn searched(path: &[u8], operation: &Operation, circumstances: &Circumstances) -> Vec<Base> {
    if *operation != Operation::Exec || path.contains(&b'/') {
        return Vec::new();
    }
    let inherited = &circumstances.search_path;
    let told = search_path(&circumstances.command, inherited, &circumstances.start);
    let search = told.as_ref().unwrap_or(inherited);
    search.iter().cloned().map(Base::told).collect()
}

impl Base {
    fn new(directory: Vec<u8>, placing: Placing) -> Base {
        Base { directory, placing }
    }

    fn told(directory: Vec<u8>) -> Base {
        Base::new(directory, Placing::Told)
    }
}

impl Mention<'_> {
    fn bases(&self) -> Vec<Base> {
        if self.is_of_what_was_seen() {
            return self.where_it_was_seen();
        }
        // A shell at its prompt has been waiting in the directory in which what was typed there ran.
        if is_waiting_shell(self.process, self.circumstances) && stays_where_started(self.incident)
        {
            return vec![Base::told(self.own.clone())];
        }
        self.where_its_code_goes()
    }

    /// Whether the message is about a file of the process itself, which was seen as it was at that time: not about one of the code
    /// that it runs, or of a script that changes directory.
    fn is_of_what_was_seen(&self) -> bool {
        let is_put = |line: &CommandLine| line.place != Whereabouts::Start;
        is_seen(self.process)
            && self.lines.first().is_none_or(|line| self.may_be_of(line))
            && !self.speaking.iter().any(is_put)
            && !is_told_by_script(&self.lines, self.circumstances)
    }

    /// Whether this, the command line of the process itself, may have led to the message.
    fn may_be_of(&self, line: &CommandLine) -> bool {
        let leading = leading_name(&self.incident.message);
        let by_a_shell = leading.and_then(program).is_some_and(Program::is_shell);
        let is_inner = |line: &CommandLine| line.is_code_for_a_shell();
        let is_code = is_inner(line) || by_a_shell && self.lines.iter().any(is_inner);
        let is_another = is_about_its_operands(line) && !line.names(self.path);
        let is_known = self.process.name.as_deref() == leading;
        !is_code && !is_another && (is_its(line, self.incident) || is_known)
    }

    /// The directories of a process whose own file the name is.
    fn where_it_was_seen(&self) -> Vec<Base> {
        let before = before_its_operands(self.process, &self.speaking, self.circumstances);
        if let Some(before) = before {
            return self.told_in(before, &self.speaking);
        }
        match Standpoint::of(self.path, self.incident, self.process, self.circumstances) {
            // A program that is told to work in a directory but has not changed to it resolves its files from there, as tar
            // does with openat(2).
            Standpoint::Now => self.told_in(self.own.clone(), &self.speaking),
            Standpoint::At(place) => vec![Base::told(place)],
            Standpoint::OneOf(places) => {
                let one_of = |place| Base::new(place, Placing::OneOf);
                places.into_iter().map(one_of).collect()
            }
            Standpoint::Unknown => Vec::new(),
        }
    }

    /// The directories that the code on the command lines was in when it used the name.
    fn where_its_code_goes(&self) -> Vec<Base> {
        let is_its = self.speaking.iter().any(|line| is_its(line, self.incident));
        let scripts = &self.circumstances.scripts;
        let each = |place: &Whereabouts, is_settled: bool| {
            each_base(place, is_settled, self.process, self.circumstances).into_iter()
        };
        match Course::along(self.path, self.incident, &self.lines, is_its, scripts) {
            Course::At(place, lines) => {
                let is_settled = !lines.is_empty() && lines.iter().all(|line| line.is_settled);
                let of_each = each(&place, is_settled).flat_map(|base| {
                    let mut told = self.told_in(base.directory, &lines);
                    told.iter_mut().for_each(|one| one.placing = base.placing);
                    told
                });
                of_each.collect()
            }
            Course::Settled(_) | Course::Stays if is_seen(self.process) => {
                vec![Base::told(self.own.clone())]
            }
            Course::Stays => match self.by_options(self.own, &self.lines) {
                none if none.is_empty() => vec![Base::told(self.own.clone())],
                told => told,
            },
            Course::Settled(place) => each(&place, false).collect(),
            Course::Started | Course::Unknown => Vec::new(),
            Course::NoCode => self.without_code(),
        }
    }

    /// The directories of a process that was not seen in time, and runs no code that would tell.
    fn without_code(&self) -> Vec<Base> {
        let lines = || self.speaking.iter();
        let is_at_start = lines().any(|line| is_found_at_the_start(self.path, line));
        let mut bases = self.by_options(self.own, &self.speaking);
        let stays = bases.is_empty() && lines().any(|line| line.names(self.path));
        let seeks = |line: &CommandLine| {
            line.known.is_some_and(|known| known.seeks(self.path)) && is_its(line, self.incident)
        };
        if bases.is_empty() && lines().any(seeks) {
            let upwards = std::iter::once(self.own.as_slice()).chain(byte_path::above(self.own));
            bases.extend(upwards.map(|directory| Base::told(directory.to_vec())));
        }
        bases.push(match stays || is_at_start {
            true => Base::told(self.own.clone()),
            false => Base::new(self.own.clone(), Placing::Assumed),
        });
        if !is_seen(self.process) && !is_at_start {
            bases.extend(guesses(self.circumstances));
        }
        bases
    }

    /// The directories that the options of a program in this one tell it to work in, and then this one.
    fn told_in(&self, directory: Vec<u8>, lines: &[CommandLine]) -> Vec<Base> {
        let mut bases = self.by_options(&directory, lines);
        bases.push(Base::told(directory));
        bases
    }

    /// The directories that options tell a program in this one to work in.
    fn by_options(&self, directory: &[u8], lines: &[CommandLine]) -> Vec<Base> {
        let others = lines
            .iter()
            .filter(|line| !is_found_at_the_start(self.path, line));
        let options = others.flat_map(|line| &line.directories);
        // The directory itself is relative to where the program was started.
        let elsewhere =
            options.filter(|told| !told.is_empty() && !directory.ends_with(&tidy(told)));
        elsewhere
            .map(|told| Base::told(join(directory, told)))
            .collect()
    }
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
) -> Vec<Base> {
    let placing = match place {
        Whereabouts::OneOf(_) => Placing::OneOf,
        _ => Placing::Told,
    };
    let each = place.each().iter();
    let each = each.map(|place| base_of(place, is_settled, process, circumstances));
    let each: Option<Vec<Vec<u8>>> = each.collect();
    let each = each.into_iter().flatten();
    each.map(|directory| Base::new(directory, placing))
        .collect()
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
fn guesses(circumstances: &Circumstances) -> impl Iterator<Item = Base> {
    let start = &circumstances.start;
    let lines = command_lines(&circumstances.command).into_iter();
    let told = lines.flat_map(|line| line.directories);
    let told = told.map(|directory| join(start, &directory));
    std::iter::once(start.clone())
        .chain(told)
        .map(|directory| Base::new(directory, Placing::Assumed))
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
