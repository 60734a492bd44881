//! Locates the reason in a line: the words of strerror(3) in any language, the symbol of an error number, or the number.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use super::written::{Lazy, Literals, Written};
use crate::attempt::Errno;

/// A part of a line that states a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Its position, including a symbol or number beside the words: `EACCES: permission denied`, `13: Permission denied`,
    /// `Permission denied (os error 13)`.
    pub at: Range<usize>,
    /// The error number that it states.
    pub errno: Errno,
    /// Whether it is in another language than English.
    pub foreign: bool,
}

/// A message that programs print for an error number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// The error number.
    pub errno: Errno,
    /// The words, in the encoding of their locale.
    pub words: Vec<u8>,
    /// Whether they are in another language than English.
    pub foreign: bool,
}

static SYMBOLS: LazyLock<Lazy> =
    LazyLock::new(|| compiled(r"\b (?P<symbol> EACCES|EPERM|EROFS ) \b"));

static NUMBERS: LazyLock<Lazy> = LazyLock::new(|| {
    compiled(
        r"\b (?: errno | errcode | os\ error | error= | code\(\) ) [\]'\s:=]* -? (?P<number> 13|30|1 ) \b
          | \( (?P<bracketed> 13 ) \)",
    )
});

/// What [`worded`] allows beside the words of a reason, apart from numbers: symbols, and what is between them.
const SYMBOLIC: [&[u8]; 6] = [
    b"EACCES",
    b"EPERM",
    b"EROFS",
    b"errno",
    b"error",
    b"os error",
];
const BETWEEN: &[u8] = b"-:,;=()[]";

/// The search for reasons.
#[derive(Debug)]
pub struct Reasons {
    /// Fragments, at least one of which occurs in every reason, apart from those in other languages.
    signs: Literals,
    english: Lazy,
    /// The words and symbols that reasons in English consist of.
    parts: Vec<Vec<u8>>,
    /// Fragments of all messages in other languages, and the expression for all messages, which is compiled when a line
    /// contains one of the fragments.
    foreign_signs: Literals,
    every: OnceLock<Lazy>,
    alternatives: Vec<Vec<u8>>,
    /// The error numbers by their message in lower case (ASCII letters only).
    errnos: HashMap<Vec<u8>, (Errno, bool)>,
}

impl Reasons {
    /// A search for reasons in these wordings, and for symbols and numbers.
    #[must_use]
    pub fn new(wordings: &[Wording]) -> Reasons {
        let mut errnos = HashMap::new();
        for wording in wordings {
            let meaning = (wording.errno, wording.foreign);
            errnos
                .entry(wording.words.to_ascii_lowercase())
                .or_insert(meaning);
            if let Some(latin1) = latin1(&wording.words) {
                errnos.entry(latin1.to_ascii_lowercase()).or_insert(meaning);
            }
        }
        let mut alternatives: Vec<&[u8]> = errnos.keys().map(Vec::as_slice).collect();
        alternatives.sort_by_key(|words| (std::cmp::Reverse(words.len()), *words));
        let (foreign, english): (Vec<&[u8]>, Vec<&[u8]>) = alternatives
            .iter()
            .copied()
            .partition(|words| errnos.get(*words).is_some_and(|(_, foreign)| *foreign));
        let parts = english.iter().copied().chain(SYMBOLIC);
        Reasons {
            signs: signs(&english),
            english: worded(&english),
            parts: parts.map(<[u8]>::to_vec).collect(),
            foreign_signs: Literals::in_any_case(foreign.iter().map(|words| words.to_vec())),
            every: OnceLock::new(),
            alternatives: alternatives.iter().map(|words| words.to_vec()).collect(),
            errnos,
        }
    }

    /// The first reasons of a line, of the most reliable kind present: words before symbols before numbers.
    #[must_use]
    pub fn of(&self, line: &[u8], most: usize) -> Vec<Reason> {
        if !self.has_signs(line) {
            return Vec::new();
        }
        let words = self.words(line).captures_iter(line).filter_map(|found| {
            // If the words in brackets contradict those before them, the ones in brackets are the system's.
            let words = found.get_group_by_name("again");
            let words = words.or(found.get_group_by_name("words"))?;
            let words = line[words.range()].to_ascii_lowercase();
            let &(errno, foreign) = self.errnos.get(&words)?;
            let whole = found.get_match()?;
            // A bracket before the number encloses the whole reason, unless it encloses only the number.
            let text = &line[whole.range()];
            let ends = |bracket: u8| !text.contains(&bracket) || text.last() == Some(&bracket);
            let is_open = ends(b')') && ends(b']');
            let bracket =
                usize::from(is_open && (text.starts_with(b"(") || text.starts_with(b"[")));
            Some(Reason {
                at: whole.start() + bracket..whole.end(),
                errno,
                foreign,
            })
        });
        let words: Vec<Reason> = words.take(most).collect();
        if !words.is_empty() {
            return words;
        }
        let symbols = SYMBOLS.captures_iter(line).filter_map(|found| {
            let symbol = found.get_group_by_name("symbol")?;
            let symbol = std::str::from_utf8(&line[symbol.range()]).ok()?;
            reason(found.get_match()?.range(), Errno::from_symbol(symbol)?)
        });
        let symbols: Vec<Reason> = symbols.take(most).collect();
        if !symbols.is_empty() {
            return symbols;
        }
        let numbers = NUMBERS.captures_iter(line).filter_map(|found| {
            let number = found.get_group_by_name("number");
            let number = number.or(found.get_group_by_name("bracketed"))?;
            let number = std::str::from_utf8(&line[number.range()]).ok()?;
            let number = number.parse().ok()?;
            reason(found.get_match()?.range(), Errno::from_number(number)?)
        });
        numbers.take(most).collect()
    }

    /// Whether the words of a reason begin before `seam` and end after it.
    #[must_use]
    pub fn straddle(&self, text: &[u8], seam: usize) -> bool {
        let may_go_on = self.may_go_on(&text[seam..]) || self.foreign_signs.occur_in(text);
        if !may_go_on || !self.has_signs(text) {
            return false;
        }
        let words = self
            .words(text)
            .captures_iter(text)
            .filter_map(|found| found.get_group_by_name("words"));
        words
            .into_iter()
            .any(|words| words.start < seam && words.end > seam)
    }

    /// Whether a text may begin with the rest of a reason in English that began before it. Most lines do not, and this is found
    /// out faster than by an expression.
    fn may_go_on(&self, text: &[u8]) -> bool {
        let text = text.strip_prefix(b" ").unwrap_or(text);
        let Some(first) = text.first() else {
            return false;
        };
        let is_between = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_whitespace();
        let Some(next) = text.get(1).filter(|_| !is_between(first)) else {
            return true;
        };
        let goes_on = |rest: &[u8]| match rest {
            [] => false,
            [last] => last.eq_ignore_ascii_case(first),
            [one, two, ..] => one.eq_ignore_ascii_case(first) && two.eq_ignore_ascii_case(next),
        };
        let is_within = |part: &Vec<u8>| (0..part.len()).any(|at| goes_on(&part[at..]));
        BETWEEN.contains(first) || self.parts.iter().any(is_within)
    }

    /// Where a second message begins directly behind the reason of a first, whose writer did not end its line.
    #[must_use]
    pub fn seam(&self, line: &[u8]) -> Option<usize> {
        let found = self.of(line, 2);
        if let Some(seam) = behind_exit_status(&line[..found.first()?.at.start]) {
            return Some(seam);
        }
        let first = found.first()?;
        if runs_on(line, first) {
            return Some(first.at.end);
        }
        let [first, second] = &found[..] else {
            return None;
        };
        let behind = line.get(first.at.end..second.at.start)?;
        begins_with_a_speaker(behind).then_some(first.at.end)
    }

    /// Where a program's message begins within another one of the same program, run beside it: `cat: dacat: b.txt: …`.
    #[must_use]
    pub fn interruption(&self, line: &[u8]) -> Option<usize> {
        let speaker = &line[..memchr::memmem::find(line, b": ")? + 2];
        let rest = &line[speaker.len()..];
        let begun = &rest[..memchr::memmem::find(rest, speaker)?];
        let is_cut = begun.last().is_some_and(u8::is_ascii_alphanumeric) && !begun.contains(&b' ');
        let message = &rest[begun.len()..];
        let tells = || {
            let reasons = self.of(message, 1);
            let reason = reasons.first();
            reason.is_some_and(|reason| reason.at.start > speaker.len())
        };
        (is_cut && begins_with_a_speaker(line) && tells()).then_some(line.len() - message.len())
    }

    /// The expression for those wordings that may occur in the text.
    fn words(&self, text: &[u8]) -> &Lazy {
        if !self.foreign_signs.occur_in(text) {
            return &self.english;
        }
        self.every.get_or_init(|| {
            let all: Vec<&[u8]> = self.alternatives.iter().map(Vec::as_slice).collect();
            worded(&all)
        })
    }

    fn has_signs(&self, text: &[u8]) -> bool {
        self.signs.occur_in(text) || self.foreign_signs.occur_in(text)
    }
}

/// Whether another text begins directly behind the words of a reason: `Permission deniedExited with code 1`.
fn runs_on(line: &[u8], reason: &Reason) -> bool {
    let ends_in_words = line[..reason.at.end]
        .last()
        .is_some_and(u8::is_ascii_lowercase);
    let next = line.get(reason.at.end).copied();
    ends_in_words && !reason.foreign && next.is_some_and(|next| next.is_ascii_uppercase())
}

/// The position of what a program printed that failed, behind its exit status: `running "A": exit status 1: B: …`.
fn behind_exit_status(head: &[u8]) -> Option<usize> {
    const STATUS: &[u8] = b": exit status ";
    let number = memchr::memmem::rfind(head, STATUS)? + STATUS.len();
    let digits = head[number..].iter().take_while(|b| b.is_ascii_digit());
    let at = number + digits.count();
    let rest = head[at..].strip_prefix(b": ")?;
    begins_with_a_speaker(rest).then_some(at + 2)
}

/// Whether the text begins as the message of a program does: with its name and a colon.
fn begins_with_a_speaker(text: &[u8]) -> bool {
    let name = memchr::memmem::find(text, b": ").map_or(&[][..], |end| &text[..end]);
    let is_of_a_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"./_+-".contains(byte);
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || b"./".contains(byte);
    name.first().is_some_and(is_first) && name.iter().all(is_of_a_name)
}

fn signs(words: &[&[u8]]) -> Literals {
    let others = [
        "EACCES",
        "EPERM",
        "EROFS",
        "errno",
        "errcode",
        "os error",
        "error=",
        "(13)",
        "code() = ",
    ];
    let others = others.iter().map(|sign| sign.as_bytes());
    Literals::in_any_case(words.iter().copied().chain(others).map(<[u8]>::to_vec))
}

/// An expression for reasons in these words.
fn worded(alternatives: &[&[u8]]) -> Lazy {
    let words = alternatives
        .iter()
        .map(|words| escaped(words))
        .collect::<Vec<_>>()
        .join("|");
    compiled(&format!(
        r"(?: \b (?:EACCES|EPERM|EROFS) \b [:,]? \s* \(? )?
          (?: \b errno [=:\s]+ -? \d+ \s \(? )?
          (?: (?: [(\[] | \b err(?:or|no) (?:[=\ ]|:\ ) ) -? (?:13|1|30) [:,] \s* | [(\[] -? (?:13|1|30) [)\]] \s )?
          (?P<words> {words} )
          (?: \s \( (?P<again> {words} ) \) )?
          (?: [;,]? \s \(? (?: os\ error\s | errno[=:\s]+ | error[=:\s]+ ) -? \d+ \)? | \s? \( -? \d+ \) )?"
    ))
}

fn reason(at: Range<usize>, errno: Errno) -> Option<Reason> {
    Some(Reason {
        at,
        errno,
        foreign: false,
    })
}

/// The words in Latin-1, if they can be encoded and differ from UTF-8.
fn latin1(words: &[u8]) -> Option<Vec<u8>> {
    let words = std::str::from_utf8(words).ok()?;
    if words.is_ascii() {
        return None;
    }
    words
        .chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect()
}

/// The bytes as a literal in a verbose expression.
fn escaped(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, r"\x{byte:02x}");
        }
    }
    out
}

fn compiled(expression: &str) -> Lazy {
    Lazy::from(Written::from(format!("(?ix){expression}")))
}
