//! The failures without a hint, and why they have none.

use super::alike::message;
use crate::attempt::Incident;
use crate::report::Finding;

/// The maximum number of messages for which the reason is kept.
const MOST: usize = 100;

/// What was left unsaid in a run.
#[derive(Debug, Default)]
pub(super) struct Unsaid {
    /// The first messages, each with the reason.
    messages: Vec<(Vec<u8>, String)>,
    has_nameless: bool,
}

impl Unsaid {
    /// Records why a finding gets no hint.
    pub(super) fn add(&mut self, finding: &Finding, why: &str) {
        if self.messages.len() < MOST {
            let message = message(finding).unwrap_or_default();
            self.messages.push((message.to_vec(), why.to_owned()));
        }
    }

    /// Notes whether a finding that is not worth a hint tells of a refusal, and nothing tells of what.
    pub(super) fn note_nameless(&mut self, finding: &Finding) {
        self.has_nameless |= is_nameless(finding);
    }

    /// Whether there was such a finding.
    pub(super) fn has_nameless(&self) -> bool {
        self.has_nameless
    }

    /// The first messages, each with the reason.
    pub(super) fn messages(&self) -> impl Iterator<Item = (&[u8], &str)> {
        let messages = self.messages.iter();
        messages.map(|(message, why)| (message.as_slice(), why.as_str()))
    }
}

/// Whether the program tells of a refusal here, and neither its message nor anything else tells of what.
fn is_nameless(finding: &Finding) -> bool {
    let names_nothing =
        |incident: &Incident| incident.object().is_none() && incident.address.is_none();
    finding.attempt.is_none()
        && !finding.signs.elsewhere
        && finding.incident.as_ref().is_some_and(names_nothing)
}
