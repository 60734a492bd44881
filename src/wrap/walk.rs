//! Summarizes the refusals of one traversal (find, du, `grep -r`, `cp -r`, `chmod -R`) in a short hint: directories that it cannot
//! enter are usually closed on purpose, and there is no reason to open them.

use std::collections::HashSet;

use crate::attempt::{Errno, Incident};
use crate::cli::Hints;
use crate::findings;
use crate::investigate::{Views, investigate};
use crate::programs::{self, Errand, Walk};
use crate::quote;
use crate::render::Style;
use crate::render::walk::WalkHint;
use crate::report::{Conclusion, Finding};
use crate::resolve::{Circumstances, Evidence};

/// The maximum number of paths that are distinguished; further ones are only counted.
const MOST_PLACES: usize = 100_000;

/// How many refusals are investigated, to verify that they are what they seem to be.
const LOOKED_AT: usize = 3;

/// How many refused deletions with one and the same cause are investigated, before all others are taken to have that cause, too.
const MOST_DELETIONS: usize = 24;

/// The refusals that a traversal encountered.
pub(super) struct Walked {
    walk: Walk,
    places: HashSet<Vec<u8>>,
    beyond: usize,
    first: Vec<Finding>,
    /// How many deletions with the first one's cause were investigated.
    deletions: usize,
}

impl Walked {
    /// For a command that is a traversal; `None` for any other.
    pub fn of(command: &[Vec<u8>]) -> Option<Walked> {
        Some(Walked {
            walk: programs::walk(command)?,
            places: HashSet::new(),
            beyond: 0,
            first: Vec::new(),
            deletions: 0,
        })
    }

    /// Adds an incident if the traversal encountered it; false otherwise.
    pub fn takes(&mut self, incident: &Incident, circumstances: &Circumstances) -> bool {
        let [path] = &incident.paths[..] else {
            return false;
        };
        let refused = match incident.errno {
            Some(Errno::Acces) => true,
            Some(Errno::Perm) => self.walk.errand == Errand::Change,
            _ => false,
        };
        if !refused || incident.origin.is_some() || !self.walk.meets(path) {
            return false;
        }
        if self.deletions >= MOST_DELETIONS {
            return false;
        }
        if self.first.len() < LOOKED_AT && !self.places.contains(path) {
            let evidence = Evidence::Message(incident.clone());
            let finding = investigate(evidence, circumstances, &mut Views::default());
            if !matches!(finding.conclusion, Conclusion::Refused(..)) {
                return false;
            }
            self.first.push(finding);
            if self.gives_the_first_a_hint() && self.first.len() == 1 {
                self.places.insert(path.clone());
                return false;
            }
            // A deletion that failed can be fixed, so its first cause gets a hint of its own.
            let is_one = self
                .first
                .iter()
                .all(|other| findings::obstacle(other) == findings::obstacle(&self.first[0]));
            if self.walk.errand == Errand::Delete && is_one {
                self.first.truncate(1);
                self.deletions += 1;
                return false;
            }
        }
        match self.places.len() < MOST_PLACES {
            true => drop(self.places.insert(path.clone())),
            false => self.beyond += 1,
        }
        true
    }

    /// Whether the first refusal gets a hint of its own, because something was to be done with what it is about.
    fn gives_the_first_a_hint(&self) -> bool {
        matches!(self.walk.errand, Errand::Copy | Errand::Change)
    }

    /// The hint; empty if nothing was encountered.
    pub fn hint(&self, command: &[Vec<u8>], form: Option<Hints>, style: Style) -> String {
        let met = self.places.len() + self.beyond;
        let count = met.saturating_sub(usize::from(self.gives_the_first_a_hint()));
        let Some(first) = self.first.first().filter(|_| count > 0) else {
            return String::new();
        };
        let walk = WalkHint {
            count,
            below: match &self.walk.places[..] {
                [place] => Some(quote::display(place)),
                _ => None,
            },
            errand: self.walk.errand,
            only_looks: self.walk.only_looks,
            command: quote::command(command),
            first,
        };
        match form {
            Some(Hints::Line) => walk.line(),
            _ => format!("\n{}", walk.text(style)),
        }
    }
}

/// Passes the incidents to the traversal, and returns those that do not belong to it.
pub(super) fn divide(
    walked: &mut Option<Walked>,
    incidents: Vec<Incident>,
    circumstances: &Circumstances,
) -> Vec<Incident> {
    let Some(walked) = walked else {
        return incidents;
    };
    let left = incidents.into_iter();
    left.filter(|incident| !walked.takes(incident, circumstances))
        .collect()
}
