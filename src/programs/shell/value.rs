//! The values of words in shell code, as far as they can be determined without running it.

use std::collections::BTreeMap;

use super::token::{Token, next};
use crate::byte_path;
use crate::programs::whereabouts::{Whereabouts, is_below_home};

/// How deeply command substitutions and default values may be nested.
const DEEPEST: usize = 6;

/// The maximum number of values that a word may have.
const MOST_VALUES: usize = 8;

/// The value of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::programs) enum Value {
    /// One of these texts; of a path, `~` at the beginning stands for the home directory.
    Texts(Vec<Vec<u8>>),
    /// An absolute path, which is known by its relation to the directory that the shell was started in.
    Path(Whereabouts),
}

/// The variables of a shell, as far as its code determines them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::programs) struct Scope {
    /// `None` for a variable whose value only running the code would tell.
    variables: BTreeMap<Vec<u8>, Option<Value>>,
    /// `$0`, `$1` and so on, as far as they are known.
    parameters: Vec<Vec<u8>>,
    /// Whether there are no others.
    are_all: bool,
}

impl Scope {
    /// The variables at the beginning of code that is run with these parameters.
    pub(in crate::programs) fn new(parameters: Vec<Vec<u8>>, are_all: bool) -> Scope {
        Scope {
            parameters,
            are_all,
            ..Scope::default()
        }
    }

    /// Within a function, other parameters apply.
    pub(in crate::programs) fn enter_function(&mut self) {
        self.forget_parameters();
        self.variables.values_mut().for_each(|value| *value = None);
    }

    fn forget_parameters(&mut self) {
        self.parameters.truncate(1);
        self.are_all = false;
    }

    /// Follows a command that may set variables.
    pub(in crate::programs) fn follow(&mut self, words: &[Vec<u8>], here: &Whereabouts) {
        const DECLARE: &[&[u8]] = &[b"export", b"readonly", b"declare", b"typeset", b"local"];
        const ASSIGN: &[&[u8]] = &[
            b"read",
            b"unset",
            b"getopts",
            b"mapfile",
            b"readarray",
            b"printf",
        ];
        let Some((name, rest)) = words.split_first() else {
            return;
        };
        let name = name.as_slice();
        if [&b"eval"[..], b".", b"source"].contains(&name) {
            self.enter_function();
        } else if name == b"set" || name == b"shift" {
            self.forget_parameters();
        } else if name == b"for" || name == b"select" {
            let values = rest
                .get(2..)
                .filter(|_| rest.get(1).is_some_and(|word| word == b"in"));
            let value = values.and_then(|values| self.list(values, here));
            self.variables
                .extend(rest.first().map(|name| (name.clone(), value)));
        } else if ASSIGN.contains(&name) {
            let names = rest.iter().filter(|word| !word.starts_with(b"-"));
            self.variables
                .extend(names.map(|name| (name.clone(), None)));
        } else {
            let declares = DECLARE.contains(&name);
            let assigned = if declares { rest } else { words };
            let is_all = |word: &Vec<u8>| super::is_assignment(word) || word.contains(&b'=');
            if !declares && !assigned.iter().all(is_all) {
                return;
            }
            for word in assigned {
                let Some(at) = memchr::memchr(b'=', word) else {
                    continue;
                };
                let value = self.value(&word[at + 1..], here, DEEPEST);
                match word[..at].strip_suffix(b"+") {
                    Some(name) => self.variables.insert(name.to_vec(), None),
                    None => self.variables.insert(word[..at].to_vec(), value),
                };
            }
        }
    }

    /// Whether the variables of another scope have the same values here.
    pub(in crate::programs) fn keeps(&self, other: &Scope) -> bool {
        let mut every = other.variables.iter();
        every.all(|(name, value)| self.variables.get(name) == Some(value))
    }

    /// Forgets the variables whose values differ from those in another scope.
    pub(in crate::programs) fn forget_what_differs(&mut self, other: &Scope) {
        for (name, value) in &mut self.variables {
            if other.variables.get(name) != Some(value) {
                *value = None;
            }
        }
    }

    /// The directory that this word leads to from here.
    pub(in crate::programs) fn destination(&self, word: &[u8], here: &Whereabouts) -> Whereabouts {
        self.leads_to(word, here, DEEPEST)
    }

    fn leads_to(&self, word: &[u8], here: &Whereabouts, depth: usize) -> Whereabouts {
        match self.value(word, here, depth) {
            Some(Value::Texts(texts)) => {
                Whereabouts::one_of(texts.iter().map(|text| match is_plain(text) {
                    true => here.to(text),
                    false => Whereabouts::Unknown,
                }))
            }
            Some(Value::Path(place)) => place,
            None => Whereabouts::Unknown,
        }
    }

    /// What a loop goes through.
    fn list(&self, words: &[Vec<u8>], here: &Whereabouts) -> Option<Value> {
        let mut texts = Vec::new();
        for word in words {
            match self.value(word, here, DEEPEST)? {
                Value::Texts(more) if more.iter().all(|text| is_plain(text)) => texts.extend(more),
                _ => return None,
            }
        }
        (texts.len() <= MOST_VALUES).then_some(Value::Texts(texts))
    }

    fn value(&self, word: &[u8], here: &Whereabouts, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let mut value = Value::Texts(vec![Vec::new()]);
        let mut rest = word;
        while !rest.is_empty() {
            let (length, part) = match rest {
                [b'$', b'(', ..] | [b'`', ..] => {
                    let length = substitution(rest)?;
                    let ends = if rest[0] == b'`' { 1 } else { 2 };
                    let code = rest.get(ends..length - 1)?;
                    (length, self.output(code, here, depth)?)
                }
                [b'$', b'{', ..] => {
                    let length = substitution(rest)?;
                    (length, self.parameter(&rest[2..length - 1], here, depth)?)
                }
                [b'$', after @ ..] => {
                    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
                    let length = match after.first()? {
                        first if first.is_ascii_digit() => 1,
                        _ => after.iter().take_while(is_name).count(),
                    };
                    (1 + length, self.of(&after[..length], here)?)
                }
                _ => {
                    let is_text = |byte: &&u8| !b"$`".contains(byte);
                    let length = rest.iter().take_while(is_text).count();
                    (length, Value::Texts(vec![rest[..length].to_vec()]))
                }
            };
            value = value.followed_by(part)?;
            rest = &rest[length..];
        }
        Some(value)
    }

    /// The value of a variable or a parameter.
    fn of(&self, name: &[u8], here: &Whereabouts) -> Option<Value> {
        if let Some(known) = self.variables.get(name) {
            return known.clone();
        }
        let text = |text: &[u8]| Some(Value::Texts(vec![text.to_vec()]));
        match name {
            b"HOME" => text(b"~"),
            b"PWD" => Some(Value::Path(here.clone())),
            b"BASH_SOURCE" | b"BASH_SOURCE[0]" => self.of(b"0", here),
            _ => {
                let number: usize = std::str::from_utf8(name).ok()?.parse().ok()?;
                match self.parameters.get(number) {
                    Some(given) => text(given),
                    None if self.are_all => text(b""),
                    None => None,
                }
            }
        }
    }

    /// The value of what stands in `${}`.
    fn parameter(&self, inner: &[u8], here: &Whereabouts, depth: usize) -> Option<Value> {
        let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_[]".contains(byte);
        let length = inner.iter().take_while(is_name).count();
        let (name, rest) = inner.split_at(length);
        let value = self.of(name, here);
        match rest {
            b"" | [b':', b'?', ..] | [b'?', ..] => value,
            b"%/*" => value.map(Value::parent),
            b"##*/" => value.and_then(Value::name),
            [b':', b'-' | b'=', default @ ..] | [b'-' | b'=', default @ ..] => match value? {
                Value::Texts(texts) if texts.iter().all(Vec::is_empty) => {
                    self.value(&unquoted(default), here, depth)
                }
                given => Some(given),
            },
            _ => None,
        }
    }

    /// What a command substitution results in.
    fn output(&self, code: &[u8], here: &Whereabouts, depth: usize) -> Option<Value> {
        let mut commands = super::plain_commands(code).into_iter();
        let mut words = commands.next()?;
        let mut there = here.clone();
        if words.first().is_some_and(|name| name == b"cd") {
            let to = words.iter().skip(1).find(|word| !word.starts_with(b"-"))?;
            there = self.leads_to(to, here, depth);
            words = commands.next()?;
        }
        if commands.next().is_some() {
            return None;
        }
        let operand = words.iter().skip(1).find(|word| !word.starts_with(b"-"));
        match (words.first()?.as_slice(), operand) {
            (b"pwd", None) => Some(Value::Path(there)),
            (b"dirname", Some(word)) => self.value(word, &there, depth).map(Value::parent),
            (b"basename", Some(word)) => self.value(word, &there, depth)?.name(),
            (b"realpath", Some(word)) => Some(Value::Path(self.leads_to(word, &there, depth))),
            (b"readlink", Some(word)) if words.len() > 2 => {
                Some(Value::Path(self.leads_to(word, &there, depth)))
            }
            _ => None,
        }
    }
}

impl Value {
    fn followed_by(self, next: Value) -> Option<Value> {
        match (self, next) {
            (Value::Texts(all), Value::Texts(ends)) => {
                let texts = all
                    .iter()
                    .flat_map(|one| ends.iter().map(|end| [&one[..], end].concat()));
                let texts: Vec<Vec<u8>> = texts.collect();
                (texts.len() <= MOST_VALUES).then_some(Value::Texts(texts))
            }
            (Value::Texts(all), path @ Value::Path(_)) => {
                all.iter().all(Vec::is_empty).then_some(path)
            }
            (Value::Path(place), Value::Texts(ends)) => {
                let below = |end: &Vec<u8>| match end.strip_prefix(b"/") {
                    Some(rest) if !rest.is_empty() => place.to(rest),
                    Some(_) => place.clone(),
                    None if end.is_empty() => place.clone(),
                    None => Whereabouts::Unknown,
                };
                Some(Value::Path(Whereabouts::one_of(ends.iter().map(below))))
            }
            (Value::Path(_), Value::Path(_)) => None,
        }
    }

    /// What dirname(1) makes of it.
    fn parent(self) -> Value {
        let parent = |path: &Vec<u8>| match memchr::memrchr(b'/', path) {
            None => b".".to_vec(),
            Some(0) => b"/".to_vec(),
            Some(end) => path[..end].to_vec(),
        };
        match self {
            Value::Texts(texts) => Value::Texts(texts.iter().map(parent).collect()),
            Value::Path(place) => Value::Path(place.to(b"..")),
        }
    }

    /// What basename(1) makes of it.
    fn name(self) -> Option<Value> {
        match self {
            Value::Texts(texts) => {
                let name = |path: &Vec<u8>| byte_path::name(path).to_vec();
                Some(Value::Texts(texts.iter().map(name).collect()))
            }
            Value::Path(_) => None,
        }
    }
}

/// Whether the shell takes a text as the path of a directory as it is: nothing else is expanded in it.
fn is_plain(text: &[u8]) -> bool {
    let expands = text.iter().any(|byte| b"*?[{".contains(byte));
    let is_anothers_home = text.starts_with(b"~") && !is_below_home(text);
    !expands && !is_anothers_home && !text.is_empty()
}

/// The length of the substitution that begins here: `$(...)`, `${...}` or one in backticks.
pub(super) fn substitution(code: &[u8]) -> Option<usize> {
    let (open, close, begin) = match code {
        [b'$', b'(', ..] => (b'(', b')', 2),
        [b'$', b'{', ..] => (b'{', b'}', 2),
        [b'`', after @ ..] => return memchr::memchr(b'`', after).map(|length| length + 2),
        _ => return None,
    };
    let mut depth = 1;
    let mut quote: Option<u8> = None;
    let mut at = begin;
    while let Some(&byte) = code.get(at) {
        match (quote, byte) {
            (Some(b'\''), b'\'') | (Some(b'"'), b'"') => quote = None,
            (Some(b'\''), _) => {}
            (_, b'\\') => at += 1,
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(b'"'), b'$') | (None, b'$') if code.get(at + 1) == Some(&b'(') => {
                at += substitution(&code[at..])? - 1;
            }
            (None, _) if byte == open => depth += 1,
            (None, _) if byte == close => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// A single word without its quotes.
fn unquoted(code: &[u8]) -> Vec<u8> {
    match next(code) {
        Some((Token::Word(word), _)) => word.text,
        _ => Vec::new(),
    }
}
