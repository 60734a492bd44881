//! Interprets a command line as its program does.

use std::sync::LazyLock;

use super::shell::{self, is_assignment};
use super::{Program, Whereabouts, operation, program};
use crate::attempt::Operation;
use crate::byte_path;

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
    /// Whether that command is root in a user namespace in which nobody but its user exists.
    pub maps_root: bool,
    /// The process whose namespaces that command enters.
    pub enters: Option<i32>,
    /// Whether it enters the mount namespace of that process.
    pub enters_mounts: bool,
    /// Whether the ids of that command are others than those here.
    pub has_other_ids: bool,
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

/// A word of a command line that may name a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    /// The word, without the name of an option whose value it may be.
    pub word: Vec<u8>,
    /// What the program does with the file, if known.
    pub operation: Option<Operation>,
}

/// The commands in a command line: the command itself, those that it wraps, and those in shell code.
#[must_use]
pub fn command_lines(words: &[Vec<u8>]) -> Vec<CommandLine> {
    let mut found = Vec::new();
    read(words, Vec::new(), &mut found);
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
        by_operand.or_else(reads).or_else(runs)
    }

    /// Whether the program runs the command that follows in its command line.
    #[must_use]
    pub fn wraps(&self) -> bool {
        self.known.is_some_and(|known| known.wraps)
    }

    /// Whether it names this file: as an operand, as the program, by a directory above it, or by the file from which its name
    /// is made (`a` and `a.xz`).
    #[must_use]
    pub fn names(&self, path: &[u8]) -> bool {
        let mut operands = self.operands.iter();
        operands.any(|operand| {
            is_at_or_below(path, &operand.word) || differ_in_a_suffix(path, &operand.word)
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
    let is_shell = reader.program.shell;
    line.operands
        .extend(redirections.into_iter().map(|(operation, word)| Operand {
            word,
            operation: Some(operation),
        }));
    let module = reader.module;
    found.push(line);
    if let Some(code) = code.filter(|_| is_shell) {
        read_code(&code, found);
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
}

/// Reads the commands of shell code, each with its working directory.
fn read_code(code: &[u8], found: &mut Vec<CommandLine>) {
    for command in shell::commands(code) {
        let first = found.len();
        match command.words.is_empty() {
            false => read(&command.words, command.redirections, found),
            true => found.push(only_redirections(command.redirections)),
        }
        for line in &mut found[first..] {
            let is_inner = line.place != Whereabouts::Start;
            line.is_settled = command.is_settled && (line.is_settled || !is_inner);
            line.place = command.place.then(&line.place);
        }
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

/// Reads the arguments of a program one by one.
struct Reader {
    line: CommandLine,
    program: &'static Program,
    /// The number of operands so far, whether files or not.
    met: usize,
    /// Code passed to the interpreter.
    code: Option<Vec<u8>>,
    /// Whether the remaining words are a module's name and its arguments.
    module: bool,
    /// The operation that an option determines for operands, and the indices of those operands.
    with: Option<Operation>,
    plain: Vec<usize>,
    /// The same for operands that are archives.
    archive: Option<Operation>,
    archives: Vec<usize>,
}

impl Reader {
    fn new(name: &[u8], words: &[Vec<u8>]) -> Reader {
        static NOTHING: LazyLock<Program> = LazyLock::new(Program::default);
        let known = program(name);
        Reader {
            line: CommandLine {
                program: name.to_vec(),
                known,
                words: words.to_vec(),
                ..CommandLine::default()
            },
            program: known.unwrap_or(&NOTHING),
            met: 0,
            code: None,
            module: false,
            with: None,
            plain: Vec::new(),
            archive: None,
            archives: Vec::new(),
        }
    }

    /// Reads all arguments, and returns the remaining words, which are the command that this one starts.
    fn arguments<'w>(&mut self, arguments: &'w [Vec<u8>]) -> &'w [Vec<u8>] {
        let mut at = 0;
        let mut only_operands = false;
        if self.program.bundled
            && let Some(word) = arguments.first().filter(|word| !word.starts_with(b"-"))
        {
            let options = [b"-", word.as_slice()].concat();
            at = 1 + self.option(&options, &arguments[1..]);
        }
        while let Some(word) = arguments.get(at) {
            at += 1;
            if !only_operands && word == b"--" {
                only_operands = true;
            } else if !only_operands && word.len() > 1 && word.starts_with(b"-") {
                if is_among(&self.program.module, word) {
                    self.module = true;
                    return &arguments[at..];
                }
                at += self.option(word, &arguments[at..]);
            } else if self.starts_a_command(word) {
                return &arguments[at - 1..];
            } else {
                self.operand(word);
            }
        }
        self.finish();
        &[]
    }

    /// Whether this operand begins the command that the program wraps.
    fn starts_a_command(&self, word: &[u8]) -> bool {
        let user_first = self.program.user && self.line.users.is_empty();
        let root_first = self.program.root && self.line.root.is_none();
        let first = user_first || root_first;
        self.program.wraps && !first && !is_assignment(word) && !is_amount(word)
    }

    /// Reads an option, and returns how many of the following words belong to it.
    fn option(&mut self, word: &[u8], next: &[Vec<u8>]) -> usize {
        let (name, joined) = match word.iter().position(|&byte| byte == b'=') {
            Some(at) if word.starts_with(b"--") => (&word[..at], Some(word[at + 1..].to_vec())),
            _ => (word, None),
        };
        let program = self.program;
        let told = |options: &[(String, String)]| {
            let (_, what) = options.iter().find(|(option, _)| holds(option, name))?;
            operation(what)
        };
        self.with = told(&program.with).or(self.with.take());
        self.archive = told(&program.archive).or(self.archive.take());
        let file = program.files.iter().find(|(option, _)| takes(option, name));
        let attached = || {
            let every = program
                .directory
                .iter()
                .chain(&program.users)
                .chain(&program.ports);
            let mut short = every.filter(|option| option.len() == 2);
            let option =
                short.find(|option| name.len() > 2 && name.starts_with(option.as_bytes()))?;
            Some((option.as_bytes(), name[2..].to_vec()))
        };
        let (name, joined) = match attached() {
            Some((option, value)) if joined.is_none() && !name.starts_with(b"--") => {
                (option, Some(value))
            }
            _ => (name, joined),
        };
        let has_value = joined.is_some();
        let value = joined.or_else(|| next.first().cloned()).unwrap_or_default();
        let used = usize::from(!has_value);
        self.line.is_root_read_only |= is_among(&program.read_only_root, name);
        self.line.is_unprivileged |= is_among(&program.unprivileged, name);
        self.line.has_other_ids |= is_among(&program.other_ids, name);
        self.line.maps_root |= program.maps_root.iter().any(|option| holds(option, name));
        self.line.enters_mounts |= is_among(&program.enters_mounts, name);
        if let Some((_, how)) = program
            .mounts
            .iter()
            .find(|(option, _)| option.as_bytes() == name)
        {
            let pair = next
                .first_chunk()
                .filter(|_| is_among(&program.pairs, name));
            self.line
                .mounts
                .extend(told_mount(&value, pair, how == "ro"));
        }
        if is_among(&program.code, name) {
            self.code = Some(value);
            self.met += 1;
        } else if is_among(&program.roots, name) {
            self.line.root = Some(value);
        } else if is_among(&program.read_only, name) {
            self.line.read_only.push(value);
        } else if is_among(&program.closes, name) {
            self.line.closed.push(value);
        } else if is_among(&program.enters, name) {
            let pid = std::str::from_utf8(&value).ok();
            self.line.enters = pid.and_then(|pid| pid.parse().ok());
        } else if is_among(&program.own, name) {
            self.line.mounts.push(ToldMount {
                point: before_colon(&value).to_vec(),
                source: None,
                read_only: false,
            });
        } else if is_among(&program.pairs, name) {
            return 2;
        } else if is_among(&program.directory, name) || has_value && tells_a_directory(name) {
            self.line.directories.push(value);
        } else if is_among(&program.users, name) {
            self.line.users.extend(String::from_utf8(value));
        } else if is_among(&program.ports, name) {
            self.port(&value);
        } else if is_among(&program.processes, name) {
            let number = std::str::from_utf8(&value).ok();
            let number: Option<i32> = number.and_then(|number| number.parse().ok());
            self.line.processes.extend(number);
        } else if let Some((_, what)) = file {
            if what == "archive" {
                self.archives.push(self.line.operands.len());
            }
            self.line.operands.push(Operand {
                word: value,
                operation: operation(what),
            });
        } else if is_among(&program.values, name)
            || program
                .mounts
                .iter()
                .any(|(option, _)| option.as_bytes() == name)
        {
            // An expression given by an option replaces the one before the files.
            self.met +=
                usize::from(program.skip > 0 && (takes("-e", name) || takes("--expression", name)));
        } else {
            // The joined value of an unknown option may be a file; so may the next word.
            if has_value && !value.is_empty() {
                self.line.operands.push(Operand {
                    word: value,
                    operation: None,
                });
            }
            return 0;
        }
        used
    }

    fn operand(&mut self, word: &[u8]) {
        let program = self.program;
        if program.user && self.line.users.is_empty() {
            if word != b"-" {
                self.line.users.extend(String::from_utf8(word.to_vec()));
            }
            return;
        }
        if program.root && self.line.root.is_none() {
            self.line.root = Some(word.to_vec());
            return;
        }
        if program.wraps || self.keyed(word) {
            return;
        }
        self.met += 1;
        if program.port {
            self.port(word);
        } else if program.interprets && self.met == 1 {
            self.line.script = Some(word.to_vec());
        } else if program.interprets || self.met > program.skip {
            self.plain.push(self.line.operands.len());
            self.line.operands.push(Operand {
                word: word.to_vec(),
                operation: program.does.as_deref().and_then(operation),
            });
        }
    }

    /// Reads an operand that begins with a key, like those of dd (`if=FILE`); false if it is not one.
    fn keyed(&mut self, word: &[u8]) -> bool {
        let value_of = |key: &str| {
            word.strip_prefix(key.as_bytes())
                .filter(|_| key.ends_with('='))
        };
        let program = self.program;
        let mut files = program.files.iter();
        let file = files.find_map(|(key, what)| Some((value_of(key)?, what)));
        self.line.operands.extend(file.map(|(value, what)| Operand {
            word: value.to_vec(),
            operation: operation(what),
        }));
        file.is_some() || program.values.iter().any(|key| value_of(key).is_some())
    }

    fn port(&mut self, word: &[u8]) {
        let digits = word.rsplit(|&byte| byte == b':').next().unwrap_or(word);
        let port: Option<u16> = std::str::from_utf8(digits)
            .ok()
            .and_then(|port| port.parse().ok());
        self.line.ports.extend(port);
    }

    /// Applies the operation for the last operand, and those that options determine.
    fn finish(&mut self) {
        for (what, which) in [(&self.with, &self.plain), (&self.archive, &self.archives)] {
            for &at in which.iter().filter(|_| what.is_some()) {
                self.line.operands[at].operation.clone_from(what);
            }
        }
        let last = self.program.last.as_deref().and_then(operation);
        if let (Some(last), [_, .., operand]) = (last, &mut self.line.operands[..]) {
            operand.operation = Some(last);
        }
    }
}

/// The mount of an option: of two words, or of one in the form `SOURCE:POINT` or `SOURCE`, possibly with more after a colon.
/// Relative paths are left out.
fn told_mount(value: &[u8], pair: Option<&[Vec<u8>; 2]>, read_only: bool) -> Option<ToldMount> {
    let (source, point) = match pair {
        Some([source, point]) => (source.as_slice(), point.as_slice()),
        None => {
            let mut parts = value.split(|&byte| byte == b':');
            let source = parts.next()?;
            (source, parts.next().unwrap_or(source))
        }
    };
    let is_absolute = source.starts_with(b"/") && point.starts_with(b"/");
    is_absolute.then(|| ToldMount {
        point: point.to_vec(),
        source: Some(source.to_vec()),
        read_only,
    })
}

fn before_colon(word: &[u8]) -> &[u8] {
    word.split(|&byte| byte == b':').next().unwrap_or(word)
}

/// Whether a word contains this option: for `-c`, the word `-c` or the `c` in `-czf`; for `--create`, that word.
fn holds(option: &str, word: &[u8]) -> bool {
    let option = option.as_bytes();
    let bundled = || {
        let short = option.len() == 2 && option[0] == b'-' && !word.starts_with(b"--");
        short && word[1..].iter().all(u8::is_ascii_alphabetic) && word.contains(&option[1])
    };
    word == option || bundled()
}

/// Whether a word is this option with a value following: for `-f`, the word `-f` or the `f` at the end of `-xf`; for `--file`,
/// that word.
fn takes(option: &str, word: &[u8]) -> bool {
    let option = option.as_bytes();
    let bundled = || {
        let short = option.len() == 2 && option[0] == b'-' && !word.starts_with(b"--");
        short && word.len() > 2 && word.ends_with(&option[1..])
    };
    word == option || bundled()
}

fn is_among(options: &[String], word: &[u8]) -> bool {
    options.iter().any(|option| option.as_bytes() == word)
}

/// Long options that set a working directory in any program.
fn tells_a_directory(option: &[u8]) -> bool {
    [&b"--directory"[..], b"--chdir", b"--cwd"].contains(&option)
}

/// A number or duration before a wrapped command (`timeout 5m`, `nice 10`).
fn is_amount(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_digit)
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
