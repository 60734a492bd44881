//! A pattern's regular expressions, and what their groups mean.

use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

/// The largest compiled expression, in bytes.
const LARGEST: usize = 1 << 20;

/// A regular expression over bytes, compiled when it is first needed.
#[derive(Debug)]
pub struct Expression {
    written: String,
    anchor: Anchor,
    compiled: OnceLock<Option<Compiled>>,
}

#[derive(Debug, Clone, Copy)]
enum Anchor {
    Anywhere,
    Beginning,
    Ending,
}

#[derive(Debug)]
struct Compiled {
    regex: Regex,
    /// What each group captures, by its number.
    groups: Vec<Option<Group>>,
}

/// What a named group of an expression captures. A name may end in a digit where alternatives need several of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Group {
    /// `path`: the name of the object.
    Path,
    /// `to`: the second name.
    To,
    /// `op`: the name of a system call or function, or words that tell the operation.
    Operation,
    /// `program`: the name of the program that speaks.
    Program,
    /// `mode`: as of fopen(3).
    Mode,
    /// `flags`: as of open(2).
    Flags,
    /// `errno`: its symbol or number.
    Errno,
    /// `addr`: a socket's address.
    Address,
    /// `dir`: what relative names are relative to.
    Directory,
    /// `dirfd`: that the path is relative to an open directory.
    OpenDirectory,
    /// `pid`: the number of the process that it is about.
    Process,
    /// `mention`: what the message is about where it names no path.
    Mention,
    /// `code`: a quoted line of the source that failed.
    Code,
    /// `file`: the source that failed.
    SourceFile,
    /// `line`: the number of its line.
    SourceLine,
}

impl Group {
    const NAMES: &'static [(&'static str, Group)] = &[
        ("path", Group::Path),
        ("to", Group::To),
        ("op", Group::Operation),
        ("program", Group::Program),
        ("mode", Group::Mode),
        ("flags", Group::Flags),
        ("errno", Group::Errno),
        ("addr", Group::Address),
        ("dir", Group::Directory),
        ("dirfd", Group::OpenDirectory),
        ("pid", Group::Process),
        ("mention", Group::Mention),
        ("code", Group::Code),
        ("file", Group::SourceFile),
        ("line", Group::SourceLine),
    ];

    fn named(name: &str) -> Option<Group> {
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
        Group::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|&(_, group)| group)
    }
}

/// What an expression found, by the meaning of its groups.
#[derive(Debug)]
pub struct Found<'t> {
    text: &'t [u8],
    /// Where the whole of it stands.
    pub at: Range<usize>,
    parts: [Option<Range<usize>>; Group::NAMES.len()],
}

impl<'t> Found<'t> {
    /// What the group captured.
    #[must_use]
    pub fn get(&self, group: Group) -> Option<&'t [u8]> {
        self.text.get(self.parts[group as usize].clone()?)
    }

    /// Where the names are: their words tell nothing of the operation.
    pub fn names(&self) -> impl Iterator<Item = Range<usize>> {
        [Group::Path, Group::To, Group::Directory, Group::Mention]
            .into_iter()
            .filter_map(|group| self.parts[group as usize].clone())
    }
}

impl Expression {
    /// An expression that is looked for anywhere in a text.
    #[must_use]
    pub fn anywhere(written: String) -> Expression {
        Expression::new(written, Anchor::Anywhere)
    }

    /// An expression that a text must begin with.
    #[must_use]
    pub fn beginning(written: String) -> Expression {
        Expression::new(written, Anchor::Beginning)
    }

    /// An expression that a text must end with.
    #[must_use]
    pub fn ending(written: String) -> Expression {
        Expression::new(written, Anchor::Ending)
    }

    fn new(written: String, anchor: Anchor) -> Expression {
        Expression {
            written,
            anchor,
            compiled: OnceLock::new(),
        }
    }

    /// As it is written in its file.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The first match. None for an expression that is none: loading a user's file reports it, a test of ours prevents it.
    #[must_use]
    pub fn find<'t>(&self, text: &'t [u8]) -> Option<Found<'t>> {
        let compiled = self.compiled.get_or_init(|| self.compile().ok()).as_ref()?;
        let captures = compiled.regex.captures(text)?;
        let mut parts = [const { None }; Group::NAMES.len()];
        for (capture, group) in captures.iter().zip(&compiled.groups) {
            if let (Some(capture), Some(group)) = (capture, group) {
                parts[*group as usize].get_or_insert(capture.range());
            }
        }
        let at = captures.get(0)?.range();
        Some(Found { text, at, parts })
    }

    /// Whether it is an expression whose groups have a meaning.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        self.compile().map(|_| ())
    }

    fn compile(&self) -> Result<Compiled, String> {
        let written = &self.written;
        let placed = match self.anchor {
            Anchor::Anywhere => written.clone(),
            Anchor::Beginning => format!("^(?:{written}\n)"),
            Anchor::Ending => format!("(?:{written}\n)\\z"),
        };
        // The line feed ends a comment of a verbose expression; in others it must not be there.
        let placed = if written.contains("(?x") {
            placed
        } else {
            placed.replace("\n)", ")")
        };
        let regex = RegexBuilder::new(&placed)
            .unicode(false)
            .size_limit(LARGEST)
            .build()
            .map_err(|e| {
                e.to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim()
                    .to_owned()
            })?;
        let group = |name: Option<&str>| match name {
            None => Ok(None),
            Some(name) => Group::named(name)
                .map(Some)
                .ok_or_else(|| format!("the group \"{name}\" has no meaning")),
        };
        let groups = regex.capture_names().map(group).collect::<Result<_, _>>()?;
        Ok(Compiled { regex, groups })
    }
}
