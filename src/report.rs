//! Findings as data: one model for text, JSON and annotations.
//!
//! The field names are part of the interface: fields may be added, but not renamed.
#![forbid(unsafe_code)]

use serde::Serialize;

use crate::attempt::{Attempt, Incident, Operation, Sign, Signs};
use crate::denial::Denial;
use crate::facts::Facts;
use crate::quote;
use crate::remedy::{Fix, Remedy};

/// The version of the format of all documents.
pub const SCHEMA: u32 = 1;

/// A failure that was met, with everything that was derived from it. The typed parts are for the renderer.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What the text said; `None` if no text reported the failure.
    pub incident: Option<Incident>,
    /// How often it was met.
    pub count: u64,
    /// How many other failures have the same obstacle and are therefore not shown separately.
    pub alike: u64,
    /// The reading that was judged; `None` if there was nothing to judge. If nothing identified the operation, the attempt's
    /// operation is one of several possible ones.
    pub attempt: Option<Attempt>,
    /// What identified each part of the reading.
    pub signs: Signs,
    /// The facts that the judgement is based on.
    pub facts: Facts,
    /// The result.
    pub conclusion: Conclusion,
}

impl Finding {
    /// A finding for a text whose failure was not judged, with the reason.
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

    /// The same for a failure on another machine or in a server.
    #[must_use]
    pub fn of_another_place(incident: Incident, note: String) -> Finding {
        let signs = Signs {
            elsewhere: true,
            ..Signs::default()
        };
        Finding {
            signs,
            ..Finding::without_attempt(incident, note)
        }
    }

    /// Whether the system call itself is known.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.signs.operation == Some(Sign::Call)
    }
}

/// The result of an investigation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// The kernel refuses: the first obstacle, and how to remove it.
    Refused(Denial, Remedy),
    /// As far as can be seen, nothing refuses the operation now.
    Allowed,
    /// The evidence does not suffice to decide.
    Unclear(Unclear),
}

impl Conclusion {
    /// The verdict, as documents for programs name it.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match self {
            Conclusion::Refused(..) => "denied",
            Conclusion::Allowed => "allowed",
            Conclusion::Unclear(_) => "unknown",
        }
    }
}

/// Why the evidence does not suffice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// What is missing, as a sentence.
    Note(String),
    /// Nothing identifies the operation: what may be done with the object now, and what may not.
    Operation(Vec<Way>),
}

/// An operation that may have been tried on an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The operation.
    pub operation: Operation,
    /// Why it is refused now, and the fixes; `None` if it is allowed.
    pub refused: Option<(String, Vec<Fix>)>,
}

/// The JSON report of a run.
#[derive(Debug, Serialize)]
pub struct RunReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The command line; bytes that are not UTF-8 are written `\xNN`.
    pub command: Vec<String>,
    /// How the command ended.
    pub exit: Exit,
    /// The failures that were found.
    pub incidents: Vec<IncidentReport>,
    /// How many more failures were met than are listed, because the number kept is limited.
    #[serde(skip_serializing_if = "is_zero")]
    pub unlisted: u64,
    /// Every distinct refused call, in the order of first occurrence; present only if system calls were traced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<Vec<CallReport>>,
}

/// A refused system call.
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

/// How a command ended: by an exit code or by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Exit {
    /// The exit code, if it exited.
    pub code: Option<i32>,
    /// The signal number, if a signal ended it.
    pub signal: Option<i32>,
}

/// The JSON report of `explain`.
#[derive(Debug, Serialize)]
pub struct ExplainReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The failures that were found.
    pub incidents: Vec<IncidentReport>,
    /// Refusals by something other than the kernel: logins, databases, services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<ElsewhereReport>,
}

/// A refusal that no file of this machine is responsible for.
#[derive(Debug, Serialize)]
pub struct ElsewhereReport {
    /// The kind of refusal: `ssh-login`.
    pub kind: &'static str,
    /// The line that reports it.
    pub message: String,
    /// What it means and where to look, as a sentence.
    pub meaning: &'static str,
}

/// The JSON report of `why`.
#[derive(Debug, Serialize)]
pub struct WhyReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The answer.
    #[serde(flatten)]
    pub incident: IncidentReport,
}

/// A failure.
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
    /// Identifies the refusal: equal for the same refusal on every machine. Present only for refusals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    pub causes: Vec<CauseReport>,
    pub fixes: Vec<FixReport>,
    /// Where it happened, if not in the place that permwrap runs in: "in the container shop-web".
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

/// An obstacle.
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

/// A change that removes the obstacle.
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

/// Converts a path or other bytes for JSON: bytes that are not UTF-8 are written `\xNN`. The flag says whether there were any.
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
