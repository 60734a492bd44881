//! Parses the notation into facts.

mod attempt;
mod file;
mod rest;

use std::fmt;

use super::tree::Tree;
use super::{Scene, lines, unknown};
use crate::attempt::{Errno, Subject};
use crate::facts::{Facts, Group};

/// A line that does not belong to the notation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Its number, from 1; 0 if a line is missing altogether.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.what),
            line => write!(f, "line {line}: {}", self.what),
        }
    }
}

impl std::error::Error for Malformed {}

/// What a line says, or a description of what is wrong with it.
type Parsed<T> = Result<T, String>;

/// A line's number and words.
type Line<'a> = (usize, Vec<&'a str>);

/// What the lines read so far describe.
struct Reader {
    facts: Facts,
    tree: Tree,
    subject: Option<Subject>,
    answer: Option<Errno>,
}

/// Reads all lines: first the names of users and groups, then mounts, since files refer to both; the attempt last, since its
/// paths lead through the files.
pub(super) fn scene(text: &str) -> Result<Scene, Malformed> {
    let lines: Vec<Line> = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.split_whitespace().collect::<Vec<_>>()))
        .filter(|(_, words)| words.first().is_some_and(|word| !word.starts_with('#')))
        .collect();
    let mut reader = Reader::new();
    reader.read(&lines, |word| matches!(word, "user" | "group"))?;
    reader.read(&lines, |word| word == "mount")?;
    reader.complete_mounts();
    reader.read(&lines, |word| {
        !matches!(word, "user" | "group" | "mount" | "attempt")
    })?;
    reader.complete_root();
    let Some((line, words)) = lines.iter().find(|(_, words)| words[0] == "attempt") else {
        return Err(Malformed {
            line: 0,
            what: "no `attempt` line says what is tried".to_owned(),
        });
    };
    let attempt = reader.attempt(&words[1..]);
    Ok(Scene {
        attempt: attempt.map_err(|what| Malformed { line: *line, what })?,
        facts: reader.facts,
    })
}

impl Reader {
    fn new() -> Reader {
        let mut facts = Facts::default();
        facts.names.users.insert(0, "root".to_owned());
        let root = Group {
            name: "root".to_owned(),
            members: Vec::new(),
        };
        facts.names.groups.insert(0, root);
        Reader {
            facts,
            tree: Tree::default(),
            subject: None,
            answer: None,
        }
    }

    /// Reads the lines whose first word is `chosen`.
    fn read(&mut self, lines: &[Line], chosen: impl Fn(&str) -> bool) -> Result<(), Malformed> {
        for (line, words) in lines.iter().filter(|(_, words)| chosen(words[0])) {
            self.line(words[0], &words[1..])
                .map_err(|what| Malformed { line: *line, what })?;
        }
        Ok(())
    }

    fn line(&mut self, first: &str, words: &[&str]) -> Parsed<()> {
        match first {
            "subject" => self.subject(words),
            "answer" => {
                let symbol = word(words, 0, "an error number")?;
                self.answer =
                    Some(Errno::from_symbol(symbol).ok_or_else(|| format!("no errno `{symbol}`"))?);
                Ok(())
            }
            "missing" => self.missing(words),
            "unseen" => self.unseen(words),
            "jump" => self.jump(words),
            _ if first.starts_with("?????")
                || lines::listing(first.trim_end_matches('+')).is_some() =>
            {
                self.file(first, words)
            }
            _ if first.contains(':') => self.acl_entry(first),
            _ => self.surrounding(first, words),
        }
    }

    /// The uid that a word denotes, as a number or by name.
    fn uid(&self, word: &str) -> Parsed<u32> {
        let mut users = self.facts.names.users.iter();
        word.parse()
            .ok()
            .or_else(|| users.find(|(_, name)| *name == word).map(|(&uid, _)| uid))
            .ok_or_else(|| format!("no `user` line tells the number of `{word}`"))
    }

    /// The gid that a word denotes, as a number or by name.
    fn gid(&self, word: &str) -> Parsed<u32> {
        let mut groups = self.facts.names.groups.iter();
        word.parse()
            .ok()
            .or_else(|| {
                groups
                    .find(|(_, group)| group.name == word)
                    .map(|(&gid, _)| gid)
            })
            .ok_or_else(|| format!("no `group` line tells the number of `{word}`"))
    }

    /// The gids of a comma-separated list; `none` is the empty list.
    fn gids(&self, list: &str) -> Parsed<Vec<u32>> {
        match list {
            "none" => Ok(Vec::new()),
            _ => list.split(',').map(|word| self.gid(word)).collect(),
        }
    }
}

/// The word at this position of a line.
fn word<'a>(words: &[&'a str], at: usize, what: &str) -> Parsed<&'a str> {
    words
        .get(at)
        .copied()
        .ok_or_else(|| format!("the line lacks {what}"))
}

/// The absolute path at this position of a line.
fn path(words: &[&str], at: usize) -> Parsed<Vec<u8>> {
    let word = word(words, at, "a path")?;
    let path = lines::unescape(word)
        .ok_or_else(|| format!("`{word}` is no path: a backslash begins `\\xNN`"))?;
    if path.starts_with(b"/") {
        Ok(path)
    } else {
        Err(format!("`{word}` is no absolute path"))
    }
}

/// Parses a word that may be any bytes.
fn bytes(words: &[&str], at: usize) -> Parsed<Vec<u8>> {
    let word = word(words, at, "a word")?;
    lines::unescape(word).ok_or_else(|| format!("`{word}`: a backslash begins `\\xNN`"))
}

/// Parses a number.
fn number<T: std::str::FromStr>(word: &str) -> Parsed<T> {
    word.parse().map_err(|_| format!("`{word}` is no number"))
}
