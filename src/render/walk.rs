//! The hint for a traversal that was refused many things: their number, the first of them, and how to list them all. It suggests
//! no change, because what a traversal cannot enter is usually closed on purpose.

use super::Style;
use super::text::{again_with, command, titled};
use crate::cause;
use crate::facts::Elevator;
use crate::layout::{columns, labelled};
use crate::programs::Errand;
use crate::quote;
use crate::report::{Conclusion, Finding};

/// The refusals that a traversal encountered.
pub struct WalkHint<'w> {
    /// The number of refused paths.
    pub count: usize,
    /// Its starting point, if it has only one.
    pub below: Option<String>,
    /// What it does with what it encounters.
    pub errand: Errand,
    /// Whether a refusal before these has a hint of its own.
    pub goes_on: bool,
    /// Whether it only lists what it finds, so that root may run it.
    pub only_looks: bool,
    /// The command line, quoted for a shell.
    pub command: String,
    /// The finding for the first of them.
    pub first: &'w Finding,
}

impl WalkHint<'_> {
    fn sentence(&self) -> String {
        let (first, facts) = (self.first, &self.first.facts);
        let user = first.attempt.as_ref().map_or_else(
            || "the user".to_owned(),
            |attempt| facts.names.user(attempt.subject.uid),
        );
        let below = match &self.below {
            Some(place) => format!(" below {place}"),
            None => String::new(),
        };
        let more = if self.goes_on { " more" } else { "" };
        let (places, are, were) = match self.count {
            1 => (format!("1{more} place{below}"), "is", "was"),
            count => (format!("{count}{more} places{below}"), "are", "were"),
        };
        match self.errand {
            Errand::Look => format!("{places} {are} closed to {user}"),
            Errand::Copy => format!("{places} {are} closed to {user} and {were} not copied"),
            Errand::Change => format!("{places} could not be changed by {user}"),
            Errand::Delete => {
                format!("{places} could not be deleted by {user} either")
            }
        }
    }

    /// The command line with which root sees the rest; `None` if the traversal does more than look.
    fn as_root(&self) -> Option<String> {
        let elevator = self.first.facts.surroundings.elevator;
        self.only_looks.then(|| elevator.run(&self.command))
    }

    /// The hint, as a single line.
    #[must_use]
    pub fn line(&self) -> String {
        let fix = match self.as_root() {
            Some(line) => format!("; fix: {line}"),
            None => String::new(),
        };
        quote::line(&format!("permwrap: {}{fix}", self.sentence())) + "\n"
    }

    /// The hint, as text.
    #[must_use]
    pub fn text(&self, style: Style) -> String {
        let mut text = titled(&self.sentence(), style);
        let first = self.first;
        if let (Conclusion::Refused(denial, _), Some(attempt), Errand::Look) =
            (&first.conclusion, &first.attempt, self.errand)
        {
            let words = cause::words(denial, attempt, &first.facts);
            let label = if self.count == 1 { "because" } else { "first" };
            text.push_str(&labelled(label, &words.because, style.width));
        }
        if let Some(line) = self.as_root() {
            let remark = match first.facts.surroundings.elevator {
                Elevator::None => "in a root shell; looks there as well",
                _ => "looks there as well",
            };
            text.push_str(&command("fix", &line, remark, columns(&line), style));
        }
        let more = again_with("--report FILE", &self.command);
        text + &command("more", &more, "lists them all", columns(&more), style)
    }
}
