//! Programs that traverse everything below some directories: find, du, `grep -r`, `rm -r`.

use super::{CommandLine, command_lines};

/// A traversal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// Where it starts, as given to the program; empty for the working directory.
    pub places: Vec<Vec<u8>>,
    /// Whether it deletes what it encounters.
    pub deletes: bool,
    /// Whether it only lists what it finds, and is a program of the system. Other actions of find(1) run programs, delete or
    /// write files.
    pub only_looks: bool,
}

/// The traversal that this command line performs; `None` if it performs none.
#[must_use]
pub fn walk(words: &[Vec<u8>]) -> Option<Walk> {
    let lines = command_lines(words);
    let line = lines.first()?;
    let known = line.known.filter(|_| is_told_to_walk(line))?;
    let is_expression = |word: &[u8]| word.starts_with(b"(") || word == b"!";
    let operands = line.operands.iter().map(|operand| operand.word.clone());
    Some(Walk {
        places: operands.take_while(|word| !is_expression(word)).collect(),
        deletes: known.does.as_deref() == Some("delete"),
        only_looks: is_of_the_system(&words[0]) && !line.words.iter().any(|word| known.acts(word)),
    })
}

/// Whether sudo(8) would run the system's program for this word.
fn is_of_the_system(program: &[u8]) -> bool {
    const DIRECTORIES: &[&[u8]] = &[b"/bin", b"/sbin", b"/usr/bin", b"/usr/sbin"];
    let directory = crate::byte_path::parent(program);
    !program.contains(&b'/') || directory.is_some_and(|parent| DIRECTORIES.contains(&parent))
}

fn is_told_to_walk(line: &CommandLine) -> bool {
    let walks = line.known.map_or(&[][..], |known| &known.walks);
    walks.iter().any(|option| {
        let bundled = |word: &[u8]| {
            let short = option.len() == 2 && word.starts_with(b"-") && !word.starts_with(b"--");
            short && word.contains(&option.as_bytes()[1])
        };
        let mut options = line.words.iter().skip(1).take_while(|word| *word != b"--");
        option.is_empty() || options.any(|word| word == option.as_bytes() || bundled(word))
    })
}

impl Walk {
    /// Whether a program on this traversal would print this path for something that it encountered: it begins with one of the
    /// starting points, but is not one of them.
    #[must_use]
    pub fn meets(&self, path: &[u8]) -> bool {
        let is_below = |place: &Vec<u8>| {
            let place = place.strip_suffix(b"/").unwrap_or(place);
            let rest = path.strip_prefix(place);
            rest.is_some_and(|rest| rest.starts_with(b"/") && rest.len() > 1)
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
        ] {
            let walk = of(command).unwrap_or_else(|| panic!("{command}"));
            assert!(walk.meets(b"/etc/ssl/private"), "{command}");
            assert!(
                !walk.meets(b"/etc") && !walk.meets(b"/etcetera/x"),
                "{command}"
            );
        }
        for command in ["ls /etc", "grep x /etc/f", "rm -f /etc/f", "cat -r /etc"] {
            assert_eq!(of(command), None, "{command}");
        }
    }

    #[test]
    fn without_a_place_it_starts_in_the_working_directory() {
        let walk = of("du").expect("du walks");
        assert!(walk.meets(b"./a") && walk.meets(b"a/b") && !walk.meets(b"/a"));
        let walk = of("find . -name x").expect("find walks");
        assert!(walk.meets(b"./a"));
    }
}
