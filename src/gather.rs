//! The only reader of the system: one kernel interface a file.

use crate::attempt::{Attempt, Subject};
use crate::facts::{Fact, Facts};

/// Everything that judging the attempt needs, as far as it can be read.
#[must_use]
pub fn facts(attempt: &Attempt) -> Facts {
    let _ = attempt;
    Facts::default()
}

/// The credentials of a live (or not yet waited for) process.
///
/// # Errors
/// Where `/proc/PID/status` cannot be read.
pub fn subject(pid: i32) -> Fact<Subject> {
    Err(crate::facts::Unread::not_gathered(&format!(
        "process {pid}"
    )))
}
