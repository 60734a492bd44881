//! Literals, one of which occurs in every text that a regular expression matches. A text without any of them need not be
//! matched at all. Used by the build (src/build.rs).

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The maximum number of texts by which a part of an expression is described.
const MOST: usize = 32;

/// The maximum number of different bytes that a class may stand for.
const MOST_OF_CLASS: usize = 8;

/// Some literals in lower case, as few and as long as possible, each of one line; none if nothing is known.
#[must_use]
pub fn literals(expression: &str) -> Vec<String> {
    let parsed = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(expression);
    let needed = parsed.ok().and_then(|parsed| Part::of(&parsed).needed);
    let of_one_line = |literal| {
        let literal = String::from_utf8(literal).ok();
        literal.filter(|literal| !literal.contains('\n'))
    };
    let literals = needed.unwrap_or_default().into_iter().map(of_one_line);
    literals.collect::<Option<_>>().unwrap_or_default()
}

/// What is known of the texts that a part of an expression matches.
struct Part {
    /// All of them, in lower case, if there are few.
    all: Option<Vec<Vec<u8>>>,
    /// Literals, one of which occurs in each.
    needed: Option<Vec<Vec<u8>>>,
}

impl Part {
    const UNKNOWN: Part = Part {
        all: None,
        needed: None,
    };

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
                    (0, Some(1)) => once.all.map_or(Part::UNKNOWN, |mut all| {
                        all.push(Vec::new());
                        Part::one_of(all)
                    }),
                    (0, _) => Part::UNKNOWN,
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
        let needed = as_needed(&all);
        match all.len() <= MOST {
            true => Part {
                all: Some(all),
                needed,
            },
            false => Part { all: None, needed },
        }
    }

    fn of_class(all: Vec<Vec<u8>>) -> Part {
        if all.len() > 2 * MOST_OF_CLASS {
            return Part::UNKNOWN;
        }
        let part = Part::one_of(all);
        let is_small = part
            .all
            .as_ref()
            .is_some_and(|all| all.len() <= MOST_OF_CLASS);
        if is_small { part } else { Part::UNKNOWN }
    }

    fn sequence(parts: &[Hir]) -> Part {
        let mut needed = None;
        // The texts of the adjacent parts whose texts are all known.
        let mut run = vec![Vec::new()];
        let mut is_whole = true;
        for part in parts.iter().map(Part::of) {
            match part.all {
                Some(all) if run.len() * all.len() <= MOST => run = every_pair(&run, &all),
                other => {
                    needed = better(needed, as_needed(&run));
                    needed = better(needed, part.needed);
                    run = other.unwrap_or_else(|| vec![Vec::new()]);
                    is_whole = false;
                }
            }
        }
        match is_whole {
            true => Part::one_of(run),
            false => Part {
                all: None,
                needed: better(needed, as_needed(&run)),
            },
        }
    }

    fn choice(parts: &[Hir]) -> Part {
        let parts: Vec<Part> = parts.iter().map(Part::of).collect();
        let all: Option<Vec<_>> = parts.iter().map(|part| part.all.clone()).collect();
        if let Some(all) = all {
            return Part::one_of(all.concat());
        }
        let needed: Option<Vec<_>> = parts.into_iter().map(|part| part.needed).collect();
        Part {
            all: None,
            needed: needed.map(|needed| {
                let mut needed = needed.concat();
                needed.sort();
                needed.dedup();
                needed
            }),
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

/// Whichever is less likely to occur by chance, and faster to look for.
fn better(a: Option<Vec<Vec<u8>>>, b: Option<Vec<Vec<u8>>>) -> Option<Vec<Vec<u8>>> {
    let worth = |set: &Vec<Vec<u8>>| {
        let shortest = set.iter().map(Vec::len).min().unwrap_or(0);
        (shortest.min(4), std::cmp::Reverse(set.len()), shortest)
    };
    match (a, b) {
        (Some(a), Some(b)) => Some(if worth(&b) > worth(&a) { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::literals;

    #[test]
    fn the_longest_of_the_necessary_literals_are_chosen() {
        assert_eq!(
            literals(r"^(\w+): cannot (open|remove) '(.+)': "),
            [": cannot open '", ": cannot remove '"]
        );
        assert_eq!(literals(r"x(?:abc|de)?y"), ["xabcy", "xdey", "xy"]);
        assert_eq!(literals(r"(?x) foo \d+ bars # comment"), ["bars"]);
        assert_eq!(literals(r"(?:ab)+\d"), ["ab"]);
    }

    #[test]
    fn letter_case_does_not_matter() {
        assert_eq!(literals("(?i:permission)"), ["permission"]);
        assert_eq!(literals("[Pp]ermission DENIED"), ["permission denied"]);
    }

    #[test]
    fn nothing_is_known_of_what_may_be_left_out() {
        for expression in [r"\w+", "(?:abc)?", "(?:abc|.*)", "", r"^\s*$", "abc|"] {
            assert_eq!(literals(expression), Vec::<String>::new(), "{expression}");
        }
    }
}
