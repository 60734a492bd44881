//! permwrap's own subcommands. Each one reads its arguments, does its work and returns an exit status.

mod causes;
pub mod check;
mod explain;
mod fix;
mod history;
mod patterns;
mod rounds;
mod setup;
mod trouble;
mod undo;
mod who;
mod why;

pub use rounds::run as run_until_it_works;
pub use trouble::Trouble;

use std::io::Write;

use crate::cli::{Color, Own};
use crate::mend::{
    self,
    runs::{Failure, Run},
};
use crate::render::Style;
use crate::report::Finding;
use crate::{appearance, config};

/// Runs a subcommand and returns the exit status.
#[must_use]
pub fn run(own: &Own) -> u8 {
    let outcome = match own {
        Own::Explain(arguments) => explain::run(arguments),
        Own::Patterns(arguments) => patterns::run(arguments),
        Own::Check(arguments) => check::run(arguments),
        other => simple(other).map_err(Trouble::from),
    };
    outcome.unwrap_or_else(|trouble| {
        let _ = std::io::stderr().write_all(trouble.text().as_bytes());
        2
    })
}

/// Runs a subcommand that does not read a file named by the user.
fn simple(own: &Own) -> Outcome {
    match own {
        Own::Why(arguments) => why::run(arguments),
        Own::Causes(arguments) => causes::run(arguments),
        Own::Fix(arguments) => fix::run(arguments),
        Own::Undo(arguments) => undo::run(arguments),
        Own::History(arguments) => history::run(arguments),
        Own::Init(arguments) => setup::init(arguments),
        Own::Config(_) => setup::config(),
        Own::Man(_) => setup::man(),
        // Help is printed when the arguments are parsed; the others were handled above.
        Own::Help(_) | Own::Explain(_) | Own::Patterns(_) | Own::Check(_) => Ok(0),
    }
}

/// Remembers the refusals that a question was answered with, so that `permwrap fix` can put them right like those of a run.
fn remember<'f>(question: &[&[u8]], findings: impl IntoIterator<Item = &'f Finding>) {
    let failures = Failure::all(findings);
    if failures.is_empty() || !config::load().is_ok_and(|config| config.remembers()) {
        return;
    }
    let words = [b"permwrap".as_slice()]
        .into_iter()
        .chain(question.iter().copied());
    let run = Run::now(
        std::process::id(),
        words.map(<[u8]>::to_vec).collect(),
        failures,
    );
    // Without a place to store it, the answer is as good.
    let _ = run.keep(mend::micros());
}

/// An exit status, or an error message of one line for stderr.
type Outcome = Result<u8, String>;

/// Writes a result to stdout. It is not an error if the reader is gone.
fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to stdout: {error}"))
        }
        _ => Ok(()),
    }
}

/// Writes a document to stdout, as indented JSON.
fn print_json(document: &impl serde::Serialize) -> Result<(), String> {
    let text = crate::render::json_text(document);
    print(&text.map_err(|error| format!("cannot write JSON: {error}"))?)
}

fn style(color: Option<Color>) -> Style {
    let stdout = std::io::stdout();
    appearance::style(&stdout, color.unwrap_or_default())
}
