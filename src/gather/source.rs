//! Reads lines of a program's source.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How far into a file a line is looked for, in bytes; also the maximum length of a line. Source code written by people does
/// not exceed it.
const FARTHEST: u64 = 4 * 1024 * 1024;

/// The line of a file with this number (from 1), with up to `around` lines before and after it, and its index among them. Empty
/// if the file cannot be read or is not a regular file.
pub(super) fn lines(path: &Path, number: u32, around: u32) -> (Vec<Vec<u8>>, usize) {
    // Other types of files are not opened, since that can have side effects.
    let opened = path.is_file().then(|| {
        let mut options = File::options();
        options
            .read(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
    });
    let Some(Ok(file)) = opened else {
        return (Vec::new(), 0);
    };
    let first = number.saturating_sub(around).max(1);
    let lines = BufReader::new(file.take(FARTHEST))
        .split(b'\n')
        .skip(first as usize - 1)
        .take((number + around + 1).saturating_sub(first) as usize)
        .map_while(Result::ok)
        .collect();
    (lines, number.saturating_sub(first) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_and_those_around_it_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.pl");
        std::fs::write(&path, "one\ntwo\nthree\nfour\n").expect("a file");
        let read = |number| {
            let (lines, at) = lines(&path, number, 1);
            (
                String::from_utf8(lines.join(&b' ')).expect("it was text"),
                at,
            )
        };
        assert_eq!(read(3), ("two three four".to_owned(), 1));
        assert_eq!(read(1), ("one two".to_owned(), 0));
        assert_eq!(read(9).0, "");
        assert!(lines(folder.path(), 1, 0).0.is_empty());
    }
}
