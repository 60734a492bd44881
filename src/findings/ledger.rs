//! The findings of a run, each kept once. Their number is bounded: the least recently met one is dropped for a new one.

use super::alike::{is_alike, is_same, message};
use crate::report::Finding;

/// The maximum number of findings kept.
pub(super) const MOST: usize = 1000;

/// The findings that are kept.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    /// The number of the latest entry.
    latest: u64,
    clock: u64,
    /// How many hints have been shown.
    numbered: usize,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    finding: Finding,
    last_met: u64,
    /// Whether it has been decided if a hint is shown for it.
    considered: bool,
    /// The position of its hint among all hints shown; `None` if none was shown.
    shown: Option<usize>,
}

/// Where a finding was kept.
pub(super) struct Kept {
    /// The number of its entry.
    pub(super) number: u64,
    /// What had to make room for it.
    pub(super) dropped: Option<Dropped>,
}

/// An entry that is no longer kept.
pub(super) struct Dropped {
    pub(super) number: u64,
    /// How often it was met.
    pub(super) count: u64,
}

impl Ledger {
    /// Another failure is met: what is kept from now on is later than what was kept before.
    pub(super) fn tick(&mut self) {
        self.clock += 1;
    }

    /// Keeps a finding, or counts it with an entry for the same failure.
    pub(super) fn keep(&mut self, finding: Finding) -> Kept {
        let same = |entry: &&mut Entry| is_same(&entry.finding, &finding);
        if let Some(entry) = self.entries.iter_mut().find(same) {
            // The same message again is another failure. A different message about the same failure is not.
            if message(&entry.finding) == message(&finding) {
                entry.finding.count += finding.count;
            }
            entry.last_met = self.clock;
            return Kept {
                number: entry.number,
                dropped: None,
            };
        }
        let is_full = self.entries.len() >= MOST;
        let dropped = is_full.then(|| self.drop_one()).flatten();
        self.latest += 1;
        self.entries.push(Entry {
            number: self.latest,
            finding,
            last_met: self.clock,
            considered: false,
            shown: None,
        });
        Kept {
            number: self.latest,
            dropped,
        }
    }

    /// Counts further failures with the entry of this number.
    pub(super) fn again(&mut self, number: u64, count: u64) {
        let mut entries = self.entries.iter_mut();
        if let Some(entry) = entries.find(|entry| entry.number == number) {
            entry.finding.count += count;
            entry.last_met = self.clock;
        }
    }

    /// The positions of the findings that have not been considered yet, which they are from now on.
    pub(super) fn consider(&mut self) -> Vec<usize> {
        let entries = self.entries.iter_mut().enumerate();
        let new = entries.filter(|(_, entry)| !entry.considered);
        new.map(|(at, entry)| {
            entry.considered = true;
            at
        })
        .collect()
    }

    /// Whether any has not been considered yet.
    pub(super) fn has_new(&self) -> bool {
        self.entries.iter().any(|entry| !entry.considered)
    }

    /// The finding at this position.
    pub(super) fn at(&self, at: usize) -> &Finding {
        &self.entries[at].finding
    }

    /// Whether a hint for one of the findings explains the other as well.
    pub(super) fn is_alike(&self, one: usize, other: usize) -> bool {
        is_alike(self.at(one), self.at(other))
    }

    /// Counts a failure that the hint for this one explains as well.
    pub(super) fn count_alike(&mut self, at: usize) {
        self.entries[at].finding.alike += 1;
    }

    /// Numbers the hint for this finding, which is shown.
    pub(super) fn show(&mut self, at: usize) {
        self.entries[at].shown = Some(self.numbered);
        self.numbered += 1;
    }

    /// The findings for which hints were shown, in that order, followed by the other considered ones.
    pub(super) fn told(&self) -> Vec<&Finding> {
        let considered = self.entries.iter().filter(|entry| entry.considered);
        let mut told: Vec<&Entry> = considered.collect();
        told.sort_by_key(|entry| entry.shown.unwrap_or(usize::MAX));
        told.into_iter().map(|entry| &entry.finding).collect()
    }

    /// Every finding.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Finding> {
        self.entries.iter().map(|entry| &entry.finding)
    }

    /// Drops the finding that was met least recently.
    fn drop_one(&mut self) -> Option<Dropped> {
        let oldest = (0..self.entries.len()).min_by_key(|&at| self.entries[at].last_met);
        let entry = self.entries.remove(oldest?);
        Some(Dropped {
            number: entry.number,
            count: entry.finding.count,
        })
    }
}
