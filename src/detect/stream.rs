//! The lines of one writer: a window around the line being read, and the incidents that can still be merged.

use std::collections::VecDeque;

use super::boxed::Boxed;
use super::fold::Folded;
use super::library::Patterns;
use super::lines::without_controls;
use super::pattern::Direction;
use super::quoted::{self, Opened};
use super::reading::{self, Surroundings};
use super::record;

use crate::attempt::{Incident, Origin};

/// How many lines before a line belong to its context.
const BEHIND: usize = 80;

/// How many lines after a line belong to its context. Equal incidents are merged over the same distance.
const AHEAD: usize = 40;

/// The maximum size of the window, in bytes; beyond that, lines are read and dropped early.
const WINDOW: usize = 192 * 1024;

/// How many bytes at the end of a line and at the start of the next one are searched for wrapped words.
const WRAPPED: usize = 48;

/// How deeply nested texts within texts are extracted.
const NESTED: usize = 4;

/// The lines of one writer.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The writer, as named by prefixes; empty for lines without one.
    pub who: Vec<u8>,
    /// The text of a box whose next line may continue it.
    boxed: Option<Boxed>,
    /// Whether the lines are those that opam marks as a command's output: `# ` precedes each.
    marked: bool,
    /// The beginning of a line that another program's message interrupted.
    interrupted: Vec<u8>,
    /// Where the writer is, if in another place.
    origin: Option<Origin>,
    /// The same according to the last heading.
    headed: Option<Origin>,
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The index in `lines` of the next line to be read.
    next: usize,
    /// The number of lines read.
    read: u64,
    /// Whether the line read last reported a failure.
    told: bool,
    folded: Folded,
}

impl Stream {
    pub fn new(who: Vec<u8>, origin: Option<Origin>) -> Stream {
        Stream {
            who,
            origin,
            ..Stream::default()
        }
    }

    /// Adds a line, and returns the incidents that are complete now.
    pub fn push(&mut self, line: &[u8], patterns: &Patterns) -> Vec<Incident> {
        let line = self.unmarked(line);
        let boxed = Boxed::of(line);
        if let (Some(held), Some(next)) = (&mut self.boxed, &boxed)
            && held.goes_on(next)
        {
            return Vec::new();
        }
        self.open_box(patterns);
        match boxed {
            Some(boxed) => self.boxed = Some(boxed),
            None => self.open(line, patterns, NESTED),
        }
        while self.lines.len() - self.next > AHEAD
            || self.bytes > WINDOW && self.next < self.lines.len()
        {
            self.read_next(patterns);
        }
        self.folded
            .older_than(self.read.saturating_sub(AHEAD as u64))
    }

    /// Reads all remaining lines, and returns all incidents.
    pub fn flush(&mut self, patterns: &Patterns) -> Vec<Incident> {
        self.open_box(patterns);
        while self.next < self.lines.len() {
            self.read_next(patterns);
        }
        self.folded.older_than(u64::MAX)
    }

    /// Whether the latest line, which must have been read, reported a failure.
    pub fn newest_line_told(&self) -> bool {
        self.told
    }

    /// Removes the latest line, which was incomplete and reported nothing.
    pub fn take_back(&mut self) {
        if let Some(line) = self.lines.pop_back() {
            self.bytes -= line.len();
            self.next = self.next.min(self.lines.len());
            self.read -= 1;
        }
    }

    /// The line without opam's mark of a command's output.
    fn unmarked<'l>(&mut self, line: &'l [u8]) -> &'l [u8] {
        let output = self.marked.then(|| line.strip_prefix(b"# ")).flatten();
        self.marked = output.is_some() || line.trim_ascii() == b"### output ###";
        output.unwrap_or(line)
    }

    /// Adds the text of the box that was waiting for its next line.
    fn open_box(&mut self, patterns: &Patterns) {
        if let Some(boxed) = self.boxed.take() {
            let text = boxed.into_text();
            self.open(
                patterns.loaded().prefixes.split(&text).rest,
                patterns,
                NESTED,
            );
        }
    }

    /// Adds a line, or the lines of the text that it contains.
    fn open(&mut self, line: &[u8], patterns: &Patterns, depth: usize) {
        let is_message = |text: &[u8]| reading::is_message(patterns, text, line);
        let opened = record::opened(line).or_else(|| quoted::opened(line, &is_message));
        let Some(Opened { head, lines, tail }) = opened.filter(|_| depth > 0) else {
            self.add(line.to_vec(), patterns);
            return;
        };
        if !head.trim_ascii().is_empty() {
            self.add(head.to_vec(), patterns);
        }
        for line in lines {
            let line = without_controls(&line);
            let rest = patterns.loaded().prefixes.split(&line).rest;
            match Boxed::of(rest) {
                Some(boxed) => self.open(&boxed.into_text(), patterns, depth - 1),
                None => self.open(rest, patterns, depth - 1),
            }
        }
        if !tail.trim_ascii().is_empty() {
            self.add(tail.to_vec(), patterns);
        }
    }

    /// Adds a line; two if it holds two messages.
    fn add(&mut self, mut line: Vec<u8>, patterns: &Patterns) {
        if !self.interrupted.is_empty() {
            line.splice(..0, std::mem::take(&mut self.interrupted));
        }
        if let Some(at) = patterns.loaded().reasons.interruption(&line) {
            let message = line.split_off(at);
            self.interrupted = std::mem::replace(&mut line, message);
        }
        let seam = patterns.loaded().reasons.seam(&line);
        let second = seam.map(|seam| line.split_off(seam));
        self.bytes += line.len();
        self.lines.push_back(line);
        if let Some(second) = second {
            self.add(second, patterns);
        }
    }

    fn read_next(&mut self, patterns: &Patterns) {
        let heading = patterns.loaded().prefixes.heading(&self.lines[self.next]);
        let alone = heading.as_ref().filter(|heading| heading.alone);
        let alone = alone.and_then(|heading| heading.origin.clone());
        if let Some(heading) = heading.filter(|heading| !heading.alone) {
            self.headed = heading.origin;
        }
        let joined = self.name_joined_with_next();
        let joined = joined.or_else(|| self.bracket_joined_with_next(patterns));
        let joined = joined.or_else(|| self.joined_with_next(patterns));
        let window = Window {
            lines: &self.lines,
            at: self.next,
        };
        let incidents = match joined {
            Some(joined) => reading::incidents(patterns, &joined, &window),
            None => reading::incidents(patterns, &self.lines[self.next], &window),
        };
        self.told = !incidents.is_empty();
        for incident in incidents {
            let told = alone.as_ref().or(self.headed.as_ref());
            let origin = told.or(self.origin.as_ref()).cloned();
            self.folded.add(self.read, Incident { origin, ..incident });
        }
        self.read += 1;
        self.next += 1;
        while self.next > BEHIND || (self.bytes > WINDOW && self.next > 0) {
            let forgotten = self.lines.pop_front().unwrap_or_default();
            self.bytes -= forgotten.len();
            self.next -= 1;
        }
    }

    /// The next line joined with the one after it, if a quoted name was wrapped between them.
    fn name_joined_with_next(&mut self) -> Option<Vec<u8>> {
        let first = self.lines[self.next].trim_ascii_end();
        let (at, quote) = first
            .iter()
            .enumerate()
            .rev()
            .find(|(_, byte)| matches!(byte, b'\'' | b'"'))?;
        let (before, name) = (&first[..at], &first[at + 1..]);
        let opens = before
            .last()
            .is_none_or(|byte| b" \t=([{,:b".contains(byte));
        let is_path = name.starts_with(b"/") || name.starts_with(b"./") || name.starts_with(b"~/");
        let has_no_blank = |text: &[u8]| !text.iter().any(u8::is_ascii_whitespace);
        if !opens || !is_path || !has_no_blank(name) {
            return None;
        }
        let second = self.lines.get(self.next + 1)?.trim_ascii();
        let end = second.iter().position(|byte| byte == quote)?;
        if end == 0 || !has_no_blank(&second[..end]) {
            return None;
        }
        let joined = [first, second].concat();
        // The joined line must not be read again.
        let read = std::mem::take(&mut self.lines[self.next + 1]);
        self.bytes -= read.len();
        Some(joined)
    }

    /// The next line joined with the one after it, if it was wrapped at the bracket around a reason: `- open (13: …)`.
    fn bracket_joined_with_next(&mut self, patterns: &Patterns) -> Option<Vec<u8>> {
        let first = self.lines[self.next].trim_ascii_end();
        let second = self.lines.get(self.next + 1)?.trim_ascii();
        let opens = |line: &[u8]| line.starts_with(b"(13: ") || line.starts_with(b"(30: ");
        let is_open = first.ends_with(b"(13:") || first.ends_with(b"(30:");
        let ends = first.is_empty() || first.ends_with(b".") || first.ends_with(b")");
        let is_wrapped = is_open || !ends && opens(second);
        if !is_wrapped || patterns.loaded().reasons.of(second, 1).is_empty() {
            return None;
        }
        let joined = [first, second].join(&b' ');
        // The joined line must not be read again.
        let read = std::mem::take(&mut self.lines[self.next + 1]);
        self.bytes -= read.len();
        Some(joined)
    }

    /// The next line joined with the one after it, if the words of a reason were wrapped between them: at a space (curl, CMake)
    /// or within a word (Composer's box).
    fn joined_with_next(&self, patterns: &Patterns) -> Option<Vec<u8>> {
        let blank = |b: &u8| b.is_ascii_whitespace() || *b == b'|';
        let first = self.lines[self.next].trim_ascii_end();
        let second = self.lines.get(self.next + 1)?;
        let skipped = second.iter().take_while(|b| blank(b)).count();
        let second = second[skipped..].trim_ascii_end();
        // A program that wraps may repeat its own prefix: `Warning: `.
        let prefix = first.iter().position(|&b| b == b' ').map_or(0, |at| at + 1);
        let second = second.strip_prefix(&first[..prefix]).unwrap_or(second);
        let tail = &first[first.len().saturating_sub(WRAPPED)..];
        let head = &second[..second.len().min(WRAPPED)];
        for glue in [&b" "[..], b""] {
            if patterns
                .loaded()
                .reasons
                .straddle(&[tail, glue, head].concat(), tail.len())
            {
                return Some([first, glue, second].concat());
            }
        }
        None
    }
}

struct Window<'s> {
    lines: &'s VecDeque<Vec<u8>>,
    at: usize,
}

impl Surroundings for Window<'_> {
    fn line(&self, direction: Direction, distance: usize) -> Option<&[u8]> {
        let index = match direction {
            Direction::Before => self.at.checked_sub(distance)?,
            Direction::After => self.at.checked_add(distance)?,
        };
        self.lines.get(index).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Errno;

    #[test]
    fn a_message_behind_one_without_a_line_feed_is_read_too() {
        let patterns = Patterns::builtin();
        let line = "cat: /srv/a: Permission deniedls: /srv/b: Permission denied";
        let mut stream = Stream::new(Vec::new(), None);
        stream.push(line.as_bytes(), &patterns);
        let found = stream.flush(&patterns);
        let paths: Vec<&[u8]> = found.iter().map(|found| &found.paths[0][..]).collect();
        assert_eq!(paths, [b"/srv/a", b"/srv/b"]);
        let glued = "cat: /srv/a: Permission deniedExited with code 1";
        assert_eq!(paths_in(&[glued]), ["/srv/a"]);
    }

    fn paths_in(lines: &[&str]) -> Vec<String> {
        let patterns = Patterns::builtin();
        let mut stream = Stream::new(Vec::new(), None);
        for line in lines {
            stream.push(line.as_bytes(), &patterns);
        }
        let found = stream.flush(&patterns);
        let paths = found.iter().flat_map(|found| &found.paths);
        paths
            .map(|path| String::from_utf8_lossy(path).into_owned())
            .collect()
    }

    #[test]
    fn a_message_that_another_one_interrupted_is_put_together_again() {
        assert_eq!(
            paths_in(&[
                "cat: dacat: b.txt: Permission denied",
                "ta.txt: Permission denied"
            ]),
            ["b.txt", "data.txt"]
        );
        assert_eq!(
            paths_in(&["diff: /srv/mydiff: Permission denied"]),
            ["/srv/mydiff"]
        );
    }

    #[test]
    fn what_a_program_printed_that_failed_is_a_message_of_its_own() {
        assert_eq!(
            paths_in(&[
                "error: cannot use \"/usr/bin/helper\": exit status 1: helper: open /srv/x: permission denied"
            ]),
            ["/srv/x"]
        );
    }

    #[test]
    fn opam_marks_the_output_of_a_command() {
        assert_eq!(
            paths_in(&[
                "### output ###",
                "# cp: cannot stat '/srv/x': Permission denied"
            ]),
            ["/srv/x"]
        );
    }

    #[test]
    fn words_that_were_wrapped_are_read_as_one_line() {
        let patterns = Patterns::builtin();
        for text in [
            &[
                "  file INSTALL cannot copy file \"/a/b\" to \"/opt/b\": Permission",
                "  denied.",
            ][..],
            &[
                "Warning: Failed to open the file /opt/b: Permission ",
                "Warning: denied",
            ],
            &["  mkdir(/opt/b): Permissi  ", "  on denied        "],
        ] {
            let mut stream = Stream::new(Vec::new(), None);
            for line in text {
                assert!(stream.push(line.as_bytes(), &patterns).is_empty());
            }
            let found = stream.flush(&patterns);
            assert_eq!(found.len(), 1, "{text:?}");
            assert_eq!(found[0].errno, Some(Errno::Acces), "{text:?}");
            assert_eq!(found[0].paths[0], b"/opt/b", "{text:?}");
        }
    }
}
