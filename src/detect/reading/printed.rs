//! The meaning of what a pattern captured: names, addresses, error numbers, modes and flags.

use crate::attempt::{Errno, OpenHow, Operation};
use crate::detect::pattern::Told;

/// The maximum length of a path (PATH_MAX).
pub(super) const LONGEST_PATH: usize = 4096;

/// A socket address in the usual notation: both `0.0.0.0', 80` (Python) and `0.0.0.0" port 80` (Ruby) become `0.0.0.0:80`.
pub(super) fn address(printed: &[u8]) -> Option<Vec<u8>> {
    let digits = printed
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_digit())
        .count();
    let (host, port) = printed.split_at(printed.len() - digits);
    if port.is_empty() {
        return None;
    }
    let host = host.strip_suffix(b" port ").unwrap_or(host);
    let host = host.strip_suffix(b":").unwrap_or(host);
    let blank = |b: &u8| b" '\",()".contains(b);
    let start = host.iter().take_while(|b| blank(b)).count();
    let end = host.len() - host[start..].iter().rev().take_while(|b| blank(b)).count();
    Some([&host[start..end], b":", port].concat())
}

pub(super) fn errno(text: &[u8]) -> Option<Errno> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(errno) = [Errno::Acces, Errno::Perm, Errno::RoFs]
        .into_iter()
        .find(|errno| errno.words().eq_ignore_ascii_case(text))
    {
        return Some(errno);
    }
    let number = text.trim_start_matches('-').parse().ok();
    number
        .and_then(Errno::from_number)
        .or_else(|| Errno::from_symbol(text))
}

/// A name without remains of the surrounding sentence: a backslash before a quote, an unmatched quote or bracket, a comma.
pub(super) fn tidy(mut name: &[u8]) -> &[u8] {
    while let [rest @ .., b'\\' | b',' | b';'] = name {
        name = rest;
    }
    match name {
        [rest @ .., b')'] if !rest.contains(&b'(') => rest,
        [rest @ .., quote @ (b'\'' | b'"')] if !rest.contains(quote) => rest,
        name => name,
    }
}

/// An unquoted path without the full stop of the sentence that it ends.
pub(super) fn without_stop(name: &[u8]) -> &[u8] {
    match name {
        [b'/', rest @ .., b'.'] if rest.last().is_some_and(u8::is_ascii_alphanumeric) => {
            &name[..name.len() - 1]
        }
        name => name,
    }
}

/// An unquoted name without the words behind it: in other languages the verb may follow the object. One plain word more is
/// part of the name.
pub(super) fn without_verb(name: &[u8]) -> &[u8] {
    let Some(blank) = name.iter().position(|byte| *byte == b' ') else {
        return name;
    };
    let rest = name[blank..].trim_ascii();
    let is_name = rest.is_ascii() && !rest.contains(&b' ');
    if is_name && !rest.is_empty() {
        name
    } else {
        &name[..blank]
    }
}

/// The path in the URL of a local file or socket, or behind gdb's label of the place where the program runs.
pub(super) fn without_scheme(name: Vec<u8>) -> Vec<u8> {
    let schemes: [&[u8]; 3] = [b"file:", b"unix:", b""];
    let paths = schemes
        .iter()
        .filter_map(|scheme| name.strip_prefix(*scheme));
    // Three slashes begin a URL without a host. Two may also begin a path.
    let path = paths.into_iter().find(|path| path.starts_with(b"///"));
    let path = path.map(|path| &path[2..]).or_else(|| {
        let labels: [&[u8]; 3] = [b"unix:", b"file:", b"target:"];
        let path = labels.iter().find_map(|label| name.strip_prefix(*label))?;
        (path.starts_with(b"/") && !path.starts_with(b"//")).then_some(path)
    });
    path.map_or_else(|| name.clone(), <[u8]>::to_vec)
}

/// The operation that the mode of fopen(3), or of Python's and other languages' open, implies.
pub fn by_mode(mode: &[u8]) -> Told {
    let operation = match mode.iter().find(|b| b"rwax".contains(b)) {
        Some(b'x') => Operation::CREATE,
        Some(b'w') => Operation::WRITE,
        Some(b'a') => Operation::APPEND,
        Some(b'r') if mode.contains(&b'+') => Operation::UPDATE,
        Some(b'r') => Operation::READ,
        _ => return Told::Untold,
    };
    Told::Operation(operation)
}

/// The operation that the flags of open(2) imply.
pub fn by_flags(flags: &[u8]) -> Told {
    let has = |flag: &str| memchr::memmem::find(flags, flag.as_bytes()).is_some();
    let operation = match () {
        () if has("O_CREAT") => Operation::CREATE,
        () if has("O_TRUNC") => Operation::TRUNCATE,
        () if has("O_APPEND") => Operation::APPEND,
        () if has("O_WRONLY") => Operation::WRITE,
        () if has("O_RDWR") => Operation::UPDATE,
        () if has("O_RDONLY") => Operation::READ,
        () => return Told::Untold,
    };
    Told::Operation(match operation {
        Operation::Open(how) => Operation::Open(OpenHow {
            read: how.read || has("O_RDWR"),
            noatime: has("O_NOATIME"),
            ..how
        }),
        other => other,
    })
}
