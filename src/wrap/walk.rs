//! Summarizes the refusals of one traversal (find, du, `grep -r`, `cp -r`, `chmod -R`) in a short hint: directories that it cannot
//! enter are usually closed on purpose, and there is no reason to open them.

use std::collections::HashSet;

use crate::attempt::{Errno, Incident};
use crate::cli::Hints;
use crate::findings::{self, Findings, Met};
use crate::programs::{self, Errand, Walk};
use crate::quote;
use crate::render::Style;
use crate::render::walk::WalkHint;
use crate::report::{Conclusion, Finding};
use crate::resolve::Circumstances;

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
    /// Whether a program that it runs has got a hint of its own.
    is_anothers_told: bool,
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
            is_anothers_told: false,
        })
    }

    /// Adds an incident if the traversal encountered it, otherwise returns it with what was found out about it.
    pub fn take(
        &mut self,
        incident: Incident,
        circumstances: &Circumstances,
        findings: &mut Findings,
    ) -> Option<Met> {
        let [path] = &incident.paths[..] else {
            return Some(incident.into());
        };
        let refused = match incident.errno {
            Some(Errno::Acces) => true,
            Some(Errno::Perm) => self.walk.errand == Errand::Change,
            _ => false,
        };
        if !refused || incident.origin.is_some() || !self.walk.meets(path) {
            return Some(incident.into());
        }
        if self.deletions >= MOST_DELETIONS {
            return Some(incident.into());
        }
        // What find(1) runs was meant to reach its file: the first refusal of that kind gets a hint of its own.
        if !self.is_anothers_told && self.walk.runs_another(&incident.message) {
            self.is_anothers_told = true;
            return Some(incident.into());
        }
        if self.first.len() < LOOKED_AT && !self.places.contains(path) {
            let finding = findings.look_into(&incident, circumstances);
            if self.is_left_to_others(&finding, path) {
                let finding = Some(Box::new(finding));
                return Some(Met { incident, finding });
            }
            self.first.push(finding);
        }
        match self.places.len() < MOST_PLACES {
            true => drop(self.places.insert(path.clone())),
            false => self.beyond += 1,
        }
        None
    }

    /// Whether a finding, one of the first, is not for the hint of the traversal, or not only.
    fn is_left_to_others(&mut self, finding: &Finding, path: &[u8]) -> bool {
        if !matches!(finding.conclusion, Conclusion::Refused(..)) {
            return true;
        }
        let is_first = self.first.is_empty();
        if self.gives_the_first_a_hint() && is_first {
            self.first.push(finding.clone());
            self.places.insert(path.to_vec());
            return true;
        }
        // A deletion that failed can be fixed, so its first cause gets a hint of its own.
        let obstacle = findings::obstacle(finding);
        let is_one = |other: &Finding| findings::obstacle(other) == obstacle;
        let is_left = self.walk.errand == Errand::Delete && self.first.iter().all(is_one);
        if is_left {
            if is_first {
                self.first.push(finding.clone());
            }
            self.deletions += 1;
        }
        is_left
    }

    /// Whether the first refusal gets a hint of its own, because something was to be done with what it is about.
    fn gives_the_first_a_hint(&self) -> bool {
        matches!(self.walk.errand, Errand::Copy | Errand::Change)
    }

    /// Whether it was refused something.
    pub fn has_met_something(&self) -> bool {
        !self.places.is_empty()
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
            goes_on: self.is_anothers_told || self.walk.errand != Errand::Look,
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
    findings: &mut Findings,
) -> Vec<Met> {
    let incidents = incidents.into_iter();
    match walked {
        None => incidents.map(Met::from).collect(),
        Some(walked) => incidents
            .filter_map(|incident| walked.take(incident, circumstances, findings))
            .collect(),
    }
}
