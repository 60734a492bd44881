//! How much is worked out at a stretch.

use std::time::{Duration, Instant};

/// How many failures of a burst are worked out at once; the rest waits.
const AT_ONCE: usize = 24;

/// How long a burst lasts at most: of a program that never pauses, something is still explained in each.
const LONGEST: Duration = Duration::from_secs(1);

/// How many failures are worked out without anything new to be said; of more, only the number is kept.
const MOST_FRUITLESS: usize = 100;

/// Failures that come one after another, until there is a pause.
#[derive(Debug, Default)]
pub(super) struct Burst {
    began: Option<Instant>,
    worked_out: usize,
    /// How many were worked out since there was something new to be said.
    fruitless: usize,
}

impl Burst {
    /// More has come; what lasted too long begins anew.
    pub(super) fn goes_on(&mut self) {
        if self.began.is_some_and(|began| began.elapsed() >= LONGEST) {
            self.worked_out = 0;
            self.began = None;
        }
        self.began.get_or_insert_with(Instant::now);
    }

    /// Another one is worked out.
    pub(super) fn count(&mut self) {
        self.worked_out += 1;
        self.fruitless += 1;
    }

    /// There was something new to be said.
    pub(super) fn bore_fruit(&mut self) {
        self.fruitless = 0;
    }

    /// Whether what comes now has to wait.
    pub(super) fn is_full(&self) -> bool {
        self.worked_out >= AT_ONCE
    }

    /// Whether so much was worked out for nothing that more is not worth the work.
    pub(super) fn is_fruitless(&self) -> bool {
        self.fruitless >= MOST_FRUITLESS
    }
}
