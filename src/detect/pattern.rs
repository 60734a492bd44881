//! One pattern: what a program's message looks like, and what its parts mean. Parsed from a pattern file.

use std::collections::BTreeMap;
use std::sync::Arc;

use memchr::memmem;
use serde::Deserialize;
use toml::Spanned;

use super::expression::Expression;
use super::unquote::Quoting;
use crate::attempt::{Errno, Incident, Operation};

/// A mistake in a pattern file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl std::error::Error for PatternError {}

/// What a text says of the operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// This one.
    Operation(Operation),
    /// It names a way to fail that several operations share, such as a plain "open": nothing further out tells more.
    Untold,
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
}

/// A message in which nothing may be found.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    /// The text.
    pub text: String,
}

/// The patterns of a file.
///
/// # Errors
/// The first mistake, with its line.
pub fn parse(file: &str, text: &str) -> Result<Vec<Pattern>, PatternError> {
    let error = |offset: usize, message: String| PatternError {
        file: file.to_owned(),
        line: line_at(text, offset),
        message,
    };
    let raw: RawFile = toml::from_str(text).map_err(|e| {
        let offset = e.span().map_or(0, |span| span.start);
        error(offset, e.message().to_owned())
    })?;
    let mut operations = BTreeMap::new();
    for (word, name) in raw.operations {
        let told = told(name.get_ref()).ok_or_else(|| unknown_operation(&error, &name))?;
        operations.insert(word, told);
    }
    let operations = Arc::new(operations);
    let build = |raw: RawPattern| raw.build(file, text, &operations, &error);
    raw.pattern.into_iter().map(build).collect()
}

/// Compiles every expression of the patterns, which otherwise happens when a line needs it.
///
/// # Errors
/// The first expression that is none, with its line.
pub fn check_expressions(text: &str, patterns: &[Pattern]) -> Result<(), PatternError> {
    for pattern in patterns {
        let mut expressions: Vec<&Expression> = match &pattern.shape {
            Shape::Line(line) => vec![line],
            Shape::AroundReason(before, after) => before.iter().chain(after).collect(),
        };
        for look in &pattern.looks {
            expressions.push(&look.line);
            expressions.extend(&look.stop);
        }
        for expression in expressions {
            if let Err(message) = expression.check() {
                let offset = text.find(expression.written());
                return Err(PatternError {
                    file: pattern.file.clone(),
                    line: offset.map_or(pattern.line_number, |offset| line_at(text, offset)),
                    message: format!("pattern {}: {message}", pattern.id),
                });
            }
        }
    }
    Ok(())
}

/// An operation by its name; `untold` stands for several.
fn told(name: &str) -> Option<Told> {
    match name {
        "untold" => Some(Told::Untold),
        name => Operation::from_name(name).map(Told::Operation),
    }
}

fn unknown_operation(
    error: &dyn Fn(usize, String) -> PatternError,
    name: &Spanned<String>,
) -> PatternError {
    error(
        name.span().start,
        format!("there is no operation \"{}\"", name.get_ref()),
    )
}

fn line_at(text: &str, offset: usize) -> usize {
    memchr::memchr_iter(b'\n', &text.as_bytes()[..offset.min(text.len())]).count() + 1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    operations: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pattern: Vec<RawPattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPattern {
    id: Spanned<String>,
    #[serde(default)]
    keywords: Vec<String>,
    line: Option<String>,
    before: Option<String>,
    after: Option<String>,
    errno: Option<Spanned<String>>,
    #[serde(default)]
    quoting: Quoting,
    operation: Option<Spanned<String>>,
    #[serde(default = "yes")]
    words: bool,
    #[serde(default = "yes")]
    certain: bool,
    #[serde(default = "usual_rank")]
    rank: u8,
    #[serde(default)]
    silent: bool,
    #[serde(default)]
    look: Vec<RawLook>,
    #[serde(default)]
    sample: Vec<Sample>,
    #[serde(default)]
    counter: Vec<Counter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLook {
    #[serde(rename = "where")]
    direction: Direction,
    #[serde(default = "usual_distance")]
    lines: usize,
    line: String,
    stop: Option<String>,
    operation: Option<Spanned<String>>,
    #[serde(default)]
    words: bool,
    quoting: Option<Quoting>,
    #[serde(default)]
    required: bool,
}

fn yes() -> bool {
    true
}

fn usual_rank() -> u8 {
    50
}

fn usual_distance() -> usize {
    10
}

impl RawPattern {
    fn build(
        self,
        file: &str,
        text: &str,
        operations: &Arc<BTreeMap<String, Told>>,
        error: &dyn Fn(usize, String) -> PatternError,
    ) -> Result<Pattern, PatternError> {
        let at = self.id.span().start;
        let shape = match (self.line, self.before, self.after) {
            (Some(line), None, None) => Shape::Line(Expression::anywhere(line)),
            (None, None, None) => {
                return Err(error(
                    at,
                    "a pattern needs `line`, or `before` or `after`".into(),
                ));
            }
            (None, before, after) => Shape::AroundReason(
                before.map(Expression::ending),
                after.map(Expression::beginning),
            ),
            _ => {
                return Err(error(
                    at,
                    "`line` stands alone, without `before` and `after`".into(),
                ));
            }
        };
        let errno = match &self.errno {
            None => None,
            Some(symbol) => Some(Errno::from_symbol(symbol.get_ref()).ok_or_else(|| {
                error(
                    symbol.span().start,
                    format!("there is no errno \"{}\"", symbol.get_ref()),
                )
            })?),
        };
        let quoting = self.quoting;
        let operation = operation_of(self.operation.as_ref(), error)?;
        let looks = self
            .look
            .into_iter()
            .map(|look| look.build(quoting, error))
            .collect::<Result<_, _>>()?;
        Ok(Pattern {
            id: self.id.get_ref().clone(),
            file: file.to_owned(),
            line_number: line_at(text, at),
            keywords: self
                .keywords
                .iter()
                .map(|k| memmem::Finder::new(k).into_owned())
                .collect(),
            shape,
            errno,
            quoting,
            operation,
            words: self.words,
            certain: self.certain,
            rank: self.rank,
            silent: self.silent,
            looks,
            operations: operations.clone(),
            samples: self.sample,
            counters: self.counter,
        })
    }
}

impl RawLook {
    fn build(
        self,
        quoting: Quoting,
        error: &dyn Fn(usize, String) -> PatternError,
    ) -> Result<Look, PatternError> {
        Ok(Look {
            direction: self.direction,
            lines: self.lines,
            line: Expression::anywhere(self.line),
            stop: self.stop.map(Expression::anywhere),
            operation: operation_of(self.operation.as_ref(), error)?,
            words: self.words,
            quoting: self.quoting.unwrap_or(quoting),
            required: self.required,
        })
    }
}

fn operation_of(
    name: Option<&Spanned<String>>,
    error: &dyn Fn(usize, String) -> PatternError,
) -> Result<Option<Told>, PatternError> {
    name.map(|name| told(name.get_ref()).ok_or_else(|| unknown_operation(error, name)))
        .transpose()
}

impl Pattern {
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
