//! Finds incidents in a stream of bytes: a literal prefilter inspects everything, and patterns are applied only to lines that
//! may match.
//!
//! ```text
//! bytes ─ prefilter ▶ stretches ─ lines, prefix, boxed, record, quoted ▶ the lines of each writer
//!     ─ reason, pattern, reading ▶ Incident ─ fold ▶
//! ```
//!
//! A line is read in two steps. First the reason is located: the words of strerror(3) in any language, a symbol or a number.
//! Then the patterns interpret the text around it. What the messages of programs look like is data (`patterns/*.toml`).
#![forbid(unsafe_code)]

mod boxed;
mod expression;
mod fold;
mod foreign;
mod keyword;
mod library;
mod lines;
#[cfg(test)]
mod necessary;
mod outline;
mod paste;
mod pattern;
mod pattern_file;
mod places;
mod prefilter;
mod prefix;
mod quoted;
mod reading;
mod reason;
mod record;
mod sequences;
mod stream;
mod unfold;
mod unquote;
mod viewed;
mod words;
mod written;

use std::sync::Arc;

pub use fold::folded;
pub use foreign::{Foreign, foreign_in, meaning_elsewhere, meaning_on_a_mac};
pub use library::{Patterns, keywords_of_lines, patterns_of_file};
pub use lines::without_controls;
pub use pattern::{Counter, Pattern, Sample, Told};
pub use pattern_file::PatternError;
pub use prefilter::Prefilter;
pub use reading::printed::{by_flags as told_by_flags, by_mode as told_by_mode};
pub use unquote::{Quoting, unquoted};
pub use words::call as told_by_call;

use crate::attempt::Incident;
use lines::Lines;
use stream::Stream;

/// How many writers are distinguished at a time.
const WRITERS: usize = 12;

/// Finds permission failures in a stream of text, which may arrive in pieces of any size. It is sufficient to pass what the
/// [`Prefilter`] lets through.
///
/// Memory is bounded in any case. The result does not depend on how the stream is divided into pieces.
#[derive(Debug, Default)]
pub struct Detector {
    patterns: Arc<Patterns>,
    lines: Lines,
    /// The writers; the one that wrote last is at the end.
    streams: Vec<Stream>,
}

impl Detector {
    /// A detector with these patterns.
    #[must_use]
    pub fn new(patterns: Arc<Patterns>) -> Detector {
        Detector {
            patterns,
            ..Detector::default()
        }
    }

    /// Processes the next bytes of the stream. Returns the incidents whose context is complete; those of the latest lines wait
    /// for further lines or for [`Detector::flush`].
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Incident> {
        let mut complete = Vec::new();
        let (lines, streams, patterns) = (&mut self.lines, &mut self.streams, &self.patterns);
        lines.feed(bytes, |line| {
            complete.extend(pushed(streams, patterns, line))
        });
        complete
    }

    /// The stream has ended, or has been quiet for a moment: returns all remaining incidents.
    pub fn flush(&mut self) -> Vec<Incident> {
        let partial = self.lines.partial().to_vec();
        let mut complete = Vec::new();
        if !partial.is_empty() {
            complete = pushed(&mut self.streams, &self.patterns, &partial);
        }
        complete.extend(self.flushed_streams());
        if let Some(stream) = self.streams.last_mut().filter(|_| !partial.is_empty()) {
            if stream.newest_line_told() {
                self.lines.clear();
            } else {
                // The rest of the line may still arrive and change its meaning.
                stream.take_back();
            }
        }
        complete
    }

    fn flushed_streams(&mut self) -> impl Iterator<Item = Incident> {
        self.streams
            .iter_mut()
            .flat_map(|stream| stream.flush(&self.patterns))
    }
}

/// The incidents of a complete text that was saved or pasted; equal ones are merged.
#[must_use]
pub fn incidents_of(text: &[u8], patterns: &Arc<Patterns>) -> Vec<Incident> {
    let mut detector = Detector::new(patterns.clone());
    let mut incidents = detector.feed(&paste::as_printed(text));
    incidents.extend(detector.flush());
    folded(incidents)
}

/// Passes a line to the stream of its writer, and returns the incidents that are complete now.
fn pushed(streams: &mut Vec<Stream>, patterns: &Patterns, line: &[u8]) -> Vec<Incident> {
    let line = lines::without_controls(line);
    let split = patterns.loaded().prefixes.split(&line);
    let mut stream = match streams.iter().position(|stream| stream.who == split.who) {
        Some(at) => streams.remove(at),
        None => Stream::new(split.who, split.origin),
    };
    let mut complete = stream.push(split.rest, patterns);
    if streams.len() >= WRITERS {
        complete.extend(streams.remove(0).flush(patterns));
    }
    streams.push(stream);
    complete
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_is_read_whole() {
        let path = format!("/{}f", "a/".repeat(2036));
        let text = format!("cat: {path}: Permission denied\n");
        let found = incidents_of(text.as_bytes(), &Arc::new(Patterns::builtin()));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].paths, [path.into_bytes()]);
    }
}
