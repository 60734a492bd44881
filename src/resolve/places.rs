//! Resolves printed names to absolute paths.

use super::course::{Course, Script};
use super::speaker::{Speakers, is_waiting_shell, leading_name};
use super::{CandidateProcess, Circumstances, Presence, Reading, source};
use crate::attempt::{Attempt, Errno, Incident, Object, Operation, Sign, Signs};
use crate::byte_path::{self, is_within, join, tidy};
use crate::programs::{CommandLine, Program, Whereabouts, command_lines, program, search_path};

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
                elsewhere: false,
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
#[must_use]
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

/// The directories that a relative name can be relative to, each with whether something indicates it. Empty if shell code used the
/// name after a change of directory that only running it would tell.
fn directories(
    path: &[u8],
    operation: &Operation,
    incident: &Incident,
    process: &CandidateProcess,
    circumstances: &Circumstances,
) -> Vec<(Vec<u8>, bool)> {
    let start = &circumstances.start;
    let own = process.directory.as_ref().unwrap_or(start);
    let mut bases: Vec<(Vec<u8>, bool)> = Vec::new();
    // A program named without a slash is looked for in PATH.
    if *operation == Operation::Exec && !path.contains(&b'/') {
        let inherited = &circumstances.search_path;
        let told = search_path(&circumstances.command, inherited, start);
        let search = told.as_ref().unwrap_or(inherited).iter();
        bases.extend(search.map(|directory| (directory.clone(), true)));
    }
    if let Some(told) = &incident.directory {
        bases.push((join(own, told), true));
        if told.starts_with(b"/") {
            return bases;
        }
    }
    let by_options = |base: &[u8], lines: &[CommandLine]| {
        let others = lines
            .iter()
            .filter(|line| !is_found_at_the_start(path, line));
        let options = others.flat_map(|line| &line.directories);
        // The directory itself is relative to where the program was started.
        let elsewhere = options.filter(|told| !told.is_empty() && !base.ends_with(&tidy(told)));
        let bases: Vec<(Vec<u8>, bool)> = elsewhere.map(|told| (join(base, told), true)).collect();
        bases
    };
    if incident.count > 1 && is_used_in_several_places(path, incident, circumstances) {
        return bases;
    }
    let lines = command_lines(match process.arguments.is_empty() {
        // It was about to end when it was inspected.
        true => &circumstances.command,
        false => &process.arguments,
    });
    let speaking = speaking(lines.clone(), incident);
    let may_speak = lines.first().is_none_or(|line| {
        let is_known = process.name.as_deref() == leading_name(&incident.message);
        let by_a_shell = leading_name(&incident.message).and_then(program);
        let by_a_shell = by_a_shell.is_some_and(Program::is_shell);
        let is_inner = |line: &CommandLine| line.is_code_for_a_shell();
        let is_code = is_inner(line) || by_a_shell && lines.iter().any(is_inner);
        !is_code && (is_its(line, incident) || is_known)
    });
    let is_put = speaking.iter().any(|line| line.place != Whereabouts::Start);
    if is_seen(process) && may_speak && !is_put && !has_moved(process, circumstances) {
        // A program that is told to work in a directory but has not changed to it resolves its files from there, as tar does
        // with openat(2).
        let own = before_its_operands(process, &speaking, circumstances).unwrap_or(own.clone());
        bases.extend(by_options(&own, &speaking));
        bases.push((own, true));
        return bases;
    }
    // A shell at its prompt has been waiting in the directory in which what was typed there ran.
    if is_waiting_shell(process, circumstances) && stays_where_started(incident) {
        bases.push((own.clone(), true));
        return bases;
    }
    let is_its = speaking.iter().any(|line| is_its(line, incident));
    match Course::along(path, incident, &lines, is_its, &circumstances.scripts) {
        Course::At(place, lines) => {
            if let Some(base) = base_of(&place, process, circumstances) {
                bases.extend(by_options(&base, &lines));
                bases.push((base, true));
            }
        }
        Course::Settled | Course::Stays if is_seen(process) => bases.push((own.clone(), true)),
        Course::Stays => {
            let mut told = by_options(own, &lines);
            if told.is_empty() {
                told.push((own.clone(), true));
            }
            bases.extend(told);
        }
        Course::Settled | Course::Started | Course::Unknown => {}
        Course::NoCode => {
            let told = by_options(own, &speaking);
            let is_at_start = speaking
                .iter()
                .any(|line| is_found_at_the_start(path, line));
            let stays = told.is_empty() && speaking.iter().any(|line| line.names(path));
            bases.extend(told);
            bases.push((own.clone(), stays || is_at_start));
            if !is_seen(process) && !is_at_start {
                bases.extend(guesses(circumstances));
            }
        }
    }
    bases
}

/// Where a process was started that may have changed to a directory on the way to one of its operands since, while it names files
/// as they were given to it.
fn before_its_operands(
    process: &CandidateProcess,
    lines: &[CommandLine],
    circumstances: &Circumstances,
) -> Option<Vec<u8>> {
    let goes_along = |line: &&CommandLine| line.known.is_some_and(|known| known.goes_along);
    let line = lines.iter().find(goes_along)?;
    if process.arguments == circumstances.command {
        return Some(circumstances.start.clone());
    }
    let own = process.directory.as_deref()?;
    let words = line.operands.iter().map(|operand| operand.word.as_slice());
    let mut ways = words
        .filter(|word| is_relative(word))
        .flat_map(byte_path::above);
    ways.find_map(|way| own.strip_suffix(way)?.strip_suffix(b"/"))
        .map(|start| if start.is_empty() { b"/" } else { start }.to_vec())
}

/// Whether the message names a known program that works in the directory that it was started in, whatever it is told.
fn stays_where_started(incident: &Incident) -> bool {
    let speaker = leading_name(&incident.message).and_then(program);
    speaker.is_some_and(|known| !known.reads_recipes() && !known.takes_a_directory())
}

/// Whether it is the directory that the program is told to work in, or an archive, both of which it opens where it was started.
fn is_found_at_the_start(path: &[u8], line: &CommandLine) -> bool {
    let mut told = line.directories.iter().chain(&line.archives);
    told.any(|told| told == path)
}

/// Whether the command's own code uses the name in more than one directory: the same words several times may be about each.
fn is_used_in_several_places(
    path: &[u8],
    incident: &Incident,
    circumstances: &Circumstances,
) -> bool {
    let lines = command_lines(&circumstances.command);
    let course = Course::along(path, incident, &lines, true, &circumstances.scripts);
    matches!(course, Course::Unknown)
}

/// Whether the working directory was read from a live process. A name in a pasted text is relative to the unknown working
/// directory of its writer, and a command may have changed its working directory since it was started.
fn is_seen(process: &CandidateProcess) -> bool {
    let was_looked_at = match process.presence {
        Presence::Speaking | Presence::Present | Presence::Gone => true,
        Presence::Named => process.subject.pid.is_some(),
        Presence::Started | Presence::Switched | Presence::Reader => false,
    };
    process.directory.is_some() && was_looked_at
}

/// Whether the message names no known program other than this command line's as its writer. What recipes run says nothing of
/// its origin, so that the program that reads them must name itself.
fn is_its(line: &CommandLine, incident: &Incident) -> bool {
    if line.runs_recipes() {
        return incident.message.starts_with(line.name());
    }
    let name = leading_name(&incident.message).filter(|name| program(name).is_some());
    let script = line.script.as_deref().map(byte_path::name);
    name.is_none_or(|name| line.name() == name || script == Some(name))
}

/// Whether the code that a process runs changes to a directory in which the process was not seen: it has returned, or another
/// process went there.
fn has_moved(process: &CandidateProcess, circumstances: &Circumstances) -> bool {
    let Some(own) = &process.directory else {
        return false;
    };
    let lines = command_lines(&process.arguments);
    let Some(line) = lines.first() else {
        return false;
    };
    let is_its_script = |script: &&Script| {
        let name = line.script.as_deref().map(byte_path::name);
        name == Some(byte_path::name(&script.path))
    };
    let script = circumstances.scripts.iter().find(is_its_script);
    let code = line.code.as_ref().or(script.map(|script| &script.code));
    let is_shell = line.known.is_some_and(Program::is_shell);
    code.filter(|_| !is_shell).is_some_and(|code| {
        matches!(source::works_in(code), Whereabouts::At(there) if !own.ends_with(&tidy(&there)))
    })
}

/// The absolute directory, if it is known where the shell was started.
fn base_of(
    place: &Whereabouts,
    process: &CandidateProcess,
    circumstances: &Circumstances,
) -> Option<Vec<u8>> {
    let is_the_command = process.arguments.is_empty() || process.arguments == circumstances.command;
    let now = process.directory.as_ref().filter(|_| is_seen(process));
    match place {
        Whereabouts::At(directory) if directory.starts_with(b"/") => Some(directory.clone()),
        Whereabouts::At(directory) if directory.starts_with(b"~") => {
            let below = directory.strip_prefix(b"~/").unwrap_or_default();
            Some(join(home(circumstances)?, below))
        }
        Whereabouts::At(directory) if is_the_command => Some(join(&circumstances.start, directory)),
        Whereabouts::Start if is_the_command => Some(circumstances.start.clone()),
        // The shell has changed to it by now.
        Whereabouts::At(directory) => now.filter(|now| now.ends_with(&tidy(directory))).cloned(),
        Whereabouts::Start => now.cloned(),
        Whereabouts::Unknown => None,
    }
}

/// The home directory of the command's shells. Unknown if the command line sets another one, or runs something as another user.
fn home(circumstances: &Circumstances) -> Option<&[u8]> {
    let sets_it = |word: &Vec<u8>| memchr::memmem::find(word, b"HOME=").is_some();
    let lines = command_lines(&circumstances.command);
    let is_another = circumstances.command.iter().any(sets_it)
        || lines.iter().any(|line| !line.users.is_empty());
    circumstances.home.as_deref().filter(|_| !is_another)
}

/// Where a process that ended before it could be inspected may have worked, with nothing to indicate it: the directory that the
/// command was started in, or one that another program of the command line was told to work in.
fn guesses(circumstances: &Circumstances) -> impl Iterator<Item = (Vec<u8>, bool)> {
    let start = &circumstances.start;
    let lines = command_lines(&circumstances.command).into_iter();
    let told = lines.flat_map(|line| line.directories);
    let told = told.map(|directory| join(start, &directory));
    std::iter::once(start.clone())
        .chain(told)
        .map(|base| (base, false))
}

/// The command lines of the program that wrote the message; all of them if it does not name itself.
fn speaking(mut lines: Vec<CommandLine>, incident: &Incident) -> Vec<CommandLine> {
    let name = leading_name(&incident.message);
    let speaks = |line: &CommandLine| name.is_some_and(|name| line.name() == name);
    if lines.iter().any(speaks) {
        lines.retain(speaks);
    }
    lines
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
            terminal: false,
            scripts: Vec::new(),
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
    fn a_program_that_goes_along_its_operands_names_them_as_they_were_given() {
        let mut place = circumstances("/srv", &["mkdir", "-p", "nd/a/b"]);
        place.processes[0].directory = Some(b"/srv/nd".to_vec());
        assert_eq!(paths("nd", &Operation::Mkdir, &place), ["/srv/nd"]);
        place.command = vec![b"make".to_vec()];
        assert_eq!(paths("nd/a", &Operation::Mkdir, &place), ["/srv/nd/a"]);
        place.processes[0].directory = Some(b"/srv".to_vec());
        assert_eq!(paths("nd", &Operation::Mkdir, &place), ["/srv/nd"]);
    }

    #[test]
    fn where_code_worked_outweighs_where_its_process_was_seen_later() {
        let mut place = circumstances(
            "/home/alice",
            &["python3", "-c", "os.chdir('/srv/data'); os.mkdir('a')"],
        );
        assert_eq!(paths("a", &Operation::Mkdir, &place), ["/srv/data/a"]);
        place.processes[0].directory = Some(b"/srv".to_vec());
        assert_eq!(paths("a", &Operation::Mkdir, &place), ["/srv/data/a"]);
        // A function may be called after the change of directory that follows it.
        let place = circumstances(
            "/home/alice",
            &[
                "python3",
                "-c",
                "def f(): os.mkdir('a')\nos.chdir('/srv'); f()",
            ],
        );
        assert!(paths("a", &Operation::Mkdir, &place).is_empty());
    }

    #[test]
    fn a_subshell_that_ended_too_soon_is_not_taken_for_its_parent() {
        let code = "for i in 1 2; do (cd /srv/c/$i; echo > x); done";
        let mut place = circumstances("/home/alice", &["bash", "-c", code]);
        place.processes[0].arguments.clear();
        place.processes[0].directory = Some(b"/home/alice".to_vec());
        assert_eq!(paths("x", &Operation::CREATE, &place), [""; 0]);
    }

    #[test]
    fn a_shell_that_goes_home_works_there() {
        let in_shell = |code| {
            let place = circumstances("/srv", &["bash", "-c", code]);
            paths("x", &Operation::Delete, &place)
        };
        assert_eq!(in_shell("cd ~/p && rm x"), ["/home/alice/p/x"]);
        assert_eq!(in_shell("cd ~ && rm x"), ["/home/alice/x"]);
        assert_eq!(in_shell("cd ~bob && rm x"), [""; 0]);
        assert_eq!(in_shell("HOME=/srv/h; cd ~ && rm x"), [""; 0]);
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
