//! Programs that display the contents of files, as data (`patterns/viewers.toml`). What they display is not a failure of
//! theirs.

use std::sync::OnceLock;

use memchr::memmem;
use serde::Deserialize;

use super::speaker;
use crate::attempt::{Errno, Incident};
use crate::built_in::built_in;
use crate::byte_path;
use crate::programs::{self, CommandLine, command_lines, redirections};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Interpreters whose messages have patterns of their own, named after them.
    languages: Vec<String>,
    /// Words in code of these languages that suggest that it starts other programs.
    starts: Vec<String>,
    viewer: Vec<Viewer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Viewer {
    names: Vec<String>,
    #[serde(default)]
    with: Vec<String>,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    own: Vec<String>,
    #[serde(default)]
    holds: Vec<String>,
    #[serde(default)]
    runs: Vec<String>,
    #[serde(default)]
    starts: Vec<String>,
    #[serde(default)]
    bare: bool,
}

impl Viewer {
    /// Whether this program, called with these arguments, is meant.
    fn is_called(&self, name: &[u8], arguments: &[Vec<u8>]) -> bool {
        let words = || {
            arguments
                .iter()
                .filter(|word| !word.starts_with(b"-") && !word.contains(&b'='))
        };
        let is_first = |with: &String| words().next().is_some_and(|word| *word == with.as_bytes());
        let has_option =
            |option: &String| arguments.iter().any(|word| holds(option.as_bytes(), word));
        self.names.iter().any(|known| known.as_bytes() == name)
            && (self.with.is_empty() || self.with.iter().any(is_first))
            && (self.options.is_empty() || self.options.iter().any(has_option))
    }

    /// The commands that it is told to run.
    fn started(&self, arguments: &[Vec<u8>]) -> Vec<CommandLine> {
        let is_option = |word: &Vec<u8>| self.runs.iter().any(|option| option.as_bytes() == word);
        let behind = arguments
            .iter()
            .enumerate()
            .filter(|(_, word)| is_option(word));
        behind
            .flat_map(|(at, _)| command_lines(&arguments[at + 1..]))
            .collect()
    }

    /// Whether its code starts other programs, which speak for themselves.
    fn starts_others(&self, arguments: &[Vec<u8>]) -> bool {
        let mut words = self.starts.iter();
        words.any(|word| {
            let mut code = arguments.iter();
            code.any(|code| memmem::find(code, word.as_bytes()).is_some())
        })
    }

    /// Whether the message begins or looks as its own do, perhaps behind its progress meter.
    fn says(&self, message: &[u8]) -> bool {
        let is_meter = |byte: &u8| b" 0123456789:.-%kMGT".contains(byte);
        let meter = message.iter().take_while(|byte| is_meter(byte)).count();
        let begins = |own: &String| {
            message.starts_with(own.as_bytes()) || message[meter..].starts_with(own.as_bytes())
        };
        let has = |part: &String| memmem::find(message, part.as_bytes()).is_some();
        self.own.iter().any(begins) || self.holds.iter().any(has)
    }
}

/// Whether a word is this option, or a bundle of letters that contains it.
fn holds(option: &[u8], word: &[u8]) -> bool {
    let is_bundle = option.len() == 2 && word.starts_with(b"-") && !word.starts_with(b"--");
    word == option || is_bundle && word.contains(&option[1])
}

/// Whether the command merely displays the text that reports the incident, rather than writing a message of its own. For a
/// shell's code, this must be true of all commands in it. `lines` are the command lines that the command contains.
#[must_use]
pub fn is_only_shown(incident: &Incident, command: &[Vec<u8>], lines: &[CommandLine]) -> bool {
    // The redirection of a loop is parsed as a command without words.
    let lines = || lines.iter().filter(|line| !line.words.is_empty());
    let wraps = |line: &CommandLine| {
        let is_outer = |other: &CommandLine| {
            line.words.len() > other.words.len() && line.words.ends_with(&other.words)
        };
        line.is_code_for_a_shell() || lines().any(is_outer)
    };
    let (outer, inner): (Vec<&CommandLine>, Vec<&CommandLine>) =
        lines().partition(|line| wraps(line));
    let speaks = speaker::leading_name(&incident.message);
    // Of `run.sh:2: …` and `run.sh[2]: …`, the name of the script.
    let script = speaks.and_then(|name| name.split(|byte| b":[".contains(byte)).next());
    // `pkexec must be setuid root`
    let begins = |name: &[u8]| {
        let rest = incident.message.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(b" "))
    };
    let says_so = |line: &&CommandLine| {
        let is_called = |name: &[u8]| speaker::is_code_called(line, name);
        let is_its =
            speaks == Some(line.name()) || begins(line.name()) || script.is_some_and(is_called);
        is_its && !is_beyond(incident, line, &inner)
    };
    if outer.iter().any(|line| redirects(line, incident)) || outer.iter().any(says_so) {
        return false;
    }
    let is_its_own =
        outer.iter().any(|line| tells_by_itself(line, incident)) && inner.iter().any(prints);
    !(inner.is_empty() || is_its_own)
        && inner
            .iter()
            .all(|line| shows(incident, line, command) || is_of_another(incident, line))
}

/// Whether a redirection in code for a shell opens the file that the message names. The shell reports that, with whatever
/// name.
fn redirects(line: &CommandLine, incident: &Incident) -> bool {
    let code = line.code.as_ref().filter(|_| line.is_code_for_a_shell());
    let opened = code.map(|code| redirections(code)).unwrap_or_default();
    incident.paths.iter().any(|path| opened.contains(path))
}

/// Whether it prints its arguments.
fn prints(line: &&CommandLine) -> bool {
    [&b"echo"[..], b"printf"].contains(&line.name())
}

/// Whether a shell's code itself contains the message or the words of a refusal, so that what it prints is a message of its own.
fn tells_by_itself(line: &CommandLine, incident: &Incident) -> bool {
    let code = line.code.as_deref().unwrap_or_default();
    memmem::find(code, incident.message.trim_ascii()).is_some()
        || Errno::words_of_a_denial_in(&String::from_utf8_lossy(code))
}

/// Whether a shell's message is about a line number that the code on its command line does not have.
fn is_beyond(incident: &Incident, line: &CommandLine, inner: &[&CommandLine]) -> bool {
    let Some(code) = line.code.as_ref().filter(|_| line.is_code_for_a_shell()) else {
        return false;
    };
    let lines = 1 + memchr::memchr_iter(b'\n', code).count();
    let runs_another = inner.iter().any(|inner| inner.name() == line.name());
    let number = || {
        let at = memmem::find(&incident.message, b": line ")? + b": line ".len();
        let digits = incident.message[at..].split(|byte| *byte == b':').next()?;
        std::str::from_utf8(digits).ok()?.parse::<usize>().ok()
    };
    !runs_another && number().is_some_and(|number| number > lines)
}

/// Whether an interpreter merely displays the message: it has the form of another program's messages, and the code on the
/// command line neither names nor starts that program.
fn is_of_another(incident: &Incident, line: &CommandLine) -> bool {
    let Some(code) = line.code.as_ref().filter(|_| !line.is_code_for_a_shell()) else {
        return false;
    };
    let has = |word: &[u8]| memmem::find(code, word).is_some();
    let is_other =
        |name: &[u8]| name != line.name() && programs::program(name).is_some() && !has(name);
    let family = incident.pattern.split('-').next().unwrap_or_default();
    let mut languages = file().languages.iter();
    let is_of_another_language =
        languages.any(|language| language == family) && !line.name().starts_with(family.as_bytes());
    let speaks = speaker::leading_name(&incident.message);
    let starts_any = file().starts.iter().any(|word| has(word.as_bytes()));
    !starts_any && (speaks.is_some_and(is_other) || is_of_another_language)
}

/// Whether this program merely displays the text.
fn shows(incident: &Incident, line: &CommandLine, command: &[Vec<u8>]) -> bool {
    let [program, arguments @ ..] = &line.words[..] else {
        return false;
    };
    let name = byte_path::name(program);
    let Some(viewer) = viewer(name, arguments) else {
        return false;
    };
    let started = viewer.started(arguments);
    if viewer.starts_others(arguments) || !started.iter().all(|line| shows(incident, line, command))
    {
        return false;
    }
    let message = incident.message.trim_ascii_start();
    let head = message
        .iter()
        .position(|byte| *byte == b':')
        .map_or(&message[..0], |end| &message[..end]);
    let replaces = programs::program(name).is_some_and(|known| known.replaces);
    let is_given = is_given(incident, arguments) || is_given_by_another(incident, line, command);
    let is_its = is_given || replaces && lies_beside(incident, arguments);
    let says_its_name = byte_path::name(head) == name && is_its;
    let says_so = viewer.says(message);
    let names_its_file = viewer.bare && arguments.iter().any(|argument| argument == head);
    !(says_its_name || says_so || names_its_file)
}

/// Whether the file that the message names may be one that the program was given: an absolute path is one of its arguments,
/// lies below one, or one is still to be expanded by a shell.
fn is_given(incident: &Incident, arguments: &[Vec<u8>]) -> bool {
    let absolute = incident.paths.first().filter(|path| path.starts_with(b"/"));
    let Some(path) = absolute else {
        return true;
    };
    arguments.iter().any(|argument| {
        let top = argument.strip_suffix(b"/").unwrap_or(argument);
        // `if=FILE` of dd.
        let top = memchr::memchr(b'=', top).map_or(top, |at| &top[at + 1..]);
        let is_top = argument == b"/" || top.starts_with(b"/") && byte_path::is_within(path, top);
        // `sed -n "w FILE"` and awk's `print > "FILE"` name it within their code.
        let is_within = memmem::find(argument, path).is_some();
        is_top || is_within || argument.iter().any(|byte| b"*?[$~`".contains(byte))
    })
}

/// Whether the file may be one that another program passes to this one: any that xargs reads, or one below what find was given.
fn is_given_by_another(incident: &Incident, line: &CommandLine, command: &[Vec<u8>]) -> bool {
    let has = |name: &str| {
        command
            .iter()
            .any(|word| byte_path::name(word) == name.as_bytes())
    };
    let is_placeholder = line.words.iter().any(|word| word == b"{}");
    line.is_started && (has("xargs") || has("parallel"))
        || is_placeholder && is_given(incident, command)
}

/// Whether that file is in the same directory as one that the program was given, and is to replace it.
fn lies_beside(incident: &Incident, arguments: &[Vec<u8>]) -> bool {
    let directory = incident
        .paths
        .first()
        .and_then(|path| byte_path::parent(path));
    let mut given = arguments.iter().map(|argument| byte_path::parent(argument));
    directory.is_some() && given.any(|beside| beside == directory)
}

fn viewer(name: &[u8], arguments: &[Vec<u8>]) -> Option<&'static Viewer> {
    let mut viewers = file().viewer.iter();
    viewers.find(|viewer| viewer.is_called(name, arguments))
}

fn file() -> &'static File {
    static VIEWERS: OnceLock<File> = OnceLock::new();
    VIEWERS.get_or_init(|| built_in!("viewers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_incident_shown(incident: &Incident, command: &[Vec<u8>]) -> bool {
        is_only_shown(incident, command, &command_lines(command))
    }

    fn is_shown(message: &str, command: &str) -> bool {
        let incident = Incident {
            message: message.into(),
            ..Incident::default()
        };
        let words: Vec<Vec<u8>> = command
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect();
        is_incident_shown(&incident, &words)
    }

    #[test]
    fn what_a_viewer_shows_is_not_its_own() {
        for (message, command) in [
            (
                "rm: cannot remove '/etc/shadow': Permission denied",
                "cat app.log",
            ),
            (
                "open /srv/x: permission denied",
                "/usr/bin/tail -n 3 app.log",
            ),
            (
                "PermissionError: [Errno 13] Permission denied: '/x'",
                "less app.log",
            ),
            ("mkdir /data: permission denied", "git log -p"),
        ] {
            assert!(is_shown(message, command), "{message} {command}");
        }
    }

    #[test]
    fn a_viewer_speaks_of_what_it_was_given_and_of_nothing_else() {
        let incident = |path: &str| Incident {
            message: format!("cat: {path}: Permission denied").into_bytes(),
            paths: vec![path.into()],
            ..Incident::default()
        };
        let words = |words: &[&str]| -> Vec<Vec<u8>> {
            words.iter().map(|word| word.as_bytes().to_vec()).collect()
        };
        let log = words(&["cat", "/srv/app.log"]);
        assert!(is_incident_shown(&incident("/etc/shadow"), &log));
        assert!(!is_incident_shown(&incident("/srv/app.log"), &log));
        let piped = words(&["sh", "-c", "cat /srv/app.log | grep denied >&2"]);
        assert!(is_incident_shown(&incident("/etc/shadow"), &piped));
        assert!(!is_incident_shown(&incident("/srv/app.log"), &piped));
        let globbed = words(&["sh", "-c", "cat /etc/sha*"]);
        assert!(!is_incident_shown(&incident("/etc/shadow"), &globbed));
        let other = words(&["sh", "-c", "cat /srv/app.log; ./run"]);
        assert!(!is_incident_shown(&incident("/etc/shadow"), &other));
    }

    #[test]
    fn what_code_prints_of_a_file_is_not_its_own() {
        let words = |words: &[&str]| -> Vec<Vec<u8>> {
            words.iter().map(|word| word.as_bytes().to_vec()).collect()
        };
        let message = |message: &str| Incident {
            message: message.into(),
            ..Incident::default()
        };
        let of_cat = message("cat: /etc/shadow: Permission denied");
        let of_bash = message("bash: line 3: /etc/nope: Permission denied");
        let looped = words(&["bash", "-c", "while read l; do echo \"$l\"; done < app.log"]);
        assert!(is_incident_shown(&of_cat, &looped) && is_incident_shown(&of_bash, &looped));
        let shown = words(&["python3", "-c", "print(open('app.log').read())"]);
        assert!(is_incident_shown(&of_cat, &shown) && is_incident_shown(&of_bash, &shown));
        let started = words(&["python3", "-c", "import os; os.system('./run')"]);
        assert!(!is_incident_shown(&of_cat, &started));
        let prints = words(&["awk", "{print}", "app.log"]);
        let starts = words(&["awk", "BEGIN{system(\"cat /etc/shadow\")}"]);
        assert!(is_incident_shown(&of_cat, &prints) && !is_incident_shown(&of_cat, &starts));
        let of_line = message("bash: line 1: /etc/nope: Permission denied");
        let redirected = words(&["bash", "-c", "cat a > /etc/nope"]);
        assert!(!is_incident_shown(&of_line, &redirected));
        let said = words(&["bash", "-c", "echo 'mkdir: /etc/q: Permission denied'"]);
        assert!(!is_incident_shown(
            &message("mkdir: /etc/q: Permission denied"),
            &said
        ));
        let fed = words(&["xargs", "-a", "names", "cat"]);
        let named = Incident {
            paths: vec![b"/etc/shadow".to_vec()],
            ..of_cat
        };
        assert!(!is_incident_shown(&named, &fed));
    }

    #[test]
    fn a_file_that_the_shell_opens_itself_is_its_own() {
        let incident = Incident {
            message: b"zsh:1: permission denied: /etc/x".to_vec(),
            paths: vec![b"/etc/x".to_vec()],
            ..Incident::default()
        };
        let words = |code: &[u8]| [&b"zsh"[..], b"-c", code].map(<[u8]>::to_vec);
        assert!(!is_incident_shown(&incident, &words(b"echo > /etc/x")));
        assert!(is_incident_shown(&incident, &words(b"cat app.log")));
    }

    #[test]
    fn what_a_filter_is_told_to_write_is_its_own() {
        let incident = Incident {
            message: b"sed: couldn't open file /srv/d/x: Permission denied".to_vec(),
            paths: vec![b"/srv/d/x".to_vec()],
            ..Incident::default()
        };
        let words = [&b"sed"[..], b"-n", b"w /srv/d/x", b"f"].map(<[u8]>::to_vec);
        assert!(!is_incident_shown(&incident, &words));
    }

    #[test]
    fn what_is_unpacked_or_decoded_to_the_terminal_is_only_shown() {
        let message = "cat: /etc/shadow: Permission denied";
        for command in [
            "tar -xOf logs.tar app.log",
            "gzip -dc app.log.gz",
            "unzip -p logs.zip app.log",
            "openssl base64 -d -in app.b64",
        ] {
            assert!(is_shown(message, command), "{command}");
        }
        assert!(!is_shown(
            "tar: x: Cannot open: Permission denied",
            "tar -xf a.tar"
        ));
        let own = "Can't open \"app.b64\" for reading, Permission denied";
        assert!(!is_shown(own, "openssl base64 -d -in app.b64"));
    }

    #[test]
    fn a_progress_meter_does_not_hide_what_a_program_says_itself() {
        let message = "  0     0    0     0    0 --:--:--     0Warning: Failed to open the file out: Permission denied";
        assert!(!is_shown(message, "curl -o out https://example.org/x"));
    }

    #[test]
    fn what_find_runs_speaks_for_itself() {
        for (message, command) in [
            (
                "rm: cannot remove './x': Permission denied",
                "find . -exec rm {} +",
            ),
            (
                "grep: ./x: Permission denied",
                "find . -type f -execdir grep a {} ;",
            ),
        ] {
            assert!(!is_shown(message, command), "{message} {command}");
        }
        let shown = "rm: cannot remove './x': Permission denied";
        assert!(is_shown(shown, "find . -name app.log -exec cat {} ;"));
    }

    #[test]
    fn its_own_failure_is_told() {
        for (message, command) in [
            ("gzip: data.txt: Permission denied", "zcat data.txt"),
            ("pkexec must be setuid root", "pkexec true"),
            (
                "cat: /etc/shadow: Permission denied",
                "/bin/cat /etc/shadow",
            ),
            ("/etc/shadow: Permission denied", "less /etc/shadow"),
            (
                "fatal: could not open '.git/HEAD': Permission denied",
                "git log",
            ),
            ("open /srv/x: permission denied", "restic backup"),
            (
                "error: insufficient permission for adding an object",
                "git push",
            ),
        ] {
            assert!(!is_shown(message, command), "{message} {command}");
        }
    }
}
