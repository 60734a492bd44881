//! Quotes paths for people and for shells, so that a file name can do no harm when displayed or pasted.
//!
//! A file name consists of any bytes except `/` and NUL. Newlines, escape sequences, `$(...)` and bytes that are not UTF-8
//! become plain printable characters, from which a shell reads back exactly the same name.
#![forbid(unsafe_code)]

use std::fmt::Write;

/// The notation of a non-text byte in facts and JSON: `\xNN`.
#[must_use]
pub fn byte(byte: u8) -> String {
    format!("\\x{byte:02x}")
}

/// The path for people. Printable characters remain; control characters and invalid bytes become `\n` or `\x1b`; characters
/// that alter the display of their neighbors (right-to-left marks, zero width) become `\u{202e}`.
#[must_use]
pub fn display(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                c if is_plain(c) => text.push(c),
                c if c.is_ascii() => write_hex(&mut text, c as u8),
                c => {
                    let _ = write!(text, "\\u{{{:x}}}", c as u32);
                }
            }
        }
        for &byte in chunk.invalid() {
            write_hex(&mut text, byte);
        }
    }
    text
}

/// A line of text for people, which may contain file names: like [`display`], and in addition it cannot act as a GitHub
/// workflow command (`::error::` at the start of a line, `##[error]` anywhere).
#[must_use]
pub fn line(text: &str) -> String {
    let shown = display(text.as_bytes()).replace("##[", "#\\#[");
    match shown.trim_start().starts_with("::") {
        true => format!("\\{}", shown.trim_start()),
        false => shown,
    }
}

/// The path as one word for a POSIX shell (sh(1)): bare if it contains nothing special to a shell; in single quotes if it is
/// printable; otherwise by means of printf(1), which every shell has.
///
/// A path with a leading dash is prefixed with `./`, so that no command takes it for an option.
#[must_use]
pub fn shell(path: &[u8]) -> String {
    if path.starts_with(b"-") {
        word(&[b"./", path].concat())
    } else {
        word(path)
    }
}

/// A whole command line, from words as passed to execve(2). Words with a leading dash remain options.
#[must_use]
pub fn command(words: &[Vec<u8>]) -> String {
    let quoted: Vec<String> = words.iter().map(|bytes| word(bytes)).collect();
    quoted.join(" ")
}

/// Command substitution strips trailing newlines, so those of a name are appended in single quotes.
fn word(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.starts_with(is_bare_first) && text.chars().all(is_bare) => text.to_owned(),
        Ok(text) if text.chars().all(is_plain) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let end = bytes
                .iter()
                .rposition(|&byte| byte != b'\n')
                .map_or(0, |at| at + 1);
            let newlines = match &bytes[end..] {
                [] => String::new(),
                more => format!("'{}'", "\n".repeat(more.len())),
            };
            format!("\"$(printf '{}')\"{newlines}", printf_format(&bytes[..end]))
        }
    }
}

/// The format for printf(1) that prints these bytes. Whatever is special to printf, to a shell, or to the history expansion of
/// an interactive one is written as three octal digits.
fn printf_format(bytes: &[u8]) -> String {
    let mut format = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let option = c == '-' && format.is_empty();
            if (is_bare(c) || c == ' ') && c != '%' && !option {
                format.push(c);
            } else {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(format, "\\{byte:03o}");
                }
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(format, "\\{byte:03o}");
        }
    }
    format
}

/// Whether the character needs no quotes in a shell word.
fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c)
}

/// Like [`is_bare`], for the first character: zsh expands `=ls` to a path.
fn is_bare_first(c: char) -> bool {
    is_bare(c) && c != '='
}

/// Whether the character is visible, occupies a column of its own and does not affect its neighbors.
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

fn write_hex(text: &mut String, byte: u8) {
    let _ = write!(text, "\\x{byte:02x}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_stay_as_they_are() {
        assert_eq!(shell(b"/srv/app/data-1.db"), "/srv/app/data-1.db");
        assert_eq!(display("/srv/Größe".as_bytes()), "/srv/Größe");
    }

    #[test]
    fn what_means_something_to_a_shell_is_quoted() {
        assert_eq!(shell(b"/srv/my file"), "'/srv/my file'");
        assert_eq!(shell(b"/srv/$(reboot)"), "'/srv/$(reboot)'");
        assert_eq!(shell(b"/srv/it's"), r"'/srv/it'\''s'");
        assert_eq!(shell(b"~root"), "'~root'");
        assert_eq!(shell(b""), "''");
        assert_eq!(shell(b"-rf"), "./-rf");
    }

    #[test]
    fn control_characters_and_odd_bytes_never_reach_the_screen() {
        let hostile = b"/srv/a\n\x1b[2Jrm -rf ~\r\xff\xe2\x80\xae";
        for text in [display(hostile), shell(hostile)] {
            assert!(text.chars().all(is_plain), "{text:?}");
        }
        assert_eq!(
            shell(b"/srv/a\nb!c%"),
            r#""$(printf '/srv/a\012b\041c\045')""#
        );
    }

    #[test]
    fn a_line_is_one_line_and_no_command() {
        assert_eq!(line("a\n::error::b"), "a\\n::error::b");
        assert_eq!(line("  ::error::b"), "\\::error::b");
        assert_eq!(
            line("x ##[error]b\x1b[2J\x7f\u{9b}"),
            "x #\\#[error]b\\x1b[2J\\x7f\\u{9b}"
        );
    }

    #[test]
    fn options_of_a_command_line_stay_options() {
        let words = [
            &b"pip"[..],
            b"install",
            b"--target",
            b"-e",
            b"a b",
            b"-x=a b",
        ];
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
        assert_eq!(command(&words), "pip install --target -e 'a b' '-x=a b'");
    }
}
