//! The search for the keywords of all patterns in a line.

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;

use super::library::Listed;
use super::sequences::Sequences;
use super::written::Count;

/// Searches for the keywords: in the first lines one after another, since preparing a simultaneous search takes longer than
/// most runs last.
#[derive(Debug, Default)]
pub(super) struct Keywords {
    lines: Count,
    simultaneous: OnceLock<Option<Simultaneous>>,
}

#[derive(Debug)]
struct Simultaneous {
    search: AhoCorasick,
    /// The index of the pattern that each keyword belongs to.
    patterns: Vec<usize>,
    /// Whether the pattern with this index has no keywords.
    unrestricted: Vec<bool>,
}

/// The patterns that a line permits: it contains one of their keywords, or they have none.
#[derive(Debug)]
pub(super) enum Permitted<'l> {
    /// Those with keywords among these.
    Containing(Box<Sequences<'l>>),
    /// Those for whose index this is true.
    Found(Vec<bool>),
}

impl Keywords {
    /// Which of the patterns, always the same ones, the line permits.
    pub fn permit<'l>(&self, patterns: &[Listed], line: &'l [u8]) -> Permitted<'l> {
        let prepare = || Simultaneous::new(patterns);
        let simultaneous = match self.lines.are_few() {
            true => None,
            false => self.simultaneous.get_or_init(prepare).as_ref(),
        };
        match simultaneous {
            Some(simultaneous) => Permitted::Found(simultaneous.permitted(line)),
            None => Permitted::Containing(Box::new(Sequences::of(line))),
        }
    }
}

impl Simultaneous {
    fn new(patterns: &[Listed]) -> Option<Simultaneous> {
        let of_each = patterns.iter().enumerate();
        let keywords = of_each.flat_map(|(at, one)| one.keywords().map(move |word| (word, at)));
        let (keywords, owners): (Vec<&str>, Vec<usize>) = keywords.unzip();
        let unrestricted = patterns.iter().map(|one| one.keywords().next().is_none());
        Some(Simultaneous {
            search: AhoCorasick::new(keywords).ok()?,
            patterns: owners,
            unrestricted: unrestricted.collect(),
        })
    }

    fn permitted(&self, line: &[u8]) -> Vec<bool> {
        let mut permitted = self.unrestricted.clone();
        for keyword in self.search.find_overlapping_iter(line) {
            permitted[self.patterns[keyword.pattern().as_usize()]] = true;
        }
        permitted
    }
}

impl Permitted<'_> {
    /// Whether it permits this pattern, which has this index.
    pub fn has(&self, at: usize, pattern: &Listed) -> bool {
        match self {
            Permitted::Containing(line) => pattern.is_permitted(line),
            Permitted::Found(permitted) => permitted[at],
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::detect::Patterns;

    #[test]
    fn the_same_patterns_are_permitted_early_and_late() {
        let users = "[[pattern]]\nid = \"mine\"\nkeywords = [\"rm: cannot\"]\nline = \"rm: (?P<path>.+)\"\n";
        let patterns = Patterns::builtin().with_file("my.toml", users).unwrap();
        let ids = |line: &[u8]| -> Vec<String> {
            let permitted = patterns.loaded().with_keyword_in(line);
            permitted.map(|pattern| pattern.id.clone()).collect()
        };
        let line = b"rm: cannot remove 'x': Permission denied";
        let (early, none) = (ids(line), ids(b"zzz"));
        assert!(early.contains(&"mine".to_owned()) && early.len() > none.len() + 1);
        for _ in 0..100 {
            assert_eq!((ids(line), ids(b"zzz")), (early.clone(), none.clone()));
        }
    }
}
