//! Names that are relative to one of several directories: what lies there tells in which of them the name was used.

use super::judged::{Judged, Views};
use super::{Decision, interpreted};
use crate::attempt::Incident;
use crate::judge::Verdict;
use crate::quote;
use crate::report::Conclusion;
use crate::resolve::Circumstances;

/// The result for the only directory in which the name is refused, if it is not in the others.
pub(super) fn decide(
    incident: &Incident,
    places: &[Vec<u8>],
    circumstances: &Circumstances,
    views: &mut Views,
) -> Decision {
    let mut refused: Vec<(Box<Judged>, Conclusion)> = Vec::new();
    for place in places {
        let there = Incident {
            directory: Some(place.clone()),
            ..incident.clone()
        };
        match interpreted(&there, circumstances, views) {
            Decision::Judged(judged, conclusion @ Conclusion::Refused(..)) => {
                if !refused.iter().any(|(known, _)| is_same(known, &judged)) {
                    refused.push((judged, conclusion));
                }
            }
            Decision::Judged(judged, _) if is_answered(&judged.verdict) => {}
            _ => return Decision::Nothing(unknown(incident)),
        }
    }
    match (refused.pop(), refused.is_empty()) {
        (Some((judged, conclusion)), true) => Decision::Judged(judged, conclusion),
        _ => Decision::Nothing(unknown(incident)),
    }
}

/// Whether it is certain that the kernel would not have refused it.
fn is_answered(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Allowed | Verdict::Fails { .. })
}

/// Whether two paths lead to the same object.
fn is_same(one: &Judged, other: &Judged) -> bool {
    let object = |judged: &Judged| judged.target().map(|node| node.path.clone());
    one.reading.attempt.operation == other.reading.attempt.operation
        && object(one).is_some_and(|path| Some(path) == object(other))
}

fn unknown(incident: &Incident) -> String {
    let name = incident
        .paths
        .first()
        .map(Vec::as_slice)
        .unwrap_or_default();
    format!(
        "{} is relative to a directory that the program worked in, and it changed directory: nothing says where it was then",
        quote::display(name)
    )
}
