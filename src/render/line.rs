//! A hint as a single line, to which `permwrap explain --last` gives the details.

use super::text::pasteable;
use super::{Style, headline, incident_report, unclear};
use crate::cause;
use crate::facts::Elevator;
use crate::quote;
use crate::report::{Conclusion, Finding};

/// The hint, with a trailing newline: what could not be done, why, and the first fix.
#[must_use]
pub fn line(finding: &Finding, style: Style) -> String {
    let incident = incident_report(finding);
    let mut line = format!("permwrap: {}", headline(finding));
    match (&finding.conclusion, &finding.attempt) {
        (Conclusion::Unclear(why), _) => line.push_str(&format!(": {}", unclear(why))),
        (Conclusion::Refused(denial, _), Some(attempt)) => {
            let words = cause::words(denial, attempt, &finding.facts);
            line.push_str(&format!(": {}", words.because));
        }
        _ => {}
    }
    if let Some(fix) = incident.fixes.first() {
        let is_root = incident
            .subject
            .as_ref()
            .is_some_and(|subject| subject.uid == 0 && style.is_root);
        let elevator = match fix.needs_root && !is_root {
            true => finding.facts.surroundings.elevator,
            false => Elevator::None,
        };
        let fix = match fix.commands.is_empty() {
            true => fix.title.clone(),
            false => pasteable(&fix.commands, elevator),
        };
        line.push_str(&format!("; fix: {fix}"));
    }
    match style.color {
        true => format!("\x1b[33m{}\x1b[0m\n", quote::line(&line)),
        false => quote::line(&line) + "\n",
    }
}
