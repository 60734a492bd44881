//! What a statement in source code reveals: the paths that it contains as literals, and what it does with them.

mod asked;
mod constant;
mod literal;

pub use asked::{address, asks_for, ports, served_ports, signalled};
pub use literal::{Literal, does_with, paths};

use super::course::Script;
use crate::attempt::Operation;
use literal::in_code;

/// The maximum number of lines over which the options of a call extend.
const OPTIONS: usize = 6;

/// The paths that occur as literals in the statement around a source line, each with the operation if the call or the open mode
/// identifies it, as in Perl's `open(my $f, '>>', '/var/log/app.log')`.
#[must_use]
pub fn literals(lines: &[Vec<u8>], at: usize) -> Vec<Literal> {
    let mut found: Vec<Literal> = Vec::new();
    for literal in in_code(&statement(lines, at).join(&b' ')) {
        if literal.is_path() && !found.iter().any(|known| known.path == literal.path) {
            found.push(literal);
        }
    }
    found
}

/// The same for a statement that a message quotes, with the constants of the script that it is from.
#[must_use]
pub fn quoted_literals(statement: &[u8], scripts: &[Script]) -> Vec<Literal> {
    let is_from = |script: &&Script| memchr::memmem::find(&script.code, statement).is_some();
    let mut texts = scripts.iter().filter(|script| script.is_text());
    let filled = match texts.find(is_from) {
        Some(script) => constant::filled_in(statement, &script.code),
        None => statement.to_vec(),
    };
    literals(&[filled], 0)
}

/// What the source line, or the statement around it, does with the path of this name.
#[must_use]
pub fn use_in_source(lines: &[Vec<u8>], at: usize, name: &[u8]) -> Option<Operation> {
    let alone = does_with(lines.get(at)?, name);
    alone.or_else(|| does_with(&statement(lines, at).join(&b' '), name))
}

/// The literal working directory in a call that starts a program: `spawn("make", {cwd: "/srv/app"})`.
#[must_use]
pub fn started_in(lines: &[Vec<u8>], at: usize) -> Option<Vec<u8>> {
    let end = lines.len().min(at + OPTIONS);
    directory_in_code(&lines.get(at..end)?.join(&b' '))
}

/// The same for a piece of code.
pub fn directory_in_code(code: &[u8]) -> Option<Vec<u8>> {
    let quoted = quoted(code);
    let mut named = quoted.iter().filter(|(at, _)| {
        let before = code[..at - 1].trim_ascii_end();
        let before = before.strip_suffix(b":").or(before.strip_suffix(b"="));
        let key = before.map(<[u8]>::trim_ascii_end);
        let rest = key.and_then(|key| key.strip_suffix(b"cwd"));
        rest.is_some_and(|rest| !rest.last().is_some_and(u8::is_ascii_alphanumeric))
    });
    named.next().map(|(_, literal)| literal.to_vec())
}

/// Where code names this file, or a path that begins with it: of `a/b`, a program may be refused `a`.
#[must_use]
pub fn uses(code: &[u8], name: &[u8]) -> Vec<usize> {
    let quoted = quoted(code);
    let is_it = |literal: &[u8]| literal == name;
    let leads_there = |literal: &[u8]| {
        let rest = literal.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(b"/"))
    };
    let find = |is: &dyn Fn(&[u8]) -> bool| -> Vec<usize> {
        let found = quoted.iter().filter(|(_, literal)| is(literal));
        found.map(|(at, _)| *at).collect()
    };
    let mut found = find(&is_it);
    if found.is_empty() {
        found = find(&leads_there);
    }
    if found.is_empty() {
        found = memchr::memmem::find_iter(code, name).collect();
    }
    found
}

/// The lines of the statement that a line belongs to, in a language whose statements end with `;` or a block.
fn statement(lines: &[Vec<u8>], at: usize) -> &[Vec<u8>] {
    let ends = |line: &Vec<u8>| {
        let line = line.trim_ascii();
        line.is_empty()
            || line.starts_with(b"#")
            || line.ends_with(b";")
            || line.ends_with(b"{")
            || line.ends_with(b"}")
    };
    let at = at.min(lines.len());
    let begin = lines[..at]
        .iter()
        .rposition(ends)
        .map_or(0, |before| before + 1);
    let end = lines[at..]
        .iter()
        .position(ends)
        .map_or(lines.len(), |last| at + last + 1);
    &lines[begin..end]
}

/// Where the innermost parenthesis opens that is still open at the end.
pub(super) fn opening(code: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in code.iter().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' if depth == 0 => return Some(at),
            b'(' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The quoted strings, each with its position.
pub(super) fn quoted(code: &[u8]) -> Vec<(usize, &[u8])> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(begin) = code[from..].iter().position(|byte| b"'\"".contains(byte)) {
        let start = from + begin + 1;
        let quote = code[start - 1];
        let Some(length) = code[start..].iter().position(|byte| *byte == quote) else {
            break;
        };
        found.push((start, &code[start..start + length]));
        from = start + length + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<(String, Option<&'static str>)> {
        let found = literals(&[line.as_bytes().to_vec()], 0).into_iter();
        let text = |path: Vec<u8>| String::from_utf8(path).expect("it was text");
        let pair = |literal: Literal| {
            let operation = literal.operation.map(|operation| operation.name());
            (text(literal.path), operation)
        };
        found.map(pair).collect()
    }

    #[test]
    fn a_part_of_a_name_is_no_path() {
        for code in [
            "os.mknod(D + '/n', 0o20600)",
            "os.mknod('/srv/' + name)",
            "mkdir $dir . '/n' or die",
            "os.mkdir('/srv/n.{}'.format(1))",
        ] {
            assert_eq!(of(code), [], "{code}");
        }
    }

    #[test]
    fn the_path_and_the_way_it_is_opened_are_found() {
        for (line, path, operation) in [
            (
                r#"open(my $f, ">>", "/srv/app.log") or die"#,
                "/srv/app.log",
                Some("append"),
            ),
            (
                r#"open F, ">/srv/out" || die "x: $!";"#,
                "/srv/out",
                Some("create"),
            ),
            (
                r#"open(my $f, '<:utf8', './in.txt') or die "no: $!";"#,
                "./in.txt",
                Some("read"),
            ),
            (r#"mkdir("/srv/data", 0755);"#, "/srv/data", Some("mkdir")),
            (
                "db = sqlite3.connect('data/app.db')",
                "data/app.db",
                Some("create"),
            ),
            (r#"open("notes", "w")"#, "notes", Some("write")),
            (r#"open(my $f, ">>", "app.log")"#, "app.log", Some("append")),
        ] {
            assert_eq!(of(line), [(path.to_owned(), operation)], "{line}");
        }
    }

    #[test]
    fn the_directory_of_a_call_that_starts_a_program_is_found() {
        for (code, directory) in [
            ("spawn('ls', [], { cwd: '/srv/a' })", Some("/srv/a")),
            ("subprocess.run(['ls'], cwd=\"/srv/a\")", Some("/srv/a")),
            ("spawn('ls', [], { oldcwd: '/srv/a' })", None),
            ("spawn('cwd', ['/srv/a'])", None),
        ] {
            let found = started_in(&[code.as_bytes().to_vec()], 0);
            assert_eq!(found, directory.map(|path| path.into()), "{code}");
        }
    }

    #[test]
    fn only_the_statement_that_failed_counts() {
        let lines = [
            "open(A, '/a') or die;",
            "open(B,",
            "  '<', '/b')",
            "  or die;",
            "open(C, '/c') or die;",
        ]
        .map(|line| line.as_bytes().to_vec());
        for at in 1..4 {
            let literal = Literal {
                path: b"/b".to_vec(),
                operation: Some(Operation::READ),
                is_file: true,
            };
            assert_eq!(literals(&lines, at), [literal], "{at}");
        }
    }

    #[test]
    fn what_is_filled_in_later_is_no_path() {
        for line in [
            r#"open(F, "$dir/log")"#,
            r#"mkdir("/srv/{$name}")"#,
            r#"get("https://example.org/x")"#,
            r#"s/"a"/"b"/"#,
            r#"print "and/or";"#,
            r#"sqlite3.connect(":memory:")"#,
            r#"names.remove("alice")"#,
            r#"sqlite3.connect(f"{home}/x", "y")"#,
        ] {
            assert_eq!(of(line), [], "{line}");
        }
    }

    #[test]
    fn a_path_names_the_directories_that_it_leads_through() {
        let code = b"import os; os.chdir('/srv/data'); os.makedirs('a/b')";
        let at = uses(code, b"a");
        assert!(matches!(&at[..], [only] if code[*only..].starts_with(b"a/b")));
    }
}
