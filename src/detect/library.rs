//! The set of all patterns, built-in and user-defined. They are parsed and compiled when the first line needs them.

use std::sync::{Arc, OnceLock};

use super::files::FILES;
use super::pattern::{Pattern, Shape};
use super::pattern_file::{self, PatternError};
use super::prefix::Prefixes;
use super::reason::{Reasons, Wording};
use super::words::Words;
use super::written::Literals;
use crate::attempt::Errno;

/// The patterns used for detection. Creating the set is cheap; parsing is deferred to the first line that may match.
#[derive(Debug, Default)]
pub struct Patterns {
    locale: Vec<Wording>,
    user: Vec<Arc<Pattern>>,
    loaded: OnceLock<Loaded>,
}

/// The parsed patterns.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Sorted by rank, the highest first.
    pub patterns: Vec<Arc<Pattern>>,
    /// The keywords of patterns that need no reason in the line. `None` if such a pattern has no keyword.
    keywords: Option<Literals>,
    pub prefixes: Prefixes,
    pub reasons: Reasons,
    pub words: Words,
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
        self.loaded().patterns.iter().map(Arc::as_ref)
    }

    fn by_rank(&self) -> Vec<Arc<Pattern>> {
        // A user's pattern takes precedence over a built-in one with the same rank.
        let mut patterns = self.user.clone();
        patterns.extend(builtin_patterns());
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.rank));
        patterns
    }

    pub(super) fn loaded(&self) -> &Loaded {
        self.loaded.get_or_init(|| {
            let (words, mut wordings) = Words::load();
            wordings.extend(self.locale.iter().cloned());
            let patterns = self.by_rank();
            Loaded {
                keywords: keywords(&patterns),
                patterns,
                prefixes: Prefixes::load(),
                reasons: Reasons::new(&wordings),
                words,
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
        .map(|keyword| keyword.needle().to_vec())
        .collect()
}

impl Loaded {
    /// Whether some pattern may match a line without a reason.
    pub fn could_match_without_reason(&self, line: &[u8]) -> bool {
        self.keywords
            .as_ref()
            .is_none_or(|keywords| keywords.occur_in(line))
    }

    /// Whether the line merely mentions refusals, as far as the line itself shows that.
    pub fn is_silenced(&self, line: &[u8]) -> bool {
        let mut silent = self.patterns.iter().filter(|pattern| pattern.silent);
        silent.any(|pattern| pattern.looks.is_empty() && pattern.fits(line, &self.reasons))
    }
}

fn builtin_patterns() -> impl Iterator<Item = Arc<Pattern>> {
    let files = FILES.iter();
    files
        .flat_map(|(name, content)| pattern_file::built_in(name, content))
        .map(Arc::new)
}

fn keywords(patterns: &[Arc<Pattern>]) -> Option<Literals> {
    let speak_alone =
        |pattern: &&Arc<Pattern>| matches!(pattern.shape, Shape::Line(_)) && !pattern.silent;
    let alone: Vec<_> = patterns.iter().filter(speak_alone).collect();
    if alone.iter().any(|pattern| pattern.keywords.is_empty()) {
        return None;
    }
    let words = alone.iter().flat_map(|pattern| &pattern.keywords);
    Some(Literals::exact(
        words.map(|keyword| keyword.needle().to_vec()),
    ))
}
