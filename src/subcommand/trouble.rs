//! Why a subcommand could not do its work.

use std::io;
use std::path::Path;

use crate::attempt::Operation;
use crate::{appearance, complaint, wrap};

/// Trouble, as it is told on stderr.
#[derive(Debug)]
pub enum Trouble {
    /// One line.
    Line(String),
    /// A hint, since the system refused it.
    Hint(String),
}

impl Trouble {
    /// An operation on a file failed.
    pub fn with(path: &Path, operation: &Operation, error: &io::Error) -> Trouble {
        let style = appearance::style(&io::stderr(), crate::cli::Color::Auto);
        match wrap::own_refusal(path, operation, error, style) {
            Some(hint) => Trouble::Hint(hint),
            None => Trouble::Line(format!("{}: {}", path.display(), complaint::reason(error))),
        }
    }

    /// As it is written to stderr.
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
