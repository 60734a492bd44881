//! What is known, and why something is not.

use super::Errno;

/// A fact is known, or could not be read, for a reason. `?` carries "unknown" through the judge.
pub type Fact<T> = Result<T, UnknownFact>;

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UnknownFact {
    /// What could not be read: "mode and owner", "ACL", "inode flags", "security label".
    pub what: String,
    /// The object it belongs to; empty where it belongs to none.
    pub path: Vec<u8>,
    /// The error number that reading it answered; `None` where it was not tried.
    pub errno: Option<Errno>,
}

impl UnknownFact {
    /// Something that was never looked at.
    #[must_use]
    pub fn not_gathered(what: &str) -> UnknownFact {
        UnknownFact {
            what: what.to_owned(),
            path: Vec::new(),
            errno: None,
        }
    }
}
