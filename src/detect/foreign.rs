//! Refusals by something other than the local kernel: for each kind, a sentence about what it is and where to look, as data
//! (`patterns/foreign.toml`).

use std::sync::OnceLock;

use serde::Deserialize;

use super::lines::{Lines, without_controls};
use super::outline::{BUILT_IN, Outline};
use super::paste;
use super::pattern::{Pattern, Shape};
use super::written::Lazy;
use crate::attempt::Incident;
use crate::built_in::built_in;

/// The maximum number of different meanings reported for a text.
const MOST: usize = 3;

/// A refusal that no file of this machine is responsible for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// The line that reports it.
    pub message: Vec<u8>,
    /// The kind of refusal: `ssh-login`.
    pub name: &'static str,
    /// What it is and where to look, as a sentence.
    pub meaning: &'static str,
    /// Whether nothing is known beyond the fact that something was refused.
    pub is_general: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    foreign: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: String,
    #[serde(default)]
    windows: bool,
    #[serde(default)]
    mac: bool,
    line: Lazy,
    meaning: String,
    #[serde(default)]
    #[allow(dead_code, reason = "read by tests alone")]
    sample: Vec<String>,
}

/// The refusals of this kind that a text reports, each kind once, in the order of lines. The general sentence is omitted if a
/// more specific one applies.
#[must_use]
pub fn foreign_in(text: &[u8]) -> Vec<Foreign> {
    let mut found: Vec<Foreign> = Vec::new();
    let mut take = |line: &[u8]| {
        let line = without_controls(line);
        let rule = rules().iter().find(|rule| rule.line.is_match(&line));
        let is_general = |rule: &Rule| rules().last().is_some_and(|last| last.name == rule.name);
        let rule = rule.filter(|rule| !(is_general(rule) && is_documentation(&line)));
        if let Some(rule) = rule
            && !found.iter().any(|known| known.name == rule.name)
        {
            found.push(Foreign {
                message: line.trim_ascii().to_vec(),
                name: &rule.name,
                meaning: &rule.meaning,
                is_general: is_general(rule),
            });
        }
    };
    let mut lines = Lines::default();
    lines.feed(&paste::as_printed(text), &mut take);
    let last = lines.partial().to_vec();
    take(&last);
    if found.iter().any(|foreign| !foreign.is_general) {
        found.retain(|foreign| !foreign.is_general);
    }
    found.truncate(MOST);
    found
}

/// The meaning of a recognized message that comes from Windows; `None` if it comes from this machine.
#[must_use]
pub fn meaning_elsewhere(incident: &Incident) -> Option<&'static str> {
    meaning(incident, |rule| rule.windows)
}

/// The meaning of a message that is known to come from a Mac, if it means something else there than here.
#[must_use]
pub fn meaning_on_a_mac(incident: &Incident) -> Option<&'static str> {
    meaning(incident, |rule| rule.mac)
}

fn meaning(incident: &Incident, is_of_it: fn(&Rule) -> bool) -> Option<&'static str> {
    let mut texts = std::iter::once(&incident.message).chain(&incident.paths);
    let rules = rules().iter().filter(|rule| is_of_it(rule));
    let mut matching = rules.filter(|rule| texts.clone().any(|text| rule.line.is_match(text)));
    let found = matching.next().map(|rule| rule.meaning.as_str());
    texts.next().and(found)
}

/// Whether a line merely mentions messages: changelogs, test reports, source code, prose.
fn is_documentation(line: &[u8]) -> bool {
    static SILENT: OnceLock<Vec<Pattern>> = OnceLock::new();
    let silent = SILENT.get_or_init(|| {
        let silence = BUILT_IN.iter().filter(|outline| outline.file == "silence");
        let patterns = silence.filter_map(Outline::parsed);
        let tells_by_itself = |pattern: &Pattern| {
            matches!(pattern.shape, Shape::Line(_))
                && pattern.looks.is_empty()
                && pattern.id != "silence-rpc"
        };
        patterns.filter(tells_by_itself).collect()
    });
    silent.iter().any(|pattern| match &pattern.shape {
        Shape::Line(expression) => expression.find(line).is_some(),
        Shape::AroundReason(..) => false,
    })
}

fn rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(|| {
        let file: File = built_in!("foreign");
        file.foreign
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::with_samples;

    #[test]
    fn every_sample_is_told_by_its_own_rule() {
        let file: File = with_samples!("foreign");
        for rule in file.foreign {
            assert!(!rule.sample.is_empty(), "{}", rule.name);
            for sample in &rule.sample {
                let found = foreign_in(sample.as_bytes());
                let names: Vec<&str> = found.iter().map(|foreign| foreign.name).collect();
                assert_eq!(names, [rule.name.as_str()], "{sample}");
            }
        }
    }

    #[test]
    fn what_all_is_well_with_is_told_nothing_of() {
        for text in [
            "GET /index.html 200",
            "drwxr-xr-x 2 root root 4096 x",
            "- fix: \"access denied\" is told now",
            "cat: /etc/shadow: Permission",
            "- fix: handle EACCES: permission denied when the cache folder is read-only",
            "    ✓ throws EACCES when permission denied (3 ms)",
            "tests/x.py::test[Permission denied] PASSED   [ 50%]",
        ] {
            assert_eq!(foreign_in(text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn a_message_of_windows_means_something_else_than_here() {
        let incident = |message: &str, path: &str| Incident {
            message: message.into(),
            paths: vec![path.into()],
            ..Incident::default()
        };
        let held = meaning_elsewhere(&incident(
            "PermissionError: [WinError 32] ...",
            "C:\\a.xlsx",
        ));
        assert!(held.is_some_and(|meaning| meaning.contains("has the file open")));
        let refused = meaning_elsewhere(&incident(
            "EPERM: operation not permitted, open",
            "C:\\a\\b",
        ));
        assert!(refused.is_some_and(|meaning| meaning.contains("access control list")));
        assert_eq!(
            meaning_elsewhere(&incident("cat: c: Permission denied", "c")),
            None
        );
    }
}
