//! Resolves printed names to absolute paths.

use super::speaker::{Speakers, leading_name};
use super::{CandidateProcess, Circumstances, Presence, Reading};
use crate::attempt::{Attempt, Errno, Incident, Object, Operation, Sign, Signs};
use crate::byte_path::{self, is_within, join, tidy};
use crate::programs::{CommandLine, Program, command_lines};

/// The maximum number of directories mentioned in arguments that are considered.
const MOST_MENTIONED: usize = 8;

/// A candidate process, and a path where the object of its message may be.
#[derive(Debug, Clone)]
pub struct Aim<'c> {
    process: &'c CandidateProcess,
    /// The name as printed.
    printed: Vec<u8>,
    /// The absolute path.
    pub path: Vec<u8>,
    /// Whether something indicates that the object is there.
    placed: bool,
    /// Whether it is known which process failed.
    subject_known: bool,
}

impl Aim<'_> {
    /// The reading that this operation was tried there; `sign` is what identified the operation.
    pub fn reading(
        self,
        operation: Operation,
        sign: Option<Sign>,
        errno: Option<Errno>,
    ) -> Reading {
        Reading {
            signs: Signs {
                operation: sign,
                object: Some(Sign::Message),
                subject: self.subject_known,
                place: self.placed,
            },
            attempt: Attempt {
                subject: self.process.subject.clone(),
                operation,
                directory: self.working_directory(),
                object: Object::Path(self.path),
                to: None,
                errno,
            },
        }
    }

    /// The second path of an operation, relative to the same directory as the first.
    pub fn beside(
        &self,
        path: &[u8],
        incident: &Incident,
        circumstances: &Circumstances,
    ) -> Option<Vec<u8>> {
        let base = self.path.strip_suffix(tidy(&self.printed).as_slice());
        if let (true, true, Some(base)) = (is_relative(path), is_relative(&self.printed), base) {
            return Some(tidy(&join(base, path)));
        }
        let places = places(
            path,
            &Operation::CREATE,
            incident,
            self.process,
            circumstances,
        );
        places.into_iter().next().map(|(path, _)| path)
    }

    /// The working directory that the name was relative to. `None` if the path is not below the working directory, because it
    /// is then unknown where the kernel started.
    fn working_directory(&self) -> Option<Vec<u8>> {
        let own = self.process.directory.as_ref()?;
        let is_below = is_within(&self.path, own);
        (is_relative(&self.printed) && is_below).then(|| own.clone())
    }
}

/// Where the object with this printed name may be, for each candidate process, the most likely first.
pub fn aims<'c>(
    printed: &[u8],
    operation: &Operation,
    incident: &Incident,
    speakers: &Speakers<'c>,
    circumstances: &Circumstances,
) -> Vec<Aim<'c>> {
    let aims = speakers.processes.iter().flat_map(|process| {
        let places = places(printed, operation, incident, process, circumstances);
        places.into_iter().map(|(path, placed)| Aim {
            process,
            printed: printed.to_vec(),
            path,
            placed,
            subject_known: speakers.known,
        })
    });
    aims.collect()
}

/// Whether a printed name is relative to a directory.
pub fn is_relative(path: &[u8]) -> bool {
    !path.starts_with(b"/") && !path.starts_with(b"~")
}

/// The absolute paths that a name printed by this process can mean, each with whether something indicates it.
fn places(
    path: &[u8],
    operation: &Operation,
    incident: &Incident,
    process: &CandidateProcess,
    circumstances: &Circumstances,
) -> Vec<(Vec<u8>, bool)> {
    if path.starts_with(b"/") {
        return vec![(tidy(path), true)];
    }
    if let (Some(rest), Some(home)) = (path.strip_prefix(b"~/"), &circumstances.home) {
        return vec![(tidy(&join(home, rest)), true)];
    }
    let mut found: Vec<(Vec<u8>, bool)> = Vec::new();
    for (base, told) in directories(path, operation, incident, process, circumstances) {
        let path = tidy(&join(&base, path));
        if path.starts_with(b"/") && !found.iter().any(|(known, _)| *known == path) {
            found.push((path, told));
        }
    }
    found
}

/// The directories that a relative name can be relative to, each with whether something indicates it.
fn directories(
    path: &[u8],
    operation: &Operation,
    incident: &Incident,
    process: &CandidateProcess,
    circumstances: &Circumstances,
) -> Vec<(Vec<u8>, bool)> {
    let start = &circumstances.start;
    let own = process.directory.as_ref().unwrap_or(start);
    // A name in a pasted text is relative to the unknown working directory of its writer. A command may have changed its
    // working directory since it was started.
    let was_looked_at = match process.presence {
        Presence::Speaking | Presence::Present | Presence::Gone => true,
        Presence::Named => process.subject.pid.is_some(),
        Presence::Started | Presence::Switched | Presence::Reader => false,
    };
    let is_seen = process.directory.is_some() && was_looked_at;
    let mut bases: Vec<(Vec<u8>, bool)> = Vec::new();
    // A program named without a slash is looked for in PATH.
    if *operation == Operation::Exec && !path.contains(&b'/') {
        bases.extend(
            circumstances
                .search_path
                .iter()
                .map(|directory| (directory.clone(), true)),
        );
    }
    if let Some(told) = &incident.directory {
        bases.push((join(own, told), true));
    }
    // A program that is told to work in a directory but has not changed to it resolves its files from there, as tar does with
    // openat(2).
    let by_command = told_directories(&circumstances.command, incident);
    let told = match process.arguments.is_empty() {
        // It was about to end when it was inspected.
        true => by_command.clone(),
        false => told_directories(&process.arguments, incident),
    };
    let elsewhere = told.iter().filter(|told| !own.ends_with(&tidy(told)));
    let before = bases.len();
    bases.extend(elsewhere.map(|told| (join(own, told), true)));
    let works_here = bases.len() == before;
    let stays = !process_was_seen_elsewhere(process) && shell_stays(&circumstances.command);
    bases.push((own.clone(), works_here && (is_seen || stays)));
    if !is_seen {
        bases.push((start.clone(), false));
        bases.extend(
            by_command
                .iter()
                .map(|directory| (join(start, directory), true)),
        );
        // For a process that ended before it could be inspected, only its arguments are known.
        let told_where = told
            .iter()
            .chain(&by_command)
            .any(|told| told.starts_with(b"/"));
        let may_be_elsewhere = process.directory.is_none() || process.presence == Presence::Started;
        if may_be_elsewhere && !told_where {
            let mentioned = mentioned(&process.arguments).chain(mentioned(&circumstances.command));
            bases.extend(
                mentioned
                    .take(MOST_MENTIONED)
                    .map(|directory| (directory, false)),
            );
        }
    }
    bases
}

/// Whether the process was seen with a working directory, which need not be the one that it was started in.
fn process_was_seen_elsewhere(process: &CandidateProcess) -> bool {
    process.directory.is_some() && process.presence != Presence::Started
}

/// Whether the command is a shell whose code, given completely on the command line, does not change the working directory.
fn shell_stays(command: &[Vec<u8>]) -> bool {
    let lines = command_lines(command);
    let is_shell = lines.first().is_some_and(CommandLine::is_code_for_a_shell);
    let goes = |line: &CommandLine| {
        let does = line.known.and_then(Program::always_does);
        does == Some(Operation::Traverse) || [&b"."[..], b"source", b"eval"].contains(&line.name())
    };
    is_shell && !lines.iter().any(goes)
}

/// The directories that a command line tells the writer of the message to work in; if the message does not name its writer,
/// those of every program.
fn told_directories(arguments: &[Vec<u8>], incident: &Incident) -> Vec<Vec<u8>> {
    let mut lines = command_lines(arguments);
    let name = leading_name(&incident.message);
    let speaks = |line: &CommandLine| name.is_some_and(|name| line.name() == name);
    if lines.iter().any(speaks) {
        lines.retain(speaks);
    }
    let mut told: Vec<Vec<u8>> = Vec::new();
    for directory in lines.into_iter().flat_map(|line| line.directories) {
        if !directory.is_empty() && !told.contains(&directory) {
            told.push(directory);
        }
    }
    told
}

/// The absolute paths mentioned in arguments, including those within code (`python3 -c`), and their directories.
fn mentioned(arguments: &[Vec<u8>]) -> impl Iterator<Item = Vec<u8>> {
    let is_edge = |byte: &u8| byte.is_ascii_whitespace() || b"'\"`()[]{}=,;:<>|&".contains(byte);
    let words = arguments
        .iter()
        .flat_map(move |argument| argument.split(is_edge));
    words
        .filter(|word| word.len() > 1 && word.starts_with(b"/"))
        .flat_map(|word| {
            let parent = byte_path::parent(word).filter(|parent| *parent != b"/");
            [word.to_vec()]
                .into_iter()
                .chain(parent.map(<[u8]>::to_vec))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Subject;

    fn circumstances(start: &str, command: &[&str]) -> Circumstances {
        let arguments: Vec<Vec<u8>> = command
            .iter()
            .map(|word| word.as_bytes().to_vec())
            .collect();
        Circumstances {
            processes: vec![CandidateProcess {
                subject: Subject::login(1000, 1000, vec![1000]),
                directory: None,
                arguments: arguments.clone(),
                name: None,
                presence: Presence::Speaking,
                place: None,
            }],
            start: start.as_bytes().to_vec(),
            command: arguments,
            search_path: vec![b"/usr/bin".to_vec()],
            home: Some(b"/home/alice".to_vec()),
            host: None,
        }
    }

    fn paths(path: &str, operation: &Operation, circumstances: &Circumstances) -> Vec<String> {
        let incident = Incident::default();
        let speakers = Speakers::of(&incident, circumstances);
        let found = aims(
            path.as_bytes(),
            operation,
            &incident,
            &speakers,
            circumstances,
        );
        found
            .into_iter()
            .map(|aim| String::from_utf8(aim.path).unwrap())
            .collect()
    }

    #[test]
    fn where_a_command_line_says_to_work_counts_for_whoever_was_about_to_end() {
        let mut place = circumstances(
            "/home/alice",
            &["sh", "-c", "cd /; tar -xf t.tar -C /srv/out"],
        );
        place.processes[0].directory = Some(b"/".to_vec());
        place.processes[0].arguments.clear();
        assert_eq!(
            paths("x", &Operation::CREATE, &place)[..2],
            ["/srv/out/x", "/x"]
        );
    }

    #[test]
    fn a_relative_path_is_in_the_directory_that_the_program_was_told_or_in_its_own() {
        let mut place = circumstances("/srv/app", &["tar", "-C", "out", "-xf", "a.tar"]);
        assert_eq!(
            paths("./x/y", &Operation::READ, &place)[..2],
            ["/srv/app/out/x/y", "/srv/app/x/y"]
        );
        place.processes[0].directory = Some(b"/srv/app/out".to_vec());
        assert_eq!(
            paths("./x/y", &Operation::READ, &place),
            ["/srv/app/out/x/y"]
        );
    }

    #[test]
    fn the_directory_told_in_code_for_a_shell_counts_as_well() {
        let place = circumstances(
            "/",
            &["bash", "-c", "cd /; tar -xf a.tar -C '/srv/out'; true"],
        );
        assert_eq!(paths("x", &Operation::CREATE, &place)[0], "/srv/out/x");
    }

    #[test]
    fn an_option_that_means_something_else_is_no_directory() {
        let mut place = circumstances("/srv", &["cut", "-d", "/", "-f1", "etc/shadow"]);
        place.processes[0].directory = Some(b"/srv".to_vec());
        assert_eq!(
            paths("etc/shadow", &Operation::READ, &place),
            ["/srv/etc/shadow"]
        );
    }

    #[test]
    fn of_a_process_that_is_gone_the_paths_it_was_told_are_tried() {
        let mut place = circumstances(
            "/home/alice",
            &["python3", "-c", "os.chdir('/srv/data'); os.mkdir('a')"],
        );
        assert_eq!(
            paths("a", &Operation::Mkdir, &place)[..2],
            ["/home/alice/a", "/srv/data/a"]
        );
        place.processes[0].directory = Some(b"/srv".to_vec());
        assert_eq!(paths("a", &Operation::Mkdir, &place), ["/srv/a"]);
    }

    #[test]
    fn a_shell_whose_code_goes_nowhere_works_where_it_was_started() {
        let stays = |code: &str| shell_stays(&[b"bash".to_vec(), b"-c".to_vec(), code.into()]);
        assert!(stays("echo x >> p/out"));
        assert!(!stays("cd /srv; echo x >> p/out"));
        assert!(!stays(". ./env; echo x >> p/out"));
        assert!(!shell_stays(&[b"bash".to_vec(), b"run.sh".to_vec()]));
    }

    #[test]
    fn a_program_without_a_slash_is_looked_for_in_path() {
        let place = circumstances("/srv", &["tool"]);
        assert_eq!(
            paths("tool", &Operation::Exec, &place)[..2],
            ["/usr/bin/tool", "/srv/tool"]
        );
    }

    #[test]
    fn dots_go_and_double_dots_stay() {
        let place = circumstances("/", &[]);
        assert_eq!(
            paths("/a//./b/../c/", &Operation::READ, &place),
            ["/a/b/../c/"]
        );
        assert_eq!(
            paths("~/.ssh/id", &Operation::READ, &place),
            ["/home/alice/.ssh/id"]
        );
    }
}
