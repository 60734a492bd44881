//! Relates messages to traced calls: which refused call a message is about, and which refused calls explain a command that
//! failed without a message.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use crate::attempt::{ANY_NAME, Attempt, Incident, Object, Operation, Subject};
use crate::built_in::built_in;
use crate::gather::{self, Snapshot};
use crate::investigate::{Eyes, Worlds};
use crate::report::CallReport;
use crate::resolve::{self, Evidence};
use crate::run::Exit;
use crate::run::trace::{Call, Calls, Log, Remark};

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

/// How well a call fits a message: the first difference decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Closeness {
    /// See [`object_match`].
    object: u8,
    same_operation: bool,
    /// Whether it does more than look whether something exists.
    acts: bool,
    is_untold: bool,
    /// When it was last met.
    when: u64,
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
            let call = &self.calls.calls[at];
            if !call.by_tracer {
                found.push((evidence(call)?, u32::try_from(share).unwrap_or(u32::MAX)));
            }
        }
        Some(found)
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
            Remark::Privileges(name) | Remark::Tracer(name) => speaker == Some(name.as_slice()),
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
                !call.by_tracer && !self.is_in_passing(call)
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

    /// Remarks about the tracing itself, one per line.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let names = |of: fn(&Remark) -> Option<&[u8]>| {
            let names: Vec<String> = self
                .calls
                .remarks
                .iter()
                .filter_map(of)
                .map(crate::quote::display)
                .collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        let mut lines: Vec<String> = Vec::new();
        if !self.calls.is_settled() {
            lines.push("--trace: the tracer was killed: what it traced goes on, but the kernel answers calls that it watched with ENOSYS".to_owned());
        }
        for remark in &self.calls.remarks {
            if let Remark::NotTraced(errno) = remark {
                let why = std::io::Error::from_raw_os_error(*errno);
                lines.push(format!(
                    "--trace was not possible: {why}; the command ran without it"
                ));
            }
        }
        lines.extend(names(|remark| match remark { Remark::Privileges(name) => Some(name), _ => None }).map(|names| {
            format!("--trace: without effect while traced: set-user-ID, set-group-ID or file capabilities of {names}")
        }));
        lines.extend(names(|remark| match remark { Remark::Tracer(name) => Some(name), _ => None }).map(|names| {
            format!("--trace: {names} could not trace: every process here is traced by permwrap already, and can have one tracer")
        }));
        lines.extend(
            names(|remark| match remark {
                Remark::Ring(name) => Some(name),
                _ => None,
            })
            .map(|names| format!("--trace: {names} used io_uring, whose operations are not seen")),
        );
        let dropped = self.calls.dropped();
        if dropped > 0 {
            lines.push(format!(
                "--trace: there was no room for {dropped} more refused calls"
            ));
        }
        lines
    }
}

/// How well a call's object fits the one that a message names: from 0 (not at all) to 4 (identical).
fn object_match(incident: &Incident, call: &Call) -> u8 {
    let address = incident.address.as_deref().and_then(resolve::port);
    if let (Some(Object::Port { port, .. }), Some(Object::Port { port: called, .. })) =
        (address, port_of(call))
    {
        return if port == called { 4 } else { 0 };
    }
    let objects = [call.path.as_deref(), call.to.as_deref()];
    let each = objects.into_iter().flatten().flat_map(|object| {
        incident
            .paths
            .iter()
            .map(move |named| path_match(named, object))
    });
    each.max().unwrap_or(0)
}

/// How well a call's path fits one that a message names.
fn path_match(named: &[u8], called: &[u8]) -> u8 {
    let named = named.strip_prefix(b"./").unwrap_or(named);
    let named = named.strip_suffix(b"/").unwrap_or(named);
    let ends_with = |path: &[u8], end: &[u8]| {
        path.strip_suffix(end)
            .is_some_and(|before| before.is_empty() || before.ends_with(b"/"))
    };
    let is_below = |path: &[u8], directory: &[u8]| {
        path.strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with(b"/"))
    };
    if named.is_empty() {
        return 0;
    }
    let absolute = named.starts_with(b"/");
    if named == called {
        4
    } else if !absolute && ends_with(called, named) {
        3
    } else if absolute && (is_below(called, named) || is_below(named, called)) && called != b"/" {
        2
    } else if last(named) == last(called) && !absolute {
        1
    } else {
        0
    }
}

fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Whether the operation of a message can be that of the call. All ways of opening a file count as equal.
fn is_alike(told: &Operation, call: &Call) -> bool {
    let Some(called) = &call.operation else {
        return false;
    };
    let opens = |operation: &Operation| matches!(operation, Operation::Open(_) | Operation::List);
    std::mem::discriminant(told) == std::mem::discriminant(called)
        || (opens(told) && opens(called))
        || matches!((told, called), (_, Operation::Stat { .. }))
}

/// Whether programs usually cope with its refusal: it checks whether something exists, requests a privilege, or is about another
/// process, as when systemd's programs read of process 1 whether they are in a container.
fn is_by_the_way(call: &Call) -> bool {
    is_look(call)
        || (call.path.is_none() && call.address.is_none())
        || other_process(call).is_some()
        || call.by_tracer
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

fn port_of(call: &Call) -> Option<Object> {
    resolve::port(call.address.as_deref()?.as_bytes())
}

/// The call as evidence; `None` if the operation or the credentials are unknown.
fn evidence(call: &Call) -> Option<Evidence> {
    let attempt = attempt(call)?;
    Some(match call.by_filter {
        true => Evidence::FilteredCall(attempt),
        false => Evidence::Call(attempt),
    })
}

/// The call as an attempt to be judged; `None` if the operation or the credentials are unknown, or if the caller saw something
/// that can no longer be examined.
fn attempt(call: &Call) -> Option<Attempt> {
    let process = &call.process;
    if process.elsewhere && process.world.is_none() {
        return None;
    }
    // The tracer records paths as permwrap sees them. For a caller with another root directory, only the part below it is
    // judged.
    let root = process
        .world
        .as_ref()
        .map(|world| world.told.root_path.as_slice());
    let there = |path: &Vec<u8>| match root.and_then(|root| path.strip_prefix(root)) {
        Some(b"") => b"/".to_vec(),
        Some(below) if below.starts_with(b"/") => below.to_vec(),
        _ => path.clone(),
    };
    let subject = gather::subject_from_snapshot(&Snapshot {
        status: &process.status,
        user_ns: process.user_ns,
        uid_map: &process.uid_map,
        gid_map: &process.gid_map,
        label: process.label.as_deref(),
    });
    let operation = call.operation.clone()?;
    let object = match (&call.path, port_of(call)) {
        (Some(path), _) if call.makes_unnamed => {
            Object::Path([&there(path), &b"/"[..], ANY_NAME].concat())
        }
        (Some(path), _) if !operation.is_of_no_file() => Object::Path(there(path)),
        (_, Some(port)) => port,
        _ => Object::Process,
    };
    Some(Attempt {
        // A filter that answers is visible in the trace. If none did, none is to be suspected.
        subject: Subject {
            seccomp: call.by_filter,
            ..subject.ok()?
        },
        operation,
        object,
        to: call.to.as_ref().map(there),
        directory: call.directory.as_ref().map(there),
        errno: Some(call.errno),
    })
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
