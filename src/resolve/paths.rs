//! From printed paths to absolute ones.

use crate::attempt::{Incident, Object, Operation, Subject};

use super::{Place, Witness};

/// The absolute paths that a printed one can stand for, each with who may have used it, the likeliest first.
pub fn absolute(
    path: &[u8],
    operation: &Operation,
    incident: &Incident,
    place: &Place,
) -> Vec<(Subject, Vec<u8>)> {
    let mut found: Vec<(Subject, Vec<u8>)> = Vec::new();
    for witness in &place.witnesses {
        for path in readings_of(path, operation, incident, place, witness) {
            found.push((witness.subject.clone(), path));
        }
    }
    found
}

/// The second path of an operation, for the same subject: relative to the same directory as the first, which was printed
/// so and made absolute so.
pub fn beside(
    path: &[u8],
    first_printed: &[u8],
    first_absolute: &[u8],
    subject: &Subject,
    incident: &Incident,
    place: &Place,
) -> Option<Vec<u8>> {
    let is_relative = |path: &[u8]| !path.starts_with(b"/") && !path.starts_with(b"~");
    if is_relative(path)
        && is_relative(first_printed)
        && let Some(base) = first_absolute.strip_suffix(tidy(first_printed).as_slice())
    {
        return Some(tidy(&join(base, path)));
    }
    let witness = place
        .witnesses
        .iter()
        .find(|witness| witness.subject == *subject)?;
    readings_of(path, &Operation::CREATE, incident, place, witness)
        .into_iter()
        .next()
}

/// The working directory that a printed path was relative to, given what it was made absolute to. `None` where the path
/// does not lie below the working directory: nothing is known then of where the kernel started.
pub fn directory(
    printed: &[u8],
    absolute: &[u8],
    subject: &Subject,
    place: &Place,
) -> Option<Vec<u8>> {
    let mut witnesses = place.witnesses.iter();
    let witness = witnesses.find(|witness| witness.subject == *subject)?;
    let own = witness.directory.as_ref().unwrap_or(&place.start);
    let below = absolute.strip_prefix(own.as_slice());
    let is_below = below.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
    let is_relative = !printed.starts_with(b"/") && !printed.starts_with(b"~");
    (is_relative && is_below).then(|| own.clone())
}

/// The words of the command's arguments that may name a file or a port, and the working directory.
pub fn arguments(place: &Place) -> Vec<&[u8]> {
    let witnesses = place.witnesses.iter().map(|witness| &witness.arguments);
    let lines = std::iter::once(&place.command).chain(witnesses);
    let words = lines.flat_map(|line| {
        let script = script_of(line);
        let others = move |(at, _): &(usize, &Vec<u8>)| Some(*at) != script;
        let numbered = line.iter().enumerate().skip(1).filter(others);
        numbered.map(|(_, word)| word)
    });
    let mut found: Vec<&[u8]> = Vec::new();
    for word in words {
        let value = match word.iter().position(|byte| *byte == b'=') {
            Some(at) => &word[at + 1..],
            None if word.starts_with(b"-") => continue,
            None => word.as_slice(),
        };
        // A script given with -c is no path; neither is a word that could not be one.
        let plausible = !value.is_empty()
            && value.len() < 4096
            && !value.contains(&b'\n')
            && !value.contains(&0);
        if plausible && !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

/// Which word of a command line is the script that an interpreter runs: as it runs, it is not what was refused.
fn script_of(line: &[Vec<u8>]) -> Option<usize> {
    const INTERPRETERS: [&[u8]; 12] = [
        b"python", b"pypy", b"node", b"ruby", b"perl", b"php", b"java", b"lua", b"Rscript",
        b"bash", b"dash", b"sh",
    ];
    let name = line.first()?.rsplit(|byte| *byte == b'/').next()?;
    let interprets = INTERPRETERS.iter().any(|known| {
        let version = name.strip_prefix(*known);
        version.is_some_and(|rest| {
            rest.iter()
                .all(|byte| byte.is_ascii_digit() || *byte == b'.')
        })
    });
    let is_option = |word: &Vec<u8>| word.starts_with(b"-");
    let at = 1 + line[1..].iter().position(|word| !is_option(word))?;
    interprets.then_some(at)
}

/// An address with a port, as programs print it: `0.0.0.0:80`, `[::]:80`, `:80`, `*:80`, `80`, `localhost port 80`.
pub fn port(text: &[u8]) -> Option<Object> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let (address, port) = match text.rsplit_once([':', ' ']) {
        Some((address, port)) => (address.trim_end_matches("port").trim(), port),
        None => ("", text),
    };
    let address = address
        .rsplit("://")
        .next()
        .unwrap_or(address)
        .trim_matches(['[', ']']);
    let port = port.trim_end_matches('/').parse().ok()?;
    let address = if address == "*" {
        String::new()
    } else {
        address.to_owned()
    };
    Some(Object::Port { address, port })
}

fn readings_of(
    path: &[u8],
    operation: &Operation,
    incident: &Incident,
    place: &Place,
    witness: &Witness,
) -> Vec<Vec<u8>> {
    if path.starts_with(b"/") {
        return vec![tidy(path)];
    }
    if let (Some(rest), Some(home)) = (path.strip_prefix(b"~/"), &place.home) {
        return vec![tidy(&join(home, rest))];
    }
    let mut bases: Vec<Vec<u8>> = Vec::new();
    let own = witness.directory.as_ref().unwrap_or(&place.start);
    if let Some(told) = &incident.directory {
        bases.push(if told.starts_with(b"/") {
            told.clone()
        } else {
            join(own, told)
        });
    }
    // What is told to work in a directory and has not gone there looks its files up from there, as tar does with openat(2).
    let by_command = directories_of(&place.command);
    let told = if witness.arguments.is_empty() {
        // It was about to end when it was looked at.
        by_command.clone()
    } else {
        directories_of(&witness.arguments)
    };
    let told_where = told
        .iter()
        .chain(&by_command)
        .any(|told| told.starts_with(b"/"));
    let elsewhere = told.into_iter().filter(|told| !is_at(own, told));
    bases.extend(elsewhere.map(|told| join(own, told)));
    bases.push(own.clone());
    bases.push(place.start.clone());
    let by_command = by_command.into_iter();
    bases.extend(by_command.map(|directory| join(&place.start, directory)));
    // Of a process that was gone before it could be looked at, all that is known is what it was told.
    if witness.directory.is_none() && !told_where {
        bases.extend(
            mentioned(&witness.arguments)
                .chain(mentioned(&place.command))
                .take(MOST_MENTIONED),
        );
    }
    // A program without a slash in its name is looked for in PATH.
    if *operation == Operation::Exec && !path.contains(&b'/') {
        bases.splice(0..0, place.search_path.iter().cloned());
    }
    let mut paths: Vec<Vec<u8>> = Vec::new();
    for base in bases {
        let path = tidy(&join(&base, path));
        if path.starts_with(b"/") && !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// How many directories that arguments mention are taken into account.
const MOST_MENTIONED: usize = 8;

/// The absolute paths that arguments mention, also within code (`python3 -c`), and the directories they are in.
fn mentioned(arguments: &[Vec<u8>]) -> impl Iterator<Item = Vec<u8>> {
    let is_edge = |byte: &u8| byte.is_ascii_whitespace() || b"'\"`()[]{}=,;:<>|&".contains(byte);
    let words = arguments
        .iter()
        .flat_map(move |argument| argument.split(is_edge));
    words
        .filter(|word| word.len() > 1 && word.starts_with(b"/"))
        .flat_map(|word| {
            let parent = word
                .iter()
                .rposition(|byte| *byte == b'/')
                .map(|slash| word[..slash].to_vec());
            [word.to_vec()]
                .into_iter()
                .chain(parent.filter(|parent| !parent.is_empty()))
        })
}

/// The directories that a command line tells its program to work in: `tar -C DIR`, `git -C DIR`, `make --directory=DIR`,
/// `patch -d DIR`. Code given to a shell (`sh -c 'tar -C DIR …'`) is read as words as well.
fn directories_of(arguments: &[Vec<u8>]) -> Vec<&[u8]> {
    const LONG: [&[u8]; 4] = [b"--directory=", b"--chdir=", b"--cwd=", b"--prefix="];
    let is_edge = |byte: &u8| byte.is_ascii_whitespace() || b"'\";()|&".contains(byte);
    let mut found = Vec::new();
    let mut words: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
    words.extend(
        arguments
            .iter()
            .filter(|argument| argument.contains(&b' '))
            .flat_map(|code| code.split(is_edge))
            .filter(|word| !word.is_empty()),
    );
    for (at, word) in words.iter().enumerate() {
        let told = match *word {
            b"-C" | b"-d" | b"--directory" | b"--chdir" | b"--cwd" | b"--prefix" => {
                words.get(at + 1).copied()
            }
            word => LONG
                .iter()
                .find_map(|long| word.strip_prefix(*long))
                .or_else(|| word.strip_prefix(b"-C")),
        };
        found.extend(told.filter(|directory| !directory.is_empty()));
    }
    found
}

/// Whether a working directory may be where the program was told to go.
fn is_at(directory: &[u8], told: &[u8]) -> bool {
    directory.ends_with(&tidy(told))
}

fn join(base: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        return path.to_vec();
    }
    [base, b"/", path].concat()
}

/// The path without `.` components and doubled slashes. `..` stays: what it means depends on symlinks.
fn tidy(path: &[u8]) -> Vec<u8> {
    let mut tidy: Vec<u8> = Vec::with_capacity(path.len());
    for component in path
        .split(|byte| *byte == b'/')
        .filter(|component| !component.is_empty() && *component != b".")
    {
        tidy.push(b'/');
        tidy.extend_from_slice(component);
    }
    if tidy.is_empty() || (path.ends_with(b"/") && tidy.len() > 1) {
        tidy.push(b'/');
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(start: &str, command: &[&str]) -> Place {
        let arguments: Vec<Vec<u8>> = command
            .iter()
            .map(|word| word.as_bytes().to_vec())
            .collect();
        let subject = Subject::login(1000, 1000, vec![1000]);
        Place {
            witnesses: vec![Witness {
                subject,
                directory: None,
                arguments: arguments.clone(),
            }],
            start: start.as_bytes().to_vec(),
            command: arguments,
            search_path: vec![b"/usr/bin".to_vec()],
            home: Some(b"/home/alice".to_vec()),
        }
    }

    fn paths(path: &str, operation: &Operation, place: &Place) -> Vec<String> {
        let found = absolute(path.as_bytes(), operation, &Incident::default(), place);
        found
            .into_iter()
            .map(|(_, path)| String::from_utf8(path).unwrap())
            .collect()
    }

    #[test]
    fn where_a_command_line_says_to_work_counts_for_whoever_was_about_to_end() {
        let mut place = place(
            "/home/alice",
            &["sh", "-c", "cd /; tar -xf t.tar -C /srv/out"],
        );
        place.witnesses[0].directory = Some(b"/".to_vec());
        place.witnesses[0].arguments.clear();
        assert_eq!(
            paths("x", &Operation::CREATE, &place)[..2],
            ["/srv/out/x", "/x"]
        );
    }

    #[test]
    fn a_relative_path_is_in_the_directory_that_the_program_was_told_or_in_its_own() {
        let mut place = place("/srv/app", &["tar", "-C", "out", "-xf", "a.tar"]);
        assert_eq!(
            paths("./x/y", &Operation::READ, &place),
            ["/srv/app/out/x/y", "/srv/app/x/y"]
        );
        place.witnesses[0].directory = Some(b"/srv/app/out".to_vec());
        assert_eq!(
            paths("./x/y", &Operation::READ, &place)[0],
            "/srv/app/out/x/y"
        );
    }

    #[test]
    fn the_directory_told_in_code_for_a_shell_counts_as_well() {
        let place = place(
            "/",
            &["bash", "-c", "cd /; tar -xf a.tar -C '/srv/out'; true"],
        );
        assert_eq!(paths("x", &Operation::CREATE, &place)[0], "/srv/out/x");
    }

    #[test]
    fn both_names_are_relative_to_the_same_directory() {
        let place = place("/home/alice", &["sh", "-c", "cd /srv/p; mv a d/a"]);
        let subject = &place.witnesses[0].subject;
        let to = beside(
            b"d/a",
            b"a",
            b"/srv/p/a",
            subject,
            &Incident::default(),
            &place,
        );
        assert_eq!(to.as_deref(), Some(b"/srv/p/d/a".as_slice()));
    }

    #[test]
    fn of_a_process_that_is_gone_the_paths_it_was_told_are_tried() {
        let mut place = place(
            "/home/alice",
            &["python3", "-c", "os.chdir('/srv/data'); os.mkdir('a')"],
        );
        assert_eq!(
            paths("a", &Operation::Mkdir, &place)[..2],
            ["/home/alice/a", "/srv/data/a"]
        );
        place.witnesses[0].directory = Some(b"/srv".to_vec());
        assert_eq!(
            paths("a", &Operation::Mkdir, &place),
            ["/srv/a", "/home/alice/a"]
        );
    }

    #[test]
    fn a_program_without_a_slash_is_looked_for_in_path() {
        assert_eq!(
            paths("tool", &Operation::Exec, &place("/srv", &["tool"])),
            ["/usr/bin/tool", "/srv/tool"]
        );
    }

    #[test]
    fn dots_go_and_double_dots_stay() {
        assert_eq!(
            paths("/a//./b/../c/", &Operation::READ, &place("/", &[])),
            ["/a/b/../c/"]
        );
        assert_eq!(
            paths("~/.ssh/id", &Operation::READ, &place("/", &[])),
            ["/home/alice/.ssh/id"]
        );
    }

    #[test]
    fn the_script_that_runs_is_not_what_was_refused() {
        let place = place("/srv", &["/usr/bin/python3.11", "-u", "main.py", "data"]);
        assert_eq!(arguments(&place), [b"data"]);
    }

    #[test]
    fn ports_are_read_as_programs_print_them() {
        let port_of = |text: &str| match port(text.as_bytes()) {
            Some(Object::Port { address, port }) => Some((address, port)),
            _ => None,
        };
        assert_eq!(port_of("0.0.0.0:80"), Some(("0.0.0.0".into(), 80)));
        assert_eq!(port_of("[::]:443"), Some(("::".into(), 443)));
        assert_eq!(port_of(":::80"), Some(("::".into(), 80)));
        assert_eq!(port_of(":80"), Some((String::new(), 80)));
        assert_eq!(port_of("localhost port 80"), Some(("localhost".into(), 80)));
        assert_eq!(port_of("/run/app.sock"), None);
    }
}
