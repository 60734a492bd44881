//! The directories in which a process may have used a name before it was inspected.

use super::course::{Script, recipe_of};
use super::moves::{self, Standing};
use super::{CandidateProcess, Circumstances, Presence};
use crate::attempt::{Clue, Incident};
use crate::byte_path::{self, join, tidy};
use crate::programs::{CommandLine, Program, Whereabouts, command_lines};

/// Where a process was when it used a name.
pub enum Standpoint {
    /// Where it is seen.
    Now,
    /// In this directory.
    At(Vec<u8>),
    /// In one of these directories, and nothing tells which.
    OneOf(Vec<Vec<u8>>),
    /// Only running it would tell.
    Unknown,
}

impl Standpoint {
    /// Where a process that was seen was when it used the name, according to what it runs and where it was started. A shell is
    /// read elsewhere.
    pub fn of(
        path: &[u8],
        incident: &Incident,
        process: &CandidateProcess,
        circumstances: &Circumstances,
    ) -> Standpoint {
        // Of one that was about to end, the arguments are gone.
        let lines = command_lines(match process.arguments.is_empty() {
            true => &circumstances.command,
            false => &process.arguments,
        });
        let (Some(own), Some(line)) = (&process.directory, lines.first()) else {
            return Standpoint::Now;
        };
        let is_a_shells =
            script_of(line, circumstances).is_some_and(|script| script.is_for_a_shell);
        if line.known.is_some_and(Program::is_shell) || line.wraps() || is_a_shells {
            return Standpoint::Now;
        }
        let start = started_in(process, circumstances);
        let begin = start.as_deref().unwrap_or_default();
        let standing = match code_of(line, circumstances) {
            Some((code, name)) => {
                let uses = moves::uses(code, path, line_of(incident, name), None);
                moves::standing(code, &uses)
            }
            None => Standing::Last(Whereabouts::Start),
        };
        let is_put = line
            .directories
            .iter()
            .any(|told| own.ends_with(&tidy(told)));
        let standing = match standing {
            Standing::Last(there) => match from(&there, start.as_deref()) {
                // It has not moved at all, and another process with the same code has.
                Some(place) if place != *own && there != Whereabouts::Start && own == begin => {
                    return Standpoint::At(place);
                }
                // It has moved by something that is not in its code.
                Some(place) if place != *own && !is_put => {
                    Standing::OneOf(vec![there, Whereabouts::Unknown])
                }
                _ => return Standpoint::Now,
            },
            told => told,
        };
        let start = start.or_else(|| {
            let path = code_of(line, circumstances).and_then(|(code, _)| moves::in_all(code))?;
            let rest = own.strip_suffix(path.as_slice())?;
            rest.strip_suffix(b"/").map(<[u8]>::to_vec)
        });
        match standing {
            Standing::OneOf(places) => {
                let place = |there: &Whereabouts| match there {
                    Whereabouts::Unknown => Some(own.clone()),
                    there => from(there, start.as_deref()),
                };
                let places: Option<Vec<Vec<u8>>> = places.iter().map(place).collect();
                places.map_or(Standpoint::Unknown, Standpoint::OneOf)
            }
            Standing::Last(there) | Standing::Earlier(there) => {
                from(&there, start.as_deref()).map_or(Standpoint::Unknown, Standpoint::At)
            }
        }
    }
}

/// The source code that a command line runs, if it was given there or could be read, and the name of its file.
fn code_of<'a>(
    line: &'a CommandLine,
    circumstances: &'a Circumstances,
) -> Option<(&'a [u8], Option<&'a [u8]>)> {
    if let Some(code) = &line.code {
        return Some((code, None));
    }
    let name = byte_path::name(line.script.as_deref()?);
    let script = script_of(line, circumstances)?;
    Some((&script.code, Some(name)))
}

/// The script that a command line runs, if it could be read: that of an interpreter, or the program itself, whose interpreter is not
/// seen in the words that it was started with.
pub fn script_of<'a>(line: &CommandLine, circumstances: &'a Circumstances) -> Option<&'a Script> {
    let own = line.known.is_none().then(|| line.name());
    let name = line.script.as_deref().map(byte_path::name).or(own)?;
    let mut texts = circumstances
        .scripts
        .iter()
        .filter(|script| script.is_text());
    texts.find(|script| byte_path::name(&script.path) == name)
}

/// The number of the line that the message points to, if it is one of this script.
pub fn line_of(incident: &Incident, script: Option<&[u8]>) -> Option<usize> {
    match &incident.clue {
        Some(Clue::Line(file, number)) if Some(byte_path::name(file)) == script => {
            usize::try_from(*number).ok()
        }
        _ => None,
    }
}

/// Where a process was started, if that is known.
pub fn started_in(process: &CandidateProcess, circumstances: &Circumstances) -> Option<Vec<u8>> {
    if is_the_command(process, circumstances) {
        return Some(circumstances.start.clone());
    }
    let own = command_lines(&process.arguments);
    if let Some(recipe) = recipe_of(&own, &circumstances.scripts) {
        return byte_path::parent(&recipe.path).map(<[u8]>::to_vec);
    }
    let lines = command_lines(&circumstances.command);
    let mut started = lines
        .iter()
        .skip(1)
        .filter(|line| line.words == process.arguments);
    let line = started.next()?;
    let place = from(&line.place, Some(&circumstances.start));
    place.filter(|_| started.all(|other| other.place == line.place))
}

/// Whether it is the command that permwrap started, rather than one of its descendants.
fn is_the_command(process: &CandidateProcess, circumstances: &Circumstances) -> bool {
    process.arguments.is_empty() || process.arguments == circumstances.command
}

/// The absolute directory, from where the process was started. `None` if that is needed and not known.
pub fn from(place: &Whereabouts, start: Option<&[u8]>) -> Option<Vec<u8>> {
    match place {
        Whereabouts::Start => start.map(<[u8]>::to_vec),
        Whereabouts::At(there) if there.starts_with(b"/") => Some(there.clone()),
        Whereabouts::At(there) if !there.starts_with(b"~") => {
            start.map(|start| tidy(&join(start, there)))
        }
        Whereabouts::At(_) | Whereabouts::OneOf(_) | Whereabouts::Unknown => None,
    }
}

/// Whether the working directory was read from a live process. A name in a pasted text is relative to the unknown working
/// directory of its writer, and a command may have changed its working directory since it was started.
pub fn is_seen(process: &CandidateProcess) -> bool {
    let was_looked_at = match process.presence {
        Presence::Speaking | Presence::Present | Presence::Gone => true,
        Presence::Named => process.subject.pid.is_some(),
        Presence::Started | Presence::Switched | Presence::Reader => false,
    };
    process.directory.is_some() && was_looked_at
}
