//! Failures whose object is named, but whose operation is unknown. No operation is guessed: the answer is what may be done with
//! the object now. It is a refusal only if every possible operation is refused for the same reason.

use super::judged::{Judged, Views};
use super::told::is_like_a_program;
use super::{Decision, MOST_READINGS, agrees, run, unproven};
use crate::attempt::{Errno, Incident, Object, Operation};
use crate::cause;
use crate::denial::{Code, Denial, Obstacle, Rule};
use crate::facts::{Inode, Kind};
use crate::judge::Verdict;
use crate::remedy::{self, Fix, Remedy};
use crate::report::{Conclusion, Unclear, Way};
use crate::resolve::Reading;

/// The result for such a failure.
pub(super) fn decide(incident: &Incident, readings: Vec<Reading>, views: &mut Views) -> Decision {
    let mut judged: Vec<Judged> = Vec::new();
    // A place that is merely assumed is considered only if no place is known.
    let is_placed = readings.iter().any(|reading| reading.signs.place);
    let readings = readings
        .into_iter()
        .filter(|reading| reading.signs.place || !is_placed);
    for reading in readings.take(MOST_READINGS) {
        let one = views.judge(reading);
        let is_there = one.lies_there();
        judged.push(one);
        if is_there {
            break;
        }
    }
    // Of several places, the first in which something with this name exists; otherwise the first.
    let there = judged.iter().position(Judged::lies_there);
    if judged.is_empty() {
        return Decision::Nothing("the message does not say what was tried".to_owned());
    }
    let seen = judged.swap_remove(there.unwrap_or(0));
    let ways = possible(&seen, incident, views);
    of_ways(seen, ways, incident, views)
}

/// The operations that may have been tried on the object, with their verdicts.
fn possible(seen: &Judged, incident: &Incident, views: &mut Views) -> Vec<Judged> {
    let object = &seen.reading.attempt.object;
    let operations: Vec<Operation> = match seen.kind() {
        // An immutable directory refuses to make it; what was refused to be deleted may have gone since.
        None if incident.errno == Some(Errno::Perm) && seen.is_missing() => {
            let delete = Operation::from_name("delete");
            [Operation::CREATE].into_iter().chain(delete).collect()
        }
        _ if incident.errno == Some(Errno::Perm) => {
            // Writing is no operation on a directory itself.
            let names = ["write", "delete", "chmod", "chown", "utime"];
            let is_directory = seen.kind() == Some(Kind::Directory);
            names
                .iter()
                .skip(usize::from(is_directory))
                .filter_map(|name| Operation::from_name(name))
                .collect()
        }
        // Programs open devices and do not make them.
        None if seen.is_missing() && is_a_device(object) => vec![Operation::READ],
        None if seen.is_missing() => vec![Operation::CREATE],
        // The directory is not searchable, so the object may or may not exist.
        None => vec![Operation::CREATE, Operation::READ],
        Some(Kind::Directory) => {
            let object = object.clone();
            let list = seen.with(Operation::List, object, views);
            let create = seen.within(views);
            return create.into_iter().chain([list]).collect();
        }
        Some(Kind::Socket) => vec![Operation::Connect],
        // Devices are usually opened for reading and writing.
        Some(Kind::Char | Kind::Block) => vec![Operation::UPDATE],
        Some(_) => {
            let is_marked = |inode: &Inode| inode.mode & 0o111 != 0;
            let marked = seen.target().and_then(|node| node.inode.as_ref().ok());
            let runs = !incident.opens
                && (is_like_a_program(seen, incident) || marked.is_some_and(is_marked));
            let read = seen.with(Operation::READ, object.clone(), views);
            let write = match read.verdict {
                Verdict::Denied(_) => Operation::UPDATE,
                _ => Operation::WRITE,
            };
            let write = seen.with(write, object.clone(), views);
            let run = runs.then(|| seen.with(Operation::Exec, object.clone(), views));
            // Whoever may read and write it may still be refused as the creator of it.
            let create = seen.with(Operation::CREATE, object.clone(), views);
            let create = Some(create).filter(|create| {
                let code = denial(create).map(|denial| denial.code);
                matches!(code, Some(Code::ProtectedRegular | Code::ProtectedFifo))
            });
            return [write, read].into_iter().chain(run).chain(create).collect();
        }
    };
    let each = |operation| seen.with(operation, object.clone(), views);
    operations.into_iter().map(each).collect()
}

/// Whether a name is that of a device, rather than of shared memory or of a message queue.
fn is_a_device(object: &Object) -> bool {
    let Object::Path(path) = object else {
        return false;
    };
    let others: [&[u8]; 2] = [b"/dev/shm/", b"/dev/mqueue/"];
    path.starts_with(b"/dev/") && !others.iter().any(|other| path.starts_with(other))
}

fn of_ways(seen: Judged, ways: Vec<Judged>, incident: &Incident, views: &mut Views) -> Decision {
    // An operation that the kernel refuses with another error number is not the one that was tried.
    let otherwise =
        |way: &Judged| matches!(way.verdict, Verdict::Denied(_)) && !agrees(incident, &way.verdict);
    let mut ways: Vec<Judged> = ways.into_iter().filter(|way| !otherwise(way)).collect();
    if let Some(beyond) = beyond_the_rules(&mut ways, incident, views) {
        return Decision::of(beyond);
    }
    if ways
        .iter()
        .any(|way| matches!(way.verdict, Verdict::Unclear(_)))
        || ways.is_empty()
    {
        return Decision::of(seen);
    }
    let refused: Vec<&Denial> = ways.iter().filter_map(denial).collect();
    if refused.is_empty() && seen.is_missing() {
        // It need not have been the creation that was refused: what existed is gone.
        let object = seen.reading.attempt.object.clone();
        return Decision::of(seen.with(Operation::READ, object, views));
    }
    if refused.is_empty() {
        return allowed(ways);
    }
    let reason = |denial: &Denial| (denial.code, place_of(denial));
    let is_one = refused.len() == ways.len()
        && refused
            .iter()
            .all(|other| reason(other) == reason(refused[0]));
    if !is_one {
        let each = ways.iter_mut().map(|way| way_of(way, views)).collect();
        return Decision::Judged(
            Box::new(seen),
            Conclusion::Unclear(Unclear::Operation(each)),
        );
    }
    let mut remedies: Vec<(Operation, Remedy)> = Vec::new();
    for way in &mut ways {
        let remedy = remedy_of(way, views).unwrap_or_default();
        remedies.push((way.reading.attempt.operation.clone(), remedy));
    }
    let remedy = joined(remedies);
    let first = ways.swap_remove(0);
    let denial = denial(&first).cloned();
    match denial {
        Some(denial) => Decision::Judged(Box::new(first), Conclusion::Refused(denial, remedy)),
        None => Decision::of(first),
    }
}

/// If the kernel's own checks allow every possible operation: the one that a module or a server refuses.
fn beyond_the_rules(ways: &mut [Judged], incident: &Incident, views: &mut Views) -> Option<Judged> {
    let errno = incident.errno?;
    let is_beyond = |denial: &Denial| matches!(denial.rule, Rule::Module { .. } | Rule::FileSystem);
    if ways
        .iter()
        .filter_map(denial)
        .any(|denial| !is_beyond(denial))
    {
        return None;
    }
    // Nothing is inferred if some operation is known to be refused.
    if ways.iter().any(|way| denial(way).is_some()) {
        return None;
    }
    ways.iter_mut().find_map(|way| {
        way.verdict = Verdict::Denied(way.inferred(errno, views)?);
        Some(way.clone())
    })
}

/// The result if none of the possible operations is refused now.
fn allowed(ways: Vec<Judged>) -> Decision {
    let mut ways = ways;
    let at = ways.iter().position(|way| way.verdict == Verdict::Allowed);
    Decision::of(ways.swap_remove(at.unwrap_or(0)))
}

fn denial(way: &Judged) -> Option<&Denial> {
    match &way.verdict {
        Verdict::Denied(denial) => Some(denial),
        _ => None,
    }
}

/// The obstacle, for comparison between operations whose walks differ.
fn place_of(denial: &Denial) -> Option<usize> {
    match denial.at {
        Obstacle::Node(node) | Obstacle::Mount(_, node) => Some(node.0),
        _ => None,
    }
}

/// The fixes for one operation.
fn remedy_of(way: &mut Judged, views: &mut Views) -> Option<Remedy> {
    let denial = denial(way)?.clone();
    let attempt = &way.reading.attempt;
    let view = views.of(&attempt.subject);
    if !way.explained {
        view.explain(attempt, &mut way.facts);
        way.explained = true;
    }
    let circumstances = views.circumstances.clone();
    run::describe(&mut way.facts, attempt, &circumstances, views);
    let peopled = view.peopled(attempt, &way.facts);
    let leftovers = view.leftovers(attempt, &way.facts);
    let around = &mut way.facts.surroundings;
    (around.peopled, around.leftovers) = (peopled, leftovers);
    around.offered.clone_from(&views.offered);
    let mut remedy = remedy::remedy(attempt, &way.facts, &denial);
    unproven(&mut remedy);
    Some(remedy)
}

fn way_of(way: &mut Judged, views: &mut Views) -> Way {
    let remedy = remedy_of(way, views);
    let refused = remedy.zip(denial(way)).map(|(remedy, denial)| {
        let words = cause::words(denial, &way.reading.attempt, &way.facts);
        (words.because, remedy.fixes)
    });
    Way {
        operation: way.reading.attempt.operation.clone(),
        refused,
    }
}

/// A single fix, if it serves every possible operation; otherwise the first fix for each, with a note of what it is for.
fn joined(remedies: Vec<(Operation, Remedy)>) -> Remedy {
    let denials = remedies
        .first()
        .map(|(_, remedy)| remedy.denials.clone())
        .unwrap_or_default();
    let first = |remedy: &Remedy| remedy.fixes.first().map(|fix| fix.changes.clone());
    let serves_all = remedies
        .iter()
        .all(|(_, remedy)| first(remedy) == first(&remedies[0].1));
    let fixes = match serves_all {
        true => remedies
            .into_iter()
            .next()
            .map(|(_, remedy)| remedy.fixes)
            .unwrap_or_default(),
        false => {
            // What serves more of the operations comes first, because the command fails again after a fix that does not serve its own.
            let each = remedies.into_iter();
            let mut fixes: Vec<Fix> = each
                .filter_map(|(operation, remedy)| {
                    let fix = remedy.fixes.into_iter().next()?;
                    let note = format!("for {}", operation.doing());
                    Some(Fix { note, ..fix })
                })
                .collect();
            fixes.sort_by_key(|fix| fix.argv.is_empty() && !fix.led_astray);
            fixes
        }
    };
    Remedy { denials, fixes }
}
