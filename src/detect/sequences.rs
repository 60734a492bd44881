//! The search for many literals in a line.

use memchr::memmem;

/// The length of a sequence, in bytes.
const LENGTH: usize = 4;

/// The number of bits of a hash.
const BITS: u32 = 10;

/// A line, with the places of all short sequences of bytes in it. They exclude most of a thousand literals in a few instructions
/// each, whereas an automaton for all of them would take longer to build than most runs last.
#[derive(Debug)]
pub(super) struct Sequences<'l> {
    line: &'l [u8],
    /// The last place of a sequence with each hash, plus one; 0 if there is none.
    last: [u32; 1 << BITS],
    /// For each place the one before it with the same hash, plus one; 0 if there is none.
    before: Vec<u32>,
}

impl<'l> Sequences<'l> {
    pub fn of(line: &'l [u8]) -> Sequences<'l> {
        let mut last = [0; 1 << BITS];
        let places = (1..).zip(line.windows(LENGTH));
        let before =
            places.map(|(place, sequence)| std::mem::replace(&mut last[hash(sequence)], place));
        Sequences {
            line,
            before: before.collect(),
            last,
        }
    }

    /// Whether the literal occurs in the line.
    pub fn contain(&self, literal: &[u8]) -> bool {
        let Some(sequence) = literal.get(..LENGTH) else {
            return memmem::find(self.line, literal).is_some();
        };
        let before = |place: &usize| self.before.get(*place).and_then(|place| at(*place));
        let mut places = std::iter::successors(at(self.last[hash(sequence)]), before);
        places.any(|place| self.line[place..].starts_with(literal))
    }
}

/// A place, given as one more than it is.
fn at(place: u32) -> Option<usize> {
    (place as usize).checked_sub(1)
}

/// A hash of the first bytes, of which there must be enough (Fibonacci hashing).
fn hash(sequence: &[u8]) -> usize {
    let bytes = sequence.first_chunk().copied().unwrap_or_default();
    (u32::from_le_bytes(bytes).wrapping_mul(0x9E37_79B1) >> (u32::BITS - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::Sequences;

    #[test]
    fn literals_are_found_wherever_they_are() {
        let line = Sequences::of(b"cat: /etc/shadow: Permission denied");
        for literal in ["cat: ", "denied", ": P", "Permission", "", "n den"] {
            assert!(line.contain(literal.as_bytes()), "{literal}");
        }
        for literal in ["denied.", "permission", "dog", "cat:/", "x"] {
            assert!(!line.contain(literal.as_bytes()), "{literal}");
        }
        assert!(!Sequences::of(b"cat").contain(b"cat: "));
    }

    #[test]
    fn repeated_sequences_are_told_apart() {
        let line = Sequences::of(b"open open opens opened open");
        assert!(line.contain(b"opens ") && line.contain(b"opened") && !line.contain(b"opener"));
    }

    #[test]
    fn a_line_with_every_sequence_is_searched_all_the_same() {
        let long = (0..200_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes());
        let long: Vec<u8> = long.collect();
        assert!(!Sequences::of(&long).contain(b"Permission denied"));
    }
}
