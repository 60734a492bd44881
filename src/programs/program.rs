//! A program as `patterns/programs.toml` describes it, and what follows from its description.

use serde::Deserialize;

use super::command_line;
use crate::attempt::{ACCESS_ACL, OpenHow, Operation};
use crate::byte_path;

/// A program as described in the file, which explains the keys.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Program {
    pub(super) names: Vec<String>,
    pub(super) does: Option<String>,
    pub(super) last: Option<String>,
    pub(super) others: Option<String>,
    pub(super) with: Vec<(String, String)>,
    pub(super) archive: Vec<(String, String)>,
    pub(super) bundled: bool,
    pub(super) skip: usize,
    pub(super) modes: Vec<String>,
    pub(super) mode: bool,
    pub(super) files: Vec<(String, String)>,
    pub(super) values: Vec<String>,
    pub(super) directory: Vec<String>,
    pub(super) users: Vec<String>,
    pub(super) user: bool,
    pub(super) ports: Vec<String>,
    pub(super) port: bool,
    pub(super) processes: Vec<String>,
    pub(super) interprets: bool,
    pub(super) configured: bool,
    pub(super) shell: bool,
    pub(super) code: Vec<String>,
    pub(super) module: Vec<String>,
    pub(super) wraps: bool,
    pub(super) only_starts: bool,
    pub(super) pairs: Vec<String>,
    pub(super) walks: Vec<String>,
    pub(super) acts: Vec<String>,
    pub(super) deletes: Vec<String>,
    pub(super) roams: Vec<String>,
    pub(super) roots: Vec<String>,
    pub(super) root: bool,
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
    /// The same for a place on a read-only mount that no option names: the root directory, or one that came with it. `{there}` is the
    /// place, `{here}` the same object outside.
    pub writable_below: Option<String>,
    /// The option that exempts a path (`{there}`) which it would hide from the command.
    pub opens: Option<String>,
    /// The objects with which it covers a hidden directory or file.
    pub cover: Vec<String>,
    pub(super) read_only: Vec<String>,
    pub(super) closes: Vec<String>,
    pub(super) mounts: Vec<(String, String)>,
    pub(super) own: Vec<String>,
    pub(super) read_only_root: Vec<String>,
    /// The directories that always hold something of its own for the command that it wraps.
    pub hides: Vec<String>,
    pub(super) unprivileged: Vec<String>,
    pub(super) plain: Vec<String>,
    pub(super) maps_root: Vec<String>,
    lacks: Vec<Lack>,
    pub(super) enters: Vec<String>,
    pub(super) enters_mounts: Vec<String>,
    pub(super) other_ids: Vec<String>,
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
    pub(super) administers_with: Vec<String>,
    /// It places files where it is told to, and is run as root for system locations.
    pub places: bool,
    /// What it asks of the kernel that is no file: names of operations.
    pub(super) asks_for: Vec<String>,
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
    pub(super) in_place: Vec<String>,
    only_reads: Vec<String>,
    /// It changes to the directories on the way to its operands, and names files as they were given to it.
    pub goes_along: bool,
    seeks: Option<String>,
    /// It opens the directory that it is told to work in for reading, rather than changing to it.
    pub opens_directory: bool,
    /// It creates files of its own beside those that it is given, such as a socket, a lock or a journal.
    pub fills: bool,
    pub(super) sample: Vec<Sample>,
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
pub(super) struct Sample {
    pub(super) command: String,
    pub(super) operands: Vec<String>,
    pub(super) directories: Vec<String>,
    pub(super) users: Vec<String>,
    pub(super) ports: Vec<u16>,
    pub(super) processes: Vec<i32>,
    pub(super) script: Option<String>,
    pub(super) root: Option<String>,
    /// The operation on the last operand.
    pub(super) operation: Option<String>,
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
            // The first word is the program.
            let mut words = options.iter().skip(1);
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

    /// Whether a printed name is relative to the nearest directory, from the one it works in upwards, in which that name exists: git's
    /// `.git/index`.
    #[must_use]
    pub fn seeks(&self, name: &[u8]) -> bool {
        let sought = self.seeks.as_ref();
        sought.is_some_and(|sought| byte_path::is_within(name, sought.as_bytes()))
    }

    /// Whether it keeps this file of its own at the top of what it works on, so that nobody else speaks of it.
    #[must_use]
    pub fn keeps_at_the_top(&self, name: &[u8]) -> bool {
        let is_sought = |part: &[u8]| self.seeks.as_deref().map(str::as_bytes) == Some(part);
        name.split(|&byte| byte == b'/').any(is_sought)
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

/// An operation by the name used in the file.
pub(super) fn operation(name: &str) -> Option<Operation> {
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
