//! The set of all patterns, built-in and user-defined. They are parsed and compiled when a line needs them.

use std::sync::{Arc, OnceLock};

use super::keyword::Keywords;
use super::outline::{BUILT_IN, Outline};
use super::pattern::{Pattern, Shape};
use super::pattern_file::{self, PatternError};
use super::prefix::Prefixes;
use super::reason::{Reasons, Wording};
use super::sequences::Sequences;
use super::words::{self, Words};
use crate::attempt::Errno;

/// The patterns used for detection. Creating the set is cheap; parsing is deferred to the first line that may match.
#[derive(Debug, Default)]
pub struct Patterns {
    locale: Vec<Wording>,
    user: Vec<Arc<Pattern>>,
    loaded: OnceLock<Loaded>,
}

/// The patterns, of which those built in are parsed when a line contains one of their keywords.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Sorted by rank, the highest first.
    patterns: Vec<Listed>,
    keywords: Keywords,
    pub prefixes: Prefixes,
    pub reasons: Reasons,
    pub words: Words,
}

/// A pattern in the list.
#[derive(Debug)]
pub(super) enum Listed {
    BuiltIn(&'static Outline, OnceLock<Option<Box<Pattern>>>),
    User(Arc<Pattern>),
}

impl Patterns {
    /// The built-in patterns.
    #[must_use]
    pub fn builtin() -> Patterns {
        Patterns::default()
    }

    /// Adds the messages of strerror(3) in the command's locale.
    #[must_use]
    pub fn with_locale(mut self, refusals: Vec<(Errno, Vec<u8>)>) -> Patterns {
        let wording = |(errno, words)| Wording {
            errno,
            words,
            foreign: true,
        };
        self.locale = refusals.into_iter().map(wording).collect();
        self.loaded = OnceLock::new();
        self
    }

    /// Adds a pattern file of the user.
    ///
    /// # Errors
    /// The first mistake in the file, with its line.
    pub fn with_file(mut self, name: &str, text: &str) -> Result<Patterns, PatternError> {
        let patterns = pattern_file::parse(name, text)?;
        pattern_file::check_expressions(text, &patterns)?;
        self.user.extend(patterns.into_iter().map(Arc::new));
        self.loaded = OnceLock::new();
        Ok(self)
    }

    /// Every pattern, in the order in which they are tried. Only those of the user's files include their samples.
    pub fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.loaded().patterns.iter().filter_map(Listed::pattern)
    }

    fn by_rank(&self) -> Vec<Listed> {
        // A user's pattern takes precedence over a built-in one with the same rank.
        let users = self.user.iter().cloned().map(Listed::User);
        let built_in = BUILT_IN.iter();
        let built_in = built_in.map(|outline| Listed::BuiltIn(outline, OnceLock::new()));
        let mut patterns: Vec<Listed> = users.chain(built_in).collect();
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.rank()));
        patterns
    }

    pub(super) fn loaded(&self) -> &Loaded {
        self.loaded.get_or_init(|| {
            let mut wordings = words::refusals();
            wordings.extend(self.locale.iter().cloned());
            Loaded {
                patterns: self.by_rank(),
                keywords: Keywords::default(),
                prefixes: Prefixes::load(),
                reasons: Reasons::new(&wordings),
                words: Words::default(),
            }
        })
    }
}

/// The patterns in a file, with their samples.
///
/// # Errors
/// The first mistake in the file, with its line.
pub fn patterns_of_file(name: &str, text: &str) -> Result<Vec<Pattern>, PatternError> {
    pattern_file::parse(name, text)
}

/// The keywords of those patterns in a file that match lines without a reason. Empty if the file is malformed.
#[must_use]
pub fn keywords_of_lines(text: &str) -> Vec<Vec<u8>> {
    let patterns = pattern_file::parse("", text).unwrap_or_default();
    let speak_alone =
        |pattern: &Pattern| matches!(pattern.shape, Shape::Line(_)) && !pattern.silent;
    let alone = patterns.into_iter().filter(speak_alone);
    alone
        .flat_map(|pattern| pattern.keywords)
        .map(String::into_bytes)
        .collect()
}

impl Loaded {
    /// The patterns that the keywords in the line permit, in the order in which they are tried.
    pub fn with_keyword_in<'s>(&'s self, line: &'s [u8]) -> impl Iterator<Item = &'s Pattern> {
        let permitted = self.keywords.permit(&self.patterns, line);
        permitted.among(&self.patterns).filter_map(Listed::pattern)
    }

    /// Whether some pattern may match a line without a reason.
    pub fn could_match_without_reason(&self, line: &[u8]) -> bool {
        let permitted = self.keywords.permit(&self.patterns, line);
        let mut permitted = permitted.among(&self.patterns);
        permitted.any(Listed::speaks_alone)
    }

    /// Whether the line merely mentions refusals, as far as the line itself shows that.
    pub fn is_silenced(&self, line: &[u8]) -> bool {
        let permitted = self.with_keyword_in(line);
        let mut silent = permitted.filter(|pattern| pattern.silent && pattern.looks.is_empty());
        silent.any(|pattern| pattern.fits(line, &self.reasons))
    }
}

impl Listed {
    fn rank(&self) -> u8 {
        match self {
            Listed::BuiltIn(outline, _) => outline.rank,
            Listed::User(pattern) => pattern.rank,
        }
    }

    /// Whether it matches lines without a reason, and reports a refusal.
    fn speaks_alone(&self) -> bool {
        match self {
            Listed::BuiltIn(outline, _) => outline.is_of_line && !outline.is_silent,
            Listed::User(pattern) => matches!(pattern.shape, Shape::Line(_)) && !pattern.silent,
        }
    }

    /// Its keywords.
    pub fn keywords(&self) -> impl Iterator<Item = &str> {
        let (built_in, users): (&[&str], &[String]) = match self {
            Listed::BuiltIn(outline, _) => (outline.keywords, &[]),
            Listed::User(pattern) => (&[], &pattern.keywords),
        };
        let built_in = built_in.iter().copied();
        built_in.chain(users.iter().map(String::as_str))
    }

    /// Whether the line contains one of its keywords, if it has any.
    pub fn is_permitted(&self, line: &Sequences) -> bool {
        match self {
            Listed::BuiltIn(outline, _) => permit(outline.keywords, line),
            Listed::User(pattern) => permit(&pattern.keywords, line),
        }
    }

    fn pattern(&self) -> Option<&Pattern> {
        match self {
            Listed::BuiltIn(outline, parsed) => {
                let parse = || outline.parsed().map(Box::new);
                parsed.get_or_init(parse).as_deref()
            }
            Listed::User(pattern) => Some(pattern),
        }
    }
}

fn permit(keywords: &[impl AsRef<str>], line: &Sequences) -> bool {
    let mut all = keywords.iter();
    keywords.is_empty() || all.any(|keyword| line.contain(keyword.as_ref().as_bytes()))
}
