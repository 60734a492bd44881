//! A pattern: what a message of a program looks like, and what its parts mean.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::expression::Expression;
use super::reason::Reasons;
use super::unquote::Quoting;
use crate::attempt::{Clue, Errno, Incident, Operation};

/// What a text says about the operation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Told {
    /// It identifies this operation.
    Operation(Operation),
    /// It names a call that several operations share, such as a plain "open". Text further away cannot add anything.
    Untold,
}

impl TryFrom<String> for Told {
    type Error = String;

    /// An operation by its name; `untold` denotes a call shared by several operations.
    fn try_from(name: String) -> Result<Told, String> {
        match name.as_str() {
            "untold" => Ok(Told::Untold),
            name => Operation::from_name(name)
                .map(Told::Operation)
                .ok_or_else(|| format!("there is no operation \"{name}\"")),
        }
    }
}

/// A pattern for messages.
#[derive(Debug)]
pub struct Pattern {
    /// Its id, which appears as `pattern` in reports.
    pub id: String,
    /// The file that it comes from, as named by the caller.
    pub file: String,
    /// The line of the file where its id is, from 1; 0 for a built-in pattern.
    pub line_number: usize,
    /// At least one of these must occur in the line; if empty, there is no such restriction.
    pub keywords: Vec<String>,
    /// What it matches.
    pub shape: Shape,
    /// The error number, if the wording implies exactly one that is not stated as a reason.
    pub errno: Option<Errno>,
    /// How the program quotes names.
    pub quoting: Quoting,
    /// The operation, if the pattern itself determines it.
    pub operation: Option<Told>,
    /// Whether the operation may be determined from the words of the line.
    pub words: bool,
    /// The file that the wording refers to without naming it.
    pub stands_for: Option<Vec<u8>>,
    /// What the program appends to the object's path for the file that it creates beside it.
    pub beside: Option<Vec<u8>>,
    /// Whether the object may be in a directory right below the one that the message names.
    pub below: bool,
    /// Whether any name on the line may be used, if no group captured one.
    pub places: bool,
    /// Whether it matches only if an object is named.
    pub named: bool,
    /// Whether the message certainly reports a failure of the program itself.
    pub certain: bool,
    /// If several patterns match, the one with the highest rank is used.
    pub rank: u8,
    /// Whether a match means that the local kernel refused nothing, in spite of the wording.
    pub silent: bool,
    /// Where to look for information that the line does not contain.
    pub looks: Vec<Look>,
    /// The file's own vocabulary for operations.
    pub operations: Arc<BTreeMap<String, Told>>,
    /// Messages that it must recognize.
    pub samples: Vec<Sample>,
    /// Messages that no pattern of the file may recognize.
    pub counters: Vec<Counter>,
}

/// What a pattern matches.
#[derive(Debug)]
pub enum Shape {
    /// The whole line.
    Line(Expression),
    /// The text before a reason (ending there) and after it (beginning there).
    AroundReason(Option<Expression>, Option<Expression>),
}

/// A place near the line where a program puts information that the line does not contain.
#[derive(Debug)]
pub struct Look {
    /// Whether to search before or after the line.
    pub direction: Direction,
    /// The maximum distance, in lines.
    pub lines: usize,
    /// The expression that lines must match, the nearest ones first.
    pub line: Expression,
    /// A line that matches this is the last one that belongs to the message.
    pub stop: Option<Expression>,
    /// The operation that a match implies.
    pub operation: Option<Told>,
    /// Whether the operation may be determined from the words of the matching line.
    pub words: bool,
    /// How names are quoted there.
    pub quoting: Quoting,
    /// Whether the pattern requires a match.
    pub required: bool,
}

/// The direction of a [`Look`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Towards earlier lines.
    Before,
    /// Towards later lines.
    After,
}

/// A message that a pattern must recognize, and what must be found in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The text.
    pub text: String,
    /// The symbol of the error number; `EACCES` if omitted, `none` if the text does not contain one.
    #[serde(default)]
    pub errno: Option<String>,
    /// The most likely path.
    #[serde(default)]
    pub path: Option<String>,
    /// The second path.
    #[serde(default)]
    pub to: Option<String>,
    /// The name of the most likely operation.
    #[serde(default)]
    pub operation: Option<String>,
    /// The socket address.
    #[serde(default)]
    pub address: Option<String>,
    /// The directory that relative paths are relative to.
    #[serde(default)]
    pub dir: Option<String>,
    /// What the message is about, if it names no path.
    #[serde(default)]
    pub mention: Option<String>,
    /// The quoted source line, if no path is named.
    #[serde(default)]
    pub code: Option<String>,
}

/// A message in which nothing may be found.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    /// The text.
    pub text: String,
}

impl Pattern {
    /// Whether a line that contains one of the keywords and these reasons matches the pattern, regardless of the lines around
    /// it.
    pub(super) fn fits(&self, line: &[u8], reasons: &Reasons) -> bool {
        match &self.shape {
            Shape::Line(expression) => expression.find(line).is_some(),
            Shape::AroundReason(before, after) => reasons.of(line, 1).iter().any(|reason| {
                let fits = |expression: &Option<Expression>, text: &[u8]| {
                    expression.as_ref().is_none_or(|it| it.find(text).is_some())
                };
                fits(before, &line[..reason.at.start]) && fits(after, &line[reason.at.end..])
            }),
        }
    }

    /// Checks that the incidents found in the text of a sample are what the sample says.
    ///
    /// # Errors
    /// A description of the difference.
    pub fn check_sample(&self, sample: &Sample, found: &[Incident]) -> Result<(), String> {
        let incident = match found {
            [] if self.silent => return Ok(()),
            [incident] if !self.silent => incident,
            _ => return Err(format!("{} incidents", found.len())),
        };
        let text = |bytes: Option<&Vec<u8>>| bytes.map(|b| String::from_utf8_lossy(b).into_owned());
        let errno = incident.errno.map_or("none", Errno::symbol);
        let (mention, code) = match &incident.clue {
            Some(Clue::Path(path)) => (Some(path), None),
            Some(Clue::Code(line)) => (None, Some(line)),
            Some(Clue::Typed(..) | Clue::Line(..)) | None => (None, None),
        };
        let pairs = [
            (
                "pattern",
                Some(self.id.clone()),
                Some(incident.pattern.clone()),
            ),
            ("path", sample.path.clone(), text(incident.paths.first())),
            ("to", sample.to.clone(), text(incident.paths.get(1))),
            (
                "address",
                sample.address.clone(),
                text(incident.address.as_ref()),
            ),
            ("dir", sample.dir.clone(), text(incident.directory.as_ref())),
            ("mention", sample.mention.clone(), text(mention)),
            ("code", sample.code.clone(), text(code)),
            (
                "errno",
                Some(sample.errno.clone().unwrap_or_else(|| "EACCES".into())),
                Some(errno.to_owned()),
            ),
            (
                "operation",
                sample.operation.clone(),
                incident.operations.first().map(|o| o.name().to_owned()),
            ),
        ];
        for (what, wanted, got) in pairs {
            if wanted != got {
                return Err(format!("{what}: wanted {wanted:?}, got {got:?}"));
            }
        }
        Ok(())
    }
}
