//! Regular expressions as data, compiled when a text could match them. Compiling one takes as long as matching it a thousand
//! times, and most are never needed, or for a few texts only.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use aho_corasick::AhoCorasick;
use regex::bytes::{RegexSet, RegexSetBuilder};
use regex_automata::meta::{Config, Regex};
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::sequences::Sequences;

/// How many texts are searched for one thing after another before a simultaneous search is prepared, which takes as long.
const FEW: u32 = 32;

/// The maximum size of a compiled expression, in bytes.
const LARGEST: usize = 1 << 20;

/// For how many texts an expression is compiled. The engines that match fastest take twice as long to compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Few,
    Many,
}

/// Compiles an expression over bytes, without the search for literals that it may begin with: preparing that takes up to twice
/// as long as all else, and lines are short.
///
/// # Errors
/// A description of the mistake.
fn compile(written: &str, texts: Use) -> Result<Regex, String> {
    let config = Config::new()
        .utf8_empty(false)
        .auto_prefilter(false)
        .hybrid(texts == Use::Many)
        .onepass(texts == Use::Many)
        .nfa_size_limit(Some(LARGEST));
    let compiled = Regex::builder()
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .configure(config)
        .build(written);
    compiled.map_err(|error| {
        let mistake = match error.syntax_error() {
            Some(error) => error.to_string(),
            None => error.to_string(),
        };
        mistake.lines().last().unwrap_or_default().trim().to_owned()
    })
}

/// A regular expression as it is written in a file, compiled when a text could match it.
#[derive(Debug, Default)]
pub struct Written {
    text: String,
    /// What occurs in every text that it matches, in lower case: a literal of each choice. The literals of a choice are on lines
    /// of their own, and an empty line separates choices.
    needs: String,
    texts: Count,
    for_few: OnceLock<Option<Regex>>,
    for_many: OnceLock<Option<Regex>>,
}

/// In a file of the user it is a string. For the built-in files, the build has determined what it needs, which comes first.
impl<'d> Deserialize<'d> for Written {
    fn deserialize<D: Deserializer<'d>>(written: D) -> Result<Written, D::Error> {
        struct Form;

        impl<'d> Visitor<'d> for Form {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Written, E> {
                Ok(Written::from(text.to_owned()))
            }

            fn visit_seq<S: SeqAccess<'d>>(self, mut parts: S) -> Result<Written, S::Error> {
                let mut next = || Ok(parts.next_element()?.unwrap_or_default());
                let needs = next()?;
                let text = next()?;
                Ok(Written {
                    needs,
                    ..Written::from(text)
                })
            }
        }

        written.deserialize_any(Form)
    }
}

impl From<String> for Written {
    fn from(text: String) -> Written {
        Written {
            text,
            ..Written::default()
        }
    }
}

impl Written {
    /// The expression.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The compiled expression; `None` if it cannot match the text, or is invalid. `placed` adds to it what it is a part of.
    ///
    /// After a few texts it is no longer asked whether the expression can match, since looking for literals in each text takes
    /// longer in the end.
    #[must_use]
    pub fn for_text(&self, text: &[u8], placed: impl Fn(&str) -> String) -> Option<&Regex> {
        if !self.texts.are_few() {
            let compile = || compile(&placed(&self.text), Use::Many).ok();
            return self.for_many.get_or_init(compile).as_ref();
        }
        if self.for_few.get().is_none() && !self.could_match(text) {
            return None;
        }
        let compile = || compile(&placed(&self.text), Use::Few).ok();
        self.for_few.get_or_init(compile).as_ref()
    }

    fn could_match(&self, text: &[u8]) -> bool {
        if self.needs.is_empty() {
            return true;
        }
        let text = text.to_ascii_lowercase();
        let text = Sequences::of(&text);
        let is_there = |choice: &str| {
            choice
                .lines()
                .any(|literal| text.contain(literal.as_bytes()))
        };
        self.needs.split("\n\n").all(is_there)
    }

    /// Checks that the expression is valid.
    ///
    /// # Errors
    /// A description of the mistake.
    pub fn check(&self, placed: impl Fn(&str) -> String) -> Result<Regex, String> {
        compile(&placed(&self.text), Use::Few)
    }
}

/// An expression without groups that have a general meaning.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Lazy(Written);

impl From<Written> for Lazy {
    fn from(written: Written) -> Lazy {
        Lazy(written)
    }
}

impl Lazy {
    /// The compiled expression; `None` if it cannot match the text, or is invalid, which tests exclude.
    #[must_use]
    pub fn for_text(&self, text: &[u8]) -> Option<&Regex> {
        self.0.for_text(text, str::to_owned)
    }

    /// All matches in the text.
    pub fn captures_iter(&self, text: &[u8]) -> impl Iterator<Item = Captures> {
        let regex = self.for_text(text).into_iter();
        regex.flat_map(move |regex| regex.captures_iter(text))
    }

    /// Whether the expression matches the text.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.for_text(text)
            .is_some_and(|regex| regex.is_match(text))
    }
}

/// Several expressions, of which the first one is wanted that matches.
#[derive(Debug)]
pub struct Ordered {
    each: Vec<Lazy>,
    texts: Count,
    all: OnceLock<Option<RegexSet>>,
}

impl Ordered {
    /// These expressions.
    #[must_use]
    pub fn new(each: Vec<Lazy>) -> Ordered {
        Ordered {
            each,
            texts: Count::default(),
            all: OnceLock::new(),
        }
    }

    /// The index of the first expression that matches the text.
    #[must_use]
    pub fn first(&self, text: &[u8]) -> Option<usize> {
        let prepare = || {
            let written = self.each.iter().map(|lazy| lazy.0.text());
            RegexSetBuilder::new(written).unicode(false).build().ok()
        };
        let all = match self.texts.are_few() {
            true => None,
            false => self.all.get_or_init(prepare).as_ref(),
        };
        match all {
            Some(all) => all.matches(text).iter().next(),
            None => self.each.iter().position(|lazy| lazy.is_match(text)),
        }
    }

    /// The expression with this index, for a text that it matches.
    #[must_use]
    pub fn matching(&self, index: usize, text: &[u8]) -> Option<&Regex> {
        self.each.get(index)?.for_text(text)
    }
}

/// Literals, any of which may occur in a text.
#[derive(Debug)]
pub struct Literals {
    /// In lower case: the letter case of the text (ASCII letters only) does not matter.
    literals: Vec<Vec<u8>>,
    texts: Count,
    all: OnceLock<Option<AhoCorasick>>,
}

impl Literals {
    /// These literals in any letter case.
    pub fn in_any_case(literals: impl IntoIterator<Item = Vec<u8>>) -> Literals {
        let literals = literals.into_iter();
        Literals {
            literals: literals
                .map(|literal| literal.to_ascii_lowercase())
                .collect(),
            texts: Count::default(),
            all: OnceLock::new(),
        }
    }

    /// Whether one of them occurs in the text.
    #[must_use]
    pub fn occur_in(&self, text: &[u8]) -> bool {
        let prepare = || {
            let mut builder = AhoCorasick::builder();
            builder.ascii_case_insensitive(true);
            builder.build(&self.literals).ok()
        };
        let all = match self.texts.are_few() {
            true => None,
            false => self.all.get_or_init(prepare).as_ref(),
        };
        if let Some(all) = all {
            return all.is_match(text);
        }
        let text = text.to_ascii_lowercase();
        let text = Sequences::of(&text);
        self.literals.iter().any(|literal| text.contain(literal))
    }
}

/// Counts texts.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU32);

impl Count {
    /// Counts one more: false if there have been more than a few.
    pub fn are_few(&self) -> bool {
        self.0.load(Relaxed) < FEW && self.0.fetch_add(1, Relaxed) < FEW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_expression_that_matches_is_found_early_and_late() {
        let lazy = |text: &str| Lazy::from(Written::from(text.to_owned()));
        let ordered = Ordered::new(["c$", "b", "."].into_iter().map(lazy).collect());
        for _ in 0..2 * FEW {
            assert_eq!(ordered.first(b"abc"), Some(0));
            assert_eq!(ordered.first(b"cba"), Some(1));
            assert_eq!(ordered.first(b""), None);
        }
    }

    #[test]
    fn literals_are_found_in_any_letter_case_early_and_late() {
        let literals = Literals::in_any_case([b"Abcde".to_vec(), b"C".to_vec()]);
        for _ in 0..2 * FEW {
            assert!(literals.occur_in(b"xaBCdEx") && literals.occur_in(b"xc"));
            assert!(!literals.occur_in(b"xab d"));
        }
    }

    #[test]
    fn an_expression_is_not_compiled_for_a_text_without_what_it_needs() {
        let lazy = Lazy::from(Written {
            needs: "open ".into(),
            ..Written::from("(?i)open .".to_owned())
        });
        assert!(!lazy.is_match(b"opens x") && lazy.0.for_few.get().is_none());
        assert!(lazy.is_match(b"OPEN x") && lazy.0.for_few.get().is_some());
    }

    #[test]
    fn an_expression_matches_early_and_late() {
        let lazy = Lazy::from(Written::from(r"\bopen (?P<path>\S+)$".to_owned()));
        for _ in 0..2 * FEW {
            assert!(lazy.is_match(b"cannot open /x") && !lazy.is_match(b"reopen /x"));
        }
        assert!(lazy.0.for_many.get().is_some());
    }
}
