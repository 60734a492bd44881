//! Text quoted within a line: a traceback in Python's repr, Go's `%q`, a value of logfmt.

use super::unquote::{Quoting, unquoted};

/// A line that contains other text.
pub struct Opened<'l> {
    /// The part of the line before that text.
    pub head: &'l [u8],
    /// The lines of that text.
    pub lines: Vec<Vec<u8>>,
    /// The part of the line after it.
    pub tail: &'l [u8],
}

/// The text in a string within the line. `None` if the line has no string that was a text of its own: one that contains a line
/// feed or quotes or, for a string that is a value, a complete message according to `is_message`.
#[must_use]
pub fn opened<'l>(line: &'l [u8], is_message: &dyn Fn(&[u8]) -> bool) -> Option<Opened<'l>> {
    let mut from = 0;
    while let Some(at) = memchr::memchr2(b'"', b'\'', &line[from..]).map(|at| from + at) {
        let before = &line[..at];
        let opens = before.last().is_none_or(|b| b" \t=([{,:b".contains(b));
        let length = length_of_string(&line[at..]);
        if !opens || length.is_none() {
            from = at + 1;
            continue;
        }
        let length = length?;
        let inside = &line[at + 1..at + length - 1];
        let after = &line[at + length..];
        let is_whole = || is_value(before) && is_end(after) && is_message(inside);
        if holds_text(inside, line[at]) || is_whole() {
            let text = unquoted(inside, Quoting::Escaped);
            return Some(Opened {
                head: before,
                lines: text
                    .split(|byte| *byte == b'\n')
                    .map(<[u8]>::to_vec)
                    .collect(),
                tail: after,
            });
        }
        from = at + length;
    }
    None
}

/// Whether a value follows: `failed: '...'`, `stderr: b'...'`, `error='...'`.
fn is_value(before: &[u8]) -> bool {
    let before = before.strip_suffix(b"b").unwrap_or(before);
    before.ends_with(b": ") || before.ends_with(b"=")
}

/// Whether the value ends before this.
fn is_end(after: &[u8]) -> bool {
    after
        .first()
        .is_none_or(|byte| b" \t,;.)]}>".contains(byte))
        || after.starts_with(b"/>")
}

/// The length of the string that begins here, including its quotes.
fn length_of_string(text: &[u8]) -> Option<usize> {
    let quote = text.first()?;
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// Whether a string contains what was a text of its own: several lines, or quoted names. A trailing line feed does not count.
fn holds_text(inside: &[u8], quote: u8) -> bool {
    let inside = inside.strip_suffix(b"\\n").unwrap_or(inside);
    let escapes = |of: u8| inside.windows(2).filter(|two| **two == [b'\\', of]).count();
    inside.contains(&b' ') && (escapes(b'n') > 0 || escapes(quote) > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(line: &str) -> Option<Vec<String>> {
        let is_message = |text: &[u8]| text.ends_with(b": denied");
        let lines = opened(line.as_bytes(), &is_message)?.lines;
        Some(
            lines
                .iter()
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect(),
        )
    }

    #[test]
    fn a_traceback_in_a_string_becomes_lines() {
        assert_eq!(
            within(r"failed: 'Traceback:\n  File \'a.py\'\nPermission denied: \'/srv/x\''"),
            Some(vec![
                "Traceback:".into(),
                "  File 'a.py'".into(),
                "Permission denied: '/srv/x'".into()
            ])
        );
        assert_eq!(
            within(r#"level=error msg="cannot open \"/srv/x\": denied" n=1"#),
            Some(vec![r#"cannot open "/srv/x": denied"#.into()])
        );
    }

    #[test]
    fn a_message_that_is_a_value_is_opened() {
        for line in [
            "task failed: 'lxc: /srv/x: denied'",
            "stderr: b'lxc: /srv/x: denied'",
            "error='lxc: /srv/x: denied'",
        ] {
            assert_eq!(within(line), Some(vec!["lxc: /srv/x: denied".into()]));
        }
    }

    #[test]
    fn other_strings_are_left_alone() {
        for line in [
            r#"echo "lxc: /srv/x: denied""#,
            "checking: 'lxc: denied '/srv/lxc: denied''",
            r"'it'\''s': Permission denied",
            r"[Errno 13] Permission denied: 'it\'s'",
            r#"printf("cat: x: Permission denied\n");"#,
            r"C:\new\table",
        ] {
            assert_eq!(within(line), None, "{line}");
        }
    }
}
