//! What a statement of a program's source tells, where its message names no file: the literals in it.

use crate::attempt::Operation;

/// The paths that stand as literals in the statement around a line of source, and the operation where the way they are
/// opened is among them, as in Perl's `open(my $f, '>>', '/var/log/app.log')`.
#[must_use]
pub fn literals(lines: &[Vec<u8>], at: usize) -> (Vec<Vec<u8>>, Option<Operation>) {
    let mut paths = Vec::new();
    let mut operation = None;
    let statement = statement(lines, at).join(&b' ');
    for literal in quoted(&statement) {
        let (mode, rest) = mode(literal);
        operation = operation.or(mode);
        if is_path(rest) && !paths.contains(&rest.to_vec()) {
            paths.push(rest.to_vec());
        }
    }
    (paths, operation)
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

/// What stands between quotes.
fn quoted(line: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(begin) = rest.iter().position(|byte| matches!(byte, b'\'' | b'"')) {
        let quote = rest[begin];
        rest = &rest[begin + 1..];
        let Some(end) = rest.iter().position(|byte| *byte == quote) else {
            break;
        };
        found.push(&rest[..end]);
        rest = &rest[end + 1..];
    }
    found
}

/// The way of opening that a literal is, or begins with (perlopentut), and what follows it.
fn mode(literal: &[u8]) -> (Option<Operation>, &[u8]) {
    for (sign, operation) in [
        (&b"+<"[..], Operation::WRITE),
        (b">>", Operation::APPEND),
        (b">", Operation::CREATE),
        (b"<", Operation::READ),
    ] {
        if let Some(rest) = literal.strip_prefix(sign) {
            // An encoding may follow: `<:utf8`.
            return (Some(operation), rest.trim_ascii_start());
        }
    }
    (None, literal)
}

/// Whether a literal is a path, whole: nothing in it is filled in later, and it is no address.
fn is_path(literal: &[u8]) -> bool {
    let filled_in = |byte: &u8| b"$@%{}\\*?|&;".contains(byte) || byte.is_ascii_whitespace();
    let begins = [&b"/"[..], b"./", b"../"]
        .iter()
        .any(|begin| literal.starts_with(begin));
    begins && literal.len() > 1 && !literal.iter().any(filled_in) && !literal.starts_with(b"//")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> (Vec<String>, Option<&'static str>) {
        let (paths, operation) = literals(&[line.as_bytes().to_vec()], 0);
        let text = |path: Vec<u8>| String::from_utf8(path).expect("it was text");
        (
            paths.into_iter().map(text).collect(),
            operation.map(|operation| operation.name()),
        )
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
            (r#"mkdir("/srv/data", 0755);"#, "/srv/data", None),
        ] {
            assert_eq!(of(line), (vec![path.to_owned()], operation), "{line}");
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
            assert_eq!(
                literals(&lines, at),
                (vec![b"/b".to_vec()], Some(Operation::READ)),
                "{at}"
            );
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
        ] {
            assert_eq!(of(line), (vec![], None), "{line}");
        }
    }
}
