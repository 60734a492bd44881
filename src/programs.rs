//! Knowledge about particular programs: how they interpret their arguments, and what they do with the files named there.
//!
//! The knowledge is data (`patterns/programs.toml`); here it is applied to command lines. This stage is pure and looks nothing
//! up.
#![forbid(unsafe_code)]

mod command_line;
mod compose;
mod modes;
mod operand;
mod package_scripts;
mod recipe;
mod repeated;
mod run_options;
mod search_path;
mod shell;
mod table;
mod walk;
mod whereabouts;

pub use command_line::{
    CommandLine, ToldMount, command_lines, commands_of_code, commands_of_script,
};
pub use compose::{ComposeService, ComposeVolume, compose_services};
pub use operand::{Operand, is_the_end_of};
pub use package_scripts::scripts_that_run;
pub use recipe::{Step, code_that_calls, step};
pub use repeated::{Repeated, at_work, repeated, sets_variables};
pub use run_options::{RunOptions, RunVolume, run_options};
pub use search_path::search_path;
pub use shell::{is_assignment, redirections, use_in_code, use_of_what_is_filled_in};
pub use walk::{Errand, Walk, walk};
pub use whereabouts::Whereabouts;

use serde::Deserialize;

use crate::attempt::{ACCESS_ACL, OpenHow, Operation};
use crate::byte_path;

/// A program as described in the file, which explains the keys.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Program {
    names: Vec<String>,
    does: Option<String>,
    last: Option<String>,
    others: Option<String>,
    with: Vec<(String, String)>,
    archive: Vec<(String, String)>,
    bundled: bool,
    skip: usize,
    modes: Vec<String>,
    mode: bool,
    files: Vec<(String, String)>,
    values: Vec<String>,
    directory: Vec<String>,
    users: Vec<String>,
    user: bool,
    ports: Vec<String>,
    port: bool,
    processes: Vec<String>,
    interprets: bool,
    shell: bool,
    code: Vec<String>,
    module: Vec<String>,
    wraps: bool,
    only_starts: bool,
    pairs: Vec<String>,
    walks: Vec<String>,
    acts: Vec<String>,
    deletes: Vec<String>,
    roams: Vec<String>,
    roots: Vec<String>,
    root: bool,
    /// It runs programs in containers and relays their output.
    pub engine: bool,
    /// The command that it wraps sees another root directory, other mounts or other ids.
    pub sandbox: bool,
    /// How its own messages begin, as opposed to those that it relays.
    pub says: Vec<String>,
    /// How messages begin that nobody else writes.
    pub only_says: Vec<String>,
    relays: Vec<String>,
    /// The option that makes a mount writable for the command: `{there}` is the mount point, `{here}` the source.
    pub writable: Option<String>,
    /// The option that exempts a path (`{there}`) which it would hide from the command.
    pub opens: Option<String>,
    /// The objects with which it covers a hidden directory or file.
    pub cover: Vec<String>,
    read_only: Vec<String>,
    closes: Vec<String>,
    mounts: Vec<(String, String)>,
    own: Vec<String>,
    read_only_root: Vec<String>,
    /// The directories that always hold something of its own for the command that it wraps.
    pub hides: Vec<String>,
    unprivileged: Vec<String>,
    plain: Vec<String>,
    maps_root: Vec<String>,
    lacks: Vec<Lack>,
    enters: Vec<String>,
    enters_mounts: Vec<String>,
    other_ids: Vec<String>,
    /// Where its server listens: an environment variable that overrides it, and the default path.
    pub socket: Option<(String, String)>,
    /// It keeps images as containers/storage does, and needs no server.
    pub stores: bool,
    /// What the paths of its own files contain.
    pub keeps: Vec<String>,
    /// What a message contains that it relays from a server, which runs as another user.
    pub server: Vec<String>,
    /// What it says or passes on of the other machine that it talks to.
    pub far_side: Option<FarSide>,
    /// The files in its directory that describe what it runs.
    pub recipes: Vec<String>,
    /// It administers the system, and is usually run as root.
    pub administers: bool,
    administers_with: Vec<String>,
    /// It places files where it is told to, and is run as root for system locations.
    pub places: bool,
    /// What it asks of the kernel that is no file: names of operations.
    asks_for: Vec<String>,
    /// Its operands are settings of the kernel, each with a value or without one.
    pub settings: bool,
    /// Without operands it is about the user who runs it.
    pub about_its_user: bool,
    /// It changes accounts and the groups that they are in.
    pub accounts: bool,
    /// It mounts something over its last operand, or unmounts it.
    pub covers: bool,
    grave: Vec<(String, String)>,
    remarks: Vec<(String, String)>,
    drops_groups: Vec<String>,
    /// The option with which the command that it wraps has all groups of its user.
    pub keeps_groups: Option<String>,
    /// It edits the files that it is given.
    pub edits: bool,
    /// It replaces a file by renaming a new version over it.
    pub replaces: bool,
    only_reads: Vec<String>,
    /// It changes to the directories on the way to its operands, and names files as they were given to it.
    pub goes_along: bool,
    /// It creates files of its own beside those that it is given, such as a socket, a lock or a journal.
    pub fills: bool,
    sample: Vec<Sample>,
}

/// What root of a user namespace may not do.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Lack {
    operation: String,
    unless: Vec<String>,
    because: String,
}

/// How a program's messages about the other machine differ from those about this one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FarSide {
    /// Its first operand is the machine on which it runs something.
    pub runs: bool,
    /// The families of patterns for its own messages.
    pub own: Vec<String>,
    /// Words that tell of the other machine.
    pub words: Vec<String>,
    /// Words that tell of this one.
    pub near: Vec<String>,
    /// What the side that is copied from puts into its messages.
    pub source: Vec<String>,
    /// The same of the side that is copied to.
    pub target: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(not(test), allow(dead_code))]
struct Sample {
    command: String,
    operands: Vec<String>,
    directories: Vec<String>,
    users: Vec<String>,
    ports: Vec<u16>,
    processes: Vec<i32>,
    script: Option<String>,
    root: Option<String>,
    /// The operation on the last operand.
    operation: Option<String>,
}

#[cfg(test)]
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    program: Vec<Program>,
}

impl Program {
    /// Whether it is a shell.
    #[must_use]
    pub fn is_shell(&self) -> bool {
        self.shell
    }

    /// Whether files of its directory describe what it runs.
    #[must_use]
    pub fn reads_recipes(&self) -> bool {
        !self.recipes.is_empty()
    }

    /// Whether it can be told to work in another directory.
    #[must_use]
    pub fn takes_a_directory(&self) -> bool {
        !self.directory.is_empty()
    }

    /// Whether this is something that it asks of the kernel beside files.
    #[must_use]
    pub fn asks_for(&self, operation: &Operation) -> bool {
        self.asks_for.iter().any(|name| name == operation.name())
    }

    /// Whether it makes mounts for the command that it wraps, as its options describe them.
    #[must_use]
    pub fn makes_mounts(&self) -> bool {
        !self.mounts.is_empty()
    }

    /// Why the command that it wraps with these options may not do this as root of its user namespace.
    #[must_use]
    pub fn lack(&self, operation: &Operation, options: &[Vec<u8>]) -> Option<&str> {
        let is_given = |option: &String| {
            let mut words = options.iter();
            words.any(|word| command_line::holds(option, word))
        };
        let mut lacks = self
            .lacks
            .iter()
            .filter(|lack| lack.operation == operation.name());
        let lack = lacks.find(|lack| !lack.unless.iter().any(is_given))?;
        Some(&lack.because)
    }

    /// Whether an engine relays nothing, if called with these words: it manages containers and images, and all messages are its own.
    #[must_use]
    pub fn only_manages(&self, words: &[Vec<u8>]) -> bool {
        let is_one = |word: &Vec<u8>| self.relays.iter().any(|verb| word == verb.as_bytes());
        !self.relays.is_empty() && !words.iter().any(is_one)
    }

    /// Whether it executes what it is given: an interpreter, or a program that starts another command.
    #[must_use]
    pub fn runs_what_it_is_given(&self) -> bool {
        self.interprets || self.wraps
    }

    /// Whether it administers the system, if called with these arguments.
    #[must_use]
    pub fn administers_with(&self, arguments: &[Vec<u8>]) -> bool {
        let is_one = |word: &Vec<u8>| {
            let mut options = self.administers_with.iter();
            options.any(|option| word == option.as_bytes())
        };
        self.administers || arguments.iter().any(is_one)
    }

    /// Why root must not repeat it with these arguments without thought, as a clause.
    #[must_use]
    pub fn is_grave(&self, arguments: &[Vec<u8>]) -> Option<&str> {
        let only_reads = arguments.iter().any(|word| self.only_reads(word));
        told(&self.grave, arguments).filter(|_| !only_reads)
    }

    /// What is to be said when root repeats it with these arguments, as a clause.
    #[must_use]
    pub fn remark(&self, arguments: &[Vec<u8>]) -> Option<&str> {
        told(&self.remarks, arguments)
    }

    /// Whether this option has it start its command without the groups that the user is in.
    #[must_use]
    pub fn drops_groups(&self, word: &[u8]) -> bool {
        let name = word.split(|&byte| byte == b'=').next();
        let mut options = self.drops_groups.iter();
        options.any(|option| name == Some(option.as_bytes()))
    }

    /// Whether this word has it do more with what it meets than list it: find's `-delete`, `-execdir`.
    #[must_use]
    pub fn acts(&self, word: &[u8]) -> bool {
        self.acts
            .iter()
            .any(|action| word.starts_with(action.as_bytes()))
    }

    /// Whether this operand has it only read, though otherwise it writes as well: SQL's `select`.
    #[must_use]
    pub fn only_reads(&self, word: &[u8]) -> bool {
        let begins = |beginning: &String| {
            let start = word.get(..beginning.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(beginning.as_bytes()))
        };
        self.only_reads.iter().any(begins)
    }

    /// Whether this word has it delete what it meets: find's `-delete`.
    #[must_use]
    pub fn deletes(&self, word: &[u8]) -> bool {
        self.deletes.iter().any(|option| word == option.as_bytes())
    }

    /// Whether this option has it run a command in a directory of its own choice: find's `-execdir`.
    #[must_use]
    pub fn roams(&self, word: &[u8]) -> bool {
        self.roams.iter().any(|option| word == option.as_bytes())
    }

    /// What it does with a file whose name was not given to it.
    #[must_use]
    pub fn does_with_others(&self) -> Option<Operation> {
        let told = self.others.as_deref().and_then(operation);
        told.or_else(|| self.always_does())
    }

    /// What it does with every file that it is given.
    #[must_use]
    pub fn always_does(&self) -> Option<Operation> {
        let different = self.last.is_some()
            || self.others.is_some()
            || !self.files.is_empty()
            || !self.with.is_empty();
        self.does
            .as_deref()
            .filter(|_| !different)
            .and_then(operation)
    }
}

/// The reason for the first of these words that is among the arguments, also with a value (`--set=x`); the empty word always is.
fn told<'r>(reasons: &'r [(String, String)], arguments: &[Vec<u8>]) -> Option<&'r str> {
    let has = |word: &str| {
        let is_it = |given: &Vec<u8>| {
            let name = given.split(|&byte| byte == b'=').next();
            given == word.as_bytes() || name == Some(word.as_bytes())
        };
        word.is_empty() || arguments.iter().any(is_it)
    };
    let (_, because) = reasons.iter().find(|(word, _)| has(word))?;
    Some(because)
}

/// The program of this name, which may include a path and a version: `/usr/bin/python3.11`.
#[must_use]
pub fn program(name: &[u8]) -> Option<&'static Program> {
    let name = byte_path::name(name);
    table::named(name).or_else(|| {
        let version = |byte: &u8| byte.is_ascii_digit() || b".-".contains(byte);
        let end = name.iter().rposition(|byte| !version(byte))? + 1;
        table::named(&name[..end])
    })
}

/// The names of the programs that ask the kernel for this.
pub fn that_ask_for(operation: &Operation) -> impl Iterator<Item = &'static [u8]> {
    let asking = table::all().filter(|program| program.asks_for(operation));
    asking.flat_map(|program| program.names.iter().map(String::as_bytes))
}

/// The container engine that a script names: `podman` in `subprocess.run(["podman", "run", ...])`.
#[must_use]
pub fn engine_named_in(script: &[u8]) -> Option<&[u8]> {
    /// Shorter names are also words with other meanings (`oc`, `ctr`).
    const SHORTEST: usize = 5;
    let mut words = words_of(script).filter(|word| word.len() >= SHORTEST);
    words.find(|word| table::named(word).is_some_and(|known| known.engine))
}

/// The variable that a Makefile expands to make the places that it installs to (the GNU Coding Standards' `prefix`, or `PREFIX`).
#[must_use]
pub fn install_variable(makefile: &[u8]) -> Option<&'static [u8]> {
    const NAMES: [&[u8]; 2] = [b"PREFIX", b"prefix"];
    let expands = |name: &&&[u8]| {
        [(b"$(", b")"), (b"${", b"}")].iter().any(|(open, close)| {
            let expansion = [open.as_slice(), name, close.as_slice()].concat();
            memchr::memmem::find(makefile, &expansion).is_some()
        })
    };
    NAMES.iter().find(expands).copied()
}

/// Whether a script names this program, as a separate word.
#[must_use]
pub fn names(script: &[u8], program: &[u8]) -> bool {
    words_of(script).any(|word| word == program)
}

fn words_of(script: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_of_a_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    script.split(move |byte| !is_of_a_word(byte))
}

/// An operation by the name used in the file.
fn operation(name: &str) -> Option<Operation> {
    match name {
        "acl" => Some(Operation::Setxattr(ACCESS_ACL.into())),
        "update" => Some(Operation::Open(OpenHow {
            read: true,
            create: true,
            ..OpenHow::WRITE
        })),
        name => Operation::from_name(name),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::built_in::with_samples;

    #[test]
    fn every_name_is_given_once() {
        let file: File = with_samples!("programs");
        let count: usize = file.program.iter().map(|program| program.names.len()).sum();
        let names: BTreeSet<&str> = table::NAMES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), count);
        assert_eq!(table::all().count(), file.program.len());
    }

    #[test]
    fn every_operation_is_one() {
        for program in table::all() {
            let files = program.files.iter().map(|(_, name)| name);
            for name in files.filter(|name| !["untold", "archive"].contains(&name.as_str())) {
                assert!(operation(name).is_some(), "{name}");
            }
            let listed = program.with.iter().chain(&program.archive);
            for name in &program.asks_for {
                assert!(Operation::from_name(name).is_some(), "{name}");
            }
            let one = [&program.does, &program.last, &program.others];
            for name in listed
                .map(|(_, name)| name)
                .chain(one.into_iter().flatten())
            {
                assert!(operation(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn each_sample_is_read_as_it_says() {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let file: File = with_samples!("programs");
        for sample in file.program.iter().flat_map(|program| &program.sample) {
            let words: Vec<Vec<u8>> = sample.command.split(' ').map(|w| w.into()).collect();
            let lines = command_lines(&words);
            let line = lines.last().expect("it is a command");
            let operands: Vec<String> = line.operands.iter().map(|o| text(&o.word)).collect();
            assert_eq!(operands, sample.operands, "{}", sample.command);
            let every = |of: fn(&CommandLine) -> Vec<String>| -> Vec<String> {
                lines.iter().flat_map(of).collect()
            };
            let directories = every(|line| {
                let directories = line.directories.iter();
                directories
                    .map(|d| String::from_utf8_lossy(d).into_owned())
                    .collect()
            });
            assert_eq!(directories, sample.directories, "{}", sample.command);
            assert_eq!(
                every(|line| line.users.clone()),
                sample.users,
                "{}",
                sample.command
            );
            let root = lines.iter().find_map(|line| line.root.as_deref());
            assert_eq!(root.map(text), sample.root, "{}", sample.command);
            assert_eq!(line.ports, sample.ports, "{}", sample.command);
            assert_eq!(line.processes, sample.processes, "{}", sample.command);
            assert_eq!(
                line.script.as_deref().map(text),
                sample.script,
                "{}",
                sample.command
            );
            let operation = line.operands.last().and_then(|o| o.operation.as_ref());
            if sample.operation.is_some() {
                let name = operation.map(|operation| match operation {
                    Operation::Open(how) if how.read && how.write => "write",
                    other => other.name(),
                });
                assert_eq!(name, sample.operation.as_deref(), "{}", sample.command);
            }
        }
    }

    #[test]
    fn a_makefile_tells_the_variable_that_it_expands() {
        let told = |makefile: &str| install_variable(makefile.as_bytes());
        assert_eq!(
            told("PREFIX ?= /usr\nB = $(PREFIX)/bin"),
            Some(&b"PREFIX"[..])
        );
        assert_eq!(told("bindir = ${prefix}/bin"), Some(&b"prefix"[..]));
        assert_eq!(told("# PREFIX is not used\n\tcp a /usr/bin"), None);
    }

    #[test]
    fn the_engine_of_a_script_is_a_word_of_its_own() {
        let python = b"subprocess.run([\"podman\", \"run\"])";
        assert_eq!(engine_named_in(python), Some(&b"podman"[..]));
        assert_eq!(
            engine_named_in(b"\t/usr/bin/docker run $(IMAGE)"),
            Some(&b"docker"[..])
        );
        assert_eq!(engine_named_in(b"cp dockerfile podman_notes; oc=1"), None);
    }

    #[test]
    fn a_version_and_a_path_are_part_of_no_name() {
        for name in ["python", "/usr/bin/python3.11", "python3"] {
            assert!(
                program(name.as_bytes()).is_some_and(|program| program.interprets),
                "{name}"
            );
        }
        assert!(program(b"some-tool").is_none());
    }
}
