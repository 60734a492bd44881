//! Errors of subcommands.

use std::io;
use std::path::Path;

use crate::attempt::Operation;
use crate::{appearance, complaint, wrap};

/// An error, in the form in which it is written to stderr.
#[derive(Debug)]
pub enum Trouble {
    /// A message of one line.
    Line(String),
    /// A hint, because the kernel refused something.
    Hint(String),
}

impl Trouble {
    /// The error of a failed operation on a file.
    pub fn with(path: &Path, operation: &Operation, error: &io::Error) -> Trouble {
        let style = appearance::style(&io::stderr(), crate::cli::Color::Auto);
        match wrap::own_refusal(path, operation, error, style) {
            Some(hint) => Trouble::Hint(hint),
            None => Trouble::Line(format!("{}: {}", path.display(), complaint::reason(error))),
        }
    }

    /// The text for stderr.
    pub fn text(&self) -> String {
        match self {
            Trouble::Line(line) => complaint::line(line),
            Trouble::Hint(hint) => hint.clone(),
        }
    }
}

impl From<String> for Trouble {
    fn from(line: String) -> Trouble {
        Trouble::Line(line)
    }
}
