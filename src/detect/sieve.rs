//! The literal prefilter: a stream of any speed goes in, the few stretches that could tell of a refusal come out.
//!
//! It looks at every byte a command writes, so it is one pass of a vectorised search for a set of literals (7 GB/s here,
//! whatever the number of literals), remembers little and understands nothing: [`super::Detector`] does.

use aho_corasick::{AhoCorasick, MatchKind, packed};

/// How much text before a hit is handed on with it, in bytes: a deep traceback stands before its last line.
const BEFORE: usize = 16 * 1024;

/// How much text after a hit is handed on with it, in bytes: a block of fields or a stack may follow the first line.
const AFTER: usize = 8 * 1024;

/// What every message that tells of a refusal has in it, or has near it. Chosen from labelled messages: each literal earns
/// its place by a message that no other one finds. The cost does not grow with their number, false hits do cost, so they
/// are as long as the variety of letter case and wording allows.
const LITERALS: &[&str] = &[
    "ermission",
    "ermitted",
    "ERMISSION",
    "denied",
    "DENIED",
    "EACCES",
    "EPERM",
    "EROFS",
    "eacces",
    "eperm",
    "erofs",
    "rrno",
    "rrcode",
    "ead-only",
    "eadonly",
    "ead only",
    "ritable",
    "riteable",
    "readable",
    "rivilege",
    "uperuser",
    "wnership",
    "can't cd to",
    "Unable to access",
    "unable to open database",
    "Could not create",
    "(13)",
    "os error 1",
    "WinError",
    "by another process",
    "AccessDenied",
    "read/write access",
    "creating directory",
    "could not be created",
    "trying to write to",
    "error while writing",
    "failed to map segment",
    "set as executable",
    "not an executable",
    "SELinux is preventing",
    "rror: cannot open \"",
    "open your terminal",
    "rror is 13",
    "E212: ",
    "as root",
    "be root",
    "nly root",
    "on-root user",
    "no write access",
    "Unable to create the",
    "Unable to write in",
];

/// The prefilter over one stream.
#[derive(Debug)]
pub struct Sieve {
    search: Search,
    /// One byte less than the longest literal: how far a literal can reach back over the edge of a chunk.
    overlap: usize,
    /// The last `overlap` bytes seen.
    seam: Vec<u8>,
    /// The newest bytes that were not handed on, at least `BEFORE` of them where there were as many.
    held: Vec<u8>,
    /// Whether bytes between those handed on last and `held` were forgotten.
    forgotten: bool,
    /// How many of the bytes to come are handed on because of a hit before them.
    open: usize,
}

impl Sieve {
    /// A sieve that also looks for these literals: the texts of strerror(3) in the command's locale.
    #[must_use]
    pub fn new<L: AsRef<[u8]>>(more: &[L]) -> Sieve {
        let mut literals: Vec<&[u8]> = LITERALS.iter().map(|l| l.as_bytes()).collect();
        literals.extend(more.iter().map(AsRef::as_ref).filter(|l| !l.is_empty()));
        let longest = literals.iter().map(|l| l.len()).max().unwrap_or(1);
        Sieve {
            search: Search::new(&literals),
            overlap: longest - 1,
            seam: Vec::new(),
            held: Vec::new(),
            forgotten: false,
            open: 0,
        }
    }

    /// Takes the next bytes of the stream; what is worth a closer look comes back, with its surroundings.
    ///
    /// What comes back is the stream with long stretches left out, the same whatever the chunks. Where something was left
    /// out, the new stretch starts with a line feed and, where there is one, at the start of a line.
    pub fn push(&mut self, chunk: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut handed = 0;
        let mut until = self.open;
        let mut from = 0;
        let mut hit = self.hit_over_the_seam(chunk);
        loop {
            let end = match hit.take() {
                Some(end) => end,
                None => match self.search.end_of_next(chunk, from) {
                    Some(end) => end,
                    None => break,
                },
            };
            from = from.max(end.min(chunk.len()));
            if end > until {
                out.extend_from_slice(&chunk[handed..until]);
                self.hold(&chunk[until..end]);
                self.release(&mut out);
                handed = end;
            }
            until = end + AFTER;
        }
        let last = until.min(chunk.len());
        out.extend_from_slice(&chunk[handed..last]);
        self.hold(&chunk[last..]);
        self.open = until.saturating_sub(chunk.len());
        self.remember_the_end(chunk);
        (!out.is_empty()).then_some(out)
    }

    /// Where in the chunk a literal ends that began before it.
    fn hit_over_the_seam(&self, chunk: &[u8]) -> Option<usize> {
        let mut joint = self.seam.clone();
        joint.extend_from_slice(&chunk[..self.overlap.min(chunk.len())]);
        let mut from = 0;
        while let Some(end) = self.search.end_of_next(&joint, from) {
            if end > self.seam.len() {
                return Some(end - self.seam.len());
            }
            from = end;
        }
        None
    }

    fn hold(&mut self, bytes: &[u8]) {
        if bytes.len() >= BEFORE {
            self.forgotten |= !self.held.is_empty() || bytes.len() > BEFORE;
            self.held.clear();
            self.held.extend_from_slice(&bytes[bytes.len() - BEFORE..]);
            return;
        }
        self.held.extend_from_slice(bytes);
        if self.held.len() > 2 * BEFORE {
            self.held.drain(..self.held.len() - BEFORE);
            self.forgotten = true;
        }
    }

    fn release(&mut self, out: &mut Vec<u8>) {
        let excess = self.held.len().saturating_sub(BEFORE);
        let mut context = &self.held[excess..];
        if self.forgotten || excess > 0 {
            out.push(b'\n');
            if let Some(line_feed) = memchr::memchr(b'\n', context) {
                context = &context[line_feed + 1..];
            }
        }
        out.extend_from_slice(context);
        self.held.clear();
        self.forgotten = false;
    }

    fn remember_the_end(&mut self, chunk: &[u8]) {
        if chunk.len() >= self.overlap {
            self.seam.clear();
            self.seam
                .extend_from_slice(&chunk[chunk.len() - self.overlap..]);
        } else {
            self.seam.extend_from_slice(chunk);
            let excess = self.seam.len().saturating_sub(self.overlap);
            self.seam.drain(..excess);
        }
    }
}

impl Default for Sieve {
    fn default() -> Sieve {
        Sieve::new::<&[u8]>(&[])
    }
}

/// A search for many literals at once: Teddy (vectorised) where the processor can, an automaton elsewhere.
#[derive(Debug)]
enum Search {
    Vectorised(packed::Searcher),
    Automaton(AhoCorasick),
    Nothing,
}

impl Search {
    fn new(literals: &[&[u8]]) -> Search {
        let vectorised = packed::Config::new()
            .builder()
            .extend(literals.iter().copied())
            .build();
        if let Some(searcher) = vectorised {
            return Search::Vectorised(searcher);
        }
        AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(literals)
            .map_or(Search::Nothing, Search::Automaton)
    }

    /// Where the first literal at or after `from` ends.
    fn end_of_next(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let rest = &bytes[from..];
        let end = match self {
            Search::Vectorised(searcher) => searcher.find(rest).map(|found| found.end()),
            Search::Automaton(automaton) => automaton.find(rest).map(|found| found.end()),
            Search::Nothing => None,
        };
        end.map(|end| from + end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sift(text: &[u8], size: usize) -> Vec<u8> {
        let mut sieve = Sieve::default();
        text.chunks(size)
            .filter_map(|c| sieve.push(c))
            .flatten()
            .collect()
    }

    #[test]
    fn ordinary_text_is_held_back_in_bounded_memory() {
        let mut sieve = Sieve::default();
        for _ in 0..1000 {
            assert_eq!(sieve.push(&b"all is well\n".repeat(100)), None);
        }
        assert!(sieve.held.capacity() <= 4 * BEFORE);
    }

    #[test]
    fn a_literal_is_found_wherever_the_chunks_are_cut() {
        let text = b"cat: /etc/shadow: Permission denied\n";
        for size in 1..text.len() {
            assert_eq!(sift(text, size), text, "chunks of {size}");
        }
    }

    #[test]
    fn the_result_does_not_depend_on_the_chunks() {
        let mut text = b"line\n".repeat(10_000);
        text.extend_from_slice(b"a: Permission denied\n");
        text.extend_from_slice(&b"other line\n".repeat(10_000));
        text.extend_from_slice(b"b: Read-only file system\n");
        let whole = sift(&text, text.len());
        for size in [1, 7, 100, 4096, 65536] {
            assert_eq!(sift(&text, size), whole, "chunks of {size}");
        }
        assert!(whole.len() < 2 * (BEFORE + AFTER + 64));
    }

    #[test]
    fn what_was_left_out_ends_at_a_line() {
        let mut text = b"0123456789\n".repeat(10_000);
        text.extend_from_slice(b"a: Permission denied\n");
        let out = sift(&text, 65536);
        assert!(out.starts_with(b"\n0123456789\n"));
        assert!(out.ends_with(b"\na: Permission denied\n"));
    }

    #[test]
    fn the_words_of_the_locale_count_too() {
        let mut sieve = Sieve::new(&["Keine Berechtigung"]);
        assert!(
            sieve
                .push("cat: /etc/shadow: Keine Berechtigung\n".as_bytes())
                .is_some()
        );
    }

    #[test]
    fn a_flood_without_line_feeds_passes_in_bounded_memory() {
        let mut sieve = Sieve::default();
        for _ in 0..100 {
            sieve.push(&[b'x'; 65536]);
        }
        let out = sieve.push(b"EACCES").expect("a hit");
        assert!(out.len() <= BEFORE + 8);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_search_stays_vectorised_with_a_locale_besides() {
        let sieve = Sieve::new(&[
            "Keine Berechtigung",
            "Vorgang nicht zul",
            "Das Dateisystem ist nur lesbar",
        ]);
        assert!(matches!(sieve.search, Search::Vectorised(_)));
    }
}
