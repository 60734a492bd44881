//! Programs that go through everything below some directories: find, du, `grep -r`, `cp -r`, tar, `chmod -R`, `rm -r`.

use super::{CommandLine, Operand, command_lines, program};
use crate::attempt::Operation;
use crate::byte_path;

/// A traversal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The name of the program.
    program: Vec<u8>,
    /// Where it starts, as given to the program; empty for the working directory.
    pub places: Vec<Vec<u8>>,
    /// Where it copies what it encounters to, or writes an archive of it.
    pub targets: Vec<Vec<u8>>,
    /// What it does with what it encounters.
    pub errand: Errand,
    /// Whether it deletes something of what it encounters.
    pub deletes: bool,
    /// Whether it only lists what it finds, and is a program of the system. Other actions of find(1) run programs, delete or
    /// write files.
    pub only_looks: bool,
}

/// What a traversal does with what it encounters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// It reads or lists it.
    Look,
    /// It copies it to another place.
    Copy,
    /// It changes its mode or owner.
    Change,
    /// It deletes it.
    Delete,
}

/// The traversal that this command line performs; `None` if it performs none.
#[must_use]
pub fn walk(words: &[Vec<u8>]) -> Option<Walk> {
    let lines = command_lines(words);
    let line = lines.first()?;
    let known = line.known.filter(|_| line.walks())?;
    let is_expression = |word: &[u8]| word.starts_with(b"(") || word == b"!";
    let operands = line.operands.iter();
    let operands = operands.take_while(|operand| !is_expression(&operand.word));
    let (targets, places): (Vec<_>, Vec<_>) = operands.partition(|operand| is_target(operand));
    let named = |operands: &[&Operand]| -> Vec<Vec<u8>> {
        operands
            .iter()
            .map(|operand| operand.word.clone())
            .collect()
    };
    let errand = match places.first().and_then(|place| place.operation.as_ref()) {
        Some(Operation::Delete) => Errand::Delete,
        Some(Operation::Chmod(_) | Operation::Chown { .. }) => Errand::Change,
        _ if !targets.is_empty() => Errand::Copy,
        _ => Errand::Look,
    };
    let deletes = errand == Errand::Delete || line.words.iter().any(|word| known.deletes(word));
    let only_looks = errand == Errand::Look && !line.words.iter().any(|word| known.acts(word));
    Some(Walk {
        program: line.name().to_vec(),
        places: named(&places),
        targets: named(&targets),
        errand,
        deletes,
        only_looks: only_looks && is_of_the_system(&words[0]),
    })
}

/// Whether sudo(8) would run the system's program for this word.
fn is_of_the_system(program: &[u8]) -> bool {
    const DIRECTORIES: &[&[u8]] = &[b"/bin", b"/sbin", b"/usr/bin", b"/usr/sbin"];
    let directory = byte_path::parent(program);
    !program.contains(&b'/') || directory.is_some_and(|parent| DIRECTORIES.contains(&parent))
}

/// Whether it writes what it creates, or adds to, at this operand.
fn is_target(operand: &Operand) -> bool {
    matches!(&operand.operation, Some(Operation::Open(how)) if how.write)
}

impl CommandLine {
    /// Whether it goes through everything below its operands.
    #[must_use]
    pub fn walks(&self) -> bool {
        let Some(known) = self.known else {
            return false;
        };
        let is_told = |option: &String| {
            let letter = option.as_bytes().get(1).filter(|_| option.len() == 2);
            let is_bundle = |at: usize, word: &[u8]| match word {
                [b'-', b'-', ..] => false,
                [b'-', ..] => true,
                _ => known.bundled && at == 0,
            };
            let options = self.words.iter().skip(1).take_while(|word| *word != b"--");
            let mut options = options.enumerate();
            option.is_empty()
                || options.any(|(at, word)| {
                    let bundled = || letter.is_some_and(|letter| word.contains(letter));
                    word == option.as_bytes() || is_bundle(at, word) && bundled()
                })
        };
        known.walks.iter().any(is_told)
    }
}

impl Walk {
    /// Whether this message is that of another program, which the traversal runs for what it finds.
    #[must_use]
    pub fn runs_another(&self, message: &[u8]) -> bool {
        let end = memchr::memmem::find(message, b": ").unwrap_or(0);
        let speaker = byte_path::name(&message[..end]);
        speaker != self.program && program(speaker).is_some()
    }

    /// Whether it starts at this directory (an absolute path). A relative starting point is known by its end only.
    #[must_use]
    pub fn starts_at(&self, directory: &[u8]) -> bool {
        let mut places = self.places.iter();
        places.any(|place| super::is_the_end_of(place, directory))
    }

    /// Whether it copies to this directory, of which the same is true.
    #[must_use]
    pub fn copies_to(&self, directory: &[u8]) -> bool {
        let mut targets = self.targets.iter();
        targets.any(|target| super::is_the_end_of(target, directory))
    }

    /// The starting point at or above a directory (an absolute path), if everything there is to be deleted. A relative starting
    /// point is known by its end only.
    #[must_use]
    pub fn deleted_at<'a>(&self, directory: &'a [u8]) -> Option<&'a [u8]> {
        let is_place = |path: &[u8]| {
            self.places.iter().any(|place| {
                let place = place.strip_prefix(b"./").unwrap_or(place);
                let place = place.strip_suffix(b"/").unwrap_or(place);
                let above = path.strip_suffix(place).filter(|_| !place.is_empty());
                above.is_some_and(|above| {
                    above.is_empty() || above.ends_with(b"/") && place[0] != b'/'
                })
            })
        };
        let deletes = self.errand == Errand::Delete;
        let above = std::iter::successors(Some(directory), |path| byte_path::parent(path));
        above
            .filter(|path| deletes && path.len() > 1)
            .find(|path| is_place(path))
    }

    /// Whether a program on this traversal would print this path for something that it encountered: it begins with one of the
    /// starting points, but is not one of them, unless the starting points are to be changed like all else.
    #[must_use]
    pub fn meets(&self, path: &[u8]) -> bool {
        let is_below = |place: &Vec<u8>| {
            let place = place.strip_suffix(b"/").unwrap_or(place);
            let rest = path.strip_prefix(place);
            let is_it = rest.is_some_and(|rest| rest.is_empty());
            is_it && self.errand == Errand::Change
                || rest.is_some_and(|rest| rest.starts_with(b"/") && rest.len() > 1)
        };
        match self.places.is_empty() {
            true => !path.starts_with(b"/") && path != b".",
            false => self.places.iter().any(is_below),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &str) -> Option<Walk> {
        let words: Vec<Vec<u8>> = command.split(' ').map(|word| word.into()).collect();
        walk(&words)
    }

    #[test]
    fn a_walk_is_told_by_the_program_or_by_its_options() {
        for command in [
            "find /etc -name x",
            "du -sh /etc",
            "grep -rn x /etc",
            "ls -lR /etc",
            "rm -rf /etc",
            "cp -a /etc /tmp/copy",
            "rsync -az /etc /tmp/copy",
            "tar czf /tmp/etc.tgz /etc",
            "tar -c -f /tmp/etc.tar /etc",
        ] {
            let walk = of(command).unwrap_or_else(|| panic!("{command}"));
            assert!(walk.meets(b"/etc/ssl/private"), "{command}");
            assert!(!walk.meets(b"/etcetera/x"), "{command}");
            assert!(
                !walk.meets(b"/etc") && !walk.meets(b"/tmp/copy/x"),
                "{command}"
            );
        }
        for command in [
            "ls /etc",
            "grep x /etc/f",
            "rm -f /etc/f",
            "cat -r /etc",
            "cp /etc/f /tmp",
            "tar xf /etc/recent.tar",
            "chmod 600 /etc/f",
        ] {
            assert_eq!(of(command), None, "{command}");
        }
    }

    #[test]
    fn what_it_does_with_what_it_meets_is_told_by_the_program() {
        for (command, errand) in [
            ("du /etc", Errand::Look),
            ("grep -r x /etc", Errand::Look),
            ("cp -r /etc /tmp/copy", Errand::Copy),
            ("tar cf /tmp/etc.tar /etc", Errand::Copy),
            ("rm -r /etc", Errand::Delete),
            ("chmod -R u+w /etc", Errand::Change),
            ("chown -R alice: /etc", Errand::Change),
        ] {
            let walk = of(command).unwrap_or_else(|| panic!("{command}"));
            assert_eq!(walk.errand, errand, "{command}");
            assert_eq!(walk.places, [b"/etc"], "{command}");
            let only_looks = errand == Errand::Look;
            assert_eq!(walk.only_looks, only_looks, "{command}");
            assert_eq!(walk.meets(b"/etc"), errand == Errand::Change, "{command}");
        }
    }

    #[test]
    fn it_lists_where_it_starts_and_writes_where_it_copies_to() {
        for (command, lists, fills) in [
            ("rsync -a /srv/d/ out/", true, false),
            ("rsync -a /home/alice/ /srv/d", false, true),
            ("cp -r d/sub out", false, false),
            ("find d -name x", true, false),
        ] {
            let walk = of(command).unwrap_or_else(|| panic!("{command}"));
            let found = (walk.starts_at(b"/srv/d"), walk.copies_to(b"/srv/d"));
            assert_eq!(found, (lists, fills), "{command}");
        }
    }

    #[test]
    fn what_is_deleted_is_known_by_its_end() {
        let deleted = |command: &str, directory: &'static str| {
            let walk = of(command).expect("it walks");
            walk.deleted_at(directory.as_bytes()).map(<[u8]>::to_vec)
        };
        let build = Some(b"/home/alice/p/build".to_vec());
        for command in [
            "rm -rf build",
            "rm -r ./build/",
            "rm -r a /home/alice/p/build",
        ] {
            assert_eq!(
                deleted(command, "/home/alice/p/build/c"),
                build,
                "{command}"
            );
        }
        for command in [
            "rm -rf uild",
            "rm -rf home",
            "du build",
            "rm -r /build",
            "rm -r .",
        ] {
            let found = deleted(command, "/home/alice/p/build/c");
            assert!(found.is_none() || command == "rm -rf home", "{command}");
        }
        assert_eq!(deleted("rm -rf home", "/srv/x"), None);
    }

    #[test]
    fn what_it_runs_speaks_under_its_own_name() {
        let walk = of("find /srv -exec cat {} +").expect("find walks");
        assert!(walk.runs_another(b"cat: /srv/x: Permission denied"));
        assert!(!walk.runs_another(b"find: '/srv/x': Permission denied"));
        assert!(!walk.runs_another(b"/srv/x: Permission denied"));
    }

    #[test]
    fn without_a_place_it_starts_in_the_working_directory() {
        let walk = of("du").expect("du walks");
        assert!(walk.meets(b"./a") && walk.meets(b"a/b") && !walk.meets(b"/a"));
        let walk = of("find . -name x").expect("find walks");
        assert!(walk.meets(b"./a"));
    }
}
