//! The regular expressions of patterns, and the meaning of their groups.

use std::ops::Range;
use std::sync::OnceLock;

use regex_automata::meta::Regex;
use regex_automata::{Input, PatternID};

use super::written::Written;

/// How many beginnings and ends of groups are found without an allocation.
const MOST_ENDS: usize = 48;

/// A regular expression over bytes, compiled when a text could match it.
#[derive(Debug)]
pub struct Expression {
    written: Written,
    anchor: Anchor,
    /// The meaning of each group, by its number, once it has been compiled.
    groups: OnceLock<Vec<Option<Group>>>,
}

#[derive(Debug, Clone, Copy)]
enum Anchor {
    Anywhere,
    Beginning,
    Ending,
}

/// What a named group of an expression captures. A name may end in a digit if alternatives need several groups with the same
/// meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Group {
    /// `path`: the object.
    Path,
    /// `to`: the second path.
    To,
    /// `op`: the name of a system call or function, or words that identify the operation.
    Operation,
    /// `program`: the name of the program that wrote the message.
    Program,
    /// `mode`: a mode as in fopen(3).
    Mode,
    /// `flags`: flags as in open(2).
    Flags,
    /// `errno`: an error number or its symbol.
    Errno,
    /// `addr`: a socket address.
    Address,
    /// `dir`: the directory that paths are relative to.
    Directory,
    /// `dirfd`: indicates that the path is relative to a directory file descriptor.
    OpenDirectory,
    /// `pid`: the process that the message is about.
    Process,
    /// `mention`: what the message is about, if it names no path.
    Mention,
    /// `code`: a quoted source line that failed.
    Code,
    /// `typed`: the command line that a shell was given at its prompt.
    Typed,
    /// `file`: the source file of the failure.
    SourceFile,
    /// `line`: the number of the line in that file.
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
        ("typed", Group::Typed),
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

/// A match of an expression, with its groups by meaning.
#[derive(Debug)]
pub struct Found<'t> {
    text: &'t [u8],
    /// The position of the whole match.
    pub at: Range<usize>,
    parts: [Option<Range<usize>>; Group::NAMES.len()],
}

impl<'t> Found<'t> {
    /// The text that the group captured.
    #[must_use]
    pub fn get(&self, group: Group) -> Option<&'t [u8]> {
        self.text.get(self.parts[group as usize].clone()?)
    }

    /// The text before what the group captured, and the text behind it.
    #[must_use]
    pub fn around(&self, group: Group) -> (&'t [u8], &'t [u8]) {
        match &self.parts[group as usize] {
            Some(at) => (&self.text[..at.start], &self.text[at.end..]),
            None => (&[], &[]),
        }
    }

    /// The text between what the group captured and the end of the match.
    #[must_use]
    pub fn behind(&self, group: Group) -> &'t [u8] {
        let end = self.parts[group as usize].as_ref().map_or(0, |at| at.end);
        self.text.get(end..self.at.end).unwrap_or_default()
    }

    /// Whether a quotation mark or bracket precedes what the group captured.
    #[must_use]
    pub fn is_quoted(&self, group: Group) -> bool {
        let start = self.parts[group as usize].as_ref().map_or(0, |at| at.start);
        let before = start.checked_sub(1).and_then(|at| self.text.get(at));
        before.is_some_and(|byte| !byte.is_ascii_whitespace() && !b":=".contains(byte))
    }

    /// The positions of names. Their words do not indicate the operation.
    pub fn names(&self) -> impl Iterator<Item = Range<usize>> {
        [Group::Path, Group::To, Group::Directory, Group::Mention]
            .into_iter()
            .filter_map(|group| self.parts[group as usize].clone())
    }
}

impl Expression {
    /// An expression that may match anywhere in a text.
    #[must_use]
    pub fn anywhere(written: Written) -> Expression {
        Expression::new(written, Anchor::Anywhere)
    }

    /// An expression that must match at the beginning of a text.
    #[must_use]
    pub fn beginning(written: Written) -> Expression {
        Expression::new(written, Anchor::Beginning)
    }

    /// An expression that must match at the end of a text.
    #[must_use]
    pub fn ending(written: Written) -> Expression {
        Expression::new(written, Anchor::Ending)
    }

    fn new(written: Written, anchor: Anchor) -> Expression {
        Expression {
            written,
            anchor,
            groups: OnceLock::new(),
        }
    }

    /// The expression as written in its file.
    #[must_use]
    pub fn written(&self) -> &str {
        self.written.text()
    }

    /// The first match. An invalid expression never matches; such mistakes are reported when a user's file is loaded, and
    /// excluded by tests for the built-in files.
    #[must_use]
    pub fn find<'t>(&self, text: &'t [u8]) -> Option<Found<'t>> {
        let regex = self.written.for_text(text, |text| self.placed(text))?;
        let input = Input::new(text);
        // Not one more than the expression has: its engines take each for a place in their tables.
        let count = 2 * regex.group_info().group_len(PatternID::ZERO);
        let mut few = [None; MOST_ENDS];
        let mut many = Vec::new();
        let ends = if let Some(enough) = few.get_mut(..count) {
            enough
        } else {
            many.resize(count, None);
            &mut many[..]
        };
        regex.search_slots(&input, ends)?;
        let groups = self
            .groups
            .get_or_init(|| groups(regex).unwrap_or_default());
        let mut captures = ends.chunks_exact(2).map(|ends| match ends {
            [Some(start), Some(end)] => Some(start.get()..end.get()),
            _ => None,
        });
        let at = captures.next().flatten()?;
        let mut parts = [const { None }; Group::NAMES.len()];
        for (capture, group) in captures.zip(groups.iter().skip(1)) {
            if let (Some(capture), Some(group)) = (capture, group) {
                parts[*group as usize].get_or_insert(capture);
            }
        }
        Some(Found { text, at, parts })
    }

    /// Checks that the expression is valid and its groups have known names.
    ///
    /// # Errors
    /// A description of the mistake.
    pub fn check(&self) -> Result<(), String> {
        let regex = self.written.check(|text| self.placed(text))?;
        groups(&regex).map(|_| ())
    }

    /// The expression with what fixes it to its place.
    fn placed(&self, written: &str) -> String {
        let placed = match self.anchor {
            Anchor::Anywhere => written.to_owned(),
            Anchor::Beginning => format!("^(?:{written}\n)"),
            Anchor::Ending => format!("(?:{written}\n)\\z"),
        };
        // A line feed ends a comment of a verbose expression. Others must not contain it.
        if written.contains("(?x") {
            placed
        } else {
            placed.replace("\n)", ")")
        }
    }
}

/// The meaning of each group, by its number.
///
/// # Errors
/// The first group whose name has no meaning.
fn groups(regex: &Regex) -> Result<Vec<Option<Group>>, String> {
    let names = regex.group_info().pattern_names(PatternID::ZERO);
    let group = |name: Option<&str>| match name {
        None => Ok(None),
        Some(name) => Group::named(name)
            .map(Some)
            .ok_or_else(|| format!("the group \"{name}\" has no meaning")),
    };
    names.map(group).collect()
}
