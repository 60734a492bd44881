//! Interprets a command line as its program does.

mod reader;

use super::shell::{self, Scope, is_assignment};
use super::{Operand, Program, Whereabouts};
use crate::attempt::Operation;
use crate::byte_path;
use reader::Reader;
pub(super) use reader::holds;

/// The maximum number of commands in one command line, including wrapped ones and those in shell code.
const MOST: usize = 32;

/// A command of a command line.
#[derive(Debug, Clone, Default)]
pub struct CommandLine {
    /// The program as it was called: `/usr/bin/python3`, or the module of `python3 -m`.
    pub program: Vec<u8>,
    /// The description of the program, if it is known.
    pub known: Option<&'static Program>,
    /// Its words, beginning with the program name.
    pub words: Vec<Vec<u8>>,
    /// The words that may name files, and what the program does with them.
    pub operands: Vec<Operand>,
    /// The directories that it is told to work in.
    pub directories: Vec<Vec<u8>>,
    /// The archives among its operands: they are opened before it goes anywhere.
    pub archives: Vec<Vec<u8>>,
    /// The users that it is told to run something as.
    pub users: Vec<String>,
    /// The root directory that it is told to run something in.
    pub root: Option<Vec<u8>>,
    /// The paths that it mounts read-only for the command that it wraps.
    pub read_only: Vec<Vec<u8>>,
    /// The paths that it hides from that command.
    pub closed: Vec<Vec<u8>>,
    /// The mounts that it makes for the command that it wraps, in order.
    pub mounts: Vec<ToldMount>,
    /// Whether the root directory of that command is read-only.
    pub is_root_read_only: bool,
    /// Whether that command runs in a user namespace of its own, without privileges outside of it.
    pub is_unprivileged: bool,
    /// Whether that command sees the same files as here, but for what the other options say.
    pub is_plain: bool,
    /// Whether that command is root in a user namespace in which nobody but its user exists.
    pub maps_root: bool,
    /// The process whose namespaces that command enters.
    pub enters: Option<i32>,
    /// Whether it enters the mount namespace of that process.
    pub enters_mounts: bool,
    /// Whether the ids of that command are others than those here.
    pub has_other_ids: bool,
    /// The modes that it is told to give to files.
    pub modes: Vec<Vec<u8>>,
    /// The ports among its arguments.
    pub ports: Vec<u16>,
    /// The processes that it is told to act on.
    pub processes: Vec<i32>,
    /// The script, if it is an interpreter that runs one.
    pub script: Option<Vec<u8>>,
    /// The code passed to an interpreter as an argument.
    pub code: Option<Vec<u8>>,
    /// Whether another command of the command line starts it.
    pub is_started: bool,
    /// Its working directory, if another command of the command line starts it: as code for a shell or the options of a wrapper
    /// determine it.
    pub place: Whereabouts,
    /// Whether that shell does not change directory after it.
    pub is_settled: bool,
}

/// The commands in a command line: the command itself, those that it wraps, and those in shell code.
#[must_use]
pub fn command_lines(words: &[Vec<u8>]) -> Vec<CommandLine> {
    let mut found = Vec::new();
    read(words, Vec::new(), &mut found);
    found
}

/// The commands of shell code.
#[must_use]
pub fn commands_of_code(code: &[u8]) -> Vec<CommandLine> {
    let mut found = Vec::new();
    read_code(code, Scope::default(), &mut found);
    found
}

/// The commands of a shell script with this path, which was run with these arguments if they are known.
#[must_use]
pub fn commands_of_script(
    code: &[u8],
    path: &[u8],
    arguments: Option<&[Vec<u8>]>,
) -> Vec<CommandLine> {
    let mut found = Vec::new();
    let mut parameters = vec![path.to_vec()];
    parameters.extend_from_slice(arguments.unwrap_or_default());
    read_code(
        code,
        Scope::new(parameters, arguments.is_some()),
        &mut found,
    );
    found.iter_mut().for_each(|line| line.is_started = true);
    found
}

/// A mount that a command line describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldMount {
    /// The mount point.
    pub point: Vec<u8>,
    /// What is mounted there, by its path here; `None` for a file system of its own.
    pub source: Option<Vec<u8>>,
    /// Whether it is mounted read-only.
    pub read_only: bool,
}

impl CommandLine {
    /// The program's name without directories.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        byte_path::name(&self.program)
    }

    /// Whether it is a shell whose code is given completely on the command line.
    #[must_use]
    pub fn is_code_for_a_shell(&self) -> bool {
        self.code.is_some() && self.known.is_some_and(|known| known.shell)
    }

    /// What the program does with the file of this name, which is printed as it was given to the program, or was found below an
    /// operand. An interpreter reads its script.
    #[must_use]
    pub fn does_with(&self, path: &[u8]) -> Option<Operation> {
        let is_it = |operand: &&Operand| is_at_or_below(path, &operand.word);
        let mut named = self.operands.iter().rev().filter(is_it);
        let by_operand = named.find_map(|operand| operand.operation.clone());
        let reads = || (self.script.as_deref() == Some(path)).then_some(Operation::READ);
        let runs = || (self.is_started && self.program == path).then_some(Operation::Exec);
        let enters = || self.directories.iter().any(|told| told == path);
        let opens = self.known.is_some_and(|known| known.opens_directory);
        let how = if opens {
            Operation::List
        } else {
            Operation::Traverse
        };
        let enters = || enters().then_some(how);
        by_operand.or_else(reads).or_else(runs).or_else(enters)
    }

    /// Whether the program runs what files of its directory describe.
    #[must_use]
    pub fn runs_recipes(&self) -> bool {
        self.known.is_some_and(Program::reads_recipes)
    }

    /// Whether it runs commands in directories of its own choice.
    #[must_use]
    pub fn roams(&self) -> bool {
        self.known
            .is_some_and(|known| self.words.iter().any(|word| known.roams(word)))
    }

    /// Whether the program runs the command that follows in its command line.
    #[must_use]
    pub fn wraps(&self) -> bool {
        self.known.is_some_and(|known| known.wraps)
    }

    /// Whether the program does nothing but start the command that follows.
    #[must_use]
    pub fn only_starts(&self) -> bool {
        self.known.is_some_and(|known| known.only_starts)
    }

    /// What the script of this name is run with, if it runs it.
    #[must_use]
    pub fn arguments_of(&self, script: &[u8]) -> Option<&[Vec<u8>]> {
        let is_it = |word: &&Vec<u8>| byte_path::name(word) == script;
        let own = self.script.as_ref().filter(is_it);
        let word = own.or(Some(&self.program).filter(is_it))?;
        let at = self.words.iter().position(|other| other == word)?;
        self.words.get(at + 1..)
    }

    /// Whether it names this file: as an operand, as the program, by a directory above it, on the way to an operand, or by the
    /// file from which its name is made (`a` and `a.xz`).
    #[must_use]
    pub fn names(&self, path: &[u8]) -> bool {
        let mut operands = self.operands.iter();
        operands.any(|operand| {
            is_at_or_below(path, &operand.word)
                || is_at_or_below(&operand.word, path)
                || differ_in_a_suffix(path, &operand.word)
        }) || self.program == path
    }
}

/// Whether one of the names is the other one with a suffix.
fn differ_in_a_suffix(one: &[u8], other: &[u8]) -> bool {
    let has = |long: &[u8], short: &[u8]| {
        let rest = long.strip_prefix(short).filter(|_| !short.is_empty());
        rest.is_some_and(|rest| rest.starts_with(b".") && !rest.contains(&b'/'))
    };
    has(one, other) || has(other, one)
}

/// Whether a printed path is this word or lies below it. A shell prints the path that it made of a word with `~`.
fn is_at_or_below(path: &[u8], word: &[u8]) -> bool {
    if let Some(below_home) = word
        .strip_prefix(b"~")
        .filter(|rest| rest.starts_with(b"/"))
    {
        return path.starts_with(b"/") && path.ends_with(below_home);
    }
    let rest = path.strip_prefix(word.strip_suffix(b"/").unwrap_or(word));
    !word.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Reads a command, and those that it starts.
fn read(words: &[Vec<u8>], redirections: Vec<(Operation, Vec<u8>)>, found: &mut Vec<CommandLine>) {
    let assignments = words.iter().take_while(|word| is_assignment(word)).count();
    let words = &words[assignments..];
    let Some((name, arguments)) = words.split_first() else {
        return;
    };
    if found.len() >= MOST {
        return;
    }
    let mut reader = Reader::new(name, words);
    let rest = reader.arguments(arguments);
    let (mut line, code) = (reader.line, reader.code);
    line.is_started = !found.is_empty();
    line.code.clone_from(&code);
    if reader.program.configured && !line.operands.is_empty() {
        line.place = Whereabouts::Unknown;
    }
    let is_shell = reader.program.shell;
    let mut own = words[..words.len() - rest.len()].iter();
    let roams = own.any(|word| reader.program.roams(word));
    line.operands
        .extend(redirections.into_iter().map(|(operation, word)| Operand {
            word,
            operation: Some(operation),
        }));
    let module = reader.module;
    found.push(line);
    let started = found.len();
    if let Some(code) = code.filter(|_| is_shell) {
        let after = found[started - 1].operands.iter();
        let mut parameters: Vec<Vec<u8>> = after.map(|operand| operand.word.clone()).collect();
        if parameters.is_empty() {
            parameters.push(name.clone());
        }
        read_code(&code, Scope::new(parameters, true), found);
    }
    if !rest.is_empty() {
        // For what follows, the module is the program.
        let start = if module { found.pop() } else { None };
        let directory = found
            .last()
            .and_then(|line| line.directories.last().cloned());
        let first = found.len();
        read(rest, Vec::new(), found);
        if let Some(directory) = directory {
            let there = Whereabouts::Start.to(&directory);
            for line in &mut found[first..] {
                line.place = there.then(&line.place);
            }
        }
        if let (Some(start), Some(line)) = (start, found.last_mut()) {
            line.words = start.words;
        }
    }
    for line in found.iter_mut().skip(started).filter(|_| roams) {
        line.place = Whereabouts::Unknown.then(&line.place);
    }
}

/// Reads the commands of shell code, each with its working directory.
fn read_code(code: &[u8], scope: Scope, found: &mut Vec<CommandLine>) {
    for command in shell::commands_within(code, scope) {
        let first = found.len();
        match command.words.is_empty() {
            false => read(&command.words, command.redirections, found),
            true => found.push(only_redirections(command.redirections)),
        }
        if let Some(input) = &command.input {
            read_input(input, first, found);
        }
        for line in &mut found[first..] {
            let is_inner = line.place != Whereabouts::Start;
            line.is_settled = command.is_settled && (line.is_settled || !is_inner);
            line.place = command.place.then(&line.place);
        }
    }
}

/// What an interpreter reads from its standard input is its code, unless it was given some.
fn read_input(input: &[u8], first: usize, found: &mut Vec<CommandLine>) {
    let Some(line) = found[first..].last_mut() else {
        return;
    };
    let is_given = line.code.is_some() || line.script.as_ref().is_some_and(|name| name != b"-");
    if is_given || !line.known.is_some_and(|known| known.interprets) {
        return;
    }
    line.code = Some(input.to_vec());
    if line.is_code_for_a_shell() {
        read_code(input, Scope::default(), found);
    }
}

fn only_redirections(redirections: Vec<(Operation, Vec<u8>)>) -> CommandLine {
    let operand = |(operation, word)| Operand {
        word,
        operation: Some(operation),
    };
    CommandLine {
        operands: redirections.into_iter().map(operand).collect(),
        ..CommandLine::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(words: &[&str]) -> Vec<CommandLine> {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        command_lines(&words)
    }

    #[test]
    fn code_for_a_shell_is_read_as_commands() {
        let found = lines(&[
            "sh",
            "-c",
            "cd /srv; sudo -u bob cat f > out; tar -xf a.tar -C '/srv/my out'",
        ]);
        let users: Vec<&String> = found.iter().flat_map(|line| &line.users).collect();
        assert_eq!(users, ["bob"]);
        let directories: Vec<&Vec<u8>> = found.iter().flat_map(|line| &line.directories).collect();
        assert_eq!(directories, [&b"/srv/my out"[..]]);
        let cat = found
            .iter()
            .find(|line| line.name() == b"cat")
            .expect("it is there");
        assert_eq!(cat.does_with(b"f"), Some(Operation::READ));
    }

    #[test]
    fn a_here_document_is_the_code_of_an_interpreter() {
        let found = lines(&[
            "sh",
            "-c",
            "cd /srv; python3 - <<X\nopen('f')\nX\nbash <<X\ncat g\nX\n",
        ]);
        let python = found.iter().find(|line| line.name() == b"python3");
        let code = python.and_then(|line| line.code.as_deref());
        assert_eq!(code, Some(&b"open('f')\n"[..]));
        let cat = found.iter().find(|line| line.name() == b"cat");
        let cat = cat.expect("it is there");
        assert_eq!(cat.place, Whereabouts::At(b"/srv".to_vec()));
    }

    #[test]
    fn where_code_for_a_shell_goes_counts_for_what_follows() {
        let found = lines(&["sh", "-c", "ls; cd /srv; (cd a && touch x); cd b; rm y"]);
        let of = |name: &str| {
            let line = found.iter().find(|line| line.name() == name.as_bytes());
            line.expect("it is there").place.clone()
        };
        assert_eq!(of("ls"), Whereabouts::Start);
        assert_eq!(of("touch"), Whereabouts::At(b"/srv/a".to_vec()));
        assert_eq!(of("rm"), Whereabouts::At(b"/srv/b".to_vec()));
    }

    #[test]
    fn a_login_shell_leaves_the_directory() {
        let place = |words: &[&str]| lines(words).pop().expect("it starts one").place;
        for words in [
            &["su", "-", "bob", "-c", "cat f"][..],
            &["sudo", "-u", "bob", "-i", "cat", "f"],
        ] {
            assert_eq!(place(words), Whereabouts::Unknown, "{words:?}");
        }
        // This option is the command's.
        let words = ["sudo", "-u", "bob", "grep", "-i", "x", "f"];
        assert_eq!(place(&words), Whereabouts::Start);
    }

    #[test]
    fn what_lies_below_an_operand_is_treated_like_it() {
        let found = lines(&["grep", "-r", "token", "/etc/"]);
        assert_eq!(found[0].does_with(b"/etc/shadow"), Some(Operation::READ));
        assert_eq!(found[0].does_with(b"/etcetera"), None);
    }

    #[test]
    fn of_an_unknown_program_every_word_may_be_a_file() {
        let found = lines(&["some-tool", "-v", "--out=/srv/x", "in.txt"]);
        let words: Vec<&[u8]> = found[0]
            .operands
            .iter()
            .map(|o| o.word.as_slice())
            .collect();
        assert_eq!(words, [&b"/srv/x"[..], b"in.txt"]);
        assert_eq!(found[0].does_with(b"in.txt"), None);
    }
}
