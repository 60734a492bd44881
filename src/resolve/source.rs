//! What a statement in source code reveals: the paths that it contains as literals, and what it does with them.

use crate::attempt::{Object, Operation};
use crate::detect::{Told, told_by_call, told_by_flags, told_by_mode};

/// How many bytes before a literal are searched for the call that it is passed to.
const REACH: usize = 160;

/// The maximum number of lines over which the options of a call extend.
const OPTIONS: usize = 6;

/// A path that occurs as a literal in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// The path.
    pub path: Vec<u8>,
    /// What the statement does with it, if that can be determined.
    pub operation: Option<Operation>,
    /// Whether it stands where nothing but the name of a file can stand, so that a name without a slash is one as well.
    pub is_file: bool,
}

impl Literal {
    /// Whether it is a complete path, without placeholders, and not an address.
    fn is_path(&self) -> bool {
        let path = &self.path;
        let filled_in = |byte: &u8| b"$@%{}\\*?|&;".contains(byte) || byte.is_ascii_whitespace();
        let mut begins = [&b"/"[..], b"./", b"../"].into_iter();
        let is_named = self.is_file && !path.contains(&b':')
            || begins.any(|begin| path.starts_with(begin)) && path.len() > 1;
        is_named && !path.iter().any(filled_in) && !path.starts_with(b"//")
    }
}

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

/// The paths that occur as literals in code.
pub fn paths(code: &[u8]) -> Vec<Literal> {
    let mut found = in_code(code);
    found.retain(Literal::is_path);
    found
}

/// The ports that code passes together with an address: `bind(("0.0.0.0", 443))`.
#[must_use]
pub fn ports(code: &[u8]) -> Vec<Object> {
    let port = |(at, literal): (usize, &[u8])| {
        let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b".:-*".contains(byte);
        let before = code[..at - 1].trim_ascii_end();
        let rest = code.get(at + literal.len() + 1..)?.trim_ascii_start();
        let rest = rest.strip_prefix(b",")?.trim_ascii_start();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_pair = before.ends_with(b"(") && rest[digits..].trim_ascii_start().starts_with(b")");
        let number = std::str::from_utf8(&rest[..digits]).ok()?;
        let address = std::str::from_utf8(literal).ok()?.to_owned();
        let port = number.parse().ok()?;
        (is_pair && literal.iter().all(is_host)).then_some(Object::Port { address, port })
    };
    quoted(code).into_iter().filter_map(port).collect()
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

/// What code does with the path of this name, where a literal of it is given to exactly one kind of call.
#[must_use]
pub fn does_with(code: &[u8], name: &[u8]) -> Option<Operation> {
    let named = in_code(code)
        .into_iter()
        .filter(|literal| literal.path == name);
    let mut operations: Vec<Operation> = named.filter_map(|literal| literal.operation).collect();
    operations.dedup();
    match &operations[..] {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// The address and port that code binds a socket to, in Python's syntax: `s.bind(("0.0.0.0", 80))`.
#[must_use]
pub fn address(code: &[u8]) -> Option<Vec<u8>> {
    const CALL: &[u8] = b"bind(";
    let at = memchr::memmem::find(code, CALL)? + CALL.len();
    let rest = code[at..].trim_ascii_start().strip_prefix(b"(")?;
    let end = rest.iter().position(|&byte| byte == b')')?;
    let (host, port) = std::str::from_utf8(&rest[..end]).ok()?.split_once(',')?;
    let host = host.trim();
    let literal = host
        .strip_prefix(['"', '\''])
        .and_then(|host| host.strip_suffix(['"', '\'']));
    let port: u16 = port.trim().parse().ok()?;
    Some(format!("{}:{port}", literal.unwrap_or_default()).into_bytes())
}

/// The operation in code that takes no file, if there is exactly one.
#[must_use]
pub fn asks_for(code: &[u8]) -> Option<Operation> {
    let words = code.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'));
    let mut asked: Vec<Operation> = words
        .filter_map(|word| match told_by_call(word)? {
            Told::Operation(
                operation @ (Operation::Privileged(_) | Operation::Signal | Operation::Bind),
            ) => Some(operation),
            _ => None,
        })
        .collect();
    asked.dedup();
    match &asked[..] {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// The process that code sends a signal to: `os.kill(4242, 15)`.
#[must_use]
pub fn signalled(code: &[u8]) -> Option<i32> {
    const CALL: &[u8] = b"kill(";
    let at = memchr::memmem::find(code, CALL)? + CALL.len();
    let number = code[at..].split(|byte| *byte == b',').next()?;
    std::str::from_utf8(number).ok()?.trim().parse().ok()
}

/// Every literal, with what is done with it.
fn in_code(code: &[u8]) -> Vec<Literal> {
    let quoted = quoted(code);
    let mut found = Vec::new();
    // In Perl, the open mode may be a literal of its own, before the path.
    let mut way: Option<Operation> = None;
    for (number, (at, literal)) in quoted.iter().enumerate() {
        let (sign, rest) = sign(literal);
        if rest.is_empty() {
            way = sign;
            continue;
        }
        let before = &code[at.saturating_sub(REACH)..at.saturating_sub(1)];
        if is_joined(
            before,
            code.get(at + literal.len() + 1..).unwrap_or_default(),
        ) {
            continue;
        }
        let next = quoted.get(number + 1).map(|(_, literal)| *literal);
        let how = match next.filter(|literal| is_mode(literal)) {
            Some(mode) => told_by_mode(mode),
            None => match arguments(&code[at + literal.len()..]) {
                // Without a mode, a file is opened for reading.
                [_quote] if is_open(before) => Told::Operation(Operation::READ),
                arguments => told_by_flags(arguments),
            },
        };
        let mode = sign.or(way.take());
        let is_file = mode.is_some() || takes_a_file(before);
        let operation = mode.or_else(|| by_call(before, how));
        let operation = operation.map(|told| match told {
            Operation::Chown { .. } if keeps_the_owner(before, &code[at + literal.len()..]) => {
                Operation::CHGRP
            }
            told => told,
        });
        found.push(Literal {
            path: rest.to_vec(),
            operation,
            is_file,
        });
    }
    found
}

/// Whether a literal is joined to what stands before or after it, so that it is but a part of a name.
fn is_joined(before: &[u8], after: &[u8]) -> bool {
    let (before, after) = (before.trim_ascii_end(), after.trim_ascii_start());
    let is_after = |sign: &&[u8]| after.starts_with(sign);
    before.ends_with(b"+")
        || before.ends_with(b".")
        || [&b"+"[..], b"% ", b". ", b".$", b".format("]
            .iter()
            .any(is_after)
}

/// Whether a call of chown(2) around a literal changes the group alone: its owner, which some languages expect after the path and
/// others before it, is -1 or nil.
fn keeps_the_owner(before: &[u8], after: &[u8]) -> bool {
    let is_none = |owner: &[u8]| [&b"-1"[..], b"nil"].contains(&owner.trim_ascii());
    let mut behind = after.split(|byte| *byte == b',').skip(1);
    let owner_first = memchr::memmem::rfind(before, b"chown")
        .map(|call| &before[call + b"chown".len()..])
        .and_then(|rest| rest.split(|byte| *byte == b',').next())
        .map(|owner| owner.strip_prefix(b"(").unwrap_or(owner));
    behind.next().is_some_and(is_none) || owner_first.is_some_and(is_none)
}

/// The other arguments of the call that a literal is passed to.
fn arguments(after: &[u8]) -> &[u8] {
    let end = after.iter().position(|byte| b");\n".contains(byte));
    &after[..end.unwrap_or(after.len())]
}

/// Whether the last word before a literal is a call of `open` that may go without a mode.
fn is_open(before: &[u8]) -> bool {
    let opens = |name| [&b"open"[..], b"io.open", b"File.open", b"codecs.open"].contains(&name);
    called(before).is_some_and(opens)
}

/// Whether a literal is the first argument of a call that opens a file: `open(`, or a module's function (`sqlite3.connect(`).
fn takes_a_file(before: &[u8]) -> bool {
    let opens = |name: &[u8]| {
        let told = name.contains(&b'.').then(|| told_by_call(name)).flatten();
        matches!(told, Some(Told::Operation(Operation::Open(_))))
    };
    is_open(before) || called(before).is_some_and(opens)
}

/// The name of the call whose first argument follows.
fn called(before: &[u8]) -> Option<&[u8]> {
    let call = before.trim_ascii_end().strip_suffix(b"(")?;
    call.rsplit(|byte| !(byte.is_ascii_alphanumeric() || b"_.".contains(byte)))
        .next()
}

/// The operation of the call before a literal; for a call that opens, `how` determines it.
fn by_call(before: &[u8], how: Told) -> Option<Operation> {
    // What precedes the beginning of the statement belongs to another one.
    let begin = before
        .iter()
        .rposition(|byte| b";\n{}".contains(byte))
        .map_or(0, |at| at + 1);
    let words =
        before[begin..].split(|byte| !(byte.is_ascii_alphanumeric() || b"_.".contains(byte)));
    // A module's function need not be the system call with the same name: `sqlite3.connect`.
    let told = |word: &[u8]| {
        let last = word.rsplit(|byte| *byte == b'.').next().unwrap_or(word);
        told_by_call(word).or_else(|| told_by_call(last))
    };
    let call = words.rev().filter(|word| !word.is_empty()).find_map(told)?;
    // Of the arguments of a call that starts a program, the first names the program.
    let is_further =
        || before[begin..].trim_ascii_end().ends_with(b"[") && before[begin..].contains(&b',');
    if call == Told::Operation(Operation::Exec) && is_further() {
        return None;
    }
    match (call, how) {
        (Told::Operation(operation), _) | (Told::Untold, Told::Operation(operation)) => {
            Some(operation)
        }
        (Told::Untold, Told::Untold) => None,
    }
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

/// Whether a literal is a mode of fopen(3) or of Python's open.
fn is_mode(literal: &[u8]) -> bool {
    (1..=4).contains(&literal.len()) && literal.iter().all(|byte| b"rwaxbtU+".contains(byte))
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

/// The open mode that a literal is or begins with (perlopentut), and what follows it.
fn sign(literal: &[u8]) -> (Option<Operation>, &[u8]) {
    for (sign, operation) in [
        (&b"+<"[..], Operation::WRITE),
        (b">>", Operation::APPEND),
        (b">", Operation::CREATE),
        (b"<", Operation::READ),
    ] {
        if let Some(rest) = literal.strip_prefix(sign) {
            let rest = rest.trim_ascii_start();
            // An encoding may follow: `<:utf8`.
            let rest = if rest.starts_with(b":") { b"" } else { rest };
            return (Some(operation), rest);
        }
    }
    (None, literal)
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
    fn a_change_of_the_group_alone_is_none_of_the_owner() {
        for (code, operation) in [
            ("os.chown('/srv/f', -1, gid)", Operation::CHGRP),
            ("File.chown(nil, 50, '/srv/f')", Operation::CHGRP),
            ("chown -1, $gid, '/srv/f';", Operation::CHGRP),
            (
                "os.chown('/srv/f', uid, -1)",
                Operation::Chown {
                    uid: None,
                    gid: None,
                },
            ),
        ] {
            assert_eq!(
                does_with(code.as_bytes(), b"/srv/f"),
                Some(operation),
                "{code}"
            );
        }
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
    fn a_call_tells_what_is_done_with_its_argument() {
        for (code, name, operation) in [
            ("import os; os.listdir(\"/srv/d\")", "/srv/d", Some("list")),
            ("open(\"/srv/db\", \"w\")", "/srv/db", Some("write")),
            ("f = open('/srv/db', mode='a')", "/srv/db", Some("append")),
            ("opendir(my $d, \"/srv/c\") or die", "/srv/c", Some("list")),
            ("os.rename('x', '/srv/y')", "x", Some("rename")),
            ("print(open('/srv/y').read())", "/srv/y", Some("read")),
            ("os.open('/srv/y', flags)", "/srv/y", None),
            ("print('/srv/y')", "/srv/y", None),
            (
                "os.open('/srv/p', os.O_RDWR | os.O_CREAT)",
                "/srv/p",
                Some("create"),
            ),
            (
                "open('/srv/p'); os.open('/x', os.O_CREAT)",
                "/srv/p",
                Some("read"),
            ),
            ("fs.mkdirSync('/srv/y')", "/srv/y", Some("mkdir")),
        ] {
            let found = does_with(code.as_bytes(), name.as_bytes());
            assert_eq!(found.map(|operation| operation.name()), operation, "{code}");
        }
    }

    #[test]
    fn a_port_and_a_privilege_are_told_by_the_call() {
        let of = |code: &str| address(code.as_bytes()).map(|text| String::from_utf8(text).unwrap());
        assert_eq!(
            of(r#"s.bind(("0.0.0.0", 80))"#),
            Some("0.0.0.0:80".to_owned())
        );
        assert_eq!(of("sock.bind((HOST, 443))"), Some(":443".to_owned()));
        assert_eq!(of(r#"s.bind("/run/app.sock")"#), None);
        assert_eq!(of("sock.bind((HOST, PORT))"), None);
        let asked = asks_for(b"import socket; socket.sethostname('x')");
        assert_eq!(asked.map(|operation| operation.name()), Some("sethostname"));
        let code = b"import os; os.kill(4242, 15)";
        assert_eq!(asks_for(code), Some(Operation::Signal));
        assert_eq!(signalled(code), Some(4242));
        assert_eq!(signalled(b"os.kill(pid, 15)"), None);
        let raw = asks_for(b"socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)");
        assert_eq!(raw.map(|operation| operation.name()), Some("rawsocket"));
        assert_eq!(asks_for(b"open('/f')"), None);
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
    fn a_pair_of_address_and_port_is_found() {
        for (code, port) in [
            ("s.bind(('0.0.0.0', 443))", Some(443)),
            ("socket.socket().bind((\"\",79))", Some(79)),
            ("print('a', 443)", Some(443)),
            ("f('x/y', 443)", None),
            ("open('notes', 'w')", None),
        ] {
            let found = ports(code.as_bytes());
            let found = found.first().map(|object| match object {
                Object::Port { port, .. } => *port,
                other => panic!("{other:?}"),
            });
            assert_eq!(found, port, "{code}");
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
