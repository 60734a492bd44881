//! Log lines that are JSON: the text in their strings, as lines.

use serde_json::Value;

/// Fields that Node's error objects have, written as Node's own inspector writes them.
const FIELDS: &[&str] = &["errno", "code", "syscall", "path", "dest"];

/// How deep the strings of an object are looked for.
const DEPTH: usize = 8;

/// The line up to a JSON object that ends it, and the lines of that object's strings.
#[must_use]
pub fn lines_within(line: &[u8]) -> Option<(&[u8], Vec<Vec<u8>>)> {
    if let Some(lines) = lines_of_field(line) {
        return Some((b"", lines));
    }
    let start = memchr::memmem::find(line, b"{\"")?;
    let value: Value = serde_json::from_slice(&line[start..]).ok()?;
    let mut lines = Vec::new();
    collect(&value, None, DEPTH, &mut lines);
    Some((&line[..start], lines))
}

/// The lines of a field that stands on a line of its own, as pretty printers write it: `"msg": "...\n...",`.
fn lines_of_field(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let field = line.trim_ascii();
    let field = field.strip_suffix(b",").unwrap_or(field);
    if !field.starts_with(b"\"")
        || !field.ends_with(b"\"")
        || memchr::memmem::find(field, b"\\n").is_none()
    {
        return None;
    }
    let value: Value = serde_json::from_slice(&[b"{", field, b"}"].concat()).ok()?;
    let mut lines = Vec::new();
    collect(&value, None, 1, &mut lines);
    Some(lines)
}

fn collect(value: &Value, key: Option<&str>, depth: usize, lines: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => {
            if let Some(key) = key.filter(|key| FIELDS.contains(key)) {
                lines.push(format!("  {key}: '{text}'").into_bytes());
            } else {
                lines.extend(text.lines().map(|line| line.as_bytes().to_vec()));
            }
        }
        Value::Array(items) if depth > 0 => {
            items
                .iter()
                .for_each(|item| collect(item, None, depth - 1, lines));
        }
        Value::Object(fields) if depth > 0 => {
            fields
                .iter()
                .for_each(|(key, item)| collect(item, Some(key), depth - 1, lines));
        }
        Value::Number(number) => {
            if let Some(key) = key.filter(|key| FIELDS.contains(key)) {
                lines.push(format!("  {key}: {number}").into_bytes());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceback_within_a_string_becomes_lines() {
        let line =
            br#"x {"level": "error", "err": {"stack": "a\nb", "code": "EACCES", "errno": -13}}"#;
        let (head, lines) = lines_within(line).expect("JSON");
        assert_eq!(head, b"x ");
        assert_eq!(
            lines,
            [
                &b"error"[..],
                b"a",
                b"b",
                b"  code: 'EACCES'",
                b"  errno: -13"
            ]
        );
    }

    #[test]
    fn a_field_on_a_line_of_its_own_is_read_too() {
        let line = br#"    "stderr": "E: open (13: Permission denied)\nE: end\n","#;
        let (_, lines) = lines_within(line).expect("a field");
        assert_eq!(lines, [&b"E: open (13: Permission denied)"[..], b"E: end"]);
    }

    #[test]
    fn other_braces_are_left_alone() {
        assert_eq!(lines_within(b"if x {\"a\"} else {"), None);
    }
}
