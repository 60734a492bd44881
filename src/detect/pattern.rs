//! One pattern: what a program's message looks like, and what its parts mean.

use std::collections::BTreeMap;
use std::sync::Arc;

use memchr::memmem;
use serde::Deserialize;

use super::expression::Expression;
use super::reason::Reasons;
use super::unquote::Quoting;
use crate::attempt::{Clue, Errno, Incident, Operation};

/// What a text says of the operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// This one.
    Operation(Operation),
    /// It names a way to fail that several operations share, such as a plain "open": nothing further out tells more.
    Untold,
}

impl Told {
    /// Whether it is one of the ways to open something.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Told::Operation(Operation::Open(_) | Operation::List))
    }
}

/// One pattern.
#[derive(Debug)]
pub struct Pattern {
    /// Its id: the report's `pattern`.
    pub id: String,
    /// The file that it came from, as the caller named it.
    pub file: String,
    /// Where in the file, as a line from 1.
    pub line_number: usize,
    /// One of these stands in the line; none: no such condition.
    pub keywords: Vec<memmem::Finder<'static>>,
    /// What it matches.
    pub shape: Shape,
    /// The errno, where the words stand for exactly one that is no reason in the text.
    pub errno: Option<Errno>,
    /// How the program quotes names.
    pub quoting: Quoting,
    /// The operation, where the pattern itself tells it.
    pub operation: Option<Told>,
    /// Whether the operation may be read from the words of the line.
    pub words: bool,
    /// The file that the words stand for, where they never name it.
    pub stands_for: Option<Vec<u8>>,
    /// Whether any name on the line will do, where no group captured one.
    pub places: bool,
    /// Whether it matches only where an object is named.
    pub named: bool,
    /// Whether the message surely is a failure of the program itself.
    pub certain: bool,
    /// Of several patterns that match, the highest rank is right.
    pub rank: u8,
    /// The words are there, but nothing that the local kernel refused.
    pub silent: bool,
    /// Where else to look for what the line does not tell.
    pub looks: Vec<Look>,
    /// The file's own words for operations.
    pub operations: Arc<BTreeMap<String, Told>>,
    /// Messages that it must recognise.
    pub samples: Vec<Sample>,
    /// Messages that no pattern of this file may recognise.
    pub counters: Vec<Counter>,
}

/// What a pattern matches.
#[derive(Debug)]
pub enum Shape {
    /// The whole line.
    Line(Expression),
    /// What stands before a reason (ending at it) and after it (beginning at it).
    AroundReason(Option<Expression>, Option<Expression>),
}

/// A place near the line where a program puts what the line does not tell.
#[derive(Debug)]
pub struct Look {
    /// Whether before or after the line.
    pub direction: Direction,
    /// How many lines away at most.
    pub lines: usize,
    /// The lines, nearest first, that match it tell.
    pub line: Expression,
    /// Nothing beyond a line that matches this belongs to the message; that line itself still does.
    pub stop: Option<Expression>,
    /// The operation that a match stands for.
    pub operation: Option<Told>,
    /// Whether the operation may be read from the words of the matching line.
    pub words: bool,
    /// How names are quoted there.
    pub quoting: Quoting,
    /// A match is required: without it the pattern does not match.
    pub required: bool,
}

/// Which way a [`Look`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Towards earlier lines.
    Before,
    /// Towards later lines.
    After,
}

/// A message that a pattern must recognise, and what it must find in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The text.
    pub text: String,
    /// The errno's symbol; `EACCES` where nothing is said, `none` where the text tells none.
    #[serde(default)]
    pub errno: Option<String>,
    /// The likeliest path.
    #[serde(default)]
    pub path: Option<String>,
    /// The second path.
    #[serde(default)]
    pub to: Option<String>,
    /// The likeliest operation's name.
    #[serde(default)]
    pub operation: Option<String>,
    /// The socket address.
    #[serde(default)]
    pub address: Option<String>,
    /// The directory that relative paths start from.
    #[serde(default)]
    pub dir: Option<String>,
    /// What the message is about where it names no path.
    #[serde(default)]
    pub mention: Option<String>,
    /// The line of source that is quoted where no path is named.
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
    /// Whether a line with these reasons in it looks like its messages, whatever stands around the line.
    pub(super) fn fits(&self, line: &[u8], reasons: &Reasons) -> bool {
        let has_keyword = self
            .keywords
            .iter()
            .any(|keyword| keyword.find(line).is_some());
        if !self.keywords.is_empty() && !has_keyword {
            return false;
        }
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

    /// Whether what was found in the text of one of its samples is what the sample says.
    ///
    /// # Errors
    /// What differs.
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
            Some(Clue::Line(..)) | None => (None, None),
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
