//! Parses a pattern file, and checks it so that every mistake is reported with its line.

use std::collections::BTreeMap;
use std::sync::Arc;

use memchr::memmem;
use serde::Deserialize;
use toml::Spanned;

use super::expression::Expression;
use super::pattern::{Counter, Direction, Look, Pattern, Sample, Shape, Told};
use super::unquote::Quoting;
use crate::attempt::{Errno, Operation};

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

/// Parses the patterns of a file.
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

/// Compiles every expression of the patterns, which otherwise happens when it is first used.
///
/// # Errors
/// The first invalid expression, with its line.
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

/// An operation by its name; `untold` denotes a call shared by several operations.
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
    stands_for: Option<String>,
    beside: Option<String>,
    #[serde(default)]
    places: bool,
    #[serde(default)]
    named: bool,
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
        let shape = shape_of(self.line, self.before, self.after)
            .map_err(|mistake| error(at, mistake.to_owned()))?;
        let errno = errno_of(self.errno.as_ref(), error)?;
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
            stands_for: self.stands_for.map(String::into_bytes),
            beside: self.beside.map(String::into_bytes),
            places: self.places,
            named: self.named,
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

fn shape_of(
    line: Option<String>,
    before: Option<String>,
    after: Option<String>,
) -> Result<Shape, &'static str> {
    match (line, before, after) {
        (Some(line), None, None) => Ok(Shape::Line(Expression::anywhere(line))),
        (Some(_), _, _) => Err("`line` stands alone, without `before` and `after`"),
        (None, None, None) => Err("a pattern needs `line`, or `before` or `after`"),
        (None, before, after) => Ok(Shape::AroundReason(
            before.map(Expression::ending),
            after.map(Expression::beginning),
        )),
    }
}

fn errno_of(
    symbol: Option<&Spanned<String>>,
    error: &dyn Fn(usize, String) -> PatternError,
) -> Result<Option<Errno>, PatternError> {
    let named = |symbol: &Spanned<String>| {
        let unknown = || format!("there is no errno \"{}\"", symbol.get_ref());
        Errno::from_symbol(symbol.get_ref()).ok_or_else(|| error(symbol.span().start, unknown()))
    };
    symbol.map(named).transpose()
}

fn operation_of(
    name: Option<&Spanned<String>>,
    error: &dyn Fn(usize, String) -> PatternError,
) -> Result<Option<Told>, PatternError> {
    name.map(|name| told(name.get_ref()).ok_or_else(|| unknown_operation(error, name)))
        .transpose()
}
