//! What `--verbose` adds at the end of a run: what was recognized, and why there is no hint.

use super::Explainer;
use crate::attempt::Incident;
use crate::quote;

impl Explainer {
    /// The lines that `--verbose` adds at the end.
    pub(super) fn verbose(&self) -> Vec<String> {
        let Some(notes) = &self.notes else {
            return Vec::new();
        };
        let mut all = notes.clone();
        let has_met = self.findings.listed().next().is_some();
        if all.is_empty() && !has_met && !self.wants_trace {
            let none = "nothing on its stderr was recognized as a refusal (`permwrap patterns` lists what would be; --trace watches the system calls)";
            all.push(none.to_owned());
        }
        all.extend(
            self.findings
                .unsaid()
                .map(|(message, why)| unsaid(message, why)),
        );
        all
    }
}

/// The line of `--verbose` about a recognized line.
pub(super) fn recognized(incident: &Incident) -> String {
    format!(
        "recognized by the pattern {}: {}",
        incident.pattern,
        quote::display(&incident.message)
    )
}

/// The line of `--verbose` about a failure without a hint.
pub(super) fn unsaid(message: &[u8], why: &str) -> String {
    format!("no hint for {}: {why}", quote::display(message))
}
