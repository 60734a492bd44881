//! permwrap's own subcommands: each reads its arguments, does its work and gives an exit status.

mod causes;
pub mod check;
mod explain;
mod fix;
mod history;
mod patterns;
mod rounds;
mod setup;
mod undo;
mod who;
mod why;

pub use rounds::run as run_until_it_works;

use std::io::Write;

use crate::appearance;
use crate::cli::{Color, Own};
use crate::complaint::complain;
use crate::render::Style;

/// Runs a subcommand. The result is the exit status.
#[must_use]
pub fn run(own: &Own) -> u8 {
    let outcome = match own {
        Own::Why(arguments) => why::run(arguments),
        Own::Explain(arguments) => explain::run(arguments),
        Own::Causes(arguments) => causes::run(arguments),
        Own::Patterns(arguments) => patterns::run(arguments),
        Own::Check(arguments) => check::run(arguments),
        Own::Fix(arguments) => fix::run(arguments),
        Own::Undo(arguments) => undo::run(arguments),
        Own::History(arguments) => history::run(arguments),
        Own::Init(arguments) => setup::init(arguments),
        Own::Config(_) => setup::config(),
        Own::Man(_) => setup::man(),
    };
    outcome.unwrap_or_else(|trouble| {
        complain(&trouble);
        2
    })
}

/// An exit status, or trouble as one line for stderr.
type Outcome = Result<u8, String>;

/// Writes a result to stdout. A reader that has gone away is no trouble of ours.
fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to stdout: {error}"))
        }
        _ => Ok(()),
    }
}

/// A document as indented JSON for stdout.
fn print_json(document: &impl serde::Serialize) -> Result<(), String> {
    let text = crate::render::json_text(document);
    print(&text.map_err(|error| format!("cannot write JSON: {error}"))?)
}

fn style(color: Option<Color>) -> Style {
    let stdout = std::io::stdout();
    appearance::style(&stdout, color.unwrap_or_default())
}
