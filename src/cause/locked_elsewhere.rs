//! Another process executes the file or has it open for writing, or the host has locked it.

use super::case::Case;
use super::{Candidate, Words};
use crate::facts::Hold;
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let rule = match case.facts.holders.as_slice() {
        [] => "another process holds it".to_owned(),
        [holder, more @ ..] => {
            let how = match holder.how {
                Hold::Runs => "is running it",
                Hold::Writes => "has it open for writing",
            };
            let others = match more.len() {
                0 => String::new(),
                count => format!(", and {count} more"),
            };
            let name = quote::display(holder.command.as_bytes());
            format!("{name} (pid {}) {how}{others}", holder.pid)
        }
    };
    case.words(format!("{} is in use", case.path()), rule)
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let runs = case
        .facts
        .holders
        .first()
        .is_none_or(|holder| holder.how == Hold::Runs);
    let advice = if case.facts.surroundings.wsl {
        "close the Windows program that holds it, then try again"
    } else if runs {
        "write a new file beside it and rename it into place (install and mv do): the running program keeps the old one"
    } else {
        "let the process that writes it close it first"
    };
    vec![Candidate::advice(advice)]
}
