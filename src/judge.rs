//! From facts, subject and operation to a verdict, as the kernel decides it.
//!
//! The judge replays the kernel's own decisions in the kernel's order and stops at the first refusal. It is pure: what it
//! does not find in the [facts](crate::facts) is unknown, and then the verdict is [`Verdict::Unclear`].
#![forbid(unsafe_code)]

pub use crate::cause::{Certainty, Class, Denial, Obstacle, Rule};

use crate::attempt::{Errno, Object, Operation, Subject};
use crate::facts::{Facts, NodeId, Unread};

/// What the kernel would answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing stands in the way.
    Allowed,
    /// The kernel refuses.
    Denied(Denial),
    /// It fails for a reason that is not one of permission: `ENOENT`, `ENOTDIR`, `EEXIST` ...
    Fails {
        /// The error number.
        errno: Errno,
        /// The node at which it fails: for `ENOENT` the directory that lacks the name.
        at: Option<NodeId>,
    },
    /// The facts do not decide.
    Unclear(Unread),
}

/// What the kernel would answer to this subject's attempt.
#[must_use]
pub fn judge(subject: &Subject, operation: &Operation, object: &Object, facts: &Facts) -> Verdict {
    let _ = (subject, operation, object, facts);
    Verdict::Unclear(Unread::not_gathered("the judge"))
}

/// What refused, where [`judge`] allows or fails otherwise but the system answered `reported`: a sandbox, a security
/// module, a file system that decides by itself. `None` where nothing of the kind is in force either.
#[must_use]
pub fn infer(
    subject: &Subject,
    operation: &Operation,
    object: &Object,
    facts: &Facts,
    reported: Errno,
) -> Option<Denial> {
    let _ = (subject, operation, object, facts, reported);
    None
}
