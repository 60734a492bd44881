//! Parses a pattern file, and checks it so that every mistake is reported with its line.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::expression::Expression;
use super::pattern::{Counter, Direction, Look, Pattern, Sample, Shape, Told};
use super::unquote::Quoting;
use super::written::Written;
use crate::attempt::Errno;

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

/// Parses the patterns of a user's file.
///
/// # Errors
/// The first mistake, with its line.
pub fn parse(file: &str, text: &str) -> Result<Vec<Pattern>, PatternError> {
    let mistake = |error: &toml::de::Error| PatternError {
        file: file.to_owned(),
        line: line_at(text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    };
    let raw: RawFile = toml::from_str(text).map_err(|error| mistake(&error))?;
    let ids: Ids = toml::from_str(text).map_err(|error| mistake(&error))?;
    let lines = ids
        .pattern
        .iter()
        .map(|id| line_at(text, id.id.span().start));
    let patterns = raw.into_patterns(file).zip(lines);
    let patterns = patterns.map(|(pattern, line_number)| match pattern {
        Ok(pattern) => Ok(Pattern {
            line_number,
            ..pattern
        }),
        Err(message) => Err(PatternError {
            file: file.to_owned(),
            line: line_number,
            message: message.to_owned(),
        }),
    });
    patterns.collect()
}

/// A built-in pattern, given its content and its file's vocabulary in JSON. Tests ensure that they are well-formed.
pub fn built_in(file: &str, operations: &str, content: &str) -> Option<Pattern> {
    let operations = serde_json::from_str(operations).ok()?;
    let raw: RawPattern = serde_json::from_str(content).ok()?;
    raw.into_pattern(file, &Arc::new(operations)).ok()
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

fn line_at(text: &str, offset: usize) -> usize {
    memchr::memchr_iter(b'\n', &text.as_bytes()[..offset.min(text.len())]).count() + 1
}

/// The places of the patterns in a file.
#[derive(Deserialize)]
struct Ids {
    #[serde(default)]
    pattern: Vec<Id>,
}

#[derive(Deserialize)]
struct Id {
    id: Spanned<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    operations: BTreeMap<String, Told>,
    #[serde(default)]
    pattern: Vec<RawPattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPattern {
    id: String,
    #[serde(default)]
    keywords: Vec<String>,
    line: Option<Written>,
    before: Option<Written>,
    after: Option<Written>,
    #[serde(default, deserialize_with = "errno")]
    errno: Option<Errno>,
    #[serde(default)]
    quoting: Quoting,
    operation: Option<Told>,
    stands_for: Option<String>,
    beside: Option<String>,
    #[serde(default)]
    below: bool,
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
    line: Written,
    stop: Option<Written>,
    operation: Option<Told>,
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

impl RawFile {
    fn into_patterns(self, file: &str) -> impl Iterator<Item = Result<Pattern, &'static str>> {
        let operations = Arc::new(self.operations);
        let patterns = self.pattern.into_iter();
        patterns.map(move |raw| raw.into_pattern(file, &operations))
    }
}

impl RawPattern {
    fn into_pattern(
        self,
        file: &str,
        operations: &Arc<BTreeMap<String, Told>>,
    ) -> Result<Pattern, &'static str> {
        let quoting = self.quoting;
        let looks = self.look.into_iter().map(|look| look.into_look(quoting));
        Ok(Pattern {
            id: self.id,
            file: file.to_owned(),
            line_number: 0,
            keywords: self.keywords,
            shape: shape_of(self.line, self.before, self.after)?,
            errno: self.errno,
            quoting,
            operation: self.operation,
            stands_for: self.stands_for.map(String::into_bytes),
            beside: self.beside.map(String::into_bytes),
            below: self.below,
            places: self.places,
            named: self.named,
            words: self.words,
            certain: self.certain,
            rank: self.rank,
            silent: self.silent,
            looks: looks.collect(),
            operations: operations.clone(),
            samples: self.sample,
            counters: self.counter,
        })
    }
}

impl RawLook {
    fn into_look(self, quoting: Quoting) -> Look {
        Look {
            direction: self.direction,
            lines: self.lines,
            line: Expression::anywhere(self.line),
            stop: self.stop.map(Expression::anywhere),
            operation: self.operation,
            words: self.words,
            quoting: self.quoting.unwrap_or(quoting),
            required: self.required,
        }
    }
}

fn shape_of(
    line: Option<Written>,
    before: Option<Written>,
    after: Option<Written>,
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

/// An error number by its symbol.
fn errno<'d, D: Deserializer<'d>>(symbol: D) -> Result<Option<Errno>, D::Error> {
    let symbol = String::deserialize(symbol)?;
    let unknown = || D::Error::custom(format!("there is no errno \"{symbol}\""));
    Errno::from_symbol(&symbol).map(Some).ok_or_else(unknown)
}
