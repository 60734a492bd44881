//! Limits the number of hints of a run.

use std::time::{Duration, Instant};

/// The maximum number of hints in a row.
const MOST: u32 = 12;

/// The time after which one more hint is permitted.
const REFILL: Duration = Duration::from_secs(5 * 60);

/// A number of permitted hints, which decreases with use and increases with time.
#[derive(Debug)]
pub struct Quota {
    left: u32,
    /// When the last one was added, or the quota was last full.
    since: Option<Instant>,
}

impl Default for Quota {
    fn default() -> Quota {
        Quota {
            left: MOST,
            since: None,
        }
    }
}

impl Quota {
    /// Takes one hint from the quota; false if none is left.
    pub fn take(&mut self) -> bool {
        self.take_at(Instant::now())
    }

    /// Whether one is left, or may have been added by now.
    pub fn is_left(&self) -> bool {
        self.left > 0 || self.since.is_some_and(|since| since.elapsed() >= REFILL)
    }

    fn take_at(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let refilled = now.saturating_duration_since(since).as_secs() / REFILL.as_secs();
        if refilled > 0 {
            self.left = MOST.min(
                self.left
                    .saturating_add(u32::try_from(refilled).unwrap_or(MOST)),
            );
            self.since = Some(now);
        }
        let is_left = self.left > 0;
        self.left -= u32::from(is_left);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_refills_with_time() {
        let mut quota = Quota::default();
        let start = Instant::now();
        assert!((0..MOST).all(|_| quota.take_at(start)));
        assert!(!quota.take_at(start + REFILL / 2));
        assert!(quota.take_at(start + REFILL * 2));
        assert!(quota.take_at(start + REFILL * 2));
        assert!(!quota.take_at(start + REFILL * 2));
    }
}
