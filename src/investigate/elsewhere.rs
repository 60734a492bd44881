//! A text that was written in another place: told of that place, by the eyes of those who live there, or not at all.

use super::{Views, abroad, read};
use crate::attempt::{Incident, Origin, Place};
use crate::gather;
use crate::judge::Obstacle;
use crate::quote;
use crate::report::{Conclusion, Finding};
use crate::resolve::{self, CandidateProcess, Circumstances, Presence};

/// Why the paths of a text are not looked up here, where it was written in a container or on another machine.
pub(super) fn not_looked_at(incident: &Incident, circumstances: &Circumstances) -> Option<String> {
    if let Some(client) = resolve::of_a_server(incident, circumstances) {
        return Some(format!(
            "the server that {} talks to says this of itself: whether it may is a matter of the user that it runs as, and was \
             not looked at",
            quote::display(&client)
        ));
    }
    let origin = resolve::origin(incident, circumstances, gather::is_there)?;
    Some(match origin {
        Origin::Machine(name) => {
            let place = format!("on {}", quote::display(name.as_bytes()));
            format!("{}: nothing here was looked at", of_another(&place))
        }
        Origin::Container(name) => not_ours(&Place::Container(name)),
    })
}

/// A text that was written in another place: read by those who live there, if any was seen. This place has nothing to do with it.
pub(super) fn there(
    incident: Incident,
    place: Place,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Finding {
    let there = Circumstances {
        processes: living(circumstances, |lives| match (lives, &place) {
            // An engine's client lives in a namespace of its own, and in no container.
            (Some(lives), Place::Container(_)) => matches!(lives, Place::Container(_)),
            (lives, _) => lives.is_some(),
        }),
        ..circumstances.clone()
    };
    let mut places = there.processes.iter().map(|process| &process.place);
    let first = places.next();
    let is_one = !matches!(place, Place::Container(_)) || places.all(|other| Some(other) == first);
    if there.processes.is_empty() || !is_one {
        return Finding::without_attempt(incident, not_ours(&place));
    }
    let mut finding = read(incident.clone(), &there, views);
    if finding.conclusion == Conclusion::Allowed {
        // Whoever it was there, it was none of those who were seen.
        return Finding::without_attempt(incident, not_ours(&place));
    }
    let lives = finding.attempt.as_ref().and_then(|attempt| {
        let is_it = |process: &&CandidateProcess| process.subject == attempt.subject;
        there.processes.iter().find(is_it)?.place.clone()
    });
    let place = lives
        .filter(|place| *place != Place::Namespace)
        .unwrap_or(place);
    if !is_of_what_was_told(&finding, &there) {
        return Finding::without_attempt(incident, not_ours(&place));
    }
    let stays = resolve::is_in_one_that_stays(circumstances);
    abroad::settle(&mut finding, place, stays);
    finding
}

/// The processes that live where `is` says.
pub(super) fn living(
    circumstances: &Circumstances,
    is: impl Fn(Option<&Place>) -> bool,
) -> Vec<CandidateProcess> {
    let every = circumstances.processes.iter();
    let lives = every.filter(|process| is(process.place.as_ref()));
    lives.cloned().collect()
}

/// Whether a refusal follows from what was seen, or, where only a sandbox's options were, from one of those: what else it
/// changes is not known.
fn is_of_what_was_told(finding: &Finding, circumstances: &Circumstances) -> bool {
    let (Conclusion::Refused(denial, _), Some(attempt)) = (&finding.conclusion, &finding.attempt)
    else {
        return true;
    };
    let is_it = |process: &&CandidateProcess| process.subject == attempt.subject;
    let Some(process) = circumstances.processes.iter().find(is_it) else {
        return true;
    };
    let is_seen = process.presence < Presence::Started;
    let options = resolve::told_mounts(&process.arguments);
    let at = match denial.at {
        Obstacle::Mount(mount, _) => finding.facts.mounts[mount.0].point.as_slice(),
        Obstacle::Node(node) => finding.facts.node(node).path.as_slice(),
        _ => b"",
    };
    is_seen
        || !matches!(process.place, Some(Place::Sandbox(_)))
        || options.iter().any(|path| path == at)
}

/// What decides in another place, where that cannot be looked at.
fn not_ours(place: &Place) -> String {
    let what = match place {
        Place::Container(_) => ", and what its image or a volume has there decides",
        _ => "",
    };
    format!(
        "{}: nothing here was looked at{what}",
        of_another(&place.words())
    )
}

fn of_another(place: &str) -> String {
    format!("this was written {place}, and its paths are not those of this machine")
}
