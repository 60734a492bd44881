//! What is known of the built-in patterns before they are parsed: enough to exclude most of them for a given line.

use super::pattern::Pattern;
use super::pattern_file;

/// A built-in pattern that has not been parsed.
#[derive(Debug)]
pub struct Outline {
    /// The name of its file.
    pub file: &'static str,
    /// If several patterns match, the one with the highest rank is used.
    pub rank: u8,
    /// Whether a match means that the local kernel refused nothing.
    pub is_silent: bool,
    /// Whether it matches the whole line, which need not contain a reason.
    pub is_of_line: bool,
    /// At least one of these must occur in the line; if empty, there is no such restriction.
    pub keywords: &'static [&'static str],
    /// The file's own vocabulary for operations, in JSON.
    operations: &'static str,
    /// The pattern, in JSON.
    content: &'static str,
}

// `BUILT_IN`, written by src/build/outlines.rs.
include!(concat!(env!("OUT_DIR"), "/outlines.rs"));

impl Outline {
    /// Parses the pattern; `None` if it is malformed, which tests exclude.
    #[must_use]
    pub fn parsed(&self) -> Option<Pattern> {
        pattern_file::built_in(self.file, self.operations, self.content)
    }
}
