//! The directory that a name in a message is relative to, according to the code on the command line.

use memchr::memmem;

use super::given::given;
use super::moves::{self, Standing};
use super::standpoint::line_of;
use super::{leading_name, source, writer};
use crate::attempt::{Incident, Operation};
use crate::byte_path;
use crate::programs::{CommandLine, Program, Whereabouts, commands_of_script, is_recipe, program};

/// The working directory of code when it uses a name.
pub enum Course {
    /// There is no code, or it does not name the file.
    NoCode,
    /// A program that the code starts has started the one that uses the name, which nothing here describes.
    Started,
    /// Nothing changes directory on the way to the program that uses the name.
    Stays,
    /// The code uses the name in this directory, with these commands.
    At(Whereabouts, Vec<CommandLine>),
    /// The code determines no more than this, but the shell has not changed directory since.
    Settled(Whereabouts),
    /// Only running the code would tell.
    Unknown,
}

/// A file that describes what a program runs: a script, or recipes such as those of make(1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its path.
    pub path: Vec<u8>,
    /// Its content.
    pub code: Vec<u8>,
    /// Whether a shell runs what it contains.
    pub is_for_a_shell: bool,
    /// What it was run with, if a command line tells.
    pub arguments: Option<Vec<Vec<u8>>>,
}

impl Script {
    /// Whether it is text, rather than a compiled program.
    #[must_use]
    pub fn is_text(&self) -> bool {
        memchr::memchr(0, &self.code).is_none()
    }

    /// Whether what it describes may run in another directory than the one that it is read in.
    #[must_use]
    pub fn changes_directory(&self) -> bool {
        changes_directory(&self.code)
            || self.is_for_a_shell && self.commands().iter().any(may_be_anywhere)
    }

    /// Where its shell code uses the name. Recipes run in the directory of their file.
    fn course(&self, path: &[u8], incident: &Incident) -> Course {
        let told = Course::of_a_shell(path, incident, &self.commands());
        let directory = byte_path::parent(&self.path).unwrap_or_default();
        match told {
            Course::At(place, lines) if is_recipe(byte_path::name(&self.path)) => {
                let there = Whereabouts::At(directory.to_vec());
                Course::At(there.then(&place), lines)
            }
            told => told,
        }
    }

    /// Its commands, if it is read as shell code.
    fn commands(&self) -> Vec<CommandLine> {
        // In a recipe of make(1), a command may have a sign before it: `-rm x`, `@echo x`.
        let bare = |line: &[u8]| match line.strip_prefix(b"\t") {
            Some(recipe) => {
                let signs = recipe
                    .iter()
                    .take_while(|byte| b"-@+".contains(byte))
                    .count();
                recipe[signs..].to_vec()
            }
            None => line.to_vec(),
        };
        let code: Vec<Vec<u8>> = self.code.split(|byte| *byte == b'\n').map(bare).collect();
        commands_of_script(&code.join(&b'\n'), &self.path, self.arguments.as_deref())
    }
}

/// The scripts that a shell script runs, if it is run in this directory and its code determines their places: their paths, and
/// what they are given to, if they are not run by themselves.
#[must_use]
pub fn called(script: &Script, directory: &[u8]) -> Vec<(Vec<u8>, Option<&'static Program>)> {
    if !script.is_text() || !script.is_for_a_shell {
        return Vec::new();
    }
    let path = |line: &CommandLine| {
        let file = match &line.known {
            None => Some(&line.program).filter(|program| program.contains(&b'/')),
            Some(_) => line.script.as_ref(),
        };
        let base = match &line.place {
            Whereabouts::Start => directory.to_vec(),
            Whereabouts::At(place) => byte_path::join(directory, place),
            Whereabouts::OneOf(_) | Whereabouts::Unknown => return None,
        };
        let path = byte_path::tidy(&byte_path::join(&base, file?));
        Some((path, line.known))
    };
    script.commands().iter().filter_map(path).collect()
}

impl Course {
    /// Where these command lines, and the scripts that they run, use the name.
    pub fn along(
        path: &[u8],
        incident: &Incident,
        lines: &[CommandLine],
        is_its: bool,
        scripts: &[Script],
    ) -> Course {
        let told = match Course::of(path, incident, lines) {
            Course::NoCode if !is_its && !lines.is_empty() => Course::Started,
            told => told,
        };
        if !is_its && lines.iter().any(CommandLine::roams) {
            return Course::Unknown;
        }
        let is_named = || {
            lines
                .iter()
                .any(|line| line.names(path) && !line.runs_recipes())
        };
        match (told, Course::of_scripts(path, incident, scripts, is_its)) {
            (Course::Started, Course::Started) if is_named() => Course::Stays,
            (Course::Started, Course::Started) => Course::Unknown,
            (told, Course::Started) => told,
            (Course::Started | Course::NoCode, written) => written,
            (told, _) if recipe_of(lines, scripts).is_some() => told,
            (told, Course::Stays) => told,
            (Course::At(Whereabouts::Start, _), written) => written,
            _ => Course::Unknown,
        }
    }

    /// Reads the code given to the first of these command lines, or to the command that it wraps. The others are the commands of
    /// a shell's code.
    fn of(path: &[u8], incident: &Incident, lines: &[CommandLine]) -> Course {
        let wrapping = lines.iter().take_while(|line| line.wraps()).count();
        let writer = leading_name(&incident.message);
        if lines[..wrapping]
            .iter()
            .any(|line| Some(line.name()) == writer)
        {
            return Course::NoCode;
        }
        match lines[wrapping..].split_first() {
            Some((shell, commands)) if shell.is_code_for_a_shell() => {
                Course::of_a_shell(path, incident, commands)
            }
            Some((started, _)) if wrapping > 0 && started.place != Whereabouts::Start => {
                Course::At(started.place.clone(), lines[wrapping..].to_vec())
            }
            Some((started, _)) if started.place == Whereabouts::Unknown => Course::Unknown,
            Some((interpreter, _)) => match &interpreter.code {
                Some(code) if !source::uses(code, path).is_empty() => {
                    Course::standing(path, code, None, incident, vec![interpreter.clone()])
                }
                _ => Course::NoCode,
            },
            None => Course::NoCode,
        }
    }

    /// Where the code of an interpreter uses the name: as its calls of chdir(2) say, and in the directory that it gives to the
    /// program that it starts.
    fn standing(
        path: &[u8],
        code: &[u8],
        line: Option<usize>,
        incident: &Incident,
        lines: Vec<CommandLine>,
    ) -> Course {
        let uses = moves::uses(code, path, line, writer(incident));
        let own = match moves::standing(code, &uses) {
            Standing::Last(place) | Standing::Earlier(place) => place,
            Standing::OneOf(places) => Whereabouts::one_of(places),
        };
        let inner = match uses.is_empty() {
            // The name is made while it runs.
            true if changes_directory(code) => Whereabouts::Unknown,
            true => Whereabouts::Start,
            false => Whereabouts::one_of(uses.iter().map(|at| given(code, path, *at))),
        };
        let place = own.then(&inner);
        match place {
            Whereabouts::Unknown => Course::Unknown,
            place => Course::At(place, lines),
        }
    }

    /// What the scripts on the way to the writer say; `Started` if none was read. A program that is no text may change to any
    /// directory before it starts another (`by_itself` is false).
    fn of_scripts(path: &[u8], incident: &Incident, scripts: &[Script], by_itself: bool) -> Course {
        let texts = scripts.iter().filter(|script| script.is_text());
        if !by_itself && texts.clone().count() < scripts.len() {
            return Course::Unknown;
        }
        let mut leaving = texts.clone().filter(|script| script.changes_directory());
        match (texts.count(), leaving.next(), leaving.next()) {
            (0, ..) => Course::Started,
            (_, None, _) => Course::Stays,
            (_, Some(script), None) if !script.is_for_a_shell => {
                let line = line_of(incident, Some(byte_path::name(&script.path)));
                Course::standing(path, &script.code, line, incident, Vec::new())
            }
            (_, Some(script), None) => {
                let stays =
                    |line: &CommandLine| is_of(line, path, incident) || stays(line, scripts);
                match script.course(path, incident) {
                    Course::At(place, uses)
                        if uses.iter().any(|line| is_of(line, path, incident))
                            || uses.iter().all(stays) =>
                    {
                        Course::At(place, uses)
                    }
                    settled @ Course::Settled(_) => settled,
                    _ => Course::Unknown,
                }
            }
            _ => Course::Unknown,
        }
    }

    fn of_a_shell(path: &[u8], incident: &Incident, commands: &[CommandLine]) -> Course {
        let writer = leading_name(&incident.message);
        let name = writer.filter(|name| commands.iter().any(|line| line.name() == *name));
        let writer = writer.and_then(program);
        // Commands that read recipes start programs that no command line names.
        let starts = CommandLine::runs_recipes;
        // A shell speaks of what the commands in its code open, too.
        let is_inner = |line: &CommandLine| line.is_code_for_a_shell();
        let by_inner = name.is_some()
            && writer.is_some_and(Program::is_shell)
            && commands.iter().any(is_inner);
        let speaks = |line: &CommandLine| name.is_none_or(|name| line.name() == name);
        let goes = |line: &CommandLine| {
            let does = line.known.and_then(Program::always_does);
            does == Some(Operation::Traverse)
        };
        let those = |are: &dyn Fn(&CommandLine) -> bool| -> Vec<CommandLine> {
            commands.iter().filter(|line| are(line)).cloned().collect()
        };
        let mut uses = those(&|line| {
            line.names(path) && (speaks(line) || by_inner) && !(name.is_none() && starts(line))
        });
        let is_the_shells = writer.is_some_and(Program::is_shell) && commands.iter().any(fills_in);
        if uses.is_empty()
            && name.is_none()
            && (writer.is_some() && !is_the_shells || commands.iter().any(starts))
        {
            return Course::Started;
        }
        if uses.is_empty() && by_inner && commands.iter().any(goes) {
            return Course::Unknown;
        }
        if uses.is_empty() && name.is_some() {
            uses = those(&speaks);
        }
        if uses.is_empty() {
            uses = those(&|line| !goes(line));
        }
        if uses.is_empty() {
            return Course::NoCode;
        }
        let place = Whereabouts::one_of(uses.iter().map(|line| line.place.clone()));
        match place {
            Whereabouts::Start | Whereabouts::At(_) => Course::At(place, uses),
            place if uses.iter().all(|line| line.is_settled) => Course::Settled(place),
            Whereabouts::Unknown => Course::Unknown,
            place => Course::At(place, uses),
        }
    }
}

/// The only recipe that has the code which is given to the first of these command lines, a shell.
pub fn recipe_of<'s>(lines: &[CommandLine], scripts: &'s [Script]) -> Option<&'s Script> {
    let shell = lines.first().filter(|line| line.is_code_for_a_shell())?;
    let code = shell.code.as_ref()?;
    let has_it = |script: &&Script| {
        is_recipe(byte_path::name(&script.path)) && memmem::find(&script.code, code).is_some()
    };
    let mut recipes = scripts.iter().filter(has_it);
    recipes.next().filter(|_| recipes.next().is_none())
}

/// Whether this command wrote the message or names the file.
fn is_of(line: &CommandLine, path: &[u8], incident: &Incident) -> bool {
    line.names(path) || leading_name(&incident.message) == Some(line.name())
}

/// Whether only running it tells where this command works, or what it runs.
fn may_be_anywhere(line: &CommandLine) -> bool {
    line.roams() || line.place == Whereabouts::Unknown
}

/// Whether this command stays in the directory that it was started in, as do the programs that it starts, as far as is known of it.
fn stays(line: &CommandLine, scripts: &[Script]) -> bool {
    let is_read = |script: &Vec<u8>| {
        let name = byte_path::name(script);
        scripts
            .iter()
            .any(|known| byte_path::name(&known.path) == name)
    };
    line.known.is_some()
        && line.directories.is_empty()
        && !(line.runs_recipes() || line.roams() || line.wraps())
        && !line.code.as_deref().is_some_and(changes_directory)
        && line.script.as_ref().is_none_or(is_read)
}

/// Whether a word of the command is only known when it runs.
fn fills_in(line: &CommandLine) -> bool {
    let operands = line.operands.iter().map(|operand| &operand.word);
    let mut words = line.words.iter().chain(operands);
    words.any(|word| word.iter().any(|byte| b"$`*?[".contains(byte)))
}

/// Whether a word of this text changes directory.
fn changes_directory(code: &[u8]) -> bool {
    const WORDS: &[&[u8]] = &[
        b"cd",
        b"pushd",
        b"chdir",
        b"Chdir",
        b"fchdir",
        b"cwd",
        b"WORKING_DIRECTORY",
    ];
    const OPTIONS: &[&[u8]] = &[b"-C", b"--directory", b"--chdir"];
    let is_of_a_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let mut words = code.split(|byte| !is_of_a_word(byte));
    let is_edge = |byte: &u8| byte.is_ascii_whitespace() || b"\"'=,".contains(byte);
    let mut options = code.split(is_edge);
    words.any(|word| WORDS.contains(&word)) || options.any(|option| OPTIONS.contains(&option))
}
