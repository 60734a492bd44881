//! Commands that root must not repeat without thought: what nothing takes back, and what gives away the rights of root. Whoever
//! typed them may mean it, so the reason is said instead.

use std::sync::OnceLock;

use serde::Deserialize;

use super::Never;
use super::repeated::{Touched, settings_told};
use crate::attempt::Operation;
use crate::built_in::built_in;
use crate::byte_path;
use crate::cause::{Purpose, is_powerful, is_within, purpose};
use crate::facts::Named;
use crate::programs::CommandLine;

const JOINS: &str = "it makes somebody a member of a group that is as good as root";
const COVERS: &str = "it covers, or takes away, what the whole system needs";
const SHADOWS: &str =
    "there is a program of this name already, and root would run the new one instead";
const DELETES: &str = "nothing brings back what it deletes";
const PICKED_UP: &str = "programs of the system follow what is put there";
const LINKS: &str =
    "the system would use what others than root can change at any time (a copy would not)";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    place: Vec<Place>,
    #[serde(default)]
    #[cfg_attr(not(test), allow(dead_code))]
    sample: Vec<Sample>,
}

/// Places in which a new or changed file has grave consequences.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    paths: Vec<String>,
    #[serde(default)]
    endings: Vec<String>,
    because: String,
    /// Whether it is usual all the same, so that the reason is only said.
    #[serde(default)]
    usual: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), allow(dead_code))]
struct Sample {
    path: String,
    grave: bool,
    /// Whether something is said of it.
    #[serde(default)]
    said: bool,
}

impl File {
    fn of_place(&self, path: &[u8]) -> Option<&Place> {
        let is_there = |place: &&Place| {
            let mut endings = place.endings.iter();
            place
                .paths
                .iter()
                .any(|top| is_within(path, top.as_bytes()))
                && (place.endings.is_empty()
                    || endings.any(|ending| path.ends_with(ending.as_bytes())))
        };
        self.place.iter().find(is_there)
    }

    fn because(&self, path: &[u8]) -> Option<&str> {
        let place = self.of_place(path).filter(|place| !place.usual)?;
        Some(&place.because)
    }

    /// What is said of altering the object of this path, though it is usual.
    fn remark(&self, path: &[u8]) -> Option<&str> {
        match self.of_place(path) {
            Some(place) => place.usual.then_some(&place.because),
            None => is_picked_up(path).then_some(PICKED_UP),
        }
    }
}

fn known() -> &'static File {
    static KNOWN: OnceLock<File> = OnceLock::new();
    KNOWN.get_or_init(|| built_in!("grave"))
}

/// Why altering the object of this path has grave consequences.
fn of_place(path: &[u8]) -> Option<&'static str> {
    known().because(path)
}

/// Whether the file lies in a directory of settings that a program of the system reads as a whole: `/etc/sysctl.d`.
fn is_picked_up(path: &[u8]) -> bool {
    let above = byte_path::above(path).map(byte_path::name);
    let mut above = above.filter(|_| is_within(path, b"/etc"));
    above.any(|name| name.len() > 2 && name.ends_with(b".d"))
}

/// What is to be said before root repeats the command lines.
pub(super) fn remark(touched: &Touched, lines: &[CommandLine]) -> Option<&'static str> {
    let of_line = |line: &CommandLine| line.known?.remark(line.words.get(1..)?);
    let of_place = || touched.paths().find_map(|path| known().remark(path));
    lines.iter().find_map(of_line).or_else(of_place)
}

/// Why root must not repeat the command lines, whatever their programs are for.
pub(super) fn command(lines: &[CommandLine]) -> Option<Never> {
    let settings = lines.iter().flat_map(settings_told);
    let of_settings = || {
        settings
            .map(|(path, _)| path)
            .find_map(|path| of_place(&path))
    };
    let because = lines.iter().find_map(of_line).or_else(of_settings)?;
    Some(Never::Grave(because))
}

fn of_line(line: &CommandLine) -> Option<&'static str> {
    let known = line.known?;
    let mut words = line.words.iter().skip(1);
    let joins = known.accounts && words.any(|word| names_a_powerful_group(word));
    let covers = known.covers && covers_the_systems(line);
    let told = joins.then_some(JOINS).or(covers.then_some(COVERS));
    told.or_else(|| known.is_grave(&line.words[1..]))
}

/// Whether one of these groups, separated by commas, is as good as root.
fn names_a_powerful_group(word: &[u8]) -> bool {
    let value = word.rsplit(|&byte| byte == b'=').next().unwrap_or(word);
    value
        .split(|&byte| byte == b',')
        .any(|name| std::str::from_utf8(name).is_ok_and(is_powerful))
}

/// Whether the last operand is, or contains, a directory that the whole system needs. A mount that is only given other options
/// covers nothing.
fn covers_the_systems(line: &CommandLine) -> bool {
    let has = |word: &Vec<u8>| memchr::memmem::find(word, b"remount").is_some();
    let last = line.operands.last().map(|operand| operand.word.as_slice());
    !line.words.iter().any(has) && last.is_some_and(super::repeated::holds_or_is_the_systems)
}

/// Why root must not put something where this command puts it.
pub(super) fn placed(touched: &Touched, lines: &[CommandLine]) -> Option<Never> {
    let of_place = touched.paths().find_map(of_place);
    let shadows = || {
        touched
            .altered()
            .any(|named| named.shadows)
            .then_some(SHADOWS)
    };
    let because = removes(touched)
        .or(of_place)
        .or_else(shadows)
        .or_else(|| links(touched, lines).then_some(LINKS))?;
    Some(Never::Grave(because))
}

/// Why root must not remove the refused object, or rename it.
fn removes(touched: &Touched) -> Option<&'static str> {
    let facts = touched.facts;
    let named = || facts.walk.named().map(|id| facts.node(id).path.as_slice());
    match touched.attempt.operation {
        Operation::Delete | Operation::Rmdir => Some(DELETES),
        // Elsewhere, a new name is taken back by another one.
        Operation::Rename => named()
            .is_some_and(super::repeated::holds_the_systems)
            .then_some(COVERS),
        _ => None,
    }
}

/// Whether it puts a symlink into a place of the system that leads to what others than root may change.
fn links(touched: &Touched, lines: &[CommandLine]) -> bool {
    let mut operands = lines.iter().flat_map(|line| &line.operands);
    let makes = operands.any(|operand| operand.operation == Some(Operation::Symlink));
    let mut referred = touched.named.iter().filter(|named| !named.is_altered);
    let is_others = |named: &Named| named.found.is_some_and(|found| found.owner != 0);
    let uid = touched.attempt.subject.uid;
    let mut places = touched
        .paths()
        .map(|path| purpose(path, uid, touched.facts));
    makes && referred.any(is_others) && places.any(|place| place == Purpose::System)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::with_samples;

    #[test]
    fn each_sample_has_grave_consequences_or_not_as_it_says() {
        let known: File = with_samples!("grave");
        assert!(!known.sample.is_empty());
        for Sample { path, grave, said } in &known.sample {
            let path = path.as_bytes();
            let (found, remark) = (known.because(path), known.remark(path));
            let path = String::from_utf8_lossy(path);
            assert_eq!(found.is_some(), *grave, "{path}: {found:?}");
            assert_eq!(remark.is_some(), *said, "{path}: {remark:?}");
        }
    }
}
