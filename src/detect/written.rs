//! Regular expressions as data, compiled when a text could match them. Compiling one takes as long as matching it a thousand
//! times, and most are never needed.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use aho_corasick::AhoCorasick;
use memchr::memmem;
use regex::bytes::{RegexSet, RegexSetBuilder};
use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// How many texts are searched for one thing after another before a simultaneous search is prepared, which takes as long.
const FEW: u32 = 32;

/// The maximum size of a compiled expression, in bytes.
const LARGEST: usize = 1 << 20;

/// Compiles an expression over bytes, without the search for literals that it may begin with: preparing that takes up to twice
/// as long as all else, and lines are short.
///
/// # Errors
/// A description of the mistake.
pub fn compile(written: &str) -> Result<Regex, String> {
    let config = Config::new()
        .utf8_empty(false)
        .auto_prefilter(false)
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

/// A regular expression as it is written in a file.
#[derive(Debug)]
pub struct Written {
    text: String,
    /// Literals in lower case, each on a line, one of which occurs in every text that it matches; empty if none are known.
    needs: String,
    texts: Count,
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
                Ok(Written {
                    text: text.to_owned(),
                    needs: String::new(),
                    texts: Count::default(),
                })
            }

            fn visit_seq<S: SeqAccess<'d>>(self, mut parts: S) -> Result<Written, S::Error> {
                let mut next = || Ok(parts.next_element()?.unwrap_or_default());
                let needs = next()?;
                Ok(Written {
                    needs,
                    text: next()?,
                    texts: Count::default(),
                })
            }
        }

        written.deserialize_any(Form)
    }
}

impl Written {
    /// The expression.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the expression is worth compiling for the text: false if it cannot match it. After a few texts it always is,
    /// since looking for literals in each takes longer in the end.
    #[must_use]
    pub fn is_due(&self, text: &[u8]) -> bool {
        self.needs.is_empty()
            || !self.texts.are_few()
            || occur_in(self.needs.lines(), &text.to_ascii_lowercase())
    }
}

/// An expression without groups that have a general meaning.
#[derive(Debug, Deserialize)]
#[serde(from = "Written")]
pub struct Lazy {
    written: Written,
    compiled: OnceLock<Option<Regex>>,
}

impl From<Written> for Lazy {
    fn from(written: Written) -> Lazy {
        Lazy {
            written,
            compiled: OnceLock::new(),
        }
    }
}

impl Lazy {
    /// The compiled expression; `None` if it cannot match the text, or is invalid, which tests exclude.
    #[must_use]
    pub fn for_text(&self, text: &[u8]) -> Option<&Regex> {
        if self.compiled.get().is_none() && !self.written.is_due(text) {
            return None;
        }
        let compile = || compile(self.written.text()).ok();
        self.compiled.get_or_init(compile).as_ref()
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
            let written = self.each.iter().map(|lazy| lazy.written.text());
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
    literals: Vec<Vec<u8>>,
    /// Whether the literals are in lower case and the letter case of the text (ASCII letters only) does not matter.
    folded: bool,
    texts: Count,
    all: OnceLock<Option<AhoCorasick>>,
}

impl Literals {
    /// These literals, with their letter case.
    pub fn exact(literals: impl IntoIterator<Item = Vec<u8>>) -> Literals {
        Literals {
            literals: literals.into_iter().collect(),
            folded: false,
            texts: Count::default(),
            all: OnceLock::new(),
        }
    }

    /// These literals in any letter case.
    pub fn in_any_case(literals: impl IntoIterator<Item = Vec<u8>>) -> Literals {
        let lower = literals
            .into_iter()
            .map(|literal| literal.to_ascii_lowercase());
        Literals {
            folded: true,
            ..Literals::exact(lower)
        }
    }

    /// Whether one of them occurs in the text.
    #[must_use]
    pub fn occur_in(&self, text: &[u8]) -> bool {
        let prepare = || {
            let mut builder = AhoCorasick::builder();
            builder.ascii_case_insensitive(self.folded);
            builder.build(&self.literals).ok()
        };
        let all = match self.texts.are_few() {
            true => None,
            false => self.all.get_or_init(prepare).as_ref(),
        };
        match all {
            Some(all) => all.is_match(text),
            None if self.folded => occur_in(&self.literals, &text.to_ascii_lowercase()),
            None => occur_in(&self.literals, text),
        }
    }
}

fn occur_in<L: AsRef<[u8]>>(literals: impl IntoIterator<Item = L>, text: &[u8]) -> bool {
    let mut literals = literals.into_iter();
    literals.any(|literal| memmem::find(text, literal.as_ref()).is_some())
}

/// Counts texts.
#[derive(Debug, Default)]
struct Count(AtomicU32);

impl Count {
    /// Counts one more: false if there have been more than a few.
    fn are_few(&self) -> bool {
        self.0.load(Relaxed) < FEW && self.0.fetch_add(1, Relaxed) < FEW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_expression_that_matches_is_found_early_and_late() {
        let lazy = |text: &str| {
            Lazy::from(Written {
                text: text.to_owned(),
                needs: String::new(),
                texts: Count::default(),
            })
        };
        let ordered = Ordered::new(["c$", "b", "."].into_iter().map(lazy).collect());
        for _ in 0..2 * FEW {
            assert_eq!(ordered.first(b"abc"), Some(0));
            assert_eq!(ordered.first(b"cba"), Some(1));
            assert_eq!(ordered.first(b""), None);
        }
    }

    #[test]
    fn literals_are_found_early_and_late() {
        let exact = Literals::exact([b"Ab".to_vec(), b"c".to_vec()]);
        let folded = Literals::in_any_case([b"Ab".to_vec()]);
        for _ in 0..2 * FEW {
            assert!(exact.occur_in(b"xAb") && exact.occur_in(b"c") && !exact.occur_in(b"ab"));
            assert!(folded.occur_in(b"xaB") && !folded.occur_in(b"a b"));
        }
    }

    #[test]
    fn an_expression_is_not_compiled_for_a_text_without_what_it_needs() {
        let lazy = Lazy::from(Written {
            text: "(?i)open .".into(),
            needs: "open ".into(),
            texts: Count::default(),
        });
        assert!(!lazy.is_match(b"opens x") && lazy.compiled.get().is_none());
        assert!(lazy.is_match(b"OPEN x") && lazy.compiled.get().is_some());
    }
}
