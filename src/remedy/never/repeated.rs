//! Commands that root would repeat as the user gave them. Root is refused nothing, so everything counts that the command touches,
//! not only the object that refused first.

use super::command::{is_another_persons, runs_anything};
use super::place::inode;
use super::{Never, grave, others};
use crate::attempt::{Attempt, Object};
use crate::byte_path;
use crate::cause::{PEOPLE, is_within};
use crate::change::Change;
use crate::facts::{Facts, Found, Kind, Named, NodeId};
use crate::programs::{self, CommandLine};

/// Files and directories that determine who may become root, and how.
const AUTHORITY: &[&[u8]] = &[
    b"/etc/doas.conf",
    b"/etc/group",
    b"/etc/gshadow",
    b"/etc/ld.so.preload",
    b"/etc/pam.d",
    b"/etc/passwd",
    b"/etc/polkit-1",
    b"/etc/security",
    b"/etc/shadow",
    b"/etc/sudoers",
    b"/etc/sudoers.d",
];

/// Directories of programs and libraries that the package manager keeps.
const OF_PACKAGES: &[&[u8]] = &[
    b"/bin", b"/lib", b"/lib32", b"/lib64", b"/libx32", b"/sbin", b"/usr",
];

/// The directory in `/usr` that is the administrator's own.
const OF_THE_ADMINISTRATOR: &[u8] = b"/usr/local";

/// Why root must not run a command that puts a file in place or edits one: files that determine who may become root have their
/// own tools, another person's file is left to that person, and programs of the system and set-user-ID programs belong to their
/// packages. Programs that administer the system are exempt, except from what the kernel runs.
pub(super) fn reaches_too_far(change: &Change, attempt: &Attempt, facts: &Facts) -> Option<Never> {
    let edits = |argv: &[Vec<u8>]| argv.first().is_some_and(|program| program == b"sudoedit");
    if matches!(change, Change::Run { argv, .. } if !edits(argv)) {
        return None;
    }
    let repeated = repeated_words(change);
    let repeats = repeated.is_some();
    let lines = programs::command_lines(repeated.unwrap_or(&facts.surroundings.command));
    let touched = Touched::by(change, attempt, facts);
    if touched.names_what_the_kernel_runs(&lines) {
        return Some(Never::RunByKernel);
    }
    if repeats && let Some(never) = grave::command(&lines) {
        return Some(never);
    }
    if repeats
        && lines
            .iter()
            .flat_map(|line| &line.modes)
            .any(|mode| gives_rights(mode))
    {
        return Some(Never::Program);
    }
    let known = lines.iter().find(|line| !line.only_starts());
    let known = known.and_then(|line| line.known);
    if known.is_some_and(|program| program.administers) {
        return None;
    }
    let is_run = repeats || *change == Change::Tee;
    if is_run && let Some(never) = grave::placed(&touched, &lines) {
        return Some(never);
    }
    if repeats && lines.iter().any(CommandLine::walks) && touched.holds_the_systems() {
        return Some(Never::System);
    }
    if touched.paths().any(is_authority) {
        Some(Never::Authority)
    } else if touched.is_another_persons() {
        Some(Never::Private)
    } else if touched.has_rights() {
        Some(Never::Program)
    } else {
        touched.is_of_a_package().then_some(Never::System)
    }
}

/// What is to be known before root repeats a command that it may repeat, as a clause.
pub fn remark(change: &Change, attempt: &Attempt, facts: &Facts) -> Option<&'static str> {
    let lines = programs::command_lines(repeated_words(change)?);
    grave::remark(&Touched::by(change, attempt, facts), &lines)
}

/// The words of the command that root is to repeat.
fn repeated_words(change: &Change) -> Option<&[Vec<u8>]> {
    match change {
        Change::RunAsRoot(words) => Some(words),
        _ => None,
    }
}

/// The path that determines who may become root, if the command line names one that it alters.
pub fn deciding(attempt: &Attempt, facts: &Facts) -> Option<Vec<u8>> {
    let named = &facts.surroundings.named;
    let touched = Touched {
        attempt,
        facts,
        named,
    };
    let path = touched.paths().find(|path| is_authority(path))?;
    Some(path.to_vec())
}

fn is_authority(path: &[u8]) -> bool {
    AUTHORITY.iter().any(|one| is_within(path, one))
}

/// Whether this directory is, or holds, what nothing is put over: what determines who may become root, and programs of the system.
pub(super) fn holds_or_is_the_systems(path: &[u8]) -> bool {
    is_authority(path) || is_of_packages(path) || holds_the_systems(path)
}

/// Whether this directory holds it.
pub(super) fn holds_the_systems(path: &[u8]) -> bool {
    let is_below = |one: &&[u8]| is_within(one, path) && *one != path;
    AUTHORITY.iter().chain(OF_PACKAGES).any(is_below) || OF_PACKAGES.contains(&path)
}

fn is_of_packages(path: &[u8]) -> bool {
    OF_PACKAGES.iter().any(|place| is_within(path, place)) && !is_within(path, OF_THE_ADMINISTRATOR)
}

/// What a command touches: the refused object, and the files that its command line names.
pub(super) struct Touched<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) facts: &'a Facts,
    pub(super) named: &'a [Named],
}

impl<'a> Touched<'a> {
    /// What the change has root touch.
    fn by(change: &Change, attempt: &'a Attempt, facts: &'a Facts) -> Touched<'a> {
        // Only then does root do all that the command line says.
        let named: &[Named] = match repeated_words(change) {
            Some(_) => &facts.surroundings.named,
            None => &[],
        };
        Touched {
            attempt,
            facts,
            named,
        }
    }

    fn met(&self) -> impl Iterator<Item = NodeId> + use<'a> {
        let walks = self.facts.walks();
        walks
            .flat_map(|walk| [walk.named(), walk.target()])
            .flatten()
    }

    /// The files that the command line has altered.
    pub(super) fn altered(&self) -> impl Iterator<Item = &'a Named> + use<'a> {
        self.named.iter().filter(|named| named.is_altered)
    }

    /// Every path that the command alters, as far as it is known.
    pub(super) fn paths(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let facts = self.facts;
        let asked = match &self.attempt.object {
            Object::Path(path) => Some(path.as_slice()),
            Object::Port { .. } | Object::Process | Object::Another(_) => None,
        };
        let met = self.met().map(|id| facts.node(id).path.as_slice());
        met.chain(asked)
            .chain(self.attempt.to.as_deref())
            .chain(self.altered().map(|named| named.path.as_slice()))
    }

    /// Whether it alters a directory that holds what nothing is put over: who may become root, and programs of the system.
    fn holds_the_systems(&self) -> bool {
        let holds = |path: &[u8]| {
            let is_in_it = |one: &&[u8]| is_within(one, path);
            let is_of_programs = is_of_packages(path) && others::is_run_by_name(path);
            is_of_programs || AUTHORITY.iter().chain(OF_PACKAGES).any(is_in_it)
        };
        self.altered().any(|named| {
            let is_dir = named
                .found
                .is_some_and(|found| found.kind == Kind::Directory);
            is_dir && holds(&named.path)
        })
    }

    fn is_another_persons(&self) -> bool {
        let subject = &self.attempt.subject;
        let is_one = |uid: u32| uid != subject.uid && PEOPLE.contains(&uid);
        let mut altered = self.altered().filter_map(|named| named.found);
        altered.any(|found| is_one(found.owner))
            || self
                .met()
                .any(|id| is_another_persons(subject, self.facts, id))
    }

    /// Whether it touches a set-user-ID program; a copy of one may have the same mode.
    fn has_rights(&self) -> bool {
        let has = |kind: Kind, mode: u32| kind == Kind::Regular && mode & 0o6000 != 0;
        let mut named = self.named.iter().filter_map(|named| named.found);
        let mut met = self.met().filter_map(|id| inode(self.facts, id));
        named.any(|it| has(it.kind, it.mode)) || met.any(|it| has(it.kind, it.mode))
    }

    /// Whether it changes a program or library of the system that exists.
    fn is_of_a_package(&self) -> bool {
        let is_one = |path: &[u8], kind: Kind, mode: u32| {
            let is_run = mode & 0o111 != 0 || others::is_run_by_name(path);
            kind != Kind::Directory && is_run && is_of_packages(path)
        };
        let facts = self.facts;
        let mut altered = self.altered();
        let named = altered.any(|named| {
            let found = named.found;
            found.is_some_and(|Found { kind, mode, .. }| is_one(&named.path, kind, mode))
        });
        let refused = self.attempt.operation.alters();
        named
            || refused
                && self.met().any(|id| {
                    let inode = inode(facts, id);
                    inode.is_some_and(|it| is_one(&facts.node(id).path, it.kind, it.mode))
                })
    }

    /// Whether it tells the kernel to run a program as root that others than root decide on, or which one is not known.
    fn names_what_the_kernel_runs(&self, lines: &[CommandLine]) -> bool {
        let told = || lines.iter().flat_map(settings_told);
        let is_known = |path: &[u8]| told().any(|(told, _)| told == path);
        told()
            .any(|(path, value)| others::is_run_by_the_kernel(&path) && !is_harmless(&path, value))
            || self
                .paths()
                .any(|path| others::is_run_by_the_kernel(path) && !is_known(path))
            || lines.iter().any(|line| self.loads_settings(line))
    }

    /// Whether it reads settings from a file that is not root's.
    fn loads_settings(&self, line: &CommandLine) -> bool {
        let is_roots = |named: &Named| named.found.is_some_and(|found| found.owner == 0);
        let mut read = self.named.iter().filter(|named| !named.is_altered);
        let joined = |word: &Vec<u8>| word.starts_with(b"-") && word.contains(&b'/');
        line.known.is_some_and(|known| known.settings)
            && (line.words.iter().any(joined) || read.any(|named| !is_roots(named)))
    }
}

/// The kernel's settings among the operands of a program that sets them: the path and the value.
pub(super) fn settings_told(line: &CommandLine) -> impl Iterator<Item = (Vec<u8>, &[u8])> {
    let sets = line.known.is_some_and(|known| known.settings);
    let words = line.words.iter().filter(move |_| sets);
    words.filter_map(|word| {
        let at = word.iter().position(|&byte| byte == b'=')?;
        let name = word[..at].iter().map(|byte| match byte {
            b'.' => b'/',
            byte => *byte,
        });
        let path = b"/proc/sys/".iter().copied().chain(name).collect();
        Some((path, &word[at + 1..]))
    })
}

/// Whether the kernel runs nothing by this value of the setting, or a program of the system that does nothing but its own work.
fn is_harmless(path: &[u8], value: &[u8]) -> bool {
    let value = value.trim_ascii();
    let command = match value.strip_prefix(b"|") {
        Some(command) => command,
        None if byte_path::name(path) == b"core_pattern" => return true,
        None => value,
    };
    let program = command
        .split(u8::is_ascii_whitespace)
        .next()
        .unwrap_or(command);
    let has_dots = program
        .split(|&byte| byte == b'/')
        .any(|part| part == b"..");
    let of_system = OF_PACKAGES.iter().any(|place| is_within(program, place));
    command.is_empty() || of_system && !has_dots && !runs_anything(program)
}

/// Whether a mode sets the set-user-ID or set-group-ID bit: `4755`, `u+s`.
fn gives_rights(mode: &[u8]) -> bool {
    let text = String::from_utf8_lossy(mode);
    match u32::from_str_radix(&text, 8) {
        Ok(bits) => bits & 0o6000 != 0,
        Err(_) => mode.contains(&b's'),
    }
}
