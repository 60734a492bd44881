//! Finds file names on a line without regard to its wording: quoted, after a key, or recognizable as paths.

use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::words;

/// Directories of programs. A name in one of these at the beginning of a line is the writer, not the refused object.
const PROGRAMS: &[&[u8]] = &[
    b"/bin/",
    b"/sbin/",
    b"/usr/bin/",
    b"/usr/sbin/",
    b"/usr/lib/",
    b"/usr/libexec/",
    b"/usr/local/bin/",
    b"/usr/local/sbin/",
];

/// Words before a name that refers to further reading rather than to the refused object.
const ELSEWHERE: &[&[u8]] = &[
    b"see", b"try", b"run", b"check", b"read", b"use", b"using", b"setting", b"of", b"File", b"at",
];

/// HTTP methods: what follows is a request target, although it looks like a path.
const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND",
];

/// Words for the object at a path: `the file at /srv/x`.
const KINDS: &[&str] = &["file", "directory", "folder", "socket", "path", "database"];

/// Whether the last word is an HTTP method, so that the target of a request follows.
fn ends_with_a_method(before: &[u8]) -> bool {
    let last = before
        .trim_ascii_end()
        .rsplit(|byte| !byte.is_ascii_alphabetic())
        .next();
    last.is_some_and(|word| METHODS.iter().any(|method| method.as_bytes() == word))
}

/// Whether what a pattern took for a path is no name of a file, or only part of one, as the text around it shows: a position in
/// a source file, what follows the scheme of a URL or the letter of a drive, the target of a request, a constant of a call.
#[must_use]
pub fn is_no_name(before: &[u8], name: &[u8], after: &[u8]) -> bool {
    let is_position = after.starts_with(b" on line ");
    let is_of_a_url = name.starts_with(b"//") && before.ends_with(b":");
    let is_on_a_drive = name.starts_with(b"/")
        && matches!(before, [.., edge, drive, b':'] if drive.is_ascii_alphabetic() && !edge.is_ascii_alphanumeric());
    let is_target = name.starts_with(b"/") && ends_with_a_method(before);
    let is_sign = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let is_constant = before.ends_with(b"(") && name.contains(&b'_') && name.iter().all(is_sign);
    // The rest of a name with an apostrophe or with brackets.
    let is_cut = match after {
        [b'\'', letter, ..] => {
            letter.is_ascii_alphabetic() && name.starts_with(b"/") && !before.ends_with(b"'")
        }
        [b' ', b'(', rest @ ..] => memchr::memmem::find(rest, b")/").is_some(),
        _ => false,
    };
    let is_a_slash = name.starts_with(b"/ ");
    // Go prints the call and an empty name: `open : permission denied`.
    let is_call = after.starts_with(b" :") && words::call(name).is_some();
    let is_source = before.ends_with(b"(") && after.starts_with(b")") && is_position_in_c(name);
    is_source
        || is_template(name)
        || is_of_another_kind(before, name)
        || is_a_slash
        || is_call
        || is_position
        || is_of_a_url
        || is_on_a_drive
        || is_target
        || is_constant
        || is_cut
}

/// Whether a name is not filled in: code or documentation shows how a message is made.
fn is_template(name: &[u8]) -> bool {
    let has = |part: &[u8]| memchr::memmem::find(name, part).is_some();
    let is_in_braces = memchr::memchr(b'{', name)
        .is_some_and(|open| memchr::memchr(b'}', &name[open..]).is_some_and(|length| length > 1));
    is_in_braces || has(b"%s") || name.ends_with(b"/...")
}

/// Whether a name is that of something else: an error, an address, an option, the request of a ptrace(2), code between two strings.
fn is_of_another_kind(before: &[u8], name: &[u8]) -> bool {
    let is_error = [&b"EACCES"[..], b"EPERM", b"EROFS"].contains(&name);
    let is_octet =
        |part: &[u8]| (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    let is_address = name.split(|byte| *byte == b'.').count() == 4
        && name.split(|byte| *byte == b'.').all(is_octet);
    let is_option = name.starts_with(b"--") && name.ends_with(b"=");
    let is_request = before.ends_with(b"ptrace(") && name.iter().all(u8::is_ascii_uppercase);
    let is_between = name.starts_with(b" << ") && name.ends_with(b" << ");
    // The names of POSIX shared memory, semaphores and message queues are in file systems of their own.
    let is_ipc = [&b"shm_open: "[..], b"sem_open: ", b"mq_open: "]
        .iter()
        .any(|call| before.ends_with(call));
    // report(1)
    let is_number = before.ends_with(b"(") && name.iter().all(u8::is_ascii_digit);
    is_error
        || is_address
        || is_option
        || is_request
        || is_between
        || is_ipc
        || is_number
        || is_called_by_another(before, name)
}

/// Whether a name is that of a C function that another one called: `do_known_hosts: hostkeys_foreach: …`.
fn is_called_by_another(before: &[u8], name: &[u8]) -> bool {
    let is_function = |word: &[u8]| {
        word.contains(&b'_')
            && word
                .iter()
                .all(|byte| byte.is_ascii_lowercase() || *byte == b'_')
    };
    let caller = before.strip_suffix(b": ").unwrap_or_default();
    let caller = caller.rsplit(|byte| *byte == b' ').next();
    is_function(name) && caller.is_some_and(is_function)
}

/// Whether a name is a line of a C source file, as some programs put it before their messages: `../src/network.c.640`.
fn is_position_in_c(name: &[u8]) -> bool {
    let digits = name
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let file = &name[..name.len() - digits];
    digits > 0 && (file.ends_with(b".c.") || file.ends_with(b".c:"))
}

/// The position of the name nearest to the reason. Names before the reason take precedence over those after it.
#[must_use]
pub fn nearest(line: &[u8], reason: &Range<usize>) -> Option<Range<usize>> {
    let names: Vec<Range<usize>> = expression()
        .captures_iter(line)
        .filter_map(|found| name(line, &found))
        .collect();
    let before = names.iter().rev().find(|name| name.end <= reason.start);
    let after = || {
        let mut names = names.iter();
        names.find(|name| {
            name.start >= reason.end && !between(line, reason.end, name.start).contains(". ")
        })
    };
    before.or_else(after).cloned()
}

/// The full path of a name that the message repeats without its directory: `/srv/data/a.db: open: …: 'a.db'`.
#[must_use]
pub fn whole<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    if name.is_empty() || name.starts_with(b"/") || name.contains(&b' ') {
        return None;
    }
    let tail = [b"/", name].concat();
    memchr::memmem::find_iter(line, &tail).find_map(|at| {
        let end = at + tail.len();
        let is_edge = |byte: &u8| byte.is_ascii_whitespace() || b"'\"`:,;()[]<>=".contains(byte);
        if !line.get(end).is_none_or(is_edge) {
            return None;
        }
        let start = line[..at]
            .iter()
            .rposition(is_edge)
            .map_or(0, |edge| edge + 1);
        // It must be at the beginning of the line: a path elsewhere may be another one with the same ending.
        line[..start]
            .trim_ascii()
            .is_empty()
            .then(|| &line[start..end])
    })
}

/// The two sides of a copy that a line lists before its reason, as Python's shutil does: `('FROM', 'TO', "REASON: 'FROM'")`.
#[must_use]
pub fn copied(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let head = memchr::memmem::rfind(head, b"[Errno ").map_or(head, |at| &head[..at]);
    let pair = head.strip_suffix(b"\"").or(head.strip_suffix(b"'"))?;
    let pair = &pair[memchr::memmem::rfind(pair, b"('")? + 2..];
    let middle = memchr::memmem::find(pair, b"', '")?;
    let (from, to) = (&pair[..middle], &pair[middle + 4..]);
    Some((from, to.strip_suffix(b"', ")?))
}

/// The positions where a line quotes several words.
pub fn sentences(line: &[u8]) -> impl Iterator<Item = Range<usize>> {
    static EXPRESSION: OnceLock<Regex> = OnceLock::new();
    let expression = EXPRESSION.get_or_init(|| {
        RegexBuilder::new(r#"(?:^|[\s(\[=:])('[^' ]+ [^']*[^' ]'|"[^" ]+ [^"]*[^" ]")"#)
            .unicode(false)
            .build()
            .expect("an expression of this file")
    });
    expression
        .captures_iter(line)
        .filter_map(|found| Some(found.get(1)?.range()))
}

fn expression() -> &'static Regex {
    static EXPRESSION: OnceLock<Regex> = OnceLock::new();
    EXPRESSION.get_or_init(|| {
        RegexBuilder::new(
            r#"(?x) (?P<key> \b (?:path|file|filename|name|dir|directory|socket|device) \s? = \s? )?
                  (?: '(?P<a>[^'\s](?:[^']*[^'\s])?)' | "(?P<b>[^"\s](?:[^"]*[^"\s])?)" | `(?P<c>[^`']+)[`'] )
               | (?: ^ | [\s(\[=<{] | \bunix:(?://)? ) (?P<d> (?: / | \./ | \.\./ | ~/ ) (?: \w'\w | [^\s'"`(),;\[\]<>{}] )* )"#,
        )
        .unicode(false)
        .build()
        .expect("an expression of this file")
    })
}

/// The name that was found, if it can be that of a file in use.
fn name(line: &[u8], found: &Captures) -> Option<Range<usize>> {
    let quoted = found.name("a").or(found.name("b")).or(found.name("c"));
    let is_bare = quoted.is_none();
    let found_at = quoted.or(found.name("d"))?.range();
    let text = &line[found_at.clone()];
    let trimmed = if is_bare {
        text.trim_ascii_end().len()
            - text
                .iter()
                .rev()
                .take_while(|byte| b".:".contains(byte))
                .count()
    } else {
        text.len()
    };
    let at = found_at.start..found_at.start + trimmed;
    let text = &line[at.clone()];
    let shows_itself = [&b"/"[..], b"./", b"../", b"~/"]
        .iter()
        .any(|begin| text.starts_with(begin));
    let plausible = text.len() > 1
        && !text.starts_with(b"//")
        && memchr::memmem::find(text, b"://").is_none()
        && !text.starts_with(b" ")
        && (shows_itself || found.name("key").is_some());
    let begins_the_line = at.start == 0 && PROGRAMS.iter().any(|place| text.starts_with(place));
    let before = between(line, 0, at.start);
    let mut words = before
        .trim_end_matches([' ', '\'', '"', '`', '('])
        .rsplit([' ', '\t', '(']);
    let last_word = words.next().unwrap_or_default();
    let is_where = last_word == "at" && words.next().is_some_and(|word| KINDS.contains(&word));
    let elsewhere =
        METHODS.contains(&last_word) || ELSEWHERE.contains(&last_word.as_bytes()) && !is_where;
    let is_a_position = is_position(line, &at) || is_position_in_c(text);
    let is_of_a_template = is_bare && line[at.end..].starts_with(b"{");
    let is_other =
        begins_the_line || elsewhere || is_a_position || is_of_a_template || is_project(line, &at);
    (plausible && !is_other).then_some(at)
}

/// Whether it is the project that MSBuild appends to its messages.
fn is_project(line: &[u8], at: &Range<usize>) -> bool {
    line[at.clone()].ends_with(b"proj") && line[at.end..].trim_ascii() == b"]"
}

/// Whether it is a position in source code: `run.py:12`, `"run.py", line 12`.
fn is_position(line: &[u8], at: &Range<usize>) -> bool {
    let text = &line[at.clone()];
    let digits = text
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let numbered = digits > 0 && text[..text.len() - digits].ends_with(b":");
    let after = &line[at.end..];
    let follows = [
        &b"\", line "[..],
        b"' line ",
        b" on line",
        b" line ",
        b":line ",
    ]
    .iter()
    .any(|words| after.starts_with(words));
    let numbered_after = after.len() > 1 && after[0] == b':' && after[1].is_ascii_digit();
    // run.cpp (725), build.targets(130,5)
    let bracketed = after.strip_prefix(b" ").unwrap_or(after).strip_prefix(b"(");
    let bracketed = bracketed.is_some_and(|after| {
        let is_number = |byte: &&u8| byte.is_ascii_digit() || **byte == b',';
        let number = after.iter().take_while(is_number).count();
        number > 0 && after[number..].starts_with(b")")
    });
    numbered || follows || numbered_after || bracketed
}

fn between(line: &[u8], start: usize, end: usize) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&line[start..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(line: &str) -> Option<&str> {
        let start = line.find("denied")?;
        let at = nearest(line.as_bytes(), &(start..start + "denied".len()))?;
        line.get(at)
    }

    #[test]
    fn a_template_and_a_position_in_source_are_no_names() {
        for (before, name, after) in [
            ("open '", "{path}", "'"),
            ("open '", "/srv/%s", "'"),
            ("open '", "/__w/_temp/...", "'"),
            ("(", "../src/network.c.640", ") bind()"),
            ("panic: ", "open", " : "),
        ] {
            let [before, name, after] = [before, name, after].map(str::as_bytes);
            assert!(is_no_name(before, name, after));
        }
        for name in ["/srv/{}", "/srv/100%", "/srv/a.c.1"] {
            assert!(!is_no_name(b"open '", name.as_bytes(), b"'"), "{name}");
        }
        assert_eq!(named("tool: /srv/{x}.txt: denied"), None);
    }

    #[test]
    fn a_name_is_found_before_and_after_the_reason() {
        for (line, name) in [
            ("saving model to /models/a.bin: denied", "/models/a.bin"),
            ("tool: /srv/it's.txt: denied", "/srv/it's.txt"),
            (
                "connection to unix:///run/app.sock failed: denied",
                "/run/app.sock",
            ),
            (
                "name = 'out/test.nc', errno = 13, error message = 'denied'",
                "out/test.nc",
            ),
            (
                "Failed to open '/x/y.parquet'. Detail: denied",
                "/x/y.parquet",
            ),
            ("\"Failed to create \"/srv/x\": mkdir(): denied\"", "/srv/x"),
            (
                "denied - Failed to open /var/lib/c1/config",
                "/var/lib/c1/config",
            ),
        ] {
            assert_eq!(named(line), Some(name), "{line}");
        }
    }

    #[test]
    fn what_speaks_and_where_to_read_on_is_no_such_name() {
        for line in [
            "/usr/sbin/chronyd: denied",
            "  File \"/srv/app/run.py\", line 3: denied",
            "at /srv/app/run.js:12:3 denied",
            "denied (see /usr/share/doc/x)",
            "https://example.org/x: denied",
            "<class '_dbm.error'>: denied",
            "POST /api/files: denied",
            "global /build/src/loadsave.cpp (725) imwrite_: denied",
        ] {
            assert_eq!(named(line), None, "{line}");
        }
    }

    #[test]
    fn a_name_that_is_repeated_shorter_is_told_whole() {
        let line = b"/srv/data/a.db: open: [Errno 13] Permission denied: 'a.db'";
        assert_eq!(whole(line, b"a.db"), Some(&b"/srv/data/a.db"[..]));
        assert_eq!(whole(b"cat: a.db: Permission denied", b"a.db"), None);
    }
}
