//! Splits bytes into lines of limited length, for all kinds of line ends, and removes colors.

use std::borrow::Cow;

/// The maximum length of a line, in bytes. A longer line is read in overlapping pieces.
pub const LONGEST: usize = 16 * 1024;

/// How much of the end of a split line is repeated at the start of the next piece, so that a message at the split is complete
/// in one of them.
const OVERLAP: usize = 2 * 1024;

/// Assembles lines from chunks of any size.
///
/// A carriage return ends a line as well: the output that a progress meter overwrites is still in the stream.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
    after_return: bool,
}

impl Lines {
    /// Processes the next bytes; `line` is called with each line that is complete now, without its line end.
    pub fn feed(&mut self, mut bytes: &[u8], mut line: impl FnMut(&[u8])) {
        while !bytes.is_empty() {
            let room = LONGEST - self.partial.len();
            let near = &bytes[..room.min(bytes.len())];
            let Some(end) = memchr::memchr2(b'\n', b'\r', near) else {
                self.partial.extend_from_slice(near);
                bytes = &bytes[near.len()..];
                self.after_return = false;
                if self.partial.len() == LONGEST {
                    line(&self.partial);
                    self.partial.drain(..LONGEST - OVERLAP);
                }
                continue;
            };
            let feed_of_return = self.after_return && end == 0 && near[0] == b'\n';
            if !feed_of_return {
                self.partial.extend_from_slice(&near[..end]);
                line(&self.partial);
                self.partial.clear();
            }
            self.after_return = near[end] == b'\r';
            bytes = &bytes[end + 1..];
        }
    }

    /// The bytes of the incomplete last line.
    #[must_use]
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// Discards the incomplete last line.
    pub fn clear(&mut self) {
        self.partial.clear();
    }
}

/// The line without escape sequences (ECMA-48: colors, hyperlinks, titles), NULs and other invisible control characters. Tabs
/// remain. A backspace takes back the character before it, which is about to be overwritten.
#[must_use]
pub fn without_controls(line: &[u8]) -> Cow<'_, [u8]> {
    let invisible = |&byte: &u8| (byte < 0x20 && byte != b'\t') || byte == 0x7f;
    if !line.iter().any(invisible) {
        return Cow::Borrowed(line);
    }
    let mut plain = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        if byte == 0x1b {
            rest = &after[escape_length(after)..];
            continue;
        }
        if byte == 0x08 {
            let is_inside = |byte: &u8| byte & 0xc0 == 0x80;
            while plain.pop().is_some_and(|byte| is_inside(&byte)) {}
        }
        if !invisible(&byte) {
            plain.push(byte);
        }
        rest = after;
    }
    Cow::Owned(plain)
}

/// The length of an escape sequence, not counting its ESC.
fn escape_length(after: &[u8]) -> usize {
    let last = |ends: fn(u8) -> bool| after.iter().skip(1).position(|&b| ends(b)).map(|at| at + 2);
    match after.first() {
        None => 0,
        // A control sequence ends with a byte from @ to ~.
        Some(b'[') => last(|b| (0x40..=0x7e).contains(&b)).unwrap_or(after.len()),
        // An operating system command ends with BEL or ESC \.
        Some(b']') => match last(|b| b == 0x07 || b == 0x1b) {
            Some(end) if after[end - 1] == 0x1b => (end + 1).min(after.len()),
            Some(end) => end,
            None => 1,
        },
        // The selection of a character set has one more byte.
        Some(b'(' | b')' | b'#' | b'%') => 2.min(after.len()),
        Some(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8], size: usize) -> Vec<Vec<u8>> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for chunk in text.chunks(size) {
            lines.feed(chunk, |line| found.push(line.to_vec()));
        }
        found
    }

    #[test]
    fn every_kind_of_line_end_counts_once() {
        for size in [1, 2, 3, 100] {
            let found = lines(b"a\nb\r\nc\rd\n\ne\n", size);
            assert_eq!(
                found,
                [&b"a"[..], b"b", b"c", b"d", b"", b"e"],
                "chunks of {size}"
            );
        }
    }

    #[test]
    fn an_endless_line_comes_in_overlapping_pieces_of_bounded_size() {
        let found = lines(&[b'x'; 100_000], 777);
        assert!(found.len() > 5 && found.iter().all(|piece| piece.len() <= LONGEST));
    }

    #[test]
    fn colors_titles_and_links_are_taken_out() {
        let plain = |line: &[u8]| without_controls(line).into_owned();
        assert_eq!(plain(b"\x1b[0;31mError\x1b[0m: \x1b[Kx\x00"), b"Error: x");
        assert_eq!(plain(b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b"), b"ab");
        assert_eq!(plain(b"\x1b(Ba\tb\x1b"), b"a\tb");
        assert_eq!(plain(b"\x1b[31"), b"");
    }

    #[test]
    fn a_backspace_takes_back_one_character() {
        let plain = |line: &str| without_controls(line.as_bytes()).into_owned();
        assert_eq!(plain(".\x08./run\x08\x08\x1b[Ksh"), b"./rsh");
        assert_eq!(plain("aé\x08b\x08\x08\x08c"), b"c");
    }
}
