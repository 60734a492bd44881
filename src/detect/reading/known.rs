//! Collects what a line and its context say about a failure.

use std::borrow::Cow;
use std::ops::Range;

use super::Surroundings;
use super::printed::{
    LONGEST_PATH, address, by_flags, by_mode, errno, tidy, without_scheme, without_stop,
    without_verb,
};
use crate::attempt::{Clue, Errno, Incident, Operation, Sign};
use crate::detect::expression::{Found, Group};
use crate::detect::pattern::{Direction, Look, Pattern, Told};
use crate::detect::places;
use crate::detect::unquote::{Quoting, unquoted};
use crate::detect::words::{self, Words};

/// What is known so far about a failure.
pub(super) struct Reading<'p> {
    pattern: &'p Pattern,
    words: &'p Words,
    line: Vec<u8>,
    /// The line without names and reasons: the words that may identify the operation.
    bare: Vec<u8>,
    /// The position of the reason, if the line has one.
    pub reason: Option<Range<usize>>,
    /// The position near which a name is looked for: that of the reason, or of the match of a pattern for whole lines.
    pub place: Option<Range<usize>>,
    pub foreign: bool,
    pub errno: Option<Errno>,
    path: Option<Vec<u8>>,
    to: Option<Vec<u8>>,
    address: Option<Vec<u8>>,
    directory: Option<Vec<u8>>,
    clue: Option<Clue>,
    told: Option<Told>,
    /// What identified the operation.
    sign: Sign,
    /// Whether the line names a call that several operations share, such as open(2).
    vague: bool,
    in_open_directory: bool,
    process: Option<i32>,
    /// Whether the pattern took an ordinary word for a name, so that it does not apply.
    is_misread: bool,
}

impl<'p> Reading<'p> {
    pub fn new(pattern: &'p Pattern, words: &'p Words, line: &[u8]) -> Reading<'p> {
        Reading {
            pattern,
            words,
            line: line.to_vec(),
            bare: line.to_vec(),
            reason: None,
            place: None,
            foreign: false,
            errno: pattern.errno,
            path: None,
            to: None,
            address: None,
            directory: None,
            clue: None,
            told: pattern.operation.clone(),
            sign: Sign::Message,
            vague: false,
            in_open_directory: false,
            process: None,
            is_misread: false,
        }
    }

    pub fn blank(&mut self, at: Range<usize>) {
        if let Some(bytes) = self.bare.get_mut(at) {
            bytes.fill(b' ');
        }
    }

    /// Evaluates a match on the pattern's own line, at this offset.
    pub fn take(&mut self, found: &Found, offset: usize, quoting: Quoting) {
        for range in found.names() {
            self.blank(range.start + offset..range.end + offset);
        }
        let path = found.get(Group::Path);
        self.is_misread |= path.is_some_and(words::is_not_a_name) && !found.is_quoted(Group::Path);
        let (before, after) = found.around(Group::Path);
        self.is_misread |= path.is_some_and(|path| places::is_no_name(before, path, after));
        self.is_misread |= path.is_some_and(|path| !path.contains(&b'/'))
            && found.is_quoted(Group::Path)
            && (words::names_no_file(&before[..before.len().saturating_sub(1)])
                || !path.is_some_and(|path| path.contains(&b'.'))
                    && words::tell_of_another_object(found.behind(Group::Path)));
        let is_new = self.path.is_none() && !found.is_quoted(Group::Path);
        self.fill(found, quoting);
        if self.foreign && is_new {
            let path = self.path.as_ref();
            self.path = path.map(|path| without_verb(path).to_vec());
        }
        if self.told == Some(Told::Untold) && self.pattern.operation.is_none() {
            self.told = None;
            self.vague = true;
        }
    }

    /// Fills in what is not known yet.
    fn fill(&mut self, found: &Found, quoting: Quoting) {
        let name = |group| {
            let text = tidy(found.get(group)?);
            let text = if found.is_quoted(group) {
                text
            } else {
                without_stop(text)
            };
            let name = without_scheme(unquoted(text, quoting));
            (!name.is_empty() && name.len() <= LONGEST_PATH).then_some(name)
        };
        if self.path.is_none() {
            self.path = name(Group::Path);
            self.to = name(Group::To);
        }
        self.address = self
            .address
            .take()
            .or_else(|| address(found.get(Group::Address)?));
        self.directory = self.directory.take().or_else(|| name(Group::Directory));
        // A quoted source line serves to find a name.
        let named = self.path.is_some() || self.address.is_some();
        let code = || {
            found
                .get(Group::Code)
                .filter(|_| !named)
                .map(<[u8]>::to_vec)
        };
        let line = || {
            let number = std::str::from_utf8(found.get(Group::SourceLine)?).ok()?;
            Some(Clue::Line(name(Group::SourceFile)?, number.parse().ok()?))
        };
        self.clue = self
            .clue
            .take()
            .or_else(|| name(Group::Mention).map(Clue::Path))
            .or_else(|| code().map(Clue::Code))
            .or_else(|| {
                found
                    .get(Group::Typed)
                    .map(|line| Clue::Typed(line.to_vec()))
            })
            .or_else(line);
        self.errno = self.errno.or_else(|| errno(found.get(Group::Errno)?));
        self.in_open_directory |= found.get(Group::OpenDirectory).is_some();
        let process = || {
            std::str::from_utf8(found.get(Group::Process)?)
                .ok()?
                .parse()
                .ok()
        };
        self.process = self.process.or_else(process);
        if self.told.is_none() {
            self.told = found
                .get(Group::Mode)
                .map(by_mode)
                .or_else(|| found.get(Group::Flags).map(by_flags))
                .or_else(|| self.by_name(found.get(Group::Operation)?));
        }
        if self.told.is_none() {
            let program = found.get(Group::Program);
            self.told = program.and_then(|name| self.words.program(name));
            if self.told.is_some() {
                self.sign = Sign::Program;
            }
        }
    }

    fn by_name(&self, name: &[u8]) -> Option<Told> {
        let own = std::str::from_utf8(name)
            .ok()
            .and_then(|name| self.pattern.operations.get(name));
        own.cloned()
            .or_else(|| words::call(name))
            .or_else(|| self.words.phrase(name, self.foreign))
    }

    pub fn finish(mut self, around: &dyn Surroundings) -> Option<Incident> {
        if self.is_misread {
            return None;
        }
        self.find_name();
        self.blank_paths();
        if self.told.is_none() && self.pattern.words {
            let clause = self.last_clause();
            let nearest = || self.words.phrase(clause, self.foreign);
            let told = (!clause.is_empty()).then(nearest).flatten();
            // If the clause beside the reason says that something was opened, the text further away only gives the purpose.
            let opens = words::says_open(clause) || words::says_open(self.next_clause());
            let further = || {
                let told = self.words.phrase(&self.bare, self.foreign);
                told.filter(|told| !opens || is_kind_of_open(told))
            };
            let told = told.or_else(further);
            self.told = told.filter(|told| !self.vague || is_kind_of_open(told));
        }
        for look in &self.pattern.looks {
            if !self.look(look, around) && look.required {
                return None;
            }
        }
        self.told = self.told.take().or_else(|| self.side_of_a_copy());
        let operation = match self.told {
            // Reading does not require a writable file system.
            Some(Told::Operation(Operation::READ)) if self.errno == Some(Errno::RoFs) => None,
            Some(Told::Operation(operation)) => Some(operation),
            Some(Told::Untold) | None => None,
        };
        if self.path.is_none() && self.address.is_none() {
            self.path.clone_from(&self.pattern.stands_for);
        }
        let named = self.path.is_some() || self.address.is_some();
        if self.pattern.named && !named {
            return None;
        }
        Some(Incident {
            message: self.line,
            errno: self.errno,
            // If the object is named, the source line may still show what was done with it, such as appending where a shell
            // says "create", or where a program was to be started.
            clue: self.clue.filter(|clue| {
                let wanted = operation
                    .as_ref()
                    .is_none_or(|told| [Operation::Exec, Operation::CREATE].contains(told));
                !named || wanted && matches!(clue, Clue::Line(..) | Clue::Typed(_))
            }),
            paths: self.path.into_iter().chain(self.to).collect(),
            operation_sign: operation.is_some().then_some(self.sign),
            operations: operation.into_iter().collect(),
            opens: self.vague,
            in_open_directory: self.in_open_directory,
            process: self.process,
            pattern: self.pattern.id.clone(),
            address: self.address,
            directory: self.directory,
            certain: self.pattern.certain,
            beside: self.pattern.beside.clone(),
            below: self.pattern.below,
            origin: None,
            count: 1,
        })
    }

    /// What a copy was refused: reading its source, or making its target.
    fn side_of_a_copy(&self) -> Option<Told> {
        let head = &self.line[..self.reason.as_ref()?.start];
        let (from, to) = places::copied(head)?;
        let side = match self.path.as_deref()? {
            path if path == from => Operation::READ,
            path if path == to => Operation::CREATE,
            _ => return None,
        };
        (self.errno == Some(Errno::Acces)).then_some(Told::Operation(side))
    }

    /// The words in paths, and in quotations beside the reason, say nothing about the operation.
    fn blank_paths(&mut self) {
        if let Some(reason) = &self.reason {
            for at in places::sentences(&self.line) {
                let is_around = at.start < reason.end && reason.start < at.end;
                if !is_around {
                    self.bare[at].fill(b' ');
                }
            }
        }
        let mut is_start = true;
        let mut within = false;
        for at in 0..self.bare.len() {
            let byte = self.bare[at];
            let is_edge = byte.is_ascii_whitespace() || b"'\"`()[]=:,;".contains(&byte);
            within = !is_edge && (within || is_start && self.bare[at..].starts_with(b"/"));
            is_start = is_edge;
            if within {
                self.bare[at] = b' ';
            }
        }
    }

    /// The clause before the reason. In `creating the overlay: mount overlay: REASON`, the preceding clauses only give the
    /// purpose.
    fn last_clause(&self) -> &[u8] {
        let Some(reason) = &self.reason else {
            return &[];
        };
        let head = self.bare[..reason.start].trim_ascii_end();
        let head = head.strip_suffix(b":").unwrap_or(head);
        let clause = memchr::memmem::rfind(head, b": ").map(|at| &head[at..]);
        let has_words = |clause: &&[u8]| clause.iter().any(u8::is_ascii_alphabetic);
        clause.filter(has_words).unwrap_or_default()
    }

    /// The clause after the reason: `REASON, cannot open /x`.
    fn next_clause(&self) -> &[u8] {
        let reason = self.reason.as_ref();
        let tail = reason.map_or(&[][..], |reason| &self.bare[reason.end..]);
        let end = memchr::memmem::find(tail, b". ").unwrap_or(tail.len());
        &tail[..end]
    }

    /// Uses a name from anywhere on the line if the pattern permits that, and the full path of a name that is repeated in short
    /// form.
    fn find_name(&mut self) {
        let nameless = self.path.is_none() && self.address.is_none();
        if nameless
            && self.pattern.places
            && let Some(place) = &self.place
            && let Some(at) = places::nearest(&self.line, place)
        {
            self.path = Some(without_scheme(unquoted(
                &self.line[at.clone()],
                self.pattern.quoting,
            )));
            self.blank(at);
        } else if let Some(path) = &self.path
            && self.to.is_none()
            && let Some(whole) = places::whole(&self.line, path)
        {
            self.path = Some(whole.to_vec());
        }
    }

    /// Searches the context; true if a line there matched. A match without new information does not end the search.
    fn look(&mut self, look: &Look, around: &dyn Surroundings) -> bool {
        let mut matched = false;
        for distance in 1..=look.lines {
            let Some(whole) = around.line(look.direction, distance) else {
                break;
            };
            let below = match look.direction {
                Direction::Before => distance.checked_sub(1).filter(|distance| *distance > 0),
                Direction::After => Some(distance + 1),
            };
            let below = below.and_then(|distance| around.line(look.direction, distance));
            let line = marked(whole, below.unwrap_or_default());
            if let Some(found) = look.line.find(&line) {
                matched = true;
                let known = self.known();
                let untold = self.told.is_none();
                let clue = self.clue.clone();
                self.fill(&found, look.quoting);
                // If the object is named, a nearby reference to a source line gives details about it. It does not serve to find
                // a name.
                let named = self.path.is_some() || self.address.is_some();
                if !named && matches!(self.clue, Some(Clue::Line(..))) {
                    self.clue = clue;
                }
                if self.told.is_none() {
                    self.told = look.operation.clone();
                }
                if self.told.is_none() && look.words {
                    let mut bare = line.to_vec();
                    found.names().for_each(|range| bare[range].fill(b' '));
                    self.told = self.words.phrase(&bare, self.foreign);
                }
                if untold && self.told.is_some() {
                    self.sign = Sign::Source;
                }
                if self.known() > known {
                    return true;
                }
            }
            if look
                .stop
                .as_ref()
                .is_some_and(|stop| stop.find(whole).is_some())
            {
                break;
            }
        }
        matched
    }

    /// The number of known parts.
    fn known(&self) -> usize {
        let names = [&self.path, &self.to, &self.address, &self.directory];
        names.into_iter().flatten().count()
            + usize::from(self.clue.is_some())
            + usize::from(self.told.is_some())
            + usize::from(self.errno.is_some())
    }
}

/// The part of a source line that carets below it mark as the failed one; the whole line if there are none.
fn marked<'l>(line: &'l [u8], below: &[u8]) -> Cow<'l, [u8]> {
    let is_mark = |byte: &u8| b"^~".contains(byte);
    let only_marks = below
        .iter()
        .all(|byte| is_mark(byte) || byte.is_ascii_whitespace());
    let start = below.iter().position(is_mark);
    let end = below.trim_ascii_end().len();
    match start {
        // A multi-byte character has only one caret, so positions are reliable only in ASCII lines.
        Some(start) if only_marks && end <= line.len() && line.is_ascii() => {
            let mut part = line[..end].to_vec();
            part[..start].fill(b' ');
            Cow::Owned(part)
        }
        _ => Cow::Borrowed(line),
    }
}

/// Whether the operation may have been a plain open(2).
fn is_kind_of_open(told: &Told) -> bool {
    match told {
        Told::Operation(Operation::Open(how)) => !how.create,
        Told::Operation(Operation::List) | Told::Untold => true,
        Told::Operation(_) => false,
    }
}
