//! Merges equal failures, and drops a message that only repeats another one with less detail.

use std::collections::VecDeque;

use crate::attempt::{Incident, Operation};
use crate::{byte_path, programs};

/// The maximum distance, in lines, between a failure's own message and an announcement of it.
const NEAR: u64 = 3;

/// The incidents of the latest lines, in the order of the lines that reported them first.
#[derive(Debug, Default)]
pub(super) struct Folded {
    recent: VecDeque<(u64, Incident)>,
}

impl Folded {
    /// Adds an incident reported by the line with this number.
    pub fn add(&mut self, line: u64, new: Incident) {
        if let Some((_, old)) = self.recent.iter_mut().find(|(_, old)| same(old, &new)) {
            absorb(old, new);
            return;
        }
        let near = |other: u64| line.abs_diff(other) <= NEAR;
        let announces =
            |at: u64, less: &Incident, more: &Incident| near(at) && announces(less, more);
        if self.recent.iter().any(|(at, old)| {
            let shortens = near(*at) && shortens(&new, old);
            repeats(&new, old) || announces(*at, &new, old) || shortens
        }) {
            return;
        }
        self.recent
            .retain(|(at, old)| !(repeats(old, &new) || announces(*at, old, &new)));
        self.recent.push_back((line, new));
    }

    /// Removes and returns the incidents of lines before this one.
    pub fn older_than(&mut self, line: u64) -> Vec<Incident> {
        let count = self
            .recent
            .iter()
            .take_while(|(number, _)| *number < line)
            .count();
        self.recent
            .drain(..count)
            .map(|(_, incident)| incident)
            .collect()
    }
}

/// All incidents, with equal ones merged into the first of them.
#[must_use]
pub fn folded(incidents: Vec<Incident>) -> Vec<Incident> {
    let mut all = Folded::default();
    for incident in incidents {
        match all.recent.iter_mut().find(|(_, old)| same(old, &incident)) {
            Some((_, old)) => absorb(old, incident),
            None => all.recent.push_back((0, incident)),
        }
    }
    all.older_than(u64::MAX)
}

/// Whether two incidents are reports of the same failure.
fn same(a: &Incident, b: &Incident) -> bool {
    // Asked first: a long list of failures mostly differs in that.
    if a.paths.first() != b.paths.first() {
        return false;
    }
    let errnos =
        a.errno == b.errno || (!a.paths.is_empty() && (a.errno.is_none() || b.errno.is_none()));
    // A file that can be neither read nor written causes two failures. An announcement without a reason, followed by one with
    // it, is about the same failure.
    let alters = |incident: &Incident| incident.operations.iter().any(alters);
    let operations = a.paths.is_empty()
        || a.errno != b.errno
        || a.operations.is_empty()
        || b.operations.is_empty()
        || alters(a) == alters(b);
    errnos
        && operations
        && a.address == b.address
        && a.process == b.process
        // If the object is named, a source line merely adds detail.
        && (a.clue == b.clue || !a.paths.is_empty())
        && !are_of_two_programs(a, b)
}

/// Whether the messages come from two programs, each about its own attempt: `cat: f: ...`, then `bash: line 1: f: ...`.
fn are_of_two_programs(a: &Incident, b: &Incident) -> bool {
    let speaker = |incident: &Incident| {
        let end = memchr::memchr(b':', &incident.message)?;
        let name = byte_path::name(&incident.message[..end]);
        programs::program(name).map(|_| name.to_vec())
    };
    speaker(a).zip(speaker(b)).is_some_and(|(a, b)| a != b)
}

/// Whether the operation modifies something.
fn alters(operation: &Operation) -> bool {
    match operation {
        Operation::Open(how) => how.write || how.create,
        // A program does not even read a file that it does not trust.
        Operation::List | Operation::Traverse | Operation::Exec | Operation::Trust(_) => false,
        _ => true,
    }
}

fn absorb(old: &mut Incident, mut new: Incident) {
    // The message with the reason is the one to show.
    if old.errno.is_none() && new.errno.is_some() {
        std::mem::swap(old, &mut new);
    }
    // The same message again is another failure. A different message about the same failure is not.
    if old.message == new.message {
        old.count = old.count.saturating_add(new.count);
    }
    old.errno = old.errno.or(new.errno);
    old.clue = old.clue.take().or(new.clue);
    old.certain |= new.certain;
    old.beside = old.beside.take().or(new.beside);
    old.below |= new.below;
    old.operation_sign = [old.operation_sign, new.operation_sign]
        .into_iter()
        .flatten()
        .min();
    old.opens |= new.opens;
    for operation in new.operations {
        if !old.operations.contains(&operation) {
            old.operations.push(operation);
        }
    }
    for path in new.paths {
        if !old.paths.contains(&path) {
            old.paths.push(path);
        }
    }
    old.directory = old.directory.take().or(new.directory);
}

/// Whether `less` announces, with neither a name nor a reason, that something was refused, and `more` says what.
fn announces(less: &Incident, more: &Incident) -> bool {
    let is_bare = less.paths.is_empty() && less.address.is_none() && less.errno.is_none();
    let at_odds = less.operations.first().zip(more.operations.first());
    is_bare && !less.certain && more.errno.is_some() && at_odds.is_none_or(|(a, b)| a == b)
}

/// Whether `less` names the object of `more` without its directory.
fn shortens(less: &Incident, more: &Incident) -> bool {
    let (Some(name), Some(path)) = (less.paths.first(), more.paths.first()) else {
        return false;
    };
    let is_bare = !name.contains(&b'/') && path.starts_with(b"/");
    is_bare && byte_path::name(path) == name.as_slice() && less.errno == more.errno
}

/// Whether `less` only repeats `more` without its path, like the outer exceptions of a chain and PHP's second warnings.
fn repeats(less: &Incident, more: &Incident) -> bool {
    let nameless = less.paths.is_empty() && less.address.is_none();
    let named = !more.paths.is_empty() || more.address.is_some();
    let family = |incident: &Incident| incident.pattern.split('-').next().map(str::to_owned);
    // A message about a directory, without a reason, precedes the one about a file in it.
    let within = |more: &[u8], less: &[u8]| {
        let rest = more.strip_prefix(less.strip_suffix(b"/").unwrap_or(less));
        rest.is_some_and(|rest| rest.starts_with(b"/") && rest.len() > 1)
    };
    if let ([outer, ..], [inner, ..]) = (&less.paths[..], &more.paths[..]) {
        // What a program says without a reason of another file in the same directory has the reason that it gives of this one.
        let is_beside = || byte_path::parent(inner) == byte_path::parent(outer);
        let is_related = within(inner, outer) || !less.certain && is_beside();
        return less.errno.is_none() && more.errno.is_some() && is_related;
    }
    nameless
        && named
        && (less.errno.is_none() || less.errno == more.errno)
        && family(less) == family(more)
        && (less.operations.is_empty()
            || less.operations.iter().any(|o| more.operations.contains(o)))
}
