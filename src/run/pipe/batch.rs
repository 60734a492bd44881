//! What is on its way through the wrapper, and where it may be cut.

use std::io::{self, ErrorKind};
use std::os::fd::RawFd;

use super::{ATOMIC, Outlet, PACKET};
use crate::run::sys;

/// What was read and has not gone out yet, and where it may be cut.
#[derive(Debug, Default)]
pub struct Batch {
    pub bytes: Vec<u8>,
    /// How much of it has gone out.
    done: usize,
    /// Where one write to the outlet ends and the next begins.
    cuts: Vec<usize>,
    /// How many of the cuts lie behind.
    passed: usize,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.done == self.bytes.len()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.cuts.clear();
        self.done = 0;
        self.passed = 0;
    }

    /// Reads one packet.
    pub fn fill(&mut self, source: RawFd) -> io::Result<usize> {
        let got = sys::append(source, &mut self.bytes, PACKET)?;
        self.cut(got);
        Ok(got)
    }

    pub fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(ATOMIC) {
            self.bytes.extend_from_slice(piece);
            self.cut(piece.len());
        }
    }

    /// The last `length` bytes are one packet. It may go out together with those before it when all of them are atomic
    /// together, or when all of them are full pages, between which the kernel cuts in any case.
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

    /// Writes as much as goes without waiting. An error means that nobody will ever read it.
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
        self.clear();
        Ok(())
    }
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
    fn full_pages_go_out_together_and_nothing_else_with_them() {
        assert_eq!(cuts_of(&[4096, 4096, 4096]), [12288]);
        assert_eq!(cuts_of(&[4096, 4096, 10, 10]), [8192, 8212]);
        assert_eq!(cuts_of(&[10, 4096, 4096]), [10, 8202]);
    }
}
