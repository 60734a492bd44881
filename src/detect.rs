//! From a stream of bytes to incidents: a literal prefilter over everything, patterns only where a line could match.
#![forbid(unsafe_code)]

mod sieve;

pub use sieve::Sieve;

use crate::attempt::Incident;

/// Finds permission failures in a stream of text, fed in pieces of any size.
///
/// What the [`Sieve`] let through is enough.
#[derive(Debug, Default)]
pub struct Detector {}

impl Detector {
    /// Takes the next bytes of the stream. Incidents whose text is complete come back.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Incident> {
        let _ = bytes;
        Vec::new()
    }

    /// The stream has ended, or has been quiet for a moment: incidents whose text was still open come back.
    pub fn flush(&mut self) -> Vec<Incident> {
        Vec::new()
    }
}
