//! Names in source code that stand for a literal.

use super::quoted;

/// A statement with the literals in place of the names that it passes on, as far as the code that it is from assigns them once
/// and for all: `connect("app.db")` for `connect(DB)` where `DB = "app.db"` stands above.
pub fn filled_in(statement: &[u8], code: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(statement.len());
    let mut rest = statement;
    while let Some(&byte) = rest.first() {
        let (name, after) = rest.split_at(name_length(rest));
        let is_passed = !name.is_empty()
            && matches!(filled.trim_ascii_end().last(), Some(b'(' | b','))
            && matches!(after.trim_ascii_start().first(), Some(b')' | b','));
        match is_passed.then(|| assigned(code, name)).flatten() {
            Some(literal) => filled.extend_from_slice(literal),
            None if name.is_empty() => filled.push(byte),
            None => filled.extend_from_slice(name),
        }
        rest = if name.is_empty() { &rest[1..] } else { after };
    }
    filled
}

/// The literal, with its quotes, that code assigns to a name, if that is all that it ever binds to it.
fn assigned<'c>(code: &'c [u8], name: &[u8]) -> Option<&'c [u8]> {
    let mut values = code
        .split(|byte| *byte == b'\n')
        .filter_map(|line| bound(line.trim_ascii(), name));
    let value = values.next()??;
    values.next().is_none().then_some(value)
}

/// What a line binds to a name: `None` if nothing, `Some(None)` if it is more than a literal.
fn bound<'l>(line: &'l [u8], name: &[u8]) -> Option<Option<&'l [u8]>> {
    const KEYWORDS: [&[u8]; 3] = [b"const ", b"let ", b"var "];
    // The names behind these are bound to what only running the code would tell.
    const OTHERS: [&[u8]; 6] = [b"def", b"function", b"lambda", b"for", b"as", b"global"];
    let keyword = KEYWORDS.iter().find_map(|word| line.strip_prefix(*word));
    let target = keyword.unwrap_or(line);
    let length = name_length(target);
    if length > 0 && target[..length] == *name {
        let rest = target[length..].trim_ascii_start();
        if let Some(value) = rest.strip_prefix(b"=")
            && !value.starts_with(b"=")
        {
            return Some(literal(value.trim_ascii_start()));
        }
        // An annotation, `+=`, or the first of several names.
        if rest.first().is_some_and(|byte| b":+,|".contains(byte)) {
            return Some(None);
        }
    }
    let words = line.split(|byte| !is_of_a_name(*byte));
    let mut behind = words.skip_while(|word| !OTHERS.contains(word));
    behind.any(|word| word == name).then_some(None)
}

/// The literal that is all of a value, with its quotes.
fn literal(value: &[u8]) -> Option<&[u8]> {
    let quoted = quoted(value);
    let (at, inside) = quoted.first()?;
    let end = at + inside.len() + 1;
    let behind = value[end..].trim_ascii_start();
    let is_all = behind.is_empty()
        || [&b";"[..], b"#", b"//"]
            .iter()
            .any(|s| behind.starts_with(s));
    (*at == 1 && is_all).then_some(&value[..end])
}

/// The length of the name that begins here.
fn name_length(code: &[u8]) -> usize {
    match code.first() {
        Some(byte) if !byte.is_ascii_digit() => {
            code.iter().take_while(|byte| is_of_a_name(**byte)).count()
        }
        _ => 0,
    }
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(statement: &str, code: &str) -> String {
        String::from_utf8(filled_in(statement.as_bytes(), code.as_bytes())).expect("it was text")
    }

    #[test]
    fn a_name_that_is_assigned_once_is_its_literal() {
        let call = "c = sqlite3.connect(DB, timeout=5).cursor()";
        for code in [
            "DB = '/srv/app.db'",
            "import os\nDB='/srv/app.db'  # the shop's\n\nprint(DB)",
            "const DB = '/srv/app.db';",
        ] {
            let literal = "c = sqlite3.connect('/srv/app.db', timeout=5).cursor()";
            assert_eq!(filled(call, code), literal, "{code}");
        }
    }

    #[test]
    fn a_name_that_may_be_anything_stays_one() {
        let call = "open(DB)";
        for code in [
            "",
            "DB = os.environ['DB']",
            "DB = '/srv/' + name",
            "DB = '/srv/a'\nDB = '/srv/b'",
            "DB = '/srv/a'\nDB += '.bak'",
            "DB = '/srv/a'\ndef opened(DB):\n    return open(DB)",
            "DB = '/srv/a'\nfor DB in all_of_them:",
            "with ask() as DB:\n  DB = '/srv/a'",
            "DBX = '/srv/a'",
        ] {
            assert_eq!(filled(call, code), call, "{code}");
        }
        assert_eq!(filled("open(DB + 'x')", "DB = '/srv/a'"), "open(DB + 'x')");
    }
}
