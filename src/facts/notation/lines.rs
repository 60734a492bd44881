//! Parsing and printing of the words of a line.

use crate::attempt::{Capability, CapabilitySet, Errno, IdMap};
use crate::facts::{DeviceNumber, Kind, Perms};
use crate::quote;

/// A path or symlink target as one word: white space, `\`, `#` and bytes outside printable ASCII become `\xNN`.
pub(super) fn escape(bytes: &[u8]) -> String {
    let mut word = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' | b'#' => word.push_str(&quote::byte(byte)),
            0x21..=0x7e => word.push(char::from(byte)),
            _ => word.push_str(&quote::byte(byte)),
        }
    }
    word
}

/// The bytes of such a word; `None` if a backslash is not followed by `xNN`.
pub(super) fn unescape(word: &str) -> Option<Vec<u8>> {
    let mut parts = word.split('\\');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let digits = part.strip_prefix('x')?.get(..2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[3..]);
    }
    Some(bytes)
}

/// Parses `?` or `?EACCES`: an unknown value, with the error number of reading it.
pub(super) fn unknown(word: &str) -> Option<Option<Errno>> {
    match word.strip_prefix('?')? {
        "" => Some(None),
        symbol => Errno::from_symbol(symbol).map(Some),
    }
}

/// The word that [`unknown`] reads back.
pub(super) fn unknown_word(errno: Option<Errno>) -> String {
    errno.map_or_else(|| "?".to_owned(), |errno| format!("?{errno}"))
}

/// Parses permissions: `r-x`.
pub(super) fn perms(word: &str) -> Option<Perms> {
    let [r, w, x] = word.as_bytes() else {
        return None;
    };
    let mut bits = 0;
    for (&letter, is, bit) in [(r, b'r', 4), (w, b'w', 2), (x, b'x', 1)] {
        if letter == is {
            bits |= bit;
        } else if letter != b'-' {
            return None;
        }
    }
    Some(Perms::from_bits(bits))
}

/// Parses type and mode in the notation of `ls -l`, without a trailing `+`: `drwxr-xr-x`.
pub(super) fn listing(word: &str) -> Option<(Kind, u32)> {
    let bytes: &[u8; 10] = word.as_bytes().try_into().ok()?;
    let kind = match bytes[0] {
        b'-' => Kind::Regular,
        b'd' => Kind::Directory,
        b'l' => Kind::Symlink,
        b'c' => Kind::Char,
        b'b' => Kind::Block,
        b'p' => Kind::Fifo,
        b's' => Kind::Socket,
        _ => return None,
    };
    let mut mode = 0;
    for (at, special, (with_x, without_x)) in [
        (1, 0o4000, (b's', b'S')),
        (4, 0o2000, (b's', b'S')),
        (7, 0o1000, (b't', b'T')),
    ] {
        let mut class = [bytes[at], bytes[at + 1], bytes[at + 2]];
        if class[2] == with_x || class[2] == without_x {
            mode |= special;
            class[2] = if class[2] == with_x { b'x' } else { b'-' };
        }
        let class = perms(std::str::from_utf8(&class).ok()?)?;
        mode |= class.bits() << (7 - at);
    }
    Some((kind, mode))
}

/// Parses a device number: `8:1`.
pub(super) fn device(word: &str) -> Option<DeviceNumber> {
    let (major, minor) = word.split_once(':')?;
    Some(DeviceNumber {
        major: major.parse().ok()?,
        minor: minor.parse().ok()?,
    })
}

/// Parses `full`, `none`, names (`dac_override,fowner`) or a mask as in `/proc/PID/status` (`0x1ff`).
pub(super) fn capabilities(word: &str) -> Option<CapabilitySet> {
    match word {
        "full" => return Some(CapabilitySet::FULL),
        "none" => return Some(CapabilitySet::EMPTY),
        _ => {}
    }
    if let Some(mask) = word.strip_prefix("0x") {
        return u64::from_str_radix(mask, 16).ok().map(CapabilitySet);
    }
    word.split(',').try_fold(CapabilitySet::EMPTY, |set, name| {
        let capability = Capability::ALL
            .iter()
            .find(|capability| capability.name()["CAP_".len()..].eq_ignore_ascii_case(name))?;
        Some(set.with(*capability))
    })
}

/// The word that [`capabilities`] reads back.
pub(super) fn capabilities_word(set: CapabilitySet) -> String {
    let names: Vec<String> = Capability::ALL
        .iter()
        .filter(|capability| set.contains(**capability))
        .map(|capability| capability.name()["CAP_".len()..].to_ascii_lowercase())
        .collect();
    match names.join(",") {
        _ if set == CapabilitySet::FULL => "full".to_owned(),
        _ if set == CapabilitySet::EMPTY => "none".to_owned(),
        names if capabilities(&names) == Some(set) => names,
        _ => format!("{:#x}", set.0),
    }
}

/// Parses ranges of ids: `0+1,1000+1` is one id from 0 on and one from 1000 on; `none` is the empty map.
pub(super) fn id_map(word: &str) -> Option<IdMap> {
    if word == "none" {
        return Some(IdMap(Vec::new()));
    }
    let ranges = word.split(',').map(|range| {
        let (first, count) = range.split_once('+')?;
        Some((first.parse().ok()?, count.parse().ok()?))
    });
    ranges.collect::<Option<_>>().map(IdMap)
}

/// The word that [`id_map`] reads back.
pub(super) fn id_map_word(map: &IdMap) -> String {
    if map.0.is_empty() {
        return "none".to_owned();
    }
    let ranges: Vec<String> = map
        .0
        .iter()
        .map(|(first, count)| format!("{first}+{count}"))
        .collect();
    ranges.join(",")
}
