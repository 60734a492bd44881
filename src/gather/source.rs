//! A line of a program's source.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How far into a file is looked for a line, and how long a line may be, in bytes: more is no source that people write.
const FARTHEST: u64 = 4 * 1024 * 1024;

/// The line of a file with this number (from 1), with up to `around` lines before and after it, and which of them it is.
/// Empty where they cannot be read, or where it is no regular file.
pub(super) fn lines(path: &Path, number: u32, around: u32) -> (Vec<Vec<u8>>, usize) {
    // Whatever else it may be is not opened: that alone could do something.
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
