//! Reads the words of one command by what is known of its program.

use std::sync::LazyLock;

use super::{CommandLine, Operand, ToldMount};
use crate::attempt::Operation;
use crate::programs::program::operation;
use crate::programs::shell::is_assignment;
use crate::programs::{Program, modes, program};

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
        let program = self.program;
        self.line
            .modes
            .extend(modes::told(&program.modes, word, next));
        let (name, joined) = match word.iter().position(|&byte| byte == b'=') {
            Some(at) if word.starts_with(b"--") => (&word[..at], Some(word[at + 1..].to_vec())),
            _ => (word, None),
        };
        self.determines(name);
        let (name, joined) = match self.attached(name) {
            Some((option, value)) if joined.is_none() => (option, Some(value)),
            _ => (name, joined),
        };
        self.flag(name);
        let has_value = joined.is_some();
        let value = joined.or_else(|| next.first().cloned()).unwrap_or_default();
        let mount = mount_option(program, name);
        if let Some((_, how)) = mount {
            let pair = next
                .first_chunk()
                .filter(|_| is_among(&program.pairs, name));
            let told = told_mount(&value, pair, how == "ro");
            self.line.mounts.extend(told);
        }
        match () {
            () if is_among(&program.pairs, name) => return 2,
            () if self.value(name, &value) => {}
            () if is_among(&program.directory, name) || has_value && tells_a_directory(name) => {
                self.line.directories.push(value);
            }
            () if self.file(name, &value) => {}
            () if is_among(&program.values, name) || mount.is_some() => {
                // An expression given by an option replaces the one before the files.
                let is_expression = takes("-e", name) || takes("--expression", name);
                self.met += usize::from(program.skip > 0 && is_expression);
            }
            () => {
                // The joined value of an unknown option may be a file; so may the next word.
                if has_value && !value.is_empty() {
                    self.push(value, None);
                }
                return 0;
            }
        }
        usize::from(!has_value)
    }

    /// Notes the operation that an option determines for operands.
    fn determines(&mut self, name: &[u8]) {
        let told = |options: &[(String, String)]| {
            let (_, what) = options.iter().find(|(option, _)| holds(option, name))?;
            operation(what)
        };
        self.with = told(&self.program.with).or(self.with.take());
        self.archive = told(&self.program.archive).or(self.archive.take());
    }

    /// A short option and the value that is attached to it (`-C/srv`).
    fn attached(&self, name: &[u8]) -> Option<(&'static [u8], Vec<u8>)> {
        let program = self.program;
        let every = program.directory.iter();
        let mut every = every.chain(&program.users).chain(&program.ports);
        let is_attached =
            |option: &&String| option.len() == 2 && name.starts_with(option.as_bytes());
        let option = every.find(is_attached).filter(|_| name.len() > 2)?;
        let value = (!name.starts_with(b"--")).then(|| name[2..].to_vec())?;
        Some((option.as_bytes(), value))
    }

    /// Notes what an option means by itself.
    fn flag(&mut self, name: &[u8]) {
        let (program, line) = (self.program, &mut self.line);
        line.is_root_read_only |= is_among(&program.read_only_root, name);
        line.is_unprivileged |= is_among(&program.unprivileged, name);
        line.has_other_ids |= is_among(&program.other_ids, name);
        line.is_plain |= program.plain.iter().any(|option| holds(option, name));
        line.maps_root |= program.maps_root.iter().any(|option| holds(option, name));
        line.enters_mounts |= is_among(&program.enters_mounts, name);
    }

    /// Takes the value of an option that tells where, as whom or for which process the program works; false for others.
    fn value(&mut self, name: &[u8], value: &[u8]) -> bool {
        let (program, line) = (self.program, &mut self.line);
        if is_among(&program.code, name) {
            self.code = Some(value.to_vec());
            self.met += 1;
        } else if is_among(&program.roots, name) {
            line.root = Some(value.to_vec());
        } else if is_among(&program.read_only, name) {
            line.read_only.push(value.to_vec());
        } else if is_among(&program.closes, name) {
            line.closed.push(value.to_vec());
        } else if is_among(&program.enters, name) {
            line.enters = number(value);
        } else if is_among(&program.own, name) {
            line.mounts.push(ToldMount {
                point: before_colon(value).to_vec(),
                source: None,
                read_only: false,
            });
        } else if is_among(&program.users, name) {
            line.users.extend(String::from_utf8(value.to_vec()));
        } else if is_among(&program.ports, name) {
            self.port(value);
        } else if is_among(&program.processes, name) {
            line.processes.extend(number::<i32>(value));
        } else {
            return false;
        }
        true
    }

    /// Takes the value of an option that names a file; false for others.
    fn file(&mut self, name: &[u8], value: &[u8]) -> bool {
        let mut files = self.program.files.iter();
        let Some((_, what)) = files.find(|(option, _)| takes(option, name)) else {
            return false;
        };
        if what == "archive" {
            self.archives.push(self.line.operands.len());
            self.line.archives.push(value.to_vec());
        }
        self.push(value.to_vec(), operation(what));
        true
    }

    fn push(&mut self, word: Vec<u8>, operation: Option<Operation>) {
        self.line.operands.push(Operand { word, operation });
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
            self.push(word.to_vec(), program.does.as_deref().and_then(operation));
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
        self.line.ports.extend(number::<u16>(digits));
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

/// The option, if it mounts something, and how.
fn mount_option<'p>(program: &'p Program, name: &[u8]) -> Option<&'p (String, String)> {
    let mut mounts = program.mounts.iter();
    mounts.find(|(option, _)| option.as_bytes() == name)
}

fn number<N: std::str::FromStr>(word: &[u8]) -> Option<N> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn before_colon(word: &[u8]) -> &[u8] {
    word.split(|&byte| byte == b':').next().unwrap_or(word)
}

/// Whether a word contains this option: for `-c`, the word `-c` or the `c` in `-czf`; for `--create`, that word.
pub(in crate::programs) fn holds(option: &str, word: &[u8]) -> bool {
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
