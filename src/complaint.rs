//! permwrap's own lines on stderr: the one place where they are written.
//!
//! Much of what they name is not permwrap's: keys of a cloned repository's manifest, names of files, the command's own. Here
//! all of it passes through quoting, so that nothing in it moves the cursor or speaks to whoever reads a log.
#![forbid(unsafe_code)]

use std::io::Write;

use crate::quote;

/// Writes a line of permwrap's own to stderr.
pub fn complain(trouble: &str) {
    write(&line(trouble));
}

/// A line of permwrap's own, with its line feed.
#[must_use]
pub fn line(trouble: &str) -> String {
    format!("permwrap: {}\n", quote::line(trouble))
}

/// What an error of the system says, without its number.
#[must_use]
pub fn reason(error: &std::io::Error) -> String {
    let words = error.to_string();
    match words.rsplit_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => words,
    }
}

/// Writes several lines of permwrap's own making to stderr, each quoted, colors and all.
pub fn complain_in_lines(text: &str) {
    let lines: Vec<String> = text.lines().map(|line| quote::line(line) + "\n").collect();
    write(&lines.concat());
}

/// Whoever has closed stderr does not want to know.
fn write(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
