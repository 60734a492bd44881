//! Relates messages to traced calls: which refused call a message is about, and which refused calls explain a command that
//! failed without a message.

mod evidence;
mod fit;
mod remarks;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use crate::attempt::{Incident, Operation};
use crate::built_in::built_in;
use crate::investigate::{Eyes, Worlds};
use crate::report::CallReport;
use crate::resolve::{self, Evidence};
use crate::run::Exit;
use crate::run::trace::{Call, Calls, Log, Remark};
use evidence::{attempt, evidence};
use fit::{Closeness, is_alike, is_asked_for, object_match};

/// The maximum number of refused calls reported for a command that failed without a message.
const MOST_UNSAID: usize = 3;

/// After this many further calls of its process, a refused check or a refused privilege no longer explains why the process
/// ended.
const LAST_LOOK: u32 = 4;

/// Parts of paths; a path that contains one of them is tried in passing, and the program can do without it.
static PARTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    #[derive(serde::Deserialize)]
    struct Passing {
        parts: Vec<String>,
    }
    let passing: Passing = built_in!("passing");
    passing.parts
});

/// The refused calls of a run, and which of them were reported by messages.
pub struct Traced {
    calls: Calls,
    /// The number of messages about each call.
    told: HashMap<usize, u64>,
    /// The other processes whose files below /proc each program was refused.
    looked_at: HashMap<Vec<u8>, HashSet<i32>>,
}

impl Traced {
    /// The calls of the run whose tracer writes this log.
    #[must_use]
    pub fn new(log: Log) -> Traced {
        Traced {
            calls: Calls::new(log),
            told: HashMap::new(),
            looked_at: HashMap::new(),
        }
    }

    /// Reads what the tracer has recorded since the last time, while it still holds the worlds of refused callers open.
    pub fn update(&mut self) {
        self.read(Calls::update);
    }

    fn read(&mut self, read: impl FnOnce(&mut Calls)) {
        let before = self.calls.calls.len();
        read(&mut self.calls);
        for call in &self.calls.calls[before..] {
            if let Some(other) = other_process(call) {
                let program = call.program.clone();
                self.looked_at.entry(program).or_default().insert(other);
            }
        }
    }

    /// The worlds of callers that did not see what permwrap sees.
    #[must_use]
    pub fn worlds(&self) -> Worlds {
        let calls = self.calls.calls.iter();
        let seen = calls.filter_map(|call| {
            let world = call.process.world.as_ref()?;
            Some((attempt(call)?.subject, Eyes::World(Arc::clone(world))))
        });
        let mut worlds = Worlds::new();
        for (subject, eyes) in seen {
            if !worlds.iter().any(|(known, _)| *known == subject) {
                worlds.push((subject, eyes));
            }
        }
        worlds
    }

    /// The refused calls that a message is about, with the number of times it reports each: several if equal messages were
    /// counted as one. They are determined by the error number, then by the object or the name of the call, then by order.
    /// `None` means that no call fits; an empty list that tracing itself is the reason, which is reported as a remark.
    pub fn behind(&mut self, incident: &Incident) -> Option<Vec<(Evidence, u32)>> {
        self.update();
        if self.is_caused_by_tracing(incident) {
            return Some(Vec::new());
        }
        let fits = |call: &Call| incident.errno.is_none_or(|errno| errno == call.errno);
        let calls = self.calls.calls.iter().enumerate();
        let mut candidates: Vec<(usize, Closeness)> = calls
            .filter(|(_, call)| fits(call))
            .filter_map(|(at, call)| Some((at, self.closeness(incident, at, call)?)))
            .collect();
        // The closest first.
        candidates.sort_by_key(|(_, closeness)| std::cmp::Reverse(*closeness));
        let (first, closest) = *candidates.first()?;
        let alike = |(_, other): &&(usize, Closeness)| {
            (other.object, other.same_operation, other.acts)
                == (closest.object, closest.same_operation, closest.acts)
        };
        let alike = candidates.iter().filter(alike).map(|(at, _)| *at);
        let mut left = u64::from(incident.count.max(1));
        let mut shares = Vec::new();
        for at in alike {
            let untold = self.calls.count(&self.calls.calls[at]);
            let share = left.min(untold.saturating_sub(self.told_of(at)));
            if share > 0 {
                shares.push((at, share));
                left -= share;
            }
        }
        match shares.iter_mut().find(|(at, _)| *at == first) {
            Some((_, share)) => *share += left,
            None if left > 0 => shares.insert(0, (first, left)),
            None => {}
        }
        let mut found = Vec::new();
        for (at, share) in shares {
            *self.told.entry(at).or_default() += share;
            let call = &self.calls.calls[self.last_resort(at, closest)];
            if !call.by_tracer {
                found.push((evidence(call)?, u32::try_from(share).unwrap_or(u32::MAX)));
            }
        }
        Some(found)
    }

    /// The refused call that a message is about if this one fits it best. Programs report the error number of their first way
    /// to do something, although the last one decides: touch(1) opens a file before it sets the times that it is asked for.
    fn last_resort(&self, at: usize, fit: Closeness) -> usize {
        let first = &self.calls.calls[at];
        if fit.same_operation || is_asked_for(first) {
            return at;
        }
        let is_other_way = |other: &Call| {
            other.process.pid == first.process.pid
                && other.path == first.path
                && self.calls.last(other).0 > self.calls.last(first).0
                && is_asked_for(other)
        };
        let mut calls = self.calls.calls.iter();
        calls.rposition(is_other_way).unwrap_or(at)
    }

    /// Whether every refused call of the run is known, as far as calls report refusals.
    #[must_use]
    pub fn knows_all_calls(&self) -> bool {
        let escapes = |remark: &Remark| matches!(remark, Remark::NotTraced(_) | Remark::Ring(_));
        self.calls.dropped() == 0 && !self.calls.remarks.iter().any(escapes)
    }

    /// Whether the message is by a program that fails because it is traced: it lacks the privileges of its file, or is itself a
    /// tracer.
    fn is_caused_by_tracing(&self, incident: &Incident) -> bool {
        let speaker = resolve::leading_name(&incident.message);
        self.calls.remarks.iter().any(|remark| match remark {
            Remark::Privileges(name, _) | Remark::Tracer(name) => speaker == Some(name.as_slice()),
            Remark::NotTraced(_) | Remark::Ring(_) => false,
        })
    }

    /// How many messages were about a call.
    fn told_of(&self, at: usize) -> u64 {
        self.told.get(&at).copied().unwrap_or(0)
    }

    /// How well a call fits a message; `None` if it does not. Of several that fit equally well, the latest is used.
    fn closeness(&self, incident: &Incident, at: usize, call: &Call) -> Option<Closeness> {
        let tells_operation = !incident.operations.is_empty();
        let same_operation = incident.operations.iter().any(|told| is_alike(told, call));
        let object = object_match(incident, call);
        let names_object = !incident.paths.is_empty() || incident.address.is_some();
        match (names_object, tells_operation) {
            (true, _) if object == 0 => return None,
            (true, true) if object < 3 && !same_operation => return None,
            (false, true) if !same_operation => return None,
            (false, _) if self.is_in_passing(call) => return None,
            _ if is_about_another(incident, call) => return None,
            _ => {}
        }
        Some(Closeness {
            object,
            same_operation,
            acts: !is_look(call),
            is_untold: self.told_of(at) < self.calls.count(call),
            when: self.calls.last(call).0,
        })
    }

    /// The last refused calls of the processes that ended in failure, the earliest first, if no message reports any. A call
    /// that programs try in passing is reported only if nothing else explains the failure, and hardly any calls followed it.
    pub fn unsaid(&mut self, exit: Exit) -> Vec<Evidence> {
        self.read(Calls::settle);
        if exit == Exit::with_code(0) || !self.told.is_empty() {
            return Vec::new();
        }
        let refusals = self.calls.failed.iter().flat_map(|failed| &failed.refused);
        let unanswered: Vec<(usize, u32)> = refusals
            .filter(|refusal| !refusal.passed)
            .filter_map(|refusal| Some((self.calls.at(refusal.place)?, refusal.followed_by)))
            .filter(|&(at, _)| {
                let call = &self.calls.calls[at];
                !call.by_tracer && !self.is_in_passing(call) && attempt(call).is_some()
            })
            .collect();
        let chosen = |is_wanted: &dyn Fn(&Call, u32) -> bool| -> Vec<usize> {
            let wanted = unanswered
                .iter()
                .filter(|&&(at, followed_by)| is_wanted(&self.calls.calls[at], followed_by));
            wanted.map(|&(at, _)| at).collect()
        };
        let mut last = chosen(&|call, _| !is_by_the_way(call));
        if last.is_empty() {
            last = chosen(&|_, followed_by| followed_by < LAST_LOOK);
        }
        let mut seen = HashSet::new();
        last.reverse();
        last.retain(|at| seen.insert(*at));
        last.truncate(MOST_UNSAID);
        last.reverse();
        last.into_iter()
            .filter_map(|at| evidence(&self.calls.calls[at]))
            .collect()
    }

    /// Whether programs try the call in passing and can do without, or the operation succeeded in another way.
    fn is_in_passing(&self, call: &Call) -> bool {
        let path = call.path.as_deref().unwrap_or_default();
        self.calls.has_passed(call)
            || self.is_of_a_round(call)
            || PARTS
                .iter()
                .any(|part| memchr::memmem::find(path, part.as_bytes()).is_some())
    }

    /// Whether the program looked at one process after the other, as lsof(8) and fuser(1) do, and did without those of others.
    fn is_of_a_round(&self, call: &Call) -> bool {
        let of_program = || self.looked_at.get(&call.program);
        other_process(call).is_some()
            && of_program().is_some_and(|others| others.len() > MOST_UNSAID)
    }

    /// The calls, for the report.
    #[must_use]
    pub fn report(&self) -> Vec<CallReport> {
        let each =
            |(at, call): (usize, &Call)| self.calls.report_of(call, self.told.contains_key(&at));
        self.calls.calls.iter().enumerate().map(each).collect()
    }
}

/// Whether programs usually cope with its refusal: it checks whether something exists, requests a privilege, or is about a
/// process, as when systemd's programs read of process 1 whether they are in a container.
fn is_by_the_way(call: &Call) -> bool {
    is_look(call)
        || (call.path.is_none() && call.address.is_none())
        || call.path.as_deref().is_some_and(is_of_a_process)
        || call.by_tracer
}

/// Whether message and call are about different processes.
fn is_about_another(incident: &Incident, call: &Call) -> bool {
    matches!((incident.process, call.target), (Some(told), Some(called)) if told != called)
}

/// Whether the path leads through the directory of a process below /proc.
fn is_of_a_process(path: &[u8]) -> bool {
    let below = path.strip_prefix(b"/proc/").unwrap_or_default();
    let name = below.split(|byte| *byte == b'/').next();
    name.is_some_and(|name| {
        matches!(name, b"self" | b"thread-self") || name.first().is_some_and(u8::is_ascii_digit)
    })
}

/// The process whose directory below /proc the call's path leads through, if it is not the caller's own.
fn other_process(call: &Call) -> Option<i32> {
    let below = call.path.as_deref()?.strip_prefix(b"/proc/")?;
    let number = below.split(|byte| *byte == b'/').next()?;
    let pid = str::from_utf8(number).ok()?.parse().ok()?;
    (pid != call.process.pid).then_some(pid)
}

/// Whether the call merely checks whether something exists or is permitted.
fn is_look(call: &Call) -> bool {
    matches!(call.operation, Some(Operation::Stat { .. }))
        || matches!(call.name, "access" | "faccessat" | "faccessat2")
}

#[cfg(test)]
mod tests {
    use super::PARTS;

    #[test]
    fn the_paths_tried_in_passing_are_there() {
        assert!(PARTS.iter().any(|part| part == "/etc/ld.so.preload"));
        assert!(PARTS.iter().all(|part| part.len() > 3));
    }
}
