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
    /// The indices of the patterns without keywords, as a set of bits.
    unrestricted: Vec<u64>,
}

/// The patterns that a line permits: it contains one of their keywords, or they have none.
#[derive(Debug)]
pub(super) enum Permitted<'l> {
    /// Those with keywords among these.
    Containing(Box<Sequences<'l>>),
    /// Those whose indices are in this set.
    Found(Vec<u64>),
}

/// The number of bits in a part of a set.
const BITS: usize = u64::BITS as usize;

fn insert(set: &mut [u64], index: usize) {
    set[index / BITS] |= 1 << (index % BITS);
}

/// The indices of the bits that are set, in ascending order.
fn members(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (bits != 0).then(|| bits.trailing_zeros() as usize);
        bits &= bits.wrapping_sub(1);
        lowest
    })
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
        let mut unrestricted = vec![0; patterns.len().div_ceil(BITS)];
        let of_each = patterns.iter().enumerate();
        let without = of_each.filter(|(_, one)| one.keywords().next().is_none());
        without.for_each(|(at, _)| insert(&mut unrestricted, at));
        Some(Simultaneous {
            search: AhoCorasick::new(keywords).ok()?,
            patterns: owners,
            unrestricted,
        })
    }

    fn permitted(&self, line: &[u8]) -> Vec<u64> {
        let mut permitted = self.unrestricted.clone();
        for keyword in self.search.find_overlapping_iter(line) {
            insert(&mut permitted, self.patterns[keyword.pattern().as_usize()]);
        }
        permitted
    }
}

impl<'l> Permitted<'l> {
    /// Those that it permits of the patterns, in their order.
    pub fn among<'p>(self, patterns: &'p [Listed]) -> Box<dyn Iterator<Item = &'p Listed> + 'p>
    where
        'l: 'p,
    {
        match self {
            Permitted::Containing(line) => {
                let all = patterns.iter();
                Box::new(all.filter(move |pattern| pattern.is_permitted(&line)))
            }
            Permitted::Found(found) => {
                let parts = patterns.chunks(BITS).zip(found);
                Box::new(parts.flat_map(|(part, bits)| members(bits).map(|at| &part[at])))
            }
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
