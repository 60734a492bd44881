//! Reads the words of one command by what is known of its program.

use std::sync::LazyLock;

use super::{CommandLine, Operand, ToldMount};
use crate::attempt::Operation;
use crate::programs::shell::is_assignment;
use crate::programs::{Program, modes, operation, program};

/// Reads the arguments of a program one by one.
pub(super) struct Reader {
    /// The command, as far as it was read.
    pub(super) line: CommandLine,
    /// What is known of the program.
    pub(super) program: &'static Program,
    /// The number of operands so far, whether files or not.
    met: usize,
    /// Code passed to the interpreter.
    pub(super) code: Option<Vec<u8>>,
    /// Whether the remaining words are a module's name and its arguments.
    pub(super) module: bool,
    /// The operation that an option determines for operands, and the indices of those operands.
    with: Option<Operation>,
    plain: Vec<usize>,
    /// The same for operands that are archives.
    archive: Option<Operation>,
    archives: Vec<usize>,
}

impl Reader {
    pub(super) fn new(name: &[u8], words: &[Vec<u8>]) -> Reader {
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
    pub(super) fn arguments<'w>(&mut self, arguments: &'w [Vec<u8>]) -> &'w [Vec<u8>] {
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
        let modes = modes::told(&program.modes, word, next);
        self.line.modes.extend(modes);
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
        self.line.is_plain |= program.plain.iter().any(|option| holds(option, name));
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
                self.line.archives.push(value.clone());
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
        if program.mode && self.met == 1 {
            self.line.modes.push(word.to_vec());
        }
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
