//! All patterns: those of this crate and the user's, parsed and compiled when the first line needs them.

use std::sync::OnceLock;

use super::files::FILES;
use super::pattern::{self, Pattern, PatternError};
use super::prefix::Prefixes;
use super::reason::{Reasons, Wording};
use super::words::Words;
use crate::attempt::Errno;

/// The patterns to detect with. Making it costs nothing; the first line that could match pays for parsing.
#[derive(Debug, Default)]
pub struct Patterns {
    locale: Vec<Wording>,
    user: Vec<Pattern>,
    loaded: OnceLock<Loaded>,
}

/// The patterns, parsed.
#[derive(Debug)]
pub(super) struct Loaded {
    /// By rank, the highest first.
    pub patterns: Vec<Pattern>,
    pub prefixes: Prefixes,
    pub reasons: Reasons,
    pub words: Words,
}

impl Patterns {
    /// The patterns of this crate.
    #[must_use]
    pub fn builtin() -> Patterns {
        Patterns::default()
    }

    /// The same, with what strerror(3) says in the command's locale.
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

    /// The same, with a file of the user's.
    ///
    /// # Errors
    /// The first mistake in the file, with its line.
    pub fn with_file(mut self, name: &str, text: &str) -> Result<Patterns, PatternError> {
        let patterns = pattern::parse(name, text)?;
        pattern::check_expressions(text, &patterns)?;
        self.user.extend(patterns);
        self.loaded = OnceLock::new();
        Ok(self)
    }

    /// Every pattern, the first to be tried first.
    pub fn iter(&self) -> impl Iterator<Item = &Pattern> {
        let loaded = self.loaded();
        let mut all: Vec<&Pattern> = self.user.iter().chain(&loaded.patterns).collect();
        all.sort_by_key(|pattern| std::cmp::Reverse(pattern.rank));
        all.into_iter()
    }

    pub(super) fn loaded(&self) -> &Loaded {
        self.loaded.get_or_init(|| {
            let (words, mut wordings) = Words::load();
            wordings.extend(self.locale.iter().cloned());
            Loaded {
                patterns: builtin_patterns(),
                prefixes: Prefixes::load(),
                reasons: Reasons::new(&wordings),
                words,
            }
        })
    }
}

/// Tests keep the crate's files well formed; a malformed one would only lack here.
fn builtin_patterns() -> Vec<Pattern> {
    let parsed = FILES
        .iter()
        .filter_map(|(name, text)| pattern::parse(name, text).ok());
    let mut patterns: Vec<Pattern> = parsed.flatten().collect();
    patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.rank));
    patterns
}
