//! Determines which of the candidate processes wrote a message.

use super::{CandidateProcess, Circumstances, Presence};
use crate::attempt::{Incident, Operation};
use crate::byte_path;
use crate::programs::{CommandLine, Program, command_lines, program};

/// The processes that may have written a message.
pub struct Speakers<'c> {
    /// The processes, the most likely first.
    pub processes: Vec<&'c CandidateProcess>,
    /// Whether the remaining candidates have equal rights, so that it makes no difference which of them it was.
    pub known: bool,
    name: Option<Vec<u8>>,
    own: Vec<CommandLine>,
    all: Vec<CommandLine>,
}

impl<'c> Speakers<'c> {
    /// The processes that may have written a message. A program that begins its messages with its own name is identified by
    /// that, and one that speaks of a file of its own by the file.
    pub fn of(incident: &Incident, circumstances: &'c Circumstances) -> Speakers<'c> {
        let every = circumstances.processes.iter();
        let with_lines: Vec<(&CandidateProcess, Vec<CommandLine>)> = every
            .map(|process| (process, command_lines(&process.arguments)))
            .collect();
        let all = with_lines.iter().flat_map(|(_, lines)| lines.clone());
        let all: Vec<CommandLine> = all.chain(command_lines(&circumstances.command)).collect();
        let name = speaking_name(incident);
        let is_nameless = name.and_then(program).is_none();
        let is_its_own = |known: &Program| {
            let mut paths = incident.paths.iter();
            is_nameless && paths.any(|path| known.keeps_at_the_top(path))
        };
        let mut named: Vec<&CandidateProcess> = Vec::new();
        let mut own: Vec<CommandLine> = Vec::new();
        for (process, lines) in &with_lines {
            let is_its = |line: &&CommandLine| {
                let script = line.script.as_deref().map(byte_path::name);
                name.is_some_and(|name| {
                    line.name() == name || script == Some(name) || is_code_called(line, name)
                }) || line.known.is_some_and(is_its_own)
            };
            // If a command line starts further commands, only a process that was not seen may be one of those.
            let lines = match process.presence {
                Presence::Switched | Presence::Started => &lines[..],
                _ => &lines[..lines.len().min(1)],
            };
            if let Some(line) = lines.iter().find(is_its) {
                named.push(process);
                own.push(line.clone());
            } else if lines.is_empty()
                && process
                    .name
                    .as_deref()
                    .is_some_and(|comm| name == Some(comm))
            {
                named.push(process);
            }
        }
        // What a command line says of the user that a program runs as outweighs the command as it was started. A process that was
        // seen to write comes first.
        let is_switched = |process: &&CandidateProcess| process.presence == Presence::Switched;
        if named.iter().any(is_switched) {
            named.retain(|process| process.presence != Presence::Started);
        }
        // One that was seen earlier is not the one that is seen now.
        if named
            .iter()
            .any(|process| process.presence <= Presence::Present)
        {
            named.retain(|process| process.presence != Presence::Gone);
        }
        if let Some(shell) = waiting_shell(circumstances)
            && named.iter().all(|process| is_of_before(process, shell))
        {
            named = vec![shell];
            own.clear();
        }
        let speaking: Vec<&CandidateProcess> = circumstances
            .processes
            .iter()
            .filter(|process| process.presence <= Presence::Speaking)
            .collect();
        let deciding = if named.is_empty() { &speaking } else { &named };
        let known = !deciding.is_empty()
            && deciding.iter().all(|process| {
                process.presence < Presence::Reader
                    && process.subject.has_the_rights_of(&deciding[0].subject)
            });
        let processes = match named.is_empty() {
            true => circumstances.processes.iter().collect(),
            false => named,
        };
        Speakers {
            processes,
            known,
            name: name.map(<[u8]>::to_vec),
            own,
            all,
        }
    }

    /// The command lines of the program that the message names as its writer.
    pub fn own_lines(&self) -> &[CommandLine] {
        &self.own
    }

    /// What the program named as the writer does with a file that no command line names.
    pub fn does(&self) -> Option<Operation> {
        program(self.name.as_ref()?)?.does_with_others()
    }

    /// All command lines.
    pub fn all_lines(&self) -> &[CommandLine] {
        &self.all
    }
}

/// The shell at whose prompt a program was started that has ended without being seen: nothing else is running.
fn waiting_shell(circumstances: &Circumstances) -> Option<&CandidateProcess> {
    let living = circumstances.processes.iter();
    let is_known = |process: &&CandidateProcess| {
        process.presence <= Presence::Present && process.directory.is_some()
    };
    let mut living = living.filter(is_known);
    let only = living.next()?;
    // A child that has not become another program yet looks like its parent.
    let is_its_child = |process: &CandidateProcess| {
        (&process.arguments, &process.directory) == (&only.arguments, &only.directory)
    };
    (living.all(is_its_child) && is_waiting_shell(only, circumstances)).then_some(only)
}

/// Whether the process is a shell that reads its commands from the terminal. It waits for each of them, and then for a person, in the
/// directory that it started it in.
pub fn is_waiting_shell(process: &CandidateProcess, circumstances: &Circumstances) -> bool {
    let reads_commands = |line: &CommandLine| {
        let is_shell = line.known.is_some_and(Program::is_shell);
        let script = line.script.as_deref().unwrap_or_default();
        is_shell && line.code.is_none() && script.is_empty()
    };
    let lines = command_lines(&process.arguments);
    circumstances.terminal
        && matches!(process.presence, Presence::Speaking | Presence::Present)
        && process.directory.is_some()
        && process.place.is_none()
        && matches!(&lines[..], [only] if reads_commands(only))
}

/// Whether the process had ended before it was looked at, or may just as well have been started by an earlier command line at the
/// prompt of this shell. What runs with other rights was not started by the shell itself.
fn is_of_before(process: &CandidateProcess, shell: &CandidateProcess) -> bool {
    (process.presence >= Presence::Gone || process.directory.is_none())
        && process.presence != Presence::Switched
        && process.subject.has_the_rights_of(&shell.subject)
}

/// Whether a shell uses this name for the code on its command line: the word after the code, or the name used for an exported
/// function.
pub fn is_code_called(line: &CommandLine, name: &[u8]) -> bool {
    let first = line.operands.first().map(|operand| operand.word.as_slice());
    line.is_code_for_a_shell()
        && (name == b"environment" || first.map(byte_path::name) == Some(name))
}

/// The name that the message begins with. If lines of a pipeline were interleaved, it begins with two, and the inner one
/// counts.
fn speaking_name(incident: &Incident) -> Option<&[u8]> {
    let first = leading_name(&incident.message)?;
    let rest = &incident.message[memchr::memmem::find(&incident.message, b": ")? + 2..];
    let is_object = |name: &[u8]| incident.paths.iter().any(|path| path == name);
    let inner = leading_name(rest).filter(|name| rest.starts_with(name));
    match inner.filter(|name| !is_object(name) && program(first).is_some()) {
        Some(inner) if program(inner).is_some_and(|known| !known.is_shell()) => Some(inner),
        _ => Some(first),
    }
}

/// The word at the beginning of a message, where programs put their name: `cat` in `cat: f: Permission denied`.
#[must_use]
pub fn leading_name(message: &[u8]) -> Option<&[u8]> {
    let end = memchr::memmem::find(message, b": ")?;
    let name = byte_path::name(&message[..end]);
    let is_word = !name.is_empty() && !name.iter().any(u8::is_ascii_whitespace);
    is_word.then_some(name)
}

/// The known program that the message names as its writer.
pub fn writer(incident: &Incident) -> Option<&[u8]> {
    leading_name(&incident.message).filter(|name| program(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Subject;

    fn process(uid: u32, line: &str, presence: Presence) -> CandidateProcess {
        CandidateProcess {
            subject: Subject::login(uid, uid, vec![uid]),
            directory: None,
            name: None,
            arguments: line
                .split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect(),
            presence,
            place: None,
        }
    }

    fn speakers(message: &str, processes: Vec<CandidateProcess>) -> (Vec<u32>, bool) {
        let circumstances = Circumstances {
            processes,
            ..Circumstances::default()
        };
        let message = message.as_bytes().to_vec();
        let incident = Incident {
            message,
            ..Incident::default()
        };
        let found = Speakers::of(&incident, &circumstances);
        (
            found
                .processes
                .iter()
                .map(|process| process.subject.uid)
                .collect(),
            found.known,
        )
    }

    #[test]
    fn a_program_that_names_itself_is_the_speaker() {
        let all = vec![
            process(0, "sudo -u www cat f", Presence::Speaking),
            process(33, "cat f", Presence::Speaking),
        ];
        assert_eq!(
            speakers("cat: f: Permission denied", all.clone()),
            (vec![33], true)
        );
        assert_eq!(speakers("f: Permission denied", all), (vec![0, 33], false));
    }

    #[test]
    fn a_program_that_speaks_of_a_file_of_its_own_needs_no_name() {
        let circumstances = Circumstances {
            processes: vec![
                process(1000, "make", Presence::Speaking),
                process(33, "git commit", Presence::Started),
            ],
            ..Circumstances::default()
        };
        let of = |path: &str| {
            let incident = Incident {
                message: format!("fatal: cannot lock {path}: Permission denied").into_bytes(),
                paths: vec![path.as_bytes().to_vec()],
                ..Incident::default()
            };
            let found = Speakers::of(&incident, &circumstances);
            (found.processes[0].subject.uid, found.known)
        };
        assert_eq!(of("/srv/p/.git/index"), (33, true));
        assert_eq!(of("/srv/p/x.git"), (1000, true));
    }

    #[test]
    fn of_two_names_the_inner_one_speaks() {
        let all = vec![
            process(1000, "cat f", Presence::Speaking),
            process(33, "tee g", Presence::Speaking),
        ];
        assert_eq!(
            speakers("cat: tee: g: Permission denied", all),
            (vec![33], true)
        );
    }

    #[test]
    fn one_that_was_not_seen_is_who_the_command_line_says() {
        let all = vec![
            process(1000, "sudo -u www cat f", Presence::Started),
            process(33, "sudo -u www cat f", Presence::Switched),
        ];
        assert_eq!(speakers("cat: f: Permission denied", all), (vec![33], true));
    }

    #[test]
    fn one_that_writes_under_the_same_name_as_another_user_may_be_meant_as_well() {
        let line = "sh -c x;setpriv --reuid www sh";
        let all = vec![
            process(0, "sh -c x", Presence::Speaking),
            process(0, line, Presence::Started),
            process(33, line, Presence::Switched),
        ];
        let message = "sh: 1: cannot create f: Permission denied";
        assert_eq!(speakers(message, all), (vec![0, 33], false));
    }

    #[test]
    fn who_reads_a_text_did_not_write_it() {
        let reader = vec![process(1000, "", Presence::Reader)];
        assert_eq!(
            speakers("cat: f: Permission denied", reader),
            (vec![1000], false)
        );
    }

    #[test]
    fn what_was_run_at_the_prompt_of_a_shell_worked_where_the_shell_is() {
        let shell = CandidateProcess {
            directory: Some(b"/srv/b".to_vec()),
            ..process(1000, "bash", Presence::Speaking)
        };
        let earlier = CandidateProcess {
            directory: Some(b"/srv/a".to_vec()),
            ..process(1000, "cat f", Presence::Gone)
        };
        let circumstances = |terminal| Circumstances {
            processes: vec![shell.clone(), earlier.clone()],
            terminal,
            ..Circumstances::default()
        };
        let incident = Incident {
            message: b"cat: f: Permission denied".to_vec(),
            ..Incident::default()
        };
        let at_a_prompt = circumstances(true);
        let speakers = Speakers::of(&incident, &at_a_prompt);
        assert_eq!(speakers.processes[0].directory, shell.directory);
        // A shell that reads a script goes on at once, and is somewhere else by now.
        let in_a_script = circumstances(false);
        let speakers = Speakers::of(&incident, &in_a_script);
        assert_eq!(speakers.processes[0].directory, earlier.directory);
    }
}
