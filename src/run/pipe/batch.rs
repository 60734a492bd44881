//! Output in transit through the wrapper, and the positions at which it may be split.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;

use super::{ATOMIC, Outlet, PACKET};
use crate::run::sys;

/// Output that was read but not yet written, with the positions at which it may be split.
#[derive(Debug, Default)]
pub struct Batch {
    pub bytes: Vec<u8>,
    /// The number of bytes already written.
    done: usize,
    /// The positions where one write ends and the next one begins.
    cuts: Vec<usize>,
    /// The number of cuts already passed.
    passed: usize,
    /// Which boundaries the pipe preserves. Not those of single writes if the command writes so much that reading each of them
    /// is too expensive.
    kept: Kept,
    /// Whether every read since the last call of `took_whole_lines` ended at the end of a line.
    whole_lines: bool,
}

/// Which boundaries of the command's output the pipe preserves.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Those of each write: every read returns one.
    #[default]
    Writes,
    /// None, because the command writes whole pages or more, which are never atomic.
    Pages,
    /// None, but the command writes short lines, which can be recognized.
    Lines,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.passed == self.cuts.len()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.cuts.clear();
        self.done = 0;
        self.passed = 0;
    }

    /// What a read returns.
    pub fn kept(&self) -> Kept {
        self.kept
    }

    /// Sets what reads return from now on.
    pub fn expect(&mut self, kept: Kept) {
        self.kept = kept;
    }

    /// Reads once. In line mode an incomplete last line waits for its rest, or for [`Batch::close`].
    pub fn fill(&mut self, source: impl AsFd) -> io::Result<usize> {
        let got = sys::append(source, &mut self.bytes, PACKET)?;
        self.whole_lines &= self.bytes.ends_with(b"\n");
        match self.kept {
            Kept::Lines => self.cut_lines(),
            Kept::Writes | Kept::Pages => self.cut(got),
        }
        Ok(got)
    }

    /// There is nothing more to read for now, so an incomplete line is released.
    pub fn close(&mut self) {
        let left = self.bytes.len() - self.end_of_cuts();
        self.cut(left);
    }

    /// Whether every read since the last call ended at the end of a line.
    pub fn took_whole_lines(&mut self) -> bool {
        std::mem::replace(&mut self.whole_lines, true)
    }

    /// Splits the remaining output into groups of whole lines that fit into one atomic write.
    fn cut_lines(&mut self) {
        let mut from = self.end_of_cuts();
        while let rest = &self.bytes[from..]
            && let window = &rest[..rest.len().min(ATOMIC)]
            && let Some(length) = end_of_lines(window)
        {
            from += length;
            self.cuts.push(from);
        }
    }

    fn end_of_cuts(&self) -> usize {
        self.cuts.last().copied().unwrap_or(self.done)
    }

    pub fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(ATOMIC) {
            self.bytes.extend_from_slice(piece);
            self.cut(piece.len());
        }
    }

    /// The last `length` bytes are one packet. It is joined to the preceding ones if they fit into one atomic write together,
    /// or if all of them are full pages, between which the kernel splits in any case.
    fn cut(&mut self, length: usize) {
        if length == 0 {
            return;
        }
        let end = self.bytes.len();
        let ahead = self.cuts.len() - self.passed;
        let begin = if ahead > 1 {
            self.cuts[self.cuts.len() - 2]
        } else {
            self.done
        };
        let together = end - begin;
        let full = together.is_multiple_of(ATOMIC) && length.is_multiple_of(ATOMIC);
        match self.cuts.last_mut() {
            Some(last) if ahead > 0 && (together <= ATOMIC || full) => *last = end,
            _ => self.cuts.push(end),
        }
    }

    /// Writes as much as possible without blocking. An error means that nobody will ever read it.
    pub fn write(&mut self, outlet: &mut Outlet) -> io::Result<()> {
        while let Some(&end) = self.cuts.get(self.passed) {
            match outlet.write(&self.bytes[self.done..end]) {
                Ok(count) => self.done += count,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
            self.passed += usize::from(self.done == end);
        }
        // An incomplete line may still wait for its rest.
        let waiting = self.bytes.split_off(self.done);
        self.clear();
        self.bytes.extend(waiting);
        Ok(())
    }
}

/// The end of the last line in the window. A line longer than the window may be split anywhere.
fn end_of_lines(window: &[u8]) -> Option<usize> {
    let line_feed = memchr::memrchr(b'\n', window);
    line_feed
        .map(|at| at + 1)
        .or_else(|| (window.len() == ATOMIC).then_some(ATOMIC))
}

#[cfg(test)]
mod tests {
    use super::Batch;

    fn cuts_of(packets: &[usize]) -> Vec<usize> {
        let mut batch = Batch::default();
        for &length in packets {
            batch.bytes.extend(vec![b'x'; length]);
            batch.cut(length);
        }
        batch.cuts
    }

    #[test]
    fn short_packets_go_out_together_as_long_as_that_is_atomic() {
        assert_eq!(cuts_of(&[100, 200, 300]), [600]);
        assert_eq!(cuts_of(&[4000, 96, 1]), [4096, 4097]);
        assert_eq!(cuts_of(&[3000, 3000, 3000]), [3000, 6000, 9000]);
    }

    #[test]
    fn lines_go_out_whole_and_part_of_one_waits() {
        let mut batch = Batch {
            bytes: b"0123456789\n".repeat(1000),
            ..Batch::default()
        };
        batch.bytes.extend_from_slice(b"part");
        batch.cut_lines();
        assert_eq!(batch.cuts[..2], [4092, 8184]);
        assert_eq!(batch.cuts.last(), Some(&11_000));
        batch.close();
        assert_eq!(batch.cuts.last(), Some(&11_004));
    }

    #[test]
    fn a_line_longer_than_what_is_atomic_is_cut_anywhere() {
        let mut batch = Batch {
            bytes: vec![b'x'; 10_000],
            ..Batch::default()
        };
        batch.cut_lines();
        assert_eq!(batch.cuts, [4096, 8192]);
    }

    #[test]
    fn full_pages_go_out_together_and_nothing_else_with_them() {
        assert_eq!(cuts_of(&[4096, 4096, 4096]), [12288]);
        assert_eq!(cuts_of(&[4096, 4096, 10, 10]), [8192, 8212]);
        assert_eq!(cuts_of(&[10, 4096, 4096]), [10, 8202]);
    }
}
