//! Determines whether a text relayed by a container engine or a sandbox was written inside of it, or by the relaying program
//! itself.

use memchr::memmem;

use super::{CandidateProcess, Circumstances, Presence};
use crate::attempt::{Clue, Incident, Operation, Place};
use crate::byte_path;
use crate::programs::{CommandLine, command_lines, program};

/// Where a text was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whence {
    /// In permwrap's own place, as far as is known.
    Here,
    /// In this place, by a program that runs there.
    There(Place),
    /// Apparently by the engine or sandbox itself: about what it needs here, or about what it encountered in that place.
    Passing(Place),
}

/// The place in which the command's engine or sandbox runs its command, as far as command lines tell.
#[must_use]
pub fn given_place(circumstances: &Circumstances) -> Option<Place> {
    let seen = circumstances.processes.iter();
    let seen = seen.filter(|process| process.presence <= Presence::Gone);
    let words = [&circumstances.command]
        .into_iter()
        .chain(seen.map(|process| &process.arguments));
    let mut lines = words.map(|words| command_lines(words));
    lines.find_map(|lines| Some(passing(&lines)?.1))
}

/// Where a text was written, according to the name of its writer, otherwise the command lines, otherwise the places of the
/// processes that may have written it.
#[must_use]
pub fn whence(incident: &Incident, circumstances: &Circumstances) -> Whence {
    let mut lines: Vec<Vec<CommandLine>> = vec![command_lines(&circumstances.command)];
    let is_here =
        |process: &&CandidateProcess| process.presence <= Presence::Gone && process.place.is_none();
    let seen = circumstances.processes.iter().filter(is_here);
    lines.extend(
        seen.clone()
            .map(|process| command_lines(&process.arguments)),
    );
    let Some((passing, place)) = lines.iter().find_map(|lines| passing(lines)) else {
        return by_where_they_live(circumstances);
    };
    if passing
        .known
        .is_some_and(|known| known.only_manages(&passing.words))
    {
        return Whence::Here;
    }
    if is_its_own(incident, passing) {
        return Whence::Passing(place);
    }
    // A process of which not even the working directory can be read may be what the sandbox runs.
    let is_sandbox = passing.known.is_some_and(|known| known.sandbox);
    let is_outside = |process: &&CandidateProcess| !is_sandbox || process.directory.is_some();
    let outside = seen.filter(is_outside).map(|process| &process.arguments);
    let mut outside = outside.chain([&circumstances.command]);
    match writer(incident) {
        Some(name) if outside.any(|words| runs_here(name, &command_lines(words))) => Whence::Here,
        _ => Whence::There(place),
    }
}

/// Whether a command line describes everything that a sandbox mounts.
#[must_use]
pub fn tells_all_mounts(arguments: &[Vec<u8>]) -> bool {
    let lines = command_lines(arguments);
    let mounts = |line: &CommandLine| {
        line.known
            .is_some_and(|known| known.asks_for(&Operation::Mount))
    };
    let tells = |line: &CommandLine| {
        let makes = line.known.is_some_and(|known| known.makes_mounts());
        makes || line.is_plain
    };
    // What it runs may mount more.
    lines.iter().any(tells) && !lines.iter().any(mounts)
}

/// The paths that a command line tells a sandbox to mount read-only or to hide.
#[must_use]
pub fn told_mounts(arguments: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let lines = command_lines(arguments).into_iter();
    lines
        .flat_map(|line| line.read_only.into_iter().chain(line.closed))
        .collect()
}

/// Whether anything indicates that a text was written by one of the processes seen here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writer {
    /// It names one of them, or a source file that exists here.
    Seen,
    /// It names a program that was not seen, or a source file that does not exist here.
    Unseen(Option<Vec<u8>>),
    /// It says nothing about its writer.
    Untold,
}

/// Who wrote a text, according to the source file that it quotes, otherwise to the program name that it begins with. `is_there`
/// says whether a path exists here.
#[must_use]
pub fn writer_of(
    incident: &Incident,
    circumstances: &Circumstances,
    is_there: impl Fn(&[u8]) -> bool,
) -> Writer {
    if let Some(Clue::Line(file, _)) = &incident.clue
        && file.starts_with(b"/")
    {
        return match is_there(file) {
            true => Writer::Seen,
            false => Writer::Unseen(None),
        };
    }
    let Some(name) = writer(incident) else {
        return Writer::Untold;
    };
    let seen = circumstances
        .processes
        .iter()
        .filter(|process| process.place.is_none());
    let is_it = |process: &CandidateProcess| {
        let lines = command_lines(&process.arguments);
        let first = lines.first();
        let is_program = first.is_some_and(|line| {
            line.name() == name || line.script.as_deref().map(byte_path::name) == Some(name)
        });
        is_program || process.name.as_deref() == Some(name)
    };
    let is_named = |line: &CommandLine| line.name() == name;
    if seen.clone().any(is_it) || command_lines(&circumstances.command).iter().any(is_named) {
        return Writer::Seen;
    }
    match program(name) {
        Some(_) => Writer::Unseen(Some(name.to_vec())),
        None => Writer::Untold,
    }
}

/// The files that describe what the programs seen here run: their scripts and recipes.
#[must_use]
pub fn scripts(circumstances: &Circumstances) -> Vec<Vec<u8>> {
    let start = &circumstances.start;
    let seen = circumstances.processes.iter();
    let seen = seen.filter(|process| process.place.is_none());
    let seen = seen.map(|process| {
        (
            &process.arguments,
            process.directory.as_ref().unwrap_or(start),
        )
    });
    let mut found: Vec<Vec<u8>> = Vec::new();
    for (words, directory) in seen.chain([(&circumstances.command, start)]) {
        for line in command_lines(words) {
            let directory = match line.directories.last() {
                Some(told) => byte_path::join(directory, told),
                None => directory.clone(),
            };
            let recipes = line.known.iter().flat_map(|known| &known.recipes);
            let recipes = recipes.map(|name| name.as_bytes().to_vec());
            // A script that is executed by its own name, before its interpreter is visible.
            let own = line.known.is_none().then(|| line.program.clone());
            let files = line.script.into_iter().chain(own).chain(recipes);
            let files = files.map(|file| byte_path::join(&directory, &file));
            found.extend(files);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The innermost engine or sandbox, among commands each of which starts the next.
fn passing(lines: &[CommandLine]) -> Option<(&CommandLine, Place)> {
    let at = |line: &&CommandLine| {
        line.known
            .is_some_and(|known| known.engine || known.sandbox)
    };
    let line = lines.iter().rfind(at)?;
    let name = String::from_utf8_lossy(line.name()).into_owned();
    let place = match (line.known.is_some_and(|known| known.engine), &line.root) {
        (true, _) => Place::Container(String::new()),
        (false, Some(root)) if !line.known.is_some_and(|known| known.makes_mounts()) => {
            Place::Root(root.clone())
        }
        (false, _) => Place::Sandbox(name),
    };
    Some((line, place))
}

/// Whether the relaying program wrote the text itself: it begins with that program's name, or in the way of its messages, and
/// names a file that it was given or that belongs to it.
fn is_its_own(incident: &Incident, line: &CommandLine) -> bool {
    let Some(known) = line.known else {
        return false;
    };
    if writer(incident) == Some(line.name()) {
        return true;
    }
    let begins = |words: &String| incident.message.starts_with(words.as_bytes());
    let of_its_own = |path: &Vec<u8>| {
        let holds = |part: &String| memmem::find(path, part.as_bytes()).is_some();
        let is_part = |byte: &u8| matches!(byte, b':' | b'=' | b',');
        let is_given = |word: &Vec<u8>| {
            let word = word.strip_prefix(b"-v").unwrap_or(word);
            word.split(is_part).any(|part| is_path(part, path))
        };
        known.keeps.iter().any(holds) || line.words.iter().skip(1).any(is_given)
    };
    let named = incident.paths.first().is_some_and(of_its_own);
    // The server that a container engine's client connects to need not be among its arguments (DOCKER_HOST).
    let connects = known.engine && incident.operations == [Operation::Connect];
    // What only the client does: it reads the files that an image is built from.
    let reads_context = incident.pattern == "docker-context";
    let is_only_its = known.only_says.iter().any(begins);
    is_only_its || known.says.iter().any(begins) && (named || connects || reads_context)
}

/// Whether part of a word is this path, possibly as a URL: `unix:///run/x.sock`.
fn is_path(part: &[u8], path: &[u8]) -> bool {
    let part = part.strip_suffix(b"/").unwrap_or(part);
    part == path || part.strip_prefix(b"//") == Some(path)
}

/// Whether a program of this name runs among these commands, and not inside another place.
fn runs_here(name: &[u8], lines: &[CommandLine]) -> bool {
    let mut inside: Vec<bool> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let mut before = lines.iter().zip(&inside).take(at);
        inside.push(before.any(|(outer, is_inside)| {
            let code = outer.code.as_deref().filter(|_| *is_inside);
            let of_its_code = code.is_some_and(|code| memmem::find(code, &line.program).is_some());
            let wraps = outer.known.is_some_and(|known| known.sandbox);
            let is_longer = outer.words.len() > line.words.len();
            of_its_code || wraps && is_longer && outer.words.ends_with(&line.words)
        }));
    }
    let passes = |line: &CommandLine| line.known.is_some_and(|known| known.engine);
    let is_its = |line: &CommandLine| {
        line.name() == name || line.script.as_deref().map(byte_path::name) == Some(name)
    };
    lines
        .iter()
        .zip(inside)
        .any(|(line, inside)| is_its(line) && !inside && !passes(line))
}

/// The place of the processes that hold the stderr on which the text was reported, if all live in the same one.
fn by_where_they_live(circumstances: &Circumstances) -> Whence {
    let speaking = circumstances
        .processes
        .iter()
        .filter(|process| process.presence <= Presence::Speaking);
    let mut places = speaking.map(|process| &process.place);
    match places.next() {
        Some(Some(place)) if places.all(|other| other.as_ref() == Some(place)) => {
            Whence::There(place.clone())
        }
        _ => Whence::Here,
    }
}

/// The word at the beginning of a message, where programs put their name.
fn writer(incident: &Incident) -> Option<&[u8]> {
    super::speaker::leading_name(&incident.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &str, message: &str, path: &str) -> Whence {
        let words = |text: &str| text.split(' ').map(|word| word.into()).collect();
        let incident = Incident {
            message: message.into(),
            paths: vec![path.into()],
            ..Incident::default()
        };
        let circumstances = Circumstances {
            command: words(command),
            ..Circumstances::default()
        };
        whence(&incident, &circumstances)
    }

    fn container() -> Place {
        Place::Container(String::new())
    }

    #[test]
    fn what_an_engine_passes_on_was_written_in_a_container() {
        let run = "sudo podman run --rm -v /srv/data:/data image cat /data/f";
        let there = Whence::There(container());
        assert_eq!(of(run, "cat: /data/f: Permission denied", "/data/f"), there);
        let error = "PermissionError: [Errno 13] Permission denied: '/data/f'";
        assert_eq!(of(run, error, "/data/f"), there);
        let of_node = "Error: EACCES: permission denied, open '/etc/f'";
        assert_eq!(of(run, of_node, "/etc/f"), there);
    }

    #[test]
    fn what_an_engine_says_of_a_file_that_it_was_given_is_its_own() {
        let run = "podman run --rm -v/srv/closed/sub:/data image true";
        let error = "Error: statfs /srv/closed/sub: permission denied";
        assert_eq!(
            of(run, error, "/srv/closed/sub"),
            Whence::Passing(container())
        );
        let error = "permission denied while trying to connect to the Docker daemon socket";
        assert_eq!(
            of("docker run image", error, "/var/run/docker.sock"),
            Whence::Passing(container())
        );
    }

    #[test]
    fn an_engine_that_runs_nothing_speaks_for_itself() {
        let error = "WARNING: Error loading config file: open /home/a/.docker/config.json: permission denied";
        assert_eq!(
            of("docker version", error, "/home/a/.docker/config.json"),
            Whence::Here
        );
        let run = of("docker run image", error, "/home/a/.docker/config.json");
        assert_eq!(run, Whence::Passing(container()));
        let error = "stat /home/a/x: permission denied";
        assert_eq!(of("docker cp web:/x x", error, "/home/a/x"), Whence::Here);
        assert_eq!(
            of("docker run image", error, "/home/a/x"),
            Whence::There(container())
        );
    }

    #[test]
    fn an_engine_connects_from_here_wherever_its_socket_lies() {
        let incident = Incident {
            message: b"permission denied while trying to connect to the docker API".to_vec(),
            paths: vec![b"/srv/d.sock".to_vec()],
            operations: vec![Operation::Connect],
            ..Incident::default()
        };
        let circumstances = Circumstances {
            command: vec![b"docker".to_vec(), b"run".to_vec()],
            ..Circumstances::default()
        };
        let whence = whence(&incident, &circumstances);
        assert_eq!(whence, Whence::Passing(container()));
    }

    #[test]
    fn a_sandbox_has_the_command_that_it_wraps_inside() {
        let run = "chroot --userspec=1000:1000 /srv/tree cat /f";
        let there = Whence::There(Place::Root(b"/srv/tree".to_vec()));
        assert_eq!(of(run, "cat: /f: Permission denied", "/f"), there);
        let own = "chroot: cannot change root directory to '/srv/tree': Operation not permitted";
        assert!(matches!(of(run, own, "/srv/tree"), Whence::Passing(_)));
        let code: Vec<Vec<u8>> = ["chroot", "/srv/tree", "sh", "-c", "cat /f; sleep 1"]
            .iter()
            .map(|word| word.as_bytes().to_vec())
            .collect();
        assert!(!runs_here(b"cat", &command_lines(&code)));
        let long: Vec<Vec<u8>> = [&code[..4], &[b"chown alice /f".to_vec()]].concat();
        assert!(!runs_here(b"chown", &command_lines(&long)));
        let run = "bwrap --ro-bind / / --unshare-all python3 app.py";
        let there = Whence::There(Place::Sandbox("bwrap".to_owned()));
        assert_eq!(of(run, "PermissionError: x", "/f"), there);
    }

    #[test]
    fn what_runs_beside_an_engine_is_here() {
        let command = ["sh", "-c", "podman run image true; cat /srv/f"];
        let circumstances = Circumstances {
            command: command
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect(),
            ..Circumstances::default()
        };
        let incident = Incident {
            message: b"cat: /srv/f: Permission denied".to_vec(),
            ..Incident::default()
        };
        assert_eq!(whence(&incident, &circumstances), Whence::Here);
    }
}
