//! Limits how much is investigated at a stretch.

use std::time::{Duration, Instant};

/// How many failures of a burst are investigated immediately; the others wait.
const AT_ONCE: usize = 24;

/// The maximum duration of a burst. If a program never pauses, a new burst starts, so that hints are still shown from time to
/// time.
const LONGEST: Duration = Duration::from_secs(1);

/// How many failures are investigated without a new hint; further ones are only counted.
const MOST_FRUITLESS: usize = 100;

/// A sequence of failures without a pause.
#[derive(Debug, Default)]
pub(super) struct Burst {
    began: Option<Instant>,
    worked_out: usize,
    /// The number of failures investigated since the last new hint.
    fruitless: usize,
}

impl Burst {
    /// Continues the burst, or begins a new one if there is none or if it has lasted too long. Returns whether one begins.
    pub(super) fn begins(&mut self) -> bool {
        if self.began.is_some_and(|began| began.elapsed() < LONGEST) {
            return false;
        }
        if self.began.is_some() {
            self.worked_out = 0;
        }
        self.began = Some(Instant::now());
        true
    }

    /// Counts a failure that is investigated.
    pub(super) fn count(&mut self) {
        self.worked_out += 1;
        self.fruitless += 1;
    }

    /// Notes that a new hint was found.
    pub(super) fn bore_fruit(&mut self) {
        self.fruitless = 0;
    }

    /// Whether further failures have to wait.
    pub(super) fn is_full(&self) -> bool {
        self.worked_out >= AT_ONCE
    }

    /// Whether so many failures were investigated without result that further ones are not worth the effort.
    pub(super) fn is_fruitless(&self) -> bool {
        self.fruitless >= MOST_FRUITLESS
    }
}
