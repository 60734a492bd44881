//! A hint as a workflow annotation (`::error title=...::message`), which GitHub Actions and Forgejo show along with a run.

use super::text::pasteable;
use super::{headline, incident_report};
use crate::facts::Elevator;
use crate::report::Finding;

/// A hint as an annotation, with a trailing newline. `workspace` is the directory of the checkout: an object in it is annotated
/// as a file of the repository.
#[must_use]
pub fn annotation(finding: &Finding, workspace: Option<&str>) -> String {
    let incident = incident_report(finding);
    let title = headline(finding);
    let level = match incident.causes.is_empty() {
        true => "warning",
        false => "error",
    };
    let mut lines: Vec<String> = Vec::new();
    for cause in &incident.causes {
        lines.push(format!("{} ({})", cause.summary, cause.code));
    }
    lines.extend(incident.note.clone());
    for (at, fix) in incident.fixes.iter().enumerate() {
        let label = if at == 0 { "fix" } else { "or" };
        // The steps of a workflow run on machines that have it.
        let elevator = match fix.needs_root {
            true => Elevator::Sudo,
            false => Elevator::None,
        };
        let commands = pasteable(&fix.commands, elevator);
        lines.push(match commands.is_empty() {
            true => format!("{label}: {}", fix.title),
            false => format!("{label}: {}   # {}", commands, fix.title),
        });
    }
    let file = incident
        .path
        .as_deref()
        .and_then(|path| path.strip_prefix(workspace?)?.strip_prefix('/'))
        .map_or_else(String::new, |path| format!(",file={}", property(path)));
    format!(
        "::{level} title={}{file}::{}\n",
        property(&format!("permwrap: {title}")),
        message(&lines.join("\n"))
    )
}

/// Escapes the characters that end a message, so that no part of a message or file name can begin another workflow command.
fn message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes the characters that end a property.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_the_annotation() {
        assert_eq!(property("a,b::c\n::error"), "a%2Cb%3A%3Ac%0A%3A%3Aerror");
        assert_eq!(message("50%\n::error::x"), "50%25%0A::error::x");
    }
}
