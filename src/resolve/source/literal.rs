//! The literals in source code that are paths, and what the calls around them do with these.

use super::quoted;
use crate::attempt::Operation;
use crate::detect::{Told, told_by_call, told_by_flags, told_by_mode};

/// How many bytes before a literal are searched for the call that it is passed to.
const REACH: usize = 160;

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
    pub(super) fn is_path(&self) -> bool {
        let path = &self.path;
        let filled_in = |byte: &u8| b"$@%{}\\*?|&;".contains(byte) || byte.is_ascii_whitespace();
        let mut begins = [&b"/"[..], b"./", b"../"].into_iter();
        let is_named = self.is_file && !path.contains(&b':')
            || begins.any(|begin| path.starts_with(begin)) && path.len() > 1;
        is_named && !path.iter().any(filled_in) && !path.starts_with(b"//")
    }
}

/// The paths that occur as literals in code.
pub fn paths(code: &[u8]) -> Vec<Literal> {
    let mut found = in_code(code);
    found.retain(Literal::is_path);
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

/// Every literal, with what is done with it.
pub(super) fn in_code(code: &[u8]) -> Vec<Literal> {
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
pub(super) fn called(before: &[u8]) -> Option<&[u8]> {
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

/// Whether a literal is a mode of fopen(3) or of Python's open.
fn is_mode(literal: &[u8]) -> bool {
    (1..=4).contains(&literal.len()) && literal.iter().all(|byte| b"rwaxbtU+".contains(byte))
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
}
