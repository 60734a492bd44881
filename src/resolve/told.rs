//! Determines the operation, and what else a message leaves open, from the most reliable sign: the message, the code that it
//! quotes or that was given on the command line, what the program does with such a file, the arguments.

use super::course::Script;
use super::source;
use super::speaker::Speakers;
use crate::attempt::{Clue, Errno, Incident, Operation, Privilege, Sign};
use crate::byte_path;
use crate::programs::{CommandLine, use_in_code, use_of_what_is_filled_in};

/// The operations that the most reliable sign identifies, and that sign: the text itself, then what the code on the command
/// line does with a file of this name, then what the program that wrote the message does, then what the command lines say.
/// Empty if they contradict each other.
pub fn told(
    incident: &Incident,
    name: &[u8],
    speakers: &Speakers,
    scripts: &[Script],
) -> (Vec<Operation>, Sign) {
    let own = speakers.own_lines();
    // The shell itself opens the files of redirections and executes commands.
    let by_shell = |line: &CommandLine| {
        let code = line.code.as_ref().filter(|_| line.is_code_for_a_shell());
        use_in_code(code?, name).or_else(|| use_of_what_is_filled_in(code?))
    };
    let by_shell = only(own.iter().filter_map(by_shell));
    if let (Some(sign), false) = (incident.operation_sign, incident.operations.is_empty()) {
        return match by_shell.filter(|used| incident.is_told_more_exactly_by(used)) {
            Some(used) => (vec![used], Sign::Source),
            None => (incident.operations.clone(), sign),
        };
    }
    let by_code = |line: &CommandLine| {
        // For an unknown program, any word may be code: it may be a copy of an interpreter under another name.
        let words = line.words.iter().filter(|_| line.known.is_none());
        line.code
            .iter()
            .chain(words)
            .find_map(|code| source::does_with(code, name))
    };
    let by_operand = |line: &CommandLine| line.does_with(name);
    let every = speakers.all_lines();
    // Another program speaks of what it was given.
    let is_its_own = super::writer(incident).is_none();
    let written = scripts
        .iter()
        .filter(|script| is_its_own && !script.is_for_a_shell && script.is_text());
    let by_script = written.filter_map(|script| source::does_with(&script.code, name));
    if let Some(operation) = only(every.iter().filter_map(by_code).chain(by_script)) {
        return (vec![operation], Sign::Source);
    }
    if let Some(operation) = by_shell {
        return (vec![operation], Sign::Source);
    }
    // A traversal names the places where it starts, and what it runs there speaks for itself.
    let mut others = every.iter().filter(|line| !line.walks());
    let is_named = others.any(|line| line.does_with(name).is_some());
    let does_with_others = || speakers.does().filter(|_| !is_named);
    let does = only(own.iter().filter_map(by_operand)).or_else(does_with_others);
    if let Some(operation) = does {
        return (vec![operation], Sign::Program);
    }
    let told = only(every.iter().filter_map(by_operand));
    (told.into_iter().collect(), Sign::Arguments)
}

/// What all agree on.
pub(super) fn only<T: PartialEq>(all: impl Iterator<Item = T>) -> Option<T> {
    let mut all: Vec<T> = all.collect();
    all.dedup();
    match all.len() {
        1 => all.pop(),
        _ => None,
    }
}

/// Completes the incident from the code that it quotes, or that was given on the command line, if its words are not sufficient:
/// with an address, or an operation that takes no file.
pub fn with_its_code(incident: &Incident, speakers: &Speakers) -> Incident {
    let mut known = incident.clone();
    if incident.address.is_some() || !incident.paths.is_empty() {
        return known;
    }
    let quoted = match &incident.clue {
        Some(Clue::Code(line)) => Some(line),
        _ => None,
    };
    if incident.operations.contains(&Operation::Bind) {
        known.address = quoted.and_then(|line| source::address(line));
    }
    if incident.operations == [NAMESPACE] && speakers.own_lines().iter().any(makes_users) {
        // It is made first, and suffices for the others.
        known.operations = vec![USER_NAMESPACE];
    }
    if incident.operations.is_empty() {
        let lines = speakers.all_lines().iter();
        let lines = lines.filter(|line| !line.is_code_for_a_shell());
        let given: Vec<&Vec<u8>> = lines.filter_map(|line| line.code.as_ref()).collect();
        let by_quoted = quoted.and_then(|line| source::asks_for(line));
        let by_given = || only(given.iter().filter_map(|code| source::asks_for(code)));
        let asked = by_quoted.or_else(by_given).filter(|asked| match asked {
            // A missing privilege gives EPERM. A signal may also be refused by a module, with EACCES.
            Operation::Privileged(_) => incident.errno == Some(Errno::Perm),
            Operation::Signal => incident.errno.is_some_and(Errno::is_denial),
            _ => incident.errno == Some(Errno::Acces),
        });
        let codes = quoted.into_iter().chain(given);
        match asked {
            Some(Operation::Bind) => {
                known.address = codes.clone().find_map(|code| source::address(code));
            }
            Some(Operation::Signal) => {
                known.process = codes.clone().find_map(|code| source::signalled(code));
            }
            _ => {}
        }
        known.operation_sign = asked.as_ref().map(|_| Sign::Source);
        known.operations.extend(asked);
    }
    known
}

const NAMESPACE: Operation = Operation::Privileged(Privilege::Namespace);
const USER_NAMESPACE: Operation = Operation::Privileged(Privilege::UserNamespace);

/// Whether a program is told to make a user namespace, perhaps among others.
fn makes_users(line: &CommandLine) -> bool {
    let asks = line
        .known
        .is_some_and(|known| known.asks_for(&USER_NAMESPACE));
    asks && (line.is_unprivileged || line.maps_root)
}

/// The directory that a program was to be started in, if known: the message of whoever starts it names only the program.
pub fn entered(incident: &Incident, speakers: &Speakers) -> Option<Vec<u8>> {
    if incident.operations != [Operation::Exec] {
        return None;
    }
    let in_code = |line: &CommandLine| source::directory_in_code(line.code.as_ref()?);
    let by_code = || speakers.all_lines().iter().find_map(in_code);
    incident.directory.clone().or_else(by_code)
}

/// What was to be made next in the directory that could not be made, on the way to an operand: `mkdir -p a/b` says the same of
/// an `a` that is there and may not be entered.
pub fn within(incident: &Incident, name: &[u8], speakers: &Speakers) -> Option<Vec<u8>> {
    if incident.operations != [Operation::Mkdir] || incident.paths.len() != 1 {
        return None;
    }
    let next = |word: &[u8]| {
        let rest = word.strip_prefix(name)?.strip_prefix(b"/")?;
        let first = rest
            .split(|byte| *byte == b'/')
            .find(|name| !name.is_empty())?;
        Some(byte_path::join(name, first))
    };
    let operands = speakers.all_lines().iter().flat_map(|line| &line.operands);
    operands
        .map(|operand| &operand.word)
        .find_map(|word| next(word))
}

/// The file that the program replaces with its new version by renaming, if the message names only the temporary one: the
/// operand in the same directory.
pub fn replaced(incident: &Incident, name: &[u8], speakers: &Speakers) -> Option<Vec<u8>> {
    if incident.operations != [Operation::Rename] || incident.paths.len() != 1 {
        return None;
    }
    let own = speakers.own_lines().iter();
    let mut replacing = own.filter(|line| line.known.is_some_and(|known| known.replaces));
    let directory = |path: &[u8]| byte_path::parent(&byte_path::tidy(path)).map(<[u8]>::to_vec);
    let beside = |word: &&[u8]| directory(word) == directory(name);
    let mut operands = replacing
        .next()?
        .operands
        .iter()
        .map(|operand| &operand.word[..]);
    let found = operands.find(beside)?;
    operands
        .all(|other| !beside(&other))
        .then(|| found.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Subject;
    use crate::resolve::{CandidateProcess, Circumstances, Presence};

    #[test]
    fn a_user_namespace_is_what_is_refused_if_it_is_asked_for() {
        let told = |command: &str| {
            let incident = Incident {
                message: b"unshare: unshare failed: Operation not permitted".to_vec(),
                operations: vec![NAMESPACE],
                ..Incident::default()
            };
            let words: Vec<Vec<u8>> = command.split(' ').map(|word| word.into()).collect();
            let circumstances = Circumstances {
                processes: vec![CandidateProcess {
                    subject: Subject::login(1000, 1000, vec![1000]),
                    directory: None,
                    arguments: words.clone(),
                    name: None,
                    presence: Presence::Speaking,
                    place: None,
                }],
                command: words,
                ..Circumstances::default()
            };
            let speakers = Speakers::of(&incident, &circumstances);
            with_its_code(&incident, &speakers).operations
        };
        assert_eq!(told("unshare -U -n true"), [USER_NAMESPACE]);
        assert_eq!(told("unshare -r true"), [USER_NAMESPACE]);
        assert_eq!(told("unshare -n true"), [NAMESPACE]);
    }
}
