//! Converts printed names back to the bytes that they represent.

/// How a program quotes a name in its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quoting {
    /// Not at all.
    #[default]
    None,
    /// Python's `repr`: backslash escapes, `\udcXX` for a byte that is not UTF-8, `\xXX` in bytes literals.
    Python,
    /// GNU's shell-escape style: `'caf'$'\351''.txt'`, `'it'\''s'`; also its C escapes within ‘…’.
    Gnu,
    /// Go's `%q`, Rust's `{:?}`, C's and JSON's string literals: `\n`, `\xff`, `\u00e9`, `\u{e9}`, `\303`.
    Escaped,
    /// rsync's: `\#303\#251`.
    Rsync,
    /// A shell word in POSIX syntax.
    Shell,
    /// Percent-encoding, as in URLs.
    Url,
    /// A sysctl, as sysctl(8) names it (`net.ipv4.ip_forward`, or with slashes): a path below `/proc/sys`.
    Sysctl,
}

/// The bytes of the name.
///
/// `printed` is the text between the outermost quotes. Invalid escapes remain unchanged, so that a wrong guess about the
/// quoting does no harm.
#[must_use]
pub fn unquoted(printed: &[u8], quoting: Quoting) -> Vec<u8> {
    match quoting {
        Quoting::None => printed.to_vec(),
        Quoting::Python | Quoting::Escaped => unescaped(printed),
        Quoting::Gnu
            if printed
                .windows(2)
                .any(|two| two == b"''" || two == b"$'" || two == b"'\\") =>
        {
            shell_words_joined(printed, true)
        }
        Quoting::Gnu => gnu_unescaped(printed),
        Quoting::Rsync => rsync_unescaped(printed),
        Quoting::Shell => shell_words_joined(printed, false),
        Quoting::Url => percent_decoded(printed),
        Quoting::Sysctl => setting_file(printed),
    }
}

/// GNU's locale quoting escapes only what C would. A backslash before another character is literal.
fn gnu_unescaped(printed: &[u8]) -> Vec<u8> {
    if printed.contains(&b'\\') {
        unescaped(printed)
    } else {
        printed.to_vec()
    }
}

fn unescaped(printed: &[u8]) -> Vec<u8> {
    decoded(printed, |rest| {
        let (value, length) = escape(rest.strip_prefix(b"\\")?)?;
        Some((value, 1 + length))
    })
}

/// rsync writes a byte that cannot be printed as `\#` and its three octal digits.
fn rsync_unescaped(printed: &[u8]) -> Vec<u8> {
    decoded(printed, |rest| {
        let digits = rest.strip_prefix(b"\\#")?.get(..3)?;
        Some((Value::Byte(u8::try_from(number(digits, 8)?).ok()?), 5))
    })
}

/// The text with the value of each escape in its place. `escape` gives the value of the one that a text begins with, and its
/// length.
fn decoded(printed: &[u8], escape: impl Fn(&[u8]) -> Option<(Value, usize)>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(printed.len());
    let mut rest = printed;
    while let Some((&byte, after)) = rest.split_first() {
        match escape(rest) {
            Some((value, length)) => {
                value.append_to(&mut bytes);
                rest = &rest[length..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    bytes
}

enum Value {
    Byte(u8),
    Char(char),
}

impl Value {
    fn append_to(&self, bytes: &mut Vec<u8>) {
        match *self {
            Value::Byte(byte) => bytes.push(byte),
            Value::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// The value of the escape after a backslash, and its length.
fn escape(after: &[u8]) -> Option<(Value, usize)> {
    let byte = |byte| Some((Value::Byte(byte), 1));
    match *after.first()? {
        b'n' => byte(b'\n'),
        b't' => byte(b'\t'),
        b'r' => byte(b'\r'),
        b'a' => byte(0x07),
        b'b' => byte(0x08),
        b'f' => byte(0x0c),
        b'v' => byte(0x0b),
        b'e' | b'E' => byte(0x1b),
        c @ (b'\\' | b'\'' | b'"' | b'`' | b'?' | b'/' | b' ' | b':') => byte(c),
        b'x' => {
            let value = number(after.get(1..3)?, 16)?;
            Some((Value::Byte(u8::try_from(value).ok()?), 3))
        }
        b'u' if after.get(1) == Some(&b'{') => {
            let end = after.iter().take(10).position(|&b| b == b'}')?;
            Some((code_point(number(&after[2..end], 16)?)?, end + 1))
        }
        b'u' => Some((code_point(number(after.get(1..5)?, 16)?)?, 5)),
        b'U' => Some((code_point(number(after.get(1..9)?, 16)?)?, 9)),
        b'0'..=b'7' => {
            let digits = after
                .iter()
                .take(3)
                .take_while(|b| (b'0'..=b'7').contains(b))
                .count();
            let value = number(&after[..digits], 8)?;
            Some((Value::Byte(u8::try_from(value).ok()?), digits))
        }
        _ => None,
    }
}

/// A code point, or the byte that Python's surrogateescape encodes as one (PEP 383).
fn code_point(value: u32) -> Option<Value> {
    match value {
        0xdc80..=0xdcff => u8::try_from(value - 0xdc00).ok().map(Value::Byte),
        _ => char::from_u32(value).map(Value::Char),
    }
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    if !digits.first()?.is_ascii_alphanumeric() {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

/// One shell word of quoted and unquoted parts; `inside` if its opening quote was already removed.
fn shell_words_joined(printed: &[u8], inside: bool) -> Vec<u8> {
    #[derive(PartialEq)]
    enum State {
        Bare,
        Single,
        Double,
        Dollar,
    }
    let mut state = if inside { State::Single } else { State::Bare };
    let mut bytes = Vec::with_capacity(printed.len());
    let mut rest = printed;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (&state, byte) {
            (State::Bare, b'\'') => state = State::Single,
            (State::Bare, b'"') => state = State::Double,
            (State::Bare, b'$') if after.first() == Some(&b'\'') => {
                state = State::Dollar;
                rest = &after[1..];
            }
            (State::Bare, b'\\') => {
                let Some((&next, after)) = after.split_first() else {
                    break;
                };
                bytes.push(next);
                rest = after;
            }
            (State::Single | State::Dollar, b'\'') | (State::Double, b'"') => state = State::Bare,
            (State::Dollar | State::Double, b'\\') => match escape(after) {
                Some((value, length)) => {
                    value.append_to(&mut bytes);
                    rest = &after[length..];
                }
                None => bytes.push(byte),
            },
            _ => bytes.push(byte),
        }
    }
    bytes
}

fn percent_decoded(printed: &[u8]) -> Vec<u8> {
    decoded(printed, |rest| {
        let digits = rest.strip_prefix(b"%")?.get(..2)?;
        Some((Value::Byte(u8::try_from(number(digits, 16)?).ok()?), 3))
    })
}

/// As in sysctl.d(5): if the first separator is a dot, dots separate and slashes stand for dots; if it is a slash, the other
/// way round.
fn setting_file(printed: &[u8]) -> Vec<u8> {
    let slashed = printed.iter().find(|b| matches!(b, b'.' | b'/')) == Some(&b'/');
    let name = printed.iter().map(|&byte| match byte {
        b'.' if !slashed => b'/',
        b'/' if !slashed => b'.',
        byte => byte,
    });
    b"/proc/sys/".iter().copied().chain(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_hides_bytes_in_surrogates() {
        assert_eq!(unquoted(br"caf\udce9.txt", Quoting::Python), b"caf\xe9.txt");
        assert_eq!(unquoted(br"caf\xe9.txt", Quoting::Python), b"caf\xe9.txt");
        assert_eq!(
            unquoted(br"it\'s \\ a\nb", Quoting::Python),
            b"it's \\ a\nb"
        );
    }

    #[test]
    fn gnu_joins_quoted_parts() {
        assert_eq!(unquoted(br"caf'$'\351''.txt", Quoting::Gnu), b"caf\xe9.txt");
        assert_eq!(unquoted(br"it'\''s", Quoting::Gnu), b"it's");
        assert_eq!(unquoted(b"plain name", Quoting::Gnu), b"plain name");
        assert_eq!(unquoted(br"two'$'\n''lines", Quoting::Gnu), b"two\nlines");
    }

    #[test]
    fn go_and_rust_escape_as_c_does() {
        assert_eq!(
            unquoted(br"/a\x00\xff/\u00e9\u{20ac}", Quoting::Escaped),
            b"/a\0\xff/\xc3\xa9\xe2\x82\xac"
        );
        assert_eq!(
            unquoted(br"/caf\303\251", Quoting::Escaped),
            "/café".as_bytes()
        );
    }

    #[test]
    fn rsync_writes_bytes_as_numbers() {
        assert_eq!(
            unquoted(br"/caf\#303\#251", Quoting::Rsync),
            "/café".as_bytes()
        );
        assert_eq!(unquoted(br"/a\#9", Quoting::Rsync), br"/a\#9");
    }

    #[test]
    fn a_shell_word_is_read_as_the_shell_reads_it() {
        assert_eq!(
            unquoted(br#"a\ b'c d'"e f"$'\t'"#, Quoting::Shell),
            b"a bc de f\t"
        );
    }

    #[test]
    fn a_url_is_decoded() {
        assert_eq!(
            unquoted(b"%2Fvar%2Frun%2Fdocker.sock", Quoting::Url),
            b"/var/run/docker.sock"
        );
        assert_eq!(unquoted(b"100%", Quoting::Url), b"100%");
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        for quoting in [
            Quoting::Python,
            Quoting::Escaped,
            Quoting::Gnu,
            Quoting::Url,
        ] {
            for broken in [&br"C:\q"[..], br"\x", br"\u12", br"\u{", b"%", br"\777"] {
                assert_eq!(unquoted(broken, quoting), broken, "{quoting:?}");
            }
        }
    }

    #[test]
    fn a_setting_of_the_kernel_is_a_file() {
        for (name, file) in [
            ("vm.max_map_count", "/proc/sys/vm/max_map_count"),
            (
                "net.ipv4.conf.eth0/1.forwarding",
                "/proc/sys/net/ipv4/conf/eth0.1/forwarding",
            ),
            (
                "net/ipv4/conf/eth0.1/forwarding",
                "/proc/sys/net/ipv4/conf/eth0.1/forwarding",
            ),
        ] {
            assert_eq!(unquoted(name.as_bytes(), Quoting::Sysctl), file.as_bytes());
        }
    }
}
