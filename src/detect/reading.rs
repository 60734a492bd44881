//! Applies the patterns to a line and its context, and derives the incidents that it reports.

use std::borrow::Cow;
use std::ops::Range;

use super::expression::{Found, Group};
use super::library::Patterns;
use super::pattern::{Direction, Look, Pattern, Shape, Told};
use super::places;
use super::reason::Reason;
use super::unquote::{Quoting, unquoted};
use super::words::{self, Words};
use crate::attempt::{Clue, Errno, Incident, OpenHow, Operation, Sign};

/// The maximum length of a path (PATH_MAX).
const LONGEST_PATH: usize = 4096;

/// The maximum number of reasons read on one line, and how far around each a pattern looks, in bytes. They bound the work for a
/// long line full of reasons. The longest possible path fits in, along with the words around it.
const REASONS: usize = 6;
const REACH: usize = LONGEST_PATH + 1024;

/// The lines around the one being read, by distance from 1.
pub(super) trait Surroundings {
    /// The line at this distance, if there is one.
    fn line(&self, direction: Direction, distance: usize) -> Option<&[u8]>;
}

/// The incidents that the line reports.
pub(super) fn incidents(
    patterns: &Patterns,
    line: &[u8],
    around: &dyn Surroundings,
) -> Vec<Incident> {
    let loaded = patterns.loaded();
    let mut open: Vec<Reason> = loaded.reasons.of(line, REASONS);
    let reasons = open.len();
    if reasons == 0 && !loaded.could_match_without_reason(line) {
        return Vec::new();
    }
    let mut incidents = Vec::new();
    for pattern in &loaded.patterns {
        if !pattern.keywords.is_empty() && !pattern.keywords.iter().any(|k| k.find(line).is_some())
        {
            continue;
        }
        match &pattern.shape {
            Shape::Line(expression) => {
                let Some(captures) = expression.find(line) else {
                    continue;
                };
                if pattern.silent {
                    if pattern.looks.iter().all(|look| is_there(look, around)) {
                        return Vec::new();
                    }
                    continue;
                }
                let mut reading = Reading::new(pattern, &loaded.words, line);
                reading.take(&captures, 0, pattern.quoting);
                reading.errno = reading.errno.or(open.first().map(|reason| reason.errno));
                reading.place = Some(captures.at.clone());
                if let Some(reason) = open.first() {
                    reading.reason = Some(reason.at.clone());
                    reading.blank(reason.at.clone());
                }
                if let Some(incident) = reading.finish(around) {
                    return vec![incident];
                }
            }
            Shape::AroundReason(before, after) => {
                open.retain(|reason| {
                    let start = reason.at.start.saturating_sub(REACH);
                    let end = line.len().min(reason.at.end + REACH);
                    let head = &line[start..reason.at.start];
                    let tail = &line[reason.at.end..end];
                    let before = before.as_ref().map(|e| e.find(head));
                    let after = after.as_ref().map(|e| e.find(tail));
                    if matches!(before, Some(None)) || matches!(after, Some(None)) {
                        return true;
                    }
                    if pattern.silent {
                        return false;
                    }
                    let mut reading = Reading::new(pattern, &loaded.words, line);
                    reading.place = Some(reason.at.clone());
                    reading.reason = Some(reason.at.clone());
                    reading.blank(reason.at.clone());
                    reading.foreign = reason.foreign;
                    reading.errno = reading.errno.or(Some(reason.errno));
                    if let Some(captures) = before.flatten() {
                        reading.take(&captures, start, pattern.quoting);
                    }
                    if let Some(captures) = after.flatten() {
                        reading.take(&captures, reason.at.end, pattern.quoting);
                    }
                    match reading.finish(around) {
                        Some(incident) => {
                            incidents.push(incident);
                            false
                        }
                        None => true,
                    }
                });
            }
        }
        if reasons > 0 && open.is_empty() {
            break;
        }
    }
    incidents
}

/// Whether a text quoted in the line reports a refusal by itself, and the line does not merely mention it.
pub(super) fn is_message(patterns: &Patterns, text: &[u8], line: &[u8]) -> bool {
    let loaded = patterns.loaded();
    let mut bare = text.to_vec();
    for reason in loaded.reasons.of(text, REASONS) {
        bare[reason.at].fill(b' ');
    }
    let is_reason_alone = !bare.iter().any(u8::is_ascii_alphabetic);
    let tells = bare != text || loaded.could_match_without_reason(text);
    text.contains(&b' ') && tells && !is_reason_alone && !loaded.is_silenced(line)
}

/// What is known so far about a failure.
struct Reading<'p> {
    pattern: &'p Pattern,
    words: &'p Words,
    line: Vec<u8>,
    /// The line without names and reasons: the words that may identify the operation.
    bare: Vec<u8>,
    /// The position of the reason, if the line has one.
    reason: Option<Range<usize>>,
    /// The position near which a name is looked for: that of the reason, or of the match of a pattern for whole lines.
    place: Option<Range<usize>>,
    foreign: bool,
    errno: Option<Errno>,
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
    fn new(pattern: &'p Pattern, words: &'p Words, line: &[u8]) -> Reading<'p> {
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

    fn blank(&mut self, at: Range<usize>) {
        if let Some(bytes) = self.bare.get_mut(at) {
            bytes.fill(b' ');
        }
    }

    /// Evaluates a match on the pattern's own line, at this offset.
    fn take(&mut self, found: &Found, offset: usize, quoting: Quoting) {
        for range in found.names() {
            self.blank(range.start + offset..range.end + offset);
        }
        let path = found.get(Group::Path);
        self.is_misread |= path.is_some_and(words::is_not_a_name) && !found.is_quoted(Group::Path);
        self.fill(found, quoting);
        if self.told == Some(Told::Untold) && self.pattern.operation.is_none() {
            self.told = None;
            self.vague = true;
        }
    }

    /// Fills in what is not known yet.
    fn fill(&mut self, found: &Found, quoting: Quoting) {
        let name = |group| {
            let name = without_scheme(unquoted(tidy(found.get(group)?), quoting));
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

    fn finish(mut self, around: &dyn Surroundings) -> Option<Incident> {
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
                told.filter(|told| !opens || told.is_open())
            };
            let told = told.or_else(further);
            self.told = told.filter(|told| !self.vague || is_kind_of_open(told));
        }
        for look in &self.pattern.looks {
            if !self.look(look, around) && look.required {
                return None;
            }
        }
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
            // If the object is named, the source line may still show what was done with it, or where a program was to be
            // started.
            clue: self.clue.filter(|clue| {
                let wanted = operation
                    .as_ref()
                    .is_none_or(|told| *told == Operation::Exec);
                !named || wanted && matches!(clue, Clue::Line(..))
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
            origin: None,
            count: 1,
        })
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

/// Whether a line in the context matches.
fn is_there(look: &Look, around: &dyn Surroundings) -> bool {
    let lines = (1..=look.lines).map_while(|distance| around.line(look.direction, distance));
    for line in lines {
        if look.line.find(line).is_some() {
            return true;
        }
        let stop = look.stop.as_ref();
        if stop.is_some_and(|stop| stop.find(line).is_some()) {
            return false;
        }
    }
    false
}

/// Whether the operation may have been a plain open(2).
fn is_kind_of_open(told: &Told) -> bool {
    match told {
        Told::Operation(Operation::Open(how)) => !how.create,
        Told::Operation(Operation::List) | Told::Untold => true,
        Told::Operation(_) => false,
    }
}

/// A socket address in the usual notation: both `0.0.0.0', 80` (Python) and `0.0.0.0" port 80` (Ruby) become `0.0.0.0:80`.
fn address(printed: &[u8]) -> Option<Vec<u8>> {
    let digits = printed
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_digit())
        .count();
    let (host, port) = printed.split_at(printed.len() - digits);
    if port.is_empty() {
        return None;
    }
    let host = host.strip_suffix(b" port ").unwrap_or(host);
    let host = host.strip_suffix(b":").unwrap_or(host);
    let blank = |b: &u8| b" '\",()".contains(b);
    let start = host.iter().take_while(|b| blank(b)).count();
    let end = host.len() - host[start..].iter().rev().take_while(|b| blank(b)).count();
    Some([&host[start..end], b":", port].concat())
}

fn errno(text: &[u8]) -> Option<Errno> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(errno) = [Errno::Acces, Errno::Perm, Errno::RoFs]
        .into_iter()
        .find(|errno| errno.words().eq_ignore_ascii_case(text))
    {
        return Some(errno);
    }
    let number = text.trim_start_matches('-').parse().ok();
    number
        .and_then(Errno::from_number)
        .or_else(|| Errno::from_symbol(text))
}

/// A name without remains of the surrounding sentence: a backslash before a quote, an unmatched quote or bracket, a comma.
fn tidy(mut name: &[u8]) -> &[u8] {
    while let [rest @ .., b'\\' | b',' | b';'] = name {
        name = rest;
    }
    match name {
        [rest @ .., b')'] if !rest.contains(&b'(') => rest,
        [rest @ .., quote @ (b'\'' | b'"')] if !rest.contains(quote) => rest,
        name => name,
    }
}

/// The path in the URL of a local file or socket.
fn without_scheme(name: Vec<u8>) -> Vec<u8> {
    let schemes: [&[u8]; 3] = [b"file:", b"unix:", b""];
    let paths = schemes
        .iter()
        .filter_map(|scheme| name.strip_prefix(*scheme));
    // Three slashes begin a URL without a host. Two may also begin a path.
    let path = paths.into_iter().find(|path| path.starts_with(b"///"));
    let path = path.map(|path| &path[2..]).or_else(|| {
        let path = name.strip_prefix(b"unix:")?;
        (path.starts_with(b"/") && !path.starts_with(b"//")).then_some(path)
    });
    path.map_or_else(|| name.clone(), <[u8]>::to_vec)
}

/// The operation that the mode of fopen(3), or of Python's and other languages' open, implies.
pub fn by_mode(mode: &[u8]) -> Told {
    let operation = match mode.iter().find(|b| b"rwax".contains(b)) {
        Some(b'x') => Operation::CREATE,
        Some(b'w') => Operation::WRITE,
        Some(b'a') => Operation::APPEND,
        Some(b'r') if mode.contains(&b'+') => Operation::UPDATE,
        Some(b'r') => Operation::READ,
        _ => return Told::Untold,
    };
    Told::Operation(operation)
}

/// The operation that the flags of open(2) imply.
pub fn by_flags(flags: &[u8]) -> Told {
    let has = |flag: &str| memchr::memmem::find(flags, flag.as_bytes()).is_some();
    let operation = match () {
        () if has("O_CREAT") => Operation::CREATE,
        () if has("O_TRUNC") => Operation::TRUNCATE,
        () if has("O_APPEND") => Operation::APPEND,
        () if has("O_WRONLY") => Operation::WRITE,
        () if has("O_RDWR") => Operation::UPDATE,
        () if has("O_RDONLY") => Operation::READ,
        () => return Told::Untold,
    };
    Told::Operation(match operation {
        Operation::Open(how) => Operation::Open(OpenHow {
            read: how.read || has("O_RDWR"),
            noatime: has("O_NOATIME"),
            ..how
        }),
        other => other,
    })
}
