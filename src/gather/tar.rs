//! Reads tar archives (ustar, with the extended headers of pax and GNU), one entry after the other.

use std::io::{self, Read};

use crate::facts::{Inode, Kind};

pub(super) const BLOCK: usize = 512;

/// The maximum length of an extended header, in bytes.
const MOST_EXTENDED: u64 = 64 * 1024;

/// What the header of an entry tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: Vec<u8>,
    pub inode: Inode,
    /// The target, if it is a symlink.
    pub link: Option<Vec<u8>>,
    /// The name of the earlier entry that is the same file, if it is a hard link.
    pub same_as: Option<Vec<u8>>,
    /// The length of the content that follows, in bytes.
    pub size: u64,
}

/// What extended headers tell of the next entry.
#[derive(Debug, Default)]
struct Extended {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    uid: Option<u32>,
    gid: Option<u32>,
    size: Option<u64>,
}

/// Reads the next header, after which the content follows. `None` at the end, or if it is no archive.
pub(super) fn next(archive: &mut impl Read) -> Option<Entry> {
    let mut extended = Extended::default();
    loop {
        let mut header = [0u8; BLOCK];
        archive.read_exact(&mut header).ok()?;
        if &header[257..262] != b"ustar" {
            return None;
        }
        let size = number(&header[124..136])?;
        match header[156] {
            kind @ (b'x' | b'g' | b'L' | b'K') => {
                let mut content = Vec::new();
                let most = size.min(MOST_EXTENDED);
                archive.by_ref().take(most).read_to_end(&mut content).ok()?;
                skip(archive, padded(size) - most)?;
                extended.read(kind, &content);
            }
            _ => return entry(&header, size, extended),
        }
    }
}

/// Skips so many bytes.
pub(super) fn skip(archive: &mut impl Read, count: u64) -> Option<()> {
    let skipped = io::copy(&mut archive.by_ref().take(count), &mut io::sink());
    (skipped.ok()? == count).then_some(())
}

/// The length of content of this size with its padding.
pub(super) fn padded(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64)
}

impl Extended {
    fn read(&mut self, kind: u8, content: &[u8]) {
        match kind {
            b'L' => self.name = Some(text(content).to_vec()),
            b'K' => self.link = Some(text(content).to_vec()),
            b'x' => self.read_records(content),
            _ => {}
        }
    }

    /// Records of the form `LENGTH NAME=VALUE\n`, with the length of the whole record.
    fn read_records(&mut self, mut rest: &[u8]) {
        while let Some((record, after)) = record(rest) {
            rest = after;
            let Some(at) = record.iter().position(|&byte| byte == b'=') else {
                return;
            };
            let (name, value) = (&record[..at], &record[at + 1..]);
            let number = || std::str::from_utf8(value).ok()?.parse::<u64>().ok();
            let id = || u32::try_from(number()?).ok();
            match name {
                b"path" => self.name = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"uid" => self.uid = id(),
                b"gid" => self.gid = id(),
                b"size" => self.size = number(),
                _ => {}
            }
        }
    }
}

/// The first record without its length, and what follows it.
fn record(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = rest.iter().position(|&byte| byte == b' ')?;
    let length: usize = std::str::from_utf8(&rest[..at]).ok()?.parse().ok()?;
    let record = rest.get(at + 1..length)?;
    Some((record.strip_suffix(b"\n")?, &rest[length..]))
}

fn entry(header: &[u8; BLOCK], size: u64, extended: Extended) -> Option<Entry> {
    let kind = match header[156] {
        b'0' | b'1' | 0 => Kind::Regular,
        b'2' => Kind::Symlink,
        b'3' => Kind::Char,
        b'4' => Kind::Block,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        _ => return None,
    };
    let mode = u32::try_from(number(&header[100..108])?).ok()?;
    let id = |field: &[u8]| u32::try_from(number(field)?).ok();
    let link = || {
        extended
            .link
            .unwrap_or_else(|| text(&header[157..257]).to_vec())
    };
    let link = (matches!(header[156], b'1' | b'2')).then(link);
    let (link, same_as) = match kind {
        Kind::Symlink => (link, None),
        _ => (None, link),
    };
    Some(Entry {
        name: extended.name.unwrap_or_else(|| name(header)),
        inode: Inode {
            kind,
            mode: mode & 0o7777,
            uid: extended.uid.or_else(|| id(&header[108..116]))?,
            gid: extended.gid.or_else(|| id(&header[116..124]))?,
            device: Default::default(),
            number: 0,
            links: 1,
            rdev: Default::default(),
        },
        link,
        same_as,
        size: extended.size.unwrap_or(size),
    })
}

/// The name, with the prefix that long ones have.
fn name(header: &[u8; BLOCK]) -> Vec<u8> {
    let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
    match prefix {
        // GNU's headers have other fields there.
        prefix if prefix.is_empty() || header[262] == b' ' => name.to_vec(),
        prefix => [prefix, b"/", name].concat(),
    }
}

/// A number: octal digits, or big-endian binary if it is too large for those.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let join = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        return Some(field[1..].iter().fold(0, join));
    }
    let digits = std::str::from_utf8(text(field)).ok()?.trim();
    match digits {
        "" => Some(0),
        digits => u64::from_str_radix(digits, 8).ok(),
    }
}

fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0);
    &field[..end.unwrap_or(field.len())]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The header of an entry.
    pub fn header(name: &str, kind: u8, mode: u32, ids: (u32, u32), size: usize) -> Vec<u8> {
        let mut header = vec![0u8; BLOCK];
        let octal = |number: u32| format!("{number:07o}");
        for (at, field) in [
            (0, name.to_owned()),
            (100, octal(mode)),
            (108, octal(ids.0)),
            (116, octal(ids.1)),
            (124, format!("{size:011o}")),
            (257, "ustar".to_owned()),
        ] {
            header[at..at + field.len()].copy_from_slice(field.as_bytes());
        }
        header[156] = kind;
        header
    }

    /// The header of an entry and its content.
    pub fn file(name: &str, kind: u8, mode: u32, ids: (u32, u32), content: &[u8]) -> Vec<u8> {
        let padding = padded(content.len() as u64) as usize - content.len();
        let header = header(name, kind, mode, ids, content.len());
        [&header, content, &vec![0; padding]].concat()
    }

    #[test]
    fn the_header_of_an_archive_tells_mode_and_owner() {
        let directory = next(&mut &header("root/", b'5', 0o40700, (1000, 42), 0)[..]).unwrap();
        assert_eq!(directory.name, b"root/");
        let inode = directory.inode;
        assert_eq!((inode.kind, inode.mode), (Kind::Directory, 0o700));
        assert_eq!((inode.uid, inode.gid), (1000, 42));
        assert_eq!(next(&mut &b"short"[..]), None);
        assert_eq!(next(&mut &[0u8; BLOCK][..]), None);
    }

    #[test]
    fn extended_headers_tell_of_the_entry_that_follows() {
        let long = "d/".repeat(80) + "f";
        let record = format!(" path={long}\n");
        let record = format!("{}{record}", record.len() + 3);
        let records = [record.as_bytes(), b"15 uid=4000000\n"].concat();
        let archive = [
            file("x", b'x', 0, (0, 0), &records),
            file("f", b'0', 0o640, (0, 7), b"x\n"),
        ];
        let mut archive = &archive.concat()[..];
        let entry = next(&mut archive).unwrap();
        assert_eq!(entry.name, long.as_bytes());
        assert_eq!(
            (entry.inode.uid, entry.inode.gid, entry.size),
            (4_000_000, 7, 2)
        );
        assert_eq!(&archive[..2], b"x\n");
    }

    #[test]
    fn large_ids_are_binary() {
        assert_eq!(
            number(&[0x80, 0, 0, 0, 0, 0x2f, 0xaf, 0x08]),
            Some(3_125_000)
        );
        assert_eq!(number(b"0001750\0"), Some(1000));
    }
}
