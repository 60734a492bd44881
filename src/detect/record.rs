//! Extracts the text in the fields of a log record, in JSON or logfmt, as lines.

mod answer;

use serde_json::Value;

use super::quoted::Opened;
use super::unquote::{Quoting, unquoted};
use crate::attempt::Errno;
use answer::{is_answer, tells_of_a_call};

/// Fields of Node's error objects, which are formatted like the output of Node's own inspector.
const FIELDS: &[&str] = &["errno", "code", "syscall", "path", "dest"];

/// Fields that name a file, say what went wrong, and give the reason.
const NAMES: &[&str] = &[
    "path",
    "file",
    "filename",
    "file_name",
    "filepath",
    "file_path",
    "dir",
    "directory",
    "socket",
    "device",
];
const MESSAGES: &[&str] = &["msg", "message", "event"];
const REASONS: &[&str] = &[
    "err",
    "error",
    "reason",
    "cause",
    "detail",
    "errmsg",
    "exception",
    "error.message",
    "error_message",
];

/// Other fields that contain whole texts.
const TEXTS: &[&str] = &[
    "log",
    "stack",
    "stacktrace",
    "stack_trace",
    "error.stack_trace",
    "exc_info",
    "traceback",
    "stderr",
    "output",
];

/// Fields that contain a time.
const TIMES: &[&str] = &["time", "ts", "timestamp", "@timestamp", "date", "$date"];

/// The maximum nesting depth at which strings of an object are extracted.
const DEPTH: usize = 8;

/// A field. Text outside of all fields has an empty key.
struct Field {
    key: String,
    text: String,
    /// Whether it was a string. Numbers matter only in fields with a known meaning.
    string: bool,
}

/// The lines of the fields of a record that makes up the line, or the end of it.
#[must_use]
pub fn opened(line: &[u8]) -> Option<Opened<'_>> {
    if let Some(start) = memchr::memmem::find(line, b"{\"")
        && let Ok(value) = serde_json::from_slice(&line[start..])
    {
        let mut fields = Vec::new();
        collect(&value, "", DEPTH, &mut fields);
        return Some(Opened {
            head: &line[..start],
            lines: lines_of(&fields),
            tail: b"",
        });
    }
    let fields = part_of_json(line).or_else(|| pairs(line))?;
    Some(Opened {
        head: b"",
        lines: lines_of(&fields),
        tail: b"",
    })
}

fn collect(value: &Value, key: &str, depth: usize, fields: &mut Vec<Field>) {
    let mut add = |text: String, string| {
        fields.push(Field {
            key: key.to_owned(),
            text,
            string,
        });
    };
    match value {
        Value::String(text) => add(text.clone(), true),
        Value::Number(number) => add(number.to_string(), false),
        Value::Array(items) if depth > 0 => {
            items
                .iter()
                .for_each(|item| collect(item, "", depth - 1, fields));
        }
        Value::Object(members) if depth > 0 => {
            members
                .iter()
                .for_each(|(key, item)| collect(item, key, depth - 1, fields));
        }
        _ => {}
    }
}

/// The fields on a line of a JSON document that spans several lines or was cut off: strings of known fields, and strings that
/// contain lines. Nothing else may be on the line.
fn part_of_json(line: &[u8]) -> Option<Vec<Field>> {
    let line = std::str::from_utf8(line).ok()?.trim();
    if !line.starts_with(['"', '{', '[']) || !line.contains('"') {
        return None;
    }
    let mut fields: Vec<Field> = Vec::new();
    let mut key = String::new();
    let mut rest = line;
    while let Some(next) = rest.chars().next() {
        if next == '"' {
            let (text, after) = json_string(rest)?;
            rest = after.trim_start();
            if let Some(after) = rest.strip_prefix(':') {
                (key, rest) = (text, after);
            } else {
                let key = std::mem::take(&mut key);
                fields.push(Field {
                    key,
                    text,
                    string: true,
                });
            }
            continue;
        }
        if !(next.is_ascii_whitespace()
            || "{}[],-.+".contains(next)
            || next.is_ascii_alphanumeric())
        {
            return None;
        }
        rest = &rest[next.len_utf8()..];
    }
    let is_known = |field: &Field| {
        let key = field.key.as_str();
        // An element of a list, which is how stacks are logged.
        if key.is_empty() && line.starts_with('"') && line.len() > field.text.len() + 2 {
            let ends = line.ends_with(['"', ',', ']', '}']);
            return ends && (field.text.contains(": ") || field.text.starts_with("at "));
        }
        let all = [FIELDS, NAMES, MESSAGES, REASONS, TEXTS];
        all.iter().any(|known| known.contains(&key)) || field.text.contains('\n')
    };
    fields.iter().any(is_known).then_some(fields)
}

/// The string that begins here, and what follows it.
fn json_string(text: &str) -> Option<(String, &str)> {
    let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let string = strings.next()?.ok()?;
    let end = strings.byte_offset();
    Some((string, &text[end..]))
}

/// The fields of a line of `key=value` pairs (logfmt and similar), with the text before them as the message.
fn pairs(line: &[u8]) -> Option<Vec<Field>> {
    memchr::memchr(b'=', line)?;
    let mut fields: Vec<Field> = Vec::new();
    let mut text = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        match pair(rest) {
            Some((field, after)) => {
                fields.push(field);
                rest = after;
            }
            // Pairs are divided by separators; there may also be text between them or after the last one.
            None => {
                let end = rest.iter().position(|b| b" ,;\t".contains(b));
                let (word, after) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
                if fields.is_empty() {
                    text.extend_from_slice(word);
                } else if word.len() > 1 {
                    return None;
                }
                rest = after;
            }
        }
    }
    let has = |keys: &[&str]| {
        fields
            .iter()
            .any(|field| keys.contains(&field.key.as_str()))
    };
    let tells = has(MESSAGES) || has(REASONS);
    if fields.len() < 2 || !tells {
        return None;
    }
    let text = String::from_utf8_lossy(&text);
    let text = text.trim_end_matches([' ', ';', ',', ':']);
    if !text.is_empty() {
        let field = Field {
            key: "msg".into(),
            text: text.to_owned(),
            string: true,
        };
        fields.insert(0, field);
    }
    Some(fields)
}

/// The pair that begins here, and what follows it.
fn pair(text: &[u8]) -> Option<(Field, &[u8])> {
    let end = text
        .iter()
        .position(|b| !(b.is_ascii_alphanumeric() || b"_.-@".contains(b)))?;
    let (key, rest) = text.split_at(end);
    let value = rest.strip_prefix(b"=").filter(|_| end > 0)?;
    let (value, after, string) = match value.first() {
        Some(quote @ (b'"' | b'\'')) => {
            let mut at = 1;
            while value.get(at)? != quote {
                at += if value[at] == b'\\' { 2 } else { 1 };
            }
            let plain = unquoted(&value[1..at], Quoting::Escaped);
            (plain, &value[at + 1..], true)
        }
        _ => {
            let end = value.iter().position(|b| b" ,;\t".contains(b));
            let (plain, after) = value.split_at(end.unwrap_or(value.len()));
            (plain.to_vec(), after, false)
        }
    };
    if after.first().is_some_and(|b| !b" ,;\t".contains(b)) {
        return None;
    }
    let field = Field {
        key: String::from_utf8_lossy(key).into_owned(),
        text: String::from_utf8_lossy(&value).into_owned(),
        string,
    };
    Some((field, after))
}

/// The lines of a record. If one field states the reason and another the object, they are joined to one line as a program
/// without fields would write it.
fn lines_of(fields: &[Field]) -> Vec<Vec<u8>> {
    if is_answer(fields) {
        let own = fields.iter().filter(|field| tells_of_a_call(&field.text));
        return own.map(|field| field.text.as_bytes().to_vec()).collect();
    }
    let first = |keys: &[&str]| {
        fields
            .iter()
            .find(|field| keys.contains(&field.key.as_str()))
    };
    let name = first(NAMES).filter(|field| !field.text.contains('\n'));
    let is_bare = |field: &&Field| {
        let is_symbol = Errno::from_symbol(&field.text).is_some();
        (field.string || is_symbol) && !field.text.contains(['/', '\n', '\'', '"', '`'])
    };
    let (message, reason) = (first(MESSAGES), first(REASONS).filter(is_bare));
    let mut lines = Vec::new();
    if let (Some(name), Some(number), None) = (name, number(fields), reason) {
        let message = message.map_or("", |message| message.text.trim_end());
        lines.push(format!("{message}: '{}': errno={number}", name.text).into_bytes());
        return lines;
    }
    for field in fields {
        let key = field.key.as_str();
        if let (Some(name), Some(reason)) = (name, reason) {
            if std::ptr::eq(field, reason) {
                let message = message.map_or("", |message| message.text.trim_end());
                lines.push(format!("{message}: '{}': {}", name.text, reason.text).into_bytes());
                continue;
            }
            if std::ptr::eq(field, name) || message.is_some_and(|it| std::ptr::eq(field, it)) {
                continue;
            }
        }
        if FIELDS.contains(&key) {
            let text = &field.text;
            let line = if field.string {
                format!("  {key}: '{text}'")
            } else {
                format!("  {key}: {text}")
            };
            lines.push(line.into_bytes());
        } else if field.string && is_text(field) {
            lines.extend(field.text.lines().map(|line| line.as_bytes().to_vec()));
        }
    }
    lines
}

/// The error number, if it is the record's only reason: Node's errors also have it as a symbol.
fn number(fields: &[Field]) -> Option<&str> {
    let has = |key: &str| fields.iter().any(|field| field.key == key);
    let number = fields
        .iter()
        .find(|field| field.key == "errno" && !field.string)?;
    let is_known = ["13", "-13"].contains(&number.text.as_str());
    (is_known && !has("code") && !has("syscall")).then_some(number.text.as_str())
}

/// Whether a field may contain information, unlike a level, a time or the name of a stream.
fn is_text(field: &Field) -> bool {
    let key = field.key.as_str();
    let is_one_word = !field.text.contains([' ', '/', '.', '\n']);
    [NAMES, MESSAGES, REASONS, TEXTS]
        .iter()
        .any(|known| known.contains(&key))
        || !(is_one_word || TIMES.contains(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(line: &str) -> Option<Vec<String>> {
        let lines = opened(line.as_bytes())?.lines;
        Some(
            lines
                .iter()
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect(),
        )
    }

    fn some(lines: &[&str]) -> Option<Vec<String>> {
        Some(lines.iter().map(|line| (*line).to_owned()).collect())
    }

    #[test]
    fn a_traceback_within_a_string_becomes_lines() {
        let line =
            br#"x {"level": "error", "err": {"stack": "a\nb", "code": "EACCES", "errno": -13}}"#;
        let opened = opened(line).expect("JSON");
        assert_eq!(opened.head, b"x ");
        assert_eq!(
            opened.lines,
            [&b"a"[..], b"b", b"  code: 'EACCES'", b"  errno: -13"]
        );
    }

    #[test]
    fn a_field_on_a_line_of_its_own_is_read_too() {
        assert_eq!(
            lines(r#"    "stderr": "E: open (13: Permission denied)\nE: end\n","#),
            some(&["E: open (13: Permission denied)", "E: end"])
        );
        assert_eq!(
            lines(r#""message": "cannot open /srv/x: denied","#),
            some(&["cannot open /srv/x: denied"])
        );
    }

    #[test]
    fn what_and_why_in_fields_of_their_own_become_one_line() {
        let line = "cannot open: '/srv/x': permission denied";
        for record in [
            r#"{"level":"1","msg":"cannot open","path":"/srv/x","err":"permission denied"}"#,
            r#"level=error msg="cannot open" path=/srv/x err="permission denied""#,
            "cannot open; filename='/srv/x', error='permission denied'",
        ] {
            let found = lines(record).expect("a record");
            assert!(
                found.iter().any(|found| found == line),
                "{record} {found:?}"
            );
        }
    }

    #[test]
    fn the_answer_to_a_request_tells_nothing() {
        assert_eq!(
            lines(
                r#"level=warn msg="permission denied" user=anna action=orders.delete resource=/orders/42"#
            ),
            some(&[])
        );
        assert_eq!(
            lines(
                r#"{"level":"info","path":"/api/files","status":403,"error":"permission denied"}"#
            ),
            some(&[])
        );
        assert_eq!(
            lines(r#"{"statut":403,"erreur":"Permission non accordée","chemin":"/api/commandes"}"#),
            some(&[])
        );
        assert_eq!(
            lines(r#"{"code":403,"message":"权限不够","path":"/api/v1/users"}"#),
            some(&[])
        );
    }

    #[test]
    fn other_braces_and_equal_signs_are_left_alone() {
        for line in [
            "if x {\"a\"} else {",
            r#""/srv/x": Permission denied"#,
            "a=1 b=2",
            "error=13, Permission denied",
            r#"  "description": "mkdir /data: permission denied""#,
        ] {
            assert_eq!(lines(line), None, "{line}");
        }
    }
}
