//! The directory that a name in a message is relative to, according to the code on the command line.

use super::{leading_name, source};
use crate::attempt::{Incident, Operation};
use crate::programs::{CommandLine, Program, Whereabouts, command_lines};

/// The working directory of code when it uses a name.
pub enum Course {
    /// There is no code, or it does not name the file.
    NoCode,
    /// The code uses the name in this directory, with these commands.
    At(Whereabouts, Vec<CommandLine>),
    /// The code does not determine it, but the shell has not changed directory since.
    Settled,
    /// Only running the code would tell.
    Unknown,
}

/// The absolute directory in which a shell script uses the name in a message, if its code determines one.
#[must_use]
pub fn directory_in_script(script: &[u8], incident: &Incident) -> Option<Vec<u8>> {
    let name = incident.paths.first()?;
    let words = [b"sh".to_vec(), b"-c".to_vec(), script.to_vec()];
    match Course::of(name, incident, &command_lines(&words)) {
        Course::At(Whereabouts::At(directory), uses)
            if directory.starts_with(b"/") && uses.iter().any(|line| line.names(name)) =>
        {
            Some(directory)
        }
        _ => None,
    }
}

impl Course {
    /// Reads the code given to the first of these command lines. The others are the commands of a shell's code.
    pub fn of(path: &[u8], incident: &Incident, lines: &[CommandLine]) -> Course {
        match lines.split_first() {
            Some((shell, commands)) if shell.is_code_for_a_shell() => {
                Course::of_a_shell(path, incident, commands)
            }
            Some((interpreter, _)) => match &interpreter.code {
                Some(code) if memchr::memmem::find(code, path).is_some() => {
                    match source::works_in(code) {
                        Whereabouts::Unknown => Course::Unknown,
                        place => Course::At(place, vec![interpreter.clone()]),
                    }
                }
                _ => Course::NoCode,
            },
            None => Course::NoCode,
        }
    }

    fn of_a_shell(path: &[u8], incident: &Incident, commands: &[CommandLine]) -> Course {
        let name = leading_name(&incident.message)
            .filter(|name| commands.iter().any(|line| line.name() == *name));
        let speaks = |line: &CommandLine| name.is_none_or(|name| line.name() == name);
        let goes = |line: &CommandLine| {
            let does = line.known.and_then(Program::always_does);
            does == Some(Operation::Traverse)
        };
        let those = |are: &dyn Fn(&CommandLine) -> bool| -> Vec<CommandLine> {
            commands.iter().filter(|line| are(line)).cloned().collect()
        };
        let mut uses = those(&|line| line.names(path) && speaks(line));
        if uses.is_empty() && name.is_some() {
            uses = those(&speaks);
        }
        if uses.is_empty() {
            uses = those(&|line| !goes(line));
        }
        let Some(first) = uses.first() else {
            return Course::NoCode;
        };
        let place = first.place.clone();
        if place != Whereabouts::Unknown && uses.iter().all(|other| other.place == place) {
            Course::At(place, uses)
        } else if uses.iter().all(|line| line.is_settled) {
            Course::Settled
        } else {
            Course::Unknown
        }
    }
}
