//! Known facts, and reasons why a fact is unknown.

use super::Errno;

/// A fact that is known, or the reason why it is not. In the judge, `?` propagates "unknown".
pub type Fact<T> = Result<T, UnknownFact>;

/// Why a fact is unknown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UnknownFact {
    /// What could not be read: "mode and owner", "ACL", "inode flags", "security label".
    pub what: String,
    /// The object that it belongs to; empty if there is none.
    pub path: Vec<u8>,
    /// The error number of the attempt to read it; `None` if no attempt was made.
    pub errno: Option<Errno>,
}

impl UnknownFact {
    /// A fact that was never read.
    #[must_use]
    pub fn not_gathered(what: &str) -> UnknownFact {
        UnknownFact {
            what: what.to_owned(),
            path: Vec::new(),
            errno: None,
        }
    }
}
