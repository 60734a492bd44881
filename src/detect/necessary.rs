//! Literals that occur in every text that a regular expression matches. A text without them need not be matched at all. Used by
//! the build (src/build.rs).

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The maximum number of texts by which a part of an expression is described.
const MOST: usize = 32;

/// The maximum number of different bytes that a class may stand for: the digits.
const MOST_OF_CLASS: usize = 10;

/// Literals in lower case, one of which occurs in a text.
type Choice = Vec<Vec<u8>>;

/// What every line has that the expression matches: one literal of each choice.
#[must_use]
pub fn literals(expression: &str) -> Vec<Vec<String>> {
    let parsed = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(expression);
    let needed = parsed.map(|parsed| Part::of(&parsed).needed);
    let text = |choice: Choice| {
        // A line does not contain the end of a line.
        let literals = choice
            .into_iter()
            .filter(|literal| !literal.contains(&b'\n'));
        literals
            .map(|literal| String::from_utf8(literal).ok())
            .collect()
    };
    needed
        .unwrap_or_default()
        .into_iter()
        .filter_map(text)
        .collect()
}

/// What is known of the texts that a part of an expression matches.
#[derive(Default)]
struct Part {
    /// All of them, in lower case, if there are few.
    all: Option<Vec<Vec<u8>>>,
    /// What occurs in each.
    needed: Vec<Choice>,
}

impl Part {
    fn of(part: &Hir) -> Part {
        match part.kind() {
            HirKind::Empty | HirKind::Look(_) => Part::one_of(vec![Vec::new()]),
            HirKind::Literal(literal) => Part::one_of(vec![literal.0.to_vec()]),
            HirKind::Class(Class::Bytes(class)) => {
                let ranges = class.ranges().iter();
                let bytes: Vec<u8> = ranges
                    .flat_map(|range| range.start()..=range.end())
                    .collect();
                Part::of_class(bytes.into_iter().map(|byte| vec![byte]).collect())
            }
            HirKind::Class(Class::Unicode(class)) => {
                let ranges = class.ranges().iter();
                let chars = ranges.flat_map(|range| range.start()..=range.end());
                let few = chars.take(2 * MOST_OF_CLASS + 1);
                Part::of_class(few.map(|char| char.to_string().into_bytes()).collect())
            }
            HirKind::Repetition(repetition) => {
                let once = Part::of(&repetition.sub);
                match (repetition.min, repetition.max) {
                    (1, Some(1)) => once,
                    (0, Some(1)) => once.all.map_or_else(Part::default, |mut all| {
                        all.push(Vec::new());
                        Part::one_of(all)
                    }),
                    (0, _) => Part::default(),
                    _ => Part { all: None, ..once },
                }
            }
            HirKind::Capture(capture) => Part::of(&capture.sub),
            HirKind::Concat(parts) => Part::sequence(parts),
            HirKind::Alternation(parts) => Part::choice(parts),
        }
    }

    /// A part that matches exactly these texts, and their variants in letter case.
    fn one_of(mut all: Vec<Vec<u8>>) -> Part {
        all.iter_mut().for_each(|text| text.make_ascii_lowercase());
        all.sort();
        all.dedup();
        let needed = as_needed(&all).into_iter().collect();
        let all = (all.len() <= MOST).then_some(all);
        Part { all, needed }
    }

    fn of_class(all: Vec<Vec<u8>>) -> Part {
        if all.len() > 2 * MOST_OF_CLASS {
            return Part::default();
        }
        let part = Part::one_of(all);
        let is_small = part
            .all
            .as_ref()
            .is_some_and(|all| all.len() <= MOST_OF_CLASS);
        if is_small { part } else { Part::default() }
    }

    fn sequence(parts: &[Hir]) -> Part {
        let mut needed = Vec::new();
        // The texts of the adjacent parts whose texts are all known.
        let mut run = vec![Vec::new()];
        let mut is_whole = true;
        for part in parts.iter().map(Part::of) {
            match part.all {
                Some(all) if run.len() * all.len() <= MOST => run = every_pair(&run, &all),
                other => {
                    needed.extend(as_needed(&run));
                    needed.extend(part.needed);
                    run = other.unwrap_or_else(|| vec![Vec::new()]);
                    is_whole = false;
                }
            }
        }
        if is_whole {
            return Part::one_of(run);
        }
        needed.extend(as_needed(&run));
        needed.sort();
        needed.dedup();
        Part { all: None, needed }
    }

    fn choice(parts: &[Hir]) -> Part {
        let parts: Vec<Part> = parts.iter().map(Part::of).collect();
        let all: Option<Vec<_>> = parts.iter().map(|part| part.all.clone()).collect();
        if let Some(all) = all {
            return Part::one_of(all.concat());
        }
        let rarest: Option<Vec<Choice>> =
            parts.into_iter().map(|part| rarest(part.needed)).collect();
        let needed = rarest.map(|rarest| {
            let mut choice = rarest.concat();
            choice.sort();
            choice.dedup();
            choice
        });
        Part {
            all: None,
            needed: needed.into_iter().collect(),
        }
    }
}

fn every_pair(first: &[Vec<u8>], second: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let with = |a: &Vec<u8>| second.iter().map(|b| [&a[..], &b[..]].concat()).collect();
    first
        .iter()
        .flat_map(|a| -> Vec<Vec<u8>> { with(a) })
        .collect()
}

/// The texts, if each contains something to look for.
fn as_needed(texts: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    texts
        .iter()
        .all(|text| !text.is_empty())
        .then(|| texts.to_vec())
}

/// The choice that is least likely to occur by chance.
fn rarest(choices: Vec<Choice>) -> Option<Choice> {
    let likelihood = |choice: &Choice| {
        choice
            .iter()
            .map(|literal| likelihood(literal))
            .sum::<f64>()
    };
    let compare = |one: &Choice, other: &Choice| likelihood(one).total_cmp(&likelihood(other));
    choices.into_iter().min_by(compare)
}

/// Roughly how likely a literal is at a place in a message.
fn likelihood(literal: &[u8]) -> f64 {
    let of_byte = |byte: &u8| match byte {
        b' ' => 0.1,
        b'a'..=b'z' | b'/' | b':' | b'.' => 0.04,
        b'0'..=b'9' => 0.02,
        _ => 0.005,
    };
    literal.iter().map(of_byte).product()
}

#[cfg(test)]
mod tests {
    use super::literals;

    #[test]
    fn every_necessary_literal_is_found() {
        assert_eq!(
            literals(r"^(\w+): cannot (open|remove) '(.+)': "),
            [vec!["': "], vec![": cannot open '", ": cannot remove '"]]
        );
        assert_eq!(literals(r"x(?:abc|de)?y"), [["xabcy", "xdey", "xy"]]);
        assert_eq!(
            literals(r"(?x) foo \w+ bars # comment"),
            [["bars"], ["foo"]]
        );
        assert_eq!(literals(r"(?:ab)+\w"), [["ab"]]);
        assert_eq!(literals(r"x\d").concat().len(), 10);
    }

    #[test]
    fn the_rarest_literals_of_alternatives_are_chosen() {
        assert_eq!(
            literals(r"(?:: \w+ <open|e\w+ shut)"),
            [[" <open", " shut"]]
        );
    }

    #[test]
    fn a_line_contains_no_line_feed() {
        assert_eq!(literals(r"[\n\t]x"), [["\tx"]]);
    }

    #[test]
    fn letter_case_does_not_matter() {
        assert_eq!(literals("(?i:permission)"), [["permission"]]);
        assert_eq!(literals("[Pp]ermission DENIED"), [["permission denied"]]);
    }

    #[test]
    fn nothing_is_known_of_what_may_be_left_out() {
        for expression in [r"\w+", "(?:abc)?", "(?:abc|.*)", "", r"^\s*$", "abc|"] {
            assert_eq!(
                literals(expression),
                Vec::<Vec<String>>::new(),
                "{expression}"
            );
        }
    }
}
