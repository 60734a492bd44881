//! One incident, worked out: resolve → gather → judge → remedy.

mod unnamed;

use crate::attempt::{ANY_NAME, Attempt, Errno, Incident, Object, Operation};
use crate::facts::{Facts, Kind, Program, UnknownFact};
use crate::gather;
use crate::judge::{self, Denial, Verdict};
use crate::quote;
use crate::remedy;
use crate::report::{Finding, Outcome};
use crate::resolve::{self, Place};

/// How many readings of one message are judged at most: a bound on the time that a strange message can cost.
const MOST_READINGS: usize = 64;

/// A reading of a message, judged.
struct Reading {
    attempt: Attempt,
    facts: Facts,
    verdict: Verdict,
}

/// Works out an incident: which of its readings the kernel refuses, why, and what puts it right.
#[must_use]
pub fn investigate(incident: Incident, place: &Place) -> Finding {
    if let Some(meaning) = resolve::meaning_on_windows(&incident) {
        return Finding::without_attempt(incident, meaning.to_owned());
    }
    let attempts = resolve::attempts(&incident, place);
    let named = !attempts.is_empty();
    let found = if named {
        decide(&incident, attempts)
    } else {
        unnamed::decide(&incident, place)
    };
    let (reading, outcome) = found.unwrap_or_else(|note| (None, Outcome::Unknown(note)));
    let (attempt, mut facts) =
        reading.map_or((None, Facts::default()), |of| (Some(of.attempt), of.facts));
    facts.surroundings.command.clone_from(&place.command);
    let outcome = match (outcome, &attempt) {
        (Outcome::Denied(denial, _), Some(attempt)) => {
            facts.surroundings.leftovers = gather::leftovers(attempt, &facts);
            let remedy = remedy::remedy(attempt, &facts, &denial);
            Outcome::Denied(denial, remedy)
        }
        (outcome, _) => outcome,
    };
    Finding {
        alike: 0,
        count: u64::from(incident.count),
        incident: Some(incident),
        attempt,
        facts,
        outcome,
    }
}

/// Works out an attempt that was given, not read from a message: `permwrap why`.
#[must_use]
pub fn examine(attempt: Attempt) -> Finding {
    let Reading {
        attempt,
        mut facts,
        verdict,
    } = read(attempt);
    let outcome = match verdict {
        Verdict::Allowed => Outcome::Allowed,
        Verdict::Denied(denial) => {
            facts.surroundings.leftovers = gather::leftovers(&attempt, &facts);
            let remedy = remedy::remedy(&attempt, &facts, &denial);
            Outcome::Denied(denial, remedy)
        }
        Verdict::Fails { errno, .. } => Outcome::Unknown(failure(errno, &attempt)),
        Verdict::Unclear(unknown) => Outcome::Unknown(missing(&unknown)),
    };
    Finding {
        alike: 0,
        incident: None,
        count: 1,
        attempt: Some(attempt),
        facts,
        outcome,
    }
}

/// Whether a finding is worth telling: a refusal, or a failure that is surely the program's own.
#[must_use]
pub fn is_worth_telling(finding: &Finding) -> bool {
    match &finding.outcome {
        Outcome::Denied(..) => true,
        Outcome::Allowed | Outcome::Unknown(_) => finding
            .incident
            .as_ref()
            .is_none_or(|incident| incident.certain && incident.errno.is_some()),
    }
}

type Decision = Result<(Option<Reading>, Outcome), String>;

/// The first reading that the kernel refuses with the reported error number; else the best that can be said.
fn decide(incident: &Incident, attempts: Vec<Attempt>) -> Decision {
    let mut others: Vec<Reading> = Vec::new();
    let open = incident.operations.len() != 1;
    for attempt in attempts.into_iter().take(MOST_READINGS) {
        let reading = listing(within(descend(read(attempt))));
        match &reading.verdict {
            // "Permission denied" of a data file is seldom about running it, though running is refused as well.
            Verdict::Denied(denial)
                if agrees(incident, denial) && !(open && is_far_fetched(&reading, incident)) =>
            {
                return Ok(denied(reading));
            }
            _ => others.push(reading),
        }
    }
    let agreeing = |reading: &Reading| {
        let agrees =
            matches!(&reading.verdict, Verdict::Denied(denial) if agrees(incident, denial));
        agrees && !(incident.operations.is_empty() && is_far_fetched(reading, incident))
    };
    if let Some(at) = others.iter().position(agreeing) {
        return Ok(denied(others.swap_remove(at)));
    }
    if let Some(errno) = incident.errno {
        for reading in &mut others {
            if let Some(denial) = inferred(reading, errno) {
                reading.verdict = Verdict::Denied(denial);
                let at = others.iter().position(|reading| matches!(&reading.verdict, Verdict::Denied(denial) if denial.errno == errno));
                return Ok(denied(others.swap_remove(at.unwrap_or(0))));
            }
        }
    }
    fall_back(incident, others)
}

/// Whether the reading is that a file was to be run which is no program and was not named like one, or that something
/// was connected to that is no socket.
fn is_far_fetched(reading: &Reading, incident: &Incident) -> bool {
    let target = reading
        .facts
        .walk
        .target()
        .map(|node| reading.facts.node(node));
    if reading.attempt.operation == Operation::Connect {
        return !target.is_some_and(|node| {
            node.inode
                .as_ref()
                .is_ok_and(|inode| inode.kind == Kind::Socket)
        });
    }
    let named_like_one = incident
        .paths
        .iter()
        .any(|path| path.starts_with(b"./") || path.starts_with(b"../"));
    let is_program = matches!(
        target.map(|node| &node.program),
        Some(Ok(Program::Script(_) | Program::Elf(_)))
    );
    reading.attempt.operation == Operation::Exec && !named_like_one && !is_program
}

/// What can be said where no reading gives the reported error number.
fn fall_back(incident: &Incident, mut readings: Vec<Reading>) -> Decision {
    let first = |readings: &[Reading], of: fn(&Verdict) -> bool| {
        readings.iter().position(|reading| of(&reading.verdict))
    };
    // Some programs report another error number than the kernel's, but only of what they say they did.
    if let Some(at) = first(&readings, |verdict| matches!(verdict, Verdict::Denied(_)))
        && !incident.operations.is_empty()
    {
        return Ok(denied(readings.swap_remove(at)));
    }
    if let Some(at) = first(&readings, |verdict| matches!(verdict, Verdict::Unclear(_))) {
        let reading = readings.swap_remove(at);
        let Verdict::Unclear(unknown) = &reading.verdict else {
            unreachable!("it was found by this verdict")
        };
        let note = missing(unknown);
        return Ok((Some(reading), Outcome::Unknown(note)));
    }
    if let Some(at) = first(&readings, |verdict| matches!(verdict, Verdict::Allowed)) {
        return Ok((Some(readings.swap_remove(at)), Outcome::Allowed));
    }
    match readings.into_iter().next() {
        Some(reading) => {
            let note = match reading.verdict {
                Verdict::Fails { errno, .. } => failure(errno, &reading.attempt),
                _ => "no rule known here explains the answer of the kernel".to_owned(),
            };
            Ok((Some(reading), Outcome::Unknown(note)))
        }
        None => Err("the message does not tell what was tried".to_owned()),
    }
}

fn read(attempt: Attempt) -> Reading {
    let facts = gather::facts(&attempt);
    let verdict = judge::judge(
        &attempt.subject,
        &attempt.operation,
        &attempt.object,
        &facts,
    );
    Reading {
        attempt,
        facts,
        verdict,
    }
}

/// Programs that make a whole path of directories name the last of them: the first missing one is what was refused.
fn descend(reading: Reading) -> Reading {
    let mut reading = reading;
    while let (
        Operation::Mkdir,
        Verdict::Fails {
            errno: Errno::NoEnt,
            ..
        },
    ) = (&reading.attempt.operation, &reading.verdict)
    {
        let Object::Path(path) = &reading.attempt.object else {
            break;
        };
        let Some(parent) = parent(path) else { break };
        let attempt = Attempt {
            object: Object::Path(parent),
            ..reading.attempt.clone()
        };
        let above = read(attempt);
        if matches!(
            above.verdict,
            Verdict::Fails {
                errno: Errno::Exist,
                ..
            }
        ) {
            break;
        }
        reading = above;
    }
    reading
}

/// To read a directory is to list it.
fn listing(reading: Reading) -> Reading {
    let target = reading.facts.walk.target();
    let is_directory = target.is_some_and(|id| {
        let inode = reading.facts.node(id).inode.as_ref();
        inode.is_ok_and(|inode| inode.kind == Kind::Directory)
    });
    let reads = matches!(reading.attempt.operation, Operation::Open(how) if !how.write);
    if !reads || !is_directory || !matches!(reading.verdict, Verdict::Denied(_)) {
        return reading;
    }
    read(Attempt {
        operation: Operation::List,
        ..reading.attempt
    })
}

/// Programs that cannot make a file in a directory often name the directory: writing to it means to make a name in it.
fn within(reading: Reading) -> Reading {
    let (Operation::Open(how), Object::Path(path)) =
        (&reading.attempt.operation, &reading.attempt.object)
    else {
        return reading;
    };
    if !how.write
        || !matches!(
            reading.verdict,
            Verdict::Fails {
                errno: Errno::IsDir,
                ..
            }
        )
    {
        return reading;
    }
    let directory = path.strip_suffix(b"/").unwrap_or(path);
    let name = [directory, b"/", ANY_NAME].concat();
    let attempt = Attempt {
        operation: Operation::CREATE,
        object: Object::Path(name),
        ..reading.attempt.clone()
    };
    read(attempt)
}

fn parent(path: &[u8]) -> Option<Vec<u8>> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    (slash > 0).then(|| path[..slash].to_vec())
}

fn inferred(reading: &Reading, errno: Errno) -> Option<Denial> {
    let Attempt {
        subject,
        operation,
        object,
        ..
    } = &reading.attempt;
    judge::infer(subject, operation, object, &reading.facts, errno)
}

fn agrees(incident: &Incident, denial: &Denial) -> bool {
    incident.errno.is_none_or(|errno| errno == denial.errno)
}

fn denied(reading: Reading) -> (Option<Reading>, Outcome) {
    let Verdict::Denied(denial) = reading.verdict.clone() else {
        unreachable!("only refusals come here")
    };
    (
        Some(reading),
        Outcome::Denied(denial, remedy::Remedy::default()),
    )
}

/// What is missing for a verdict, as a sentence.
fn missing(unknown: &UnknownFact) -> String {
    let of = if unknown.path.is_empty() {
        String::new()
    } else {
        format!(" of {}", quote::display(&unknown.path))
    };
    let why = unknown
        .errno
        .map_or_else(String::new, |errno| format!(" ({errno})"));
    format!("{}{of} cannot be seen from here{why}", unknown.what)
}

/// A failure that is not one of permission, as a sentence.
fn failure(errno: Errno, attempt: &Attempt) -> String {
    let object = match &attempt.object {
        Object::Path(path) => quote::display(path),
        _ => "it".to_owned(),
    };
    match errno {
        Errno::NoEnt => format!("there is no {object} now"),
        errno => format!(
            "looked at now, {object} fails otherwise: {} ({errno})",
            errno.words()
        ),
    }
}
