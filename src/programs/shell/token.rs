//! The tokens of shell code.

use super::course::{Compound, Link};
use super::value::substitution;
use crate::attempt::Operation;

/// A reserved word in the place of a command.
pub(super) enum Keyword {
    Begins(Compound),
    Else,
    Ends,
    Other,
}

/// The reserved word that this is, if it is one.
pub(super) fn keyword(word: &[u8]) -> Option<Keyword> {
    Some(match word {
        b"if" | b"case" => Keyword::Begins(Compound::Branch),
        b"while" | b"until" | b"for" | b"select" => Keyword::Begins(Compound::Loop),
        b"{" => Keyword::Begins(Compound::Group),
        b"else" | b"elif" => Keyword::Else,
        b"fi" | b"esac" | b"done" | b"}" => Keyword::Ends,
        b"then" | b"do" | b"!" | b"exec" => Keyword::Other,
        _ => return None,
    })
}

/// A word.
#[derive(Default)]
pub(super) struct Word {
    /// The word without its quotes; what is to be substituted is kept as written.
    pub(super) text: Vec<u8>,
    /// The code of its command substitutions.
    pub(super) runs: Vec<Vec<u8>>,
}

/// Where a redirection leads.
pub(super) enum Redirection {
    /// To a file, which is opened for this.
    File(Operation),
    /// To the text that follows the line. Tabs before its lines do not count if it is `indented`.
    Document { indented: bool },
    /// To the word itself.
    Word,
}

/// A token.
pub(super) enum Token {
    Word(Word),
    /// A redirection, which the next word belongs to.
    Redirects(Redirection),
    /// The parentheses of a function definition.
    Names,
    /// The end of an alternative of `case`.
    EndsCase,
    /// The end of a command, and how the next one is linked to it.
    Ends(Link),
    /// The beginning of a subshell, which ends the command before it.
    Begins,
    /// The end of a subshell.
    Closes,
}

/// The first token, and what follows it.
pub(super) fn next(code: &[u8]) -> Option<(Token, &[u8])> {
    let blank = code
        .iter()
        .take_while(|byte| b" \t\r".contains(byte))
        .count();
    let code = &code[blank..];
    if let Some(length) = copy_of_a_descriptor(code) {
        return next(&code[length..]);
    }
    if let Some(goes_on) = code.strip_prefix(b"\\\n") {
        return next(goes_on);
    }
    let (&first, after) = code.split_first()?;
    match first {
        b'#' => {
            let end = code
                .iter()
                .position(|&byte| byte == b'\n')
                .unwrap_or(code.len());
            Some((Token::Ends(Link::Next), &code[end..]))
        }
        b'(' => match after.trim_ascii_start().strip_prefix(b")") {
            Some(after) => Some((Token::Names, after)),
            None => Some((Token::Begins, after)),
        },
        b')' => Some((Token::Closes, after)),
        b'|' => Some(match after.strip_prefix(b"|") {
            Some(after) => (Token::Ends(Link::Or), after),
            None => (
                Token::Ends(Link::Pipe),
                after.strip_prefix(b"&").unwrap_or(after),
            ),
        }),
        b'&' if after.starts_with(b"&") => Some((Token::Ends(Link::And), &after[1..])),
        b';' if after.starts_with(b";") => Some((Token::EndsCase, &after[1..])),
        b';' | b'\n' => Some((Token::Ends(Link::Next), after)),
        b'&' if !after.starts_with(b">") => Some((Token::Ends(Link::Beside), after)),
        _ => match redirection(code) {
            Some((redirection, length)) => Some((Token::Redirects(redirection), &code[length..])),
            None => word(code),
        },
    }
}

/// The length of a redirection that duplicates or closes a descriptor (`2>&1`, `>&-`), if one begins here.
fn copy_of_a_descriptor(code: &[u8]) -> Option<usize> {
    let digits = |code: &[u8]| code.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let before = digits(code);
    let rest = code[before..]
        .strip_prefix(b">&")
        .or_else(|| code[before..].strip_prefix(b"<&"))?;
    let after = match rest.first() {
        Some(b'-') => 1,
        _ => digits(rest),
    };
    (after > 0).then_some(before + 2 + after)
}

/// A redirection, and the length of its operator. Duplications of descriptors (`2>&1`) are none.
fn redirection(code: &[u8]) -> Option<(Redirection, usize)> {
    let digits = code.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = &code[digits..];
    const SIGNS: [(&[u8], Redirection); 9] = [
        (b"<<<", Redirection::Word),
        (b"<<-", Redirection::Document { indented: true }),
        (b"<<", Redirection::Document { indented: false }),
        (b"&>>", Redirection::File(Operation::APPEND)),
        (b">>", Redirection::File(Operation::APPEND)),
        (b"&>", Redirection::File(Operation::CREATE)),
        (b">|", Redirection::File(Operation::CREATE)),
        (b">", Redirection::File(Operation::CREATE)),
        (b"<", Redirection::File(Operation::READ)),
    ];
    if sign.starts_with(b">&") || sign.starts_with(b"<&") {
        return None;
    }
    let (sign, leads) = SIGNS
        .into_iter()
        .find(|(known, _)| sign.starts_with(known))?;
    Some((leads, digits + sign.len()))
}

/// One word.
fn word(code: &[u8]) -> Option<(Token, &[u8])> {
    let mut word = Word::default();
    let mut quote: Option<u8> = None;
    let mut at = 0;
    while let Some(&byte) = code.get(at) {
        let substituted = || substitution(&code[at..]).filter(|_| quote != Some(b'\''));
        match (quote, byte) {
            (Some(b'\''), b'\'') | (Some(b'"'), b'"') => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(b'"') | None, b'\\') => {
                at += 1;
                word.text
                    .extend(code.get(at).filter(|byte| **byte != b'\n'));
            }
            (
                None,
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b'&' | b'(' | b')' | b'<' | b'>',
            ) if at > 0 => break,
            (_, b'$' | b'`') if substituted().is_some() => {
                let length = substituted().unwrap_or(1);
                let whole = &code[at..at + length];
                word.text.extend_from_slice(whole);
                word.runs.extend(code_of(whole));
                at += length - 1;
            }
            _ => word.text.push(byte),
        }
        at += 1;
    }
    Some((Token::Word(word), code.get(at..).unwrap_or_default()))
}

/// The code that a substitution runs, if it is one of a command's output.
fn code_of(substitution: &[u8]) -> Option<Vec<u8>> {
    let inner = substitution
        .strip_prefix(b"$(")
        .and_then(|rest| rest.strip_suffix(b")"));
    let quoted = || substitution.strip_prefix(b"`")?.strip_suffix(b"`");
    let code = inner
        .filter(|code| !code.starts_with(b"("))
        .or_else(quoted)?;
    Some(code.to_vec())
}
