//! permwrap's own messages on stderr, all of which are written here.
//!
//! Much of their content comes from elsewhere: keys of a cloned repository's manifest, file names, output of the command. All
//! of it is quoted here, so that it can neither move the cursor nor inject commands into whatever reads a log.
#![forbid(unsafe_code)]

use std::io::Write;

use crate::layout::hanging;
use crate::{quote, terminal_width};

/// Writes one of permwrap's own messages to stderr.
pub fn complain(trouble: &str) {
    write(&line(trouble));
}

/// One of permwrap's own messages: a single line, or as many as it takes on a terminal, with a trailing newline.
#[must_use]
pub fn line(trouble: &str) -> String {
    const NAME: &str = "permwrap:";
    let width = terminal_width::of(&std::io::stderr()).unwrap_or(usize::MAX);
    let lines = hanging(NAME, &quote::line(trouble), width);
    format!("{NAME} {}\n", lines.join("\n          "))
}

/// The description of a system error, without its number.
#[must_use]
pub fn reason(error: &std::io::Error) -> String {
    let words = error.to_string();
    match words.rsplit_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => words,
    }
}

/// Writes several lines to stderr. Each is quoted, including escape sequences for color.
pub fn complain_in_lines(text: &str) {
    let lines: Vec<String> = text.lines().map(|line| quote::line(line) + "\n").collect();
    write(&lines.concat());
}

/// An error is ignored: if stderr is closed, nobody reads the message.
fn write(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
