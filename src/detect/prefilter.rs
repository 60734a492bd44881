//! The literal prefilter: picks the few stretches that may report a refusal from a stream of any speed.
//!
//! It inspects every byte that a command writes, so it makes a single pass of a vectorised search, keeps little state and
//! interprets nothing; [`super::Detector`] does that.

use aho_corasick::{AhoCorasick, MatchKind, packed};

/// How much text before a hit is passed on along with it, in bytes: a long traceback precedes its last line.
const BEFORE: usize = 16 * 1024;

/// The length of a literal's core, in bytes.
const CORE: usize = 4;

/// The maximum number of cores for one vectorised search, which distinguishes sixteen sets of them.
const MOST_CORES: usize = 112;

/// How much text after a hit is passed on along with it, in bytes: a block of fields or a stack may follow the first line.
const AFTER: usize = 8 * 1024;

/// Every message that reports a refusal contains one of these literals, or has one nearby. They were chosen from labelled
/// messages: each is needed for a message that no other literal finds. False hits are expensive, so the literals are as long as
/// the variety of letter case and wording permits.
///
/// The number is the offset of the literal's core: the four bytes that the search looks for, which should be rare in ordinary
/// output. The order affects only the speed: the search distinguishes sixteen sets of cores, and every sixteenth literal shares
/// a set. Bytes that occur at one place in any core of a set pass for all of them, so the sets were chosen by annealing: the
/// fewest false hits in logs, listings, sources and prose. `cargo bench --bench detection` shows the effect of a change.
const LITERALS: &[(usize, &str)] = &[
    (1, "owner not root"),
    (4, "is unsafe"),
    (2, "fatal: '"),
    (3, "SELinux is preventing"),
    (4, "accessible"),
    (1, "owned by"),
    (2, "checking context"),
    (1, "nsecure director"),
    (0, "_paranoid"),
    (0, "rrno"),
    (1, "rrcode"),
    (5, "os error 1"),
    (4, "ntrusted user"),
    (3, "is mode 0"),
    (1, "no locator"),
    (7, "or world access"),
    (5, "open your terminal"),
    (0, "EROFS"),
    (8, "user that owns"),
    (14, "creating directory"),
    (4, "AccessDenied"),
    (0, "unable to open "),
    (1, "DENIED"),
    (1, "eperm"),
    (0, "WinError"),
    (2, "on-root user"),
    (1, "EACCES"),
    (0, "rotatable"),
    (4, "ermitted"),
    (1, "ead-only"),
    (1, "eadonly"),
    (2, "readable"),
    (0, "write access"),
    (11, "not an executable"),
    (3, "known hosts ("),
    (0, "annot create dir"),
    (6, "error while writing"),
    (2, "nly root"),
    (11, "Suspicious rcfile"),
    (4, "wnership"),
    (0, "can't cd to"),
    (9, "could not be created"),
    (12, "by another process"),
    (0, "ritable"),
    (0, "(13)"),
    (4, "rite-able"),
    (4, "rivilege"),
    (0, "PERMISSION"),
    (0, "Writing to directory"),
    (0, "eacces"),
    (7, "trying to write to"),
    (3, "root-owned files"),
    (4, "access must be"),
    (0, "E212: "),
    (15, "failed to map segment"),
    (1, "uperuser"),
    (0, "Can't connect to ("),
    (2, "as root"),
    (1, "ermission"),
    (0, "Could not create"),
    (2, "setuid root"),
    (1, "ead only"),
    (0, "ailed to create"),
    (2, "riteable"),
    (6, "FILE OWNER"),
    (0, "erofs"),
    (2, "an't write on file"),
    (11, "locking authority"),
    (0, "safe directory"),
    (0, "Unable to access"),
    (1, "denied"),
    (8, "set as executable"),
    (10, "view or modify"),
    (2, "curl: Can't open"),
    (3, "be root"),
    (3, "rror: cannot open \""),
    (6, "rong owner"),
    (1, "Owner of /"),
    (2, "fatal: repository '"),
    (1, "rror is 13"),
    (11, "cause of error unknown"),
    (10, "must have mode"),
    (0, "mode 0600 expected"),
    (0, "unable to write a configuration"),
    (0, "unable to write file"),
    (0, "unable to create temporary object"),
    (6, "ERROR_ACCESS"),
    (6, "annot write to data directory"),
    (7, "Cannot write to /"),
    (15, "execute an executable"),
    (9, "could not be moved to"),
    (6, "cannot be opened"),
    (1, "EPERM"),
    (0, "Could not open command file"),
    (0, "Could not stat() command"),
    (0, "Could not write"),
    (5, "be read or written by other"),
    (0, "Unable to write in"),
    (0, "Unable to create the"),
    (0, "Unable to lock"),
    (0, "Unable to open "),
    (0, "Unable to create d"),
    (0, "Unable to load host"),
    (0, "Unable to (re)create"),
    (5, "not executable"),
    (2, "curl: cannot read config"),
    (4, "are root"),
    (17, "Cannot find module '/"),
];

/// The prefilter for one stream.
#[derive(Debug)]
pub struct Prefilter {
    search: Search,
    /// The length of the longest literal minus one: how far a literal can extend into the previous chunk.
    overlap: usize,
    /// The last `overlap` bytes seen.
    seam: Vec<u8>,
    /// The latest bytes that were not passed on; at least `BEFORE` of them, if there were that many.
    held: Vec<u8>,
    /// Whether bytes between those last passed on and `held` were discarded.
    forgotten: bool,
    /// How many of the following bytes are to be passed on because of an earlier hit.
    open: usize,
}

impl Prefilter {
    /// A prefilter that also looks for these literals, such as the messages of strerror(3) in the command's locale.
    #[must_use]
    pub fn new<L: AsRef<[u8]>>(more: &[L]) -> Prefilter {
        let more = more.iter().map(AsRef::as_ref).filter(|l| is_news(l));
        let literals: Vec<Literal> = LITERALS
            .iter()
            .map(|&(core, literal)| Literal::new(core, literal.as_bytes()))
            .chain(more.map(|literal| Literal::new(0, literal)))
            .collect();
        let longest = literals.iter().map(|l| l.bytes.len()).max().unwrap_or(1);
        Prefilter {
            search: Search::new(literals),
            overlap: longest - 1,
            seam: Vec::new(),
            held: Vec::new(),
            forgotten: false,
            open: 0,
        }
    }

    /// Processes the next bytes of the stream, and returns whatever needs a closer look, with its context.
    ///
    /// The returned text is the stream with long stretches left out, independent of the division into chunks. After an
    /// omission, the next stretch begins with a line feed and, if possible, at the start of a line.
    pub fn push(&mut self, chunk: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut handed = 0;
        let mut until = self.open;
        let mut from = 0;
        let mut hit = self.cross_the_seam(chunk);
        while let Some(end) = hit.take().or_else(|| self.search.next(chunk, &mut from)) {
            if end > until {
                out.extend_from_slice(&chunk[handed..until]);
                self.hold(&chunk[until..end]);
                self.release(&mut out);
                handed = end;
            }
            until = until.max(end + AFTER);
        }
        let last = until.min(chunk.len());
        out.extend_from_slice(&chunk[handed..last]);
        self.hold(&chunk[last..]);
        self.open = until.saturating_sub(chunk.len());
        (!out.is_empty()).then_some(out)
    }

    /// The end in this chunk of a literal that began before it. Afterwards the end of the chunk is the new seam.
    fn cross_the_seam(&mut self, chunk: &[u8]) -> Option<usize> {
        let before = self.seam.len();
        let head = &chunk[..self.overlap.min(chunk.len())];
        self.seam.extend_from_slice(head);
        let mut from = 0;
        let ends = std::iter::from_fn(|| self.search.next(&self.seam, &mut from));
        let hit = ends
            .filter_map(|end| end.checked_sub(before))
            .find(|&end| end > 0);
        if head.len() < chunk.len() {
            self.seam.clear();
            self.seam
                .extend_from_slice(&chunk[chunk.len() - self.overlap..]);
        }
        let excess = self.seam.len().saturating_sub(self.overlap);
        self.seam.drain(..excess);
        hit
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
}

impl Default for Prefilter {
    fn default() -> Prefilter {
        Prefilter::new::<&[u8]>(&[])
    }
}

/// Whether no built-in literal occurs in these words.
fn is_news(words: &[u8]) -> bool {
    let known = |literal: &str| memchr::memmem::find(words, literal.as_bytes()).is_some();
    !words.is_empty() && !LITERALS.iter().any(|(_, literal)| known(literal))
}

/// A literal to look for.
#[derive(Debug)]
struct Literal {
    bytes: Vec<u8>,
    /// The offset of the core.
    core: usize,
}

impl Literal {
    fn new(core: usize, bytes: &[u8]) -> Literal {
        let bytes = bytes.to_vec();
        Literal { bytes, core }
    }

    fn core(&self) -> &[u8] {
        &self.bytes[self.core..self.bytes.len().min(self.core + CORE)]
    }

    /// The end of the literal, if it occurs with its core at this position.
    fn end_around(&self, bytes: &[u8], core: usize) -> Option<usize> {
        let begin = core.checked_sub(self.core)?;
        let there = bytes[begin..].starts_with(&self.bytes);
        there.then(|| begin + self.bytes.len())
    }
}

/// A simultaneous search for many literals.
#[derive(Debug)]
struct Search {
    literals: Vec<Literal>,
    cores: Cores,
}

/// A search for their cores: Teddy (vectorised) if the processor supports it, otherwise an automaton.
#[derive(Debug)]
enum Cores {
    Vectorised(Vec<packed::Searcher>),
    Automaton(AhoCorasick),
    Nothing,
}

impl Search {
    fn new(literals: Vec<Literal>) -> Search {
        let mut cores: Vec<&[u8]> = Vec::new();
        for core in literals.iter().map(Literal::core) {
            if !cores.contains(&core) {
                cores.push(core);
            }
        }
        let vectorised = cores.chunks(MOST_CORES).map(|cores| {
            // The usual limit is half of that. What counts is how rare the cores are, not how many.
            let mut config = packed::Config::new();
            let mut builder = config.heuristic_pattern_limits(false).builder();
            builder.extend(cores).build()
        });
        let automaton = || {
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostFirst)
                .build(&cores)
                .map_or(Cores::Nothing, Cores::Automaton)
        };
        let vectorised: Option<Vec<_>> = vectorised.collect();
        let cores = vectorised.map_or_else(automaton, Cores::Vectorised);
        Search { literals, cores }
    }

    /// The end of the next literal whose core begins at or after `from`, which is advanced past it.
    fn next(&self, bytes: &[u8], from: &mut usize) -> Option<usize> {
        loop {
            let rest = &bytes[*from..];
            let found = match &self.cores {
                Cores::Vectorised(searchers) => searchers
                    .iter()
                    .filter_map(|searcher| searcher.find(rest))
                    .min_by_key(|found| found.start()),
                Cores::Automaton(automaton) => automaton.find(rest),
                Cores::Nothing => None,
            }?;
            let core = *from + found.start();
            *from = core + 1;
            let mut same = self
                .literals
                .iter()
                .filter(|l| l.core() == &rest[found.range()]);
            if let Some(end) = same.find_map(|literal| literal.end_around(bytes, core)) {
                return Some(end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sift(text: &[u8], size: usize) -> Vec<u8> {
        let mut prefilter = Prefilter::default();
        text.chunks(size)
            .filter_map(|c| prefilter.push(c))
            .flatten()
            .collect()
    }

    #[test]
    fn ordinary_text_is_held_back_in_bounded_memory() {
        let mut prefilter = Prefilter::default();
        for _ in 0..1000 {
            assert_eq!(prefilter.push(&b"all is well\n".repeat(100)), None);
        }
        assert!(prefilter.held.capacity() <= 4 * BEFORE);
    }

    #[test]
    fn a_literal_is_found_wherever_the_chunks_are_cut() {
        let text = b"cat: /etc/shadow: Permission denied\n";
        for size in 1..text.len() {
            assert_eq!(sift(text, size), text, "chunks of {size}");
        }
    }

    #[test]
    fn every_literal_is_found() {
        for (core, literal) in LITERALS {
            assert!(core + CORE <= literal.len(), "{literal}");
            assert!(
                Prefilter::default().push(literal.as_bytes()).is_some(),
                "{literal}"
            );
        }
    }

    #[test]
    fn no_literal_lies_within_another_which_would_find_nothing_more() {
        for (i, (_, literal)) in LITERALS.iter().enumerate() {
            let within =
                |(j, (_, other)): (usize, &(usize, &str))| i != j && other.contains(literal);
            assert!(!LITERALS.iter().enumerate().any(within), "{literal}");
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
        let mut prefilter = Prefilter::new(&["Keine Berechtigung"]);
        assert!(
            prefilter
                .push("cat: /etc/shadow: Keine Berechtigung\n".as_bytes())
                .is_some()
        );
    }

    #[test]
    fn a_flood_without_line_feeds_passes_in_bounded_memory() {
        let mut prefilter = Prefilter::default();
        for _ in 0..100 {
            prefilter.push(&[b'x'; 65536]);
        }
        let out = prefilter.push(b"EACCES").expect("a hit");
        assert!(out.len() <= BEFORE + 8);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_search_stays_vectorised_with_a_locale_besides() {
        let prefilter = Prefilter::new(&[
            "Keine Berechtigung",
            "Vorgang nicht zul",
            "Das Dateisystem ist nur lesbar",
        ]);
        assert!(
            matches!(&prefilter.search.cores, Cores::Vectorised(searchers) if searchers.len() == 1)
        );
    }
}
