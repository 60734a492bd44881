//! What was found, as data: one model for people, JSON and annotations.
//!
//! Field names are those of the interface; adding a field is fine, renaming one is not.
#![forbid(unsafe_code)]

use serde::Serialize;

use crate::attempt::{Attempt, Incident, Operation, Sign, Signs};
use crate::denial::Denial;
use crate::facts::Facts;
use crate::quote;
use crate::remedy::{Fix, Remedy};

/// The version of every document's form.
pub const SCHEMA: u32 = 1;

/// A finding: what was met, with what was worked out of it. The typed parts are for the renderer.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What the text said; `None` where no text told of it.
    pub incident: Option<Incident>,
    /// How often it was met.
    pub count: u64,
    /// How many other failures the same obstacle stands behind, which are not shown for themselves.
    pub alike: u64,
    /// The reading that was judged; `None` where there was nothing to judge. Where nothing told the operation, that of
    /// the attempt is one of several that are possible.
    pub attempt: Option<Attempt>,
    /// What told each part of the reading.
    pub signs: Signs,
    /// What it was judged on.
    pub facts: Facts,
    /// What came of it.
    pub conclusion: Conclusion,
}

impl Finding {
    /// What a text tells of, where nothing was judged, and why not.
    #[must_use]
    pub fn without_attempt(incident: Incident, note: String) -> Finding {
        Finding {
            count: u64::from(incident.count),
            alike: 0,
            incident: Some(incident),
            attempt: None,
            signs: Signs::default(),
            facts: Facts::default(),
            conclusion: Conclusion::Unclear(Unclear::Note(note)),
        }
    }

    /// Whether the system call itself is known.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.signs.operation == Some(Sign::Call)
    }
}

/// What the evidence comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// Refused: the first blocker, and what puts it right.
    Refused(Denial, Remedy),
    /// By all that can be seen, nothing stands in the way now.
    Allowed,
    /// The evidence does not decide.
    Unclear(Unclear),
}

/// Why the evidence does not decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// What is missing, as a sentence.
    Note(String),
    /// Nothing tells what was tried on the object: what may be done with it now, and what may not.
    Operation(Vec<Way>),
}

/// One thing that may have been tried on an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// What.
    pub operation: Operation,
    /// Why it is refused now, and what would allow it; `None` where it is allowed.
    pub refused: Option<(String, Vec<Fix>)>,
}

/// The report of a run.
#[derive(Debug, Serialize)]
pub struct RunReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The command line; odd bytes written `\xNN`.
    pub command: Vec<String>,
    /// How the command ended.
    pub exit: Exit,
    /// What was found.
    pub incidents: Vec<IncidentReport>,
    /// How many more failures were met than are listed: there is a bound to what is kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub unlisted: u64,
    /// Every refused call, equal ones once, in the order of their first; only where the calls were traced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<Vec<CallReport>>,
}

/// One refused call.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct CallReport {
    pub call: &'static str,
    pub errno: &'static str,
    pub operation: Option<&'static str>,
    pub path: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub path_lossy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    pub pid: i32,
    pub program: String,
    pub count: u64,
    pub told: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How a command ended: by code or by signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Exit {
    /// The exit code.
    pub code: Option<i32>,
    /// The signal's number.
    pub signal: Option<i32>,
}

/// The report of `explain`.
#[derive(Debug, Serialize)]
pub struct ExplainReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was found.
    pub incidents: Vec<IncidentReport>,
    /// What others refused: logins, databases, services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<ElsewhereReport>,
}

/// What was refused by no file of this machine.
#[derive(Debug, Serialize)]
pub struct ElsewhereReport {
    /// What it is: `ssh-login`.
    pub kind: &'static str,
    /// The line that tells of it.
    pub message: String,
    /// What it is and where to look, as a sentence.
    pub meaning: &'static str,
}

/// The report of `why`.
#[derive(Debug, Serialize)]
pub struct WhyReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was found.
    #[serde(flatten)]
    pub incident: IncidentReport,
}

/// One incident.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct IncidentReport {
    pub errno: Option<&'static str>,
    pub message: Option<String>,
    pub pattern: Option<String>,
    pub operation: Option<&'static str>,
    pub path: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub path_lossy: bool,
    pub count: u64,
    pub exact: bool,
    pub subject: Option<SubjectReport>,
    pub verdict: &'static str,
    /// The same for the same refusal on every machine; of what is refused only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    pub causes: Vec<CauseReport>,
    pub fixes: Vec<FixReport>,
    /// Where it was, where that is not where permwrap runs: "in the container shop-web".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Who tried.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct SubjectReport {
    pub pid: Option<i32>,
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
    pub user: Option<String>,
}

/// What denies.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct CauseReport {
    pub code: &'static str,
    pub path: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub path_lossy: bool,
    pub summary: String,
    pub evidence: Vec<String>,
}

/// What puts it right.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct FixReport {
    pub title: String,
    pub commands: Vec<String>,
    pub needs_root: bool,
    pub argv: Vec<Vec<String>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub path_lossy: bool,
    pub effect: &'static str,
    #[serde(rename = "where")]
    pub place: &'static str,
    pub verified: bool,
    pub complete: bool,
    pub relogin: bool,
}

/// A path or other bytes for JSON: odd bytes written `\xNN`, and whether there were any.
#[must_use]
pub fn lossy(bytes: &[u8]) -> (String, bool) {
    let mut text = String::with_capacity(bytes.len());
    let mut odd = false;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            odd = true;
            text.push_str(&quote::byte(*byte));
        }
    }
    (text, odd)
}
