//! Texts written in another place: they are judged as seen by processes that live there, or not at all.

use super::written::scripts;
use super::{Views, abroad, build_step, deployed, read};
use crate::attempt::{Incident, Operation, Origin, Place};
use crate::gather;
use crate::judge::Obstacle;
use crate::programs;
use crate::quote;
use crate::report::{Conclusion, Finding};
use crate::resolve::{self, CandidateProcess, Circumstances, Presence, Writer};

/// Why the paths of a text are not looked up here, if it was written in a container or on another machine.
pub(super) fn not_looked_at(
    incident: &Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Option<String> {
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
            format!(
                "{}: nothing here was looked at",
                of_another(&place, incident)
            )
        }
        Origin::Container(name) => {
            let known = deployed::known_of(&name, incident, circumstances, views);
            not_ours(&Place::Container(name), incident, circumstances) + &known
        }
        Origin::Build(instruction) => build_step::not_ours(&instruction, circumstances, views),
    })
}

/// Investigates a text written here that a container engine may have relayed which ended before it was seen: a script of the
/// command names an engine, and none of the processes seen here is known to have written the text.
pub(super) fn here(
    incident: Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Finding {
    let writer = resolve::writer_of(&incident, circumstances, gather::is_there);
    if circumstances.command.is_empty() || writer == Writer::Seen {
        return read(incident, circumstances, views);
    }
    let scripts = scripts(circumstances, views);
    let mut engines = scripts
        .iter()
        .filter_map(|(text, path)| Some((path, programs::engine_named_in(text)?)));
    let Some((script, engine)) = engines.next() else {
        return read(incident, circumstances, views);
    };
    let is_named = |name: &[u8]| scripts.iter().any(|(text, _)| programs::names(text, name));
    match writer {
        Writer::Unseen(Some(name)) if is_named(&name) => {
            return read(incident, circumstances, views);
        }
        Writer::Unseen(_) => {
            let place = Place::Container(String::new());
            return there(incident, place, circumstances, views);
        }
        Writer::Seen | Writer::Untold => {}
    }
    match read(incident.clone(), circumstances, views) {
        finding if matches!(finding.conclusion, Conclusion::Refused(..)) => finding,
        _ => Finding::without_attempt(
            incident,
            format!(
                "{} runs {}: this may have been written in a container, and nothing here stands in the way",
                quote::display(script),
                quote::display(engine)
            ),
        ),
    }
}

/// Investigates a text written in another place on behalf of the processes seen there, if any. This place is never consulted.
pub(super) fn there(
    incident: Incident,
    place: Place,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Finding {
    let lives_there = |lives: Option<&Place>| match (lives, &place) {
        // A container engine's client lives in a namespace of its own, but not in a container.
        (Some(lives), Place::Container(_)) => matches!(lives, Place::Container(_)),
        (lives, _) => lives.is_some(),
    };
    let mut there = Circumstances {
        processes: living(circumstances, lives_there),
        ..circumstances.clone()
    };
    if there.processes.is_empty() && matches!(place, Place::Container(_)) {
        // A step of an image's build has neither a monitor nor a control group that tells its name.
        there.processes = living(circumstances, |lives| lives == Some(&Place::Tree));
    }
    if matches!(place, Place::Container(_)) {
        keep_those_named(&mut there);
        // They write to the engine, which passes it on to the channel that is watched.
        let present = there.processes.iter_mut();
        let present = present.filter(|process| process.presence == Presence::Present);
        present.for_each(|process| process.presence = Presence::Speaking);
    }
    let mut places = there.processes.iter().map(|process| &process.place);
    let first = places.next();
    let is_one = !matches!(place, Place::Container(_)) || places.all(|other| Some(other) == first);
    if there.processes.is_empty() || !is_one {
        return unseen(incident, &place, circumstances);
    }
    let mut finding = read(incident.clone(), &there, views);
    let is_refused = matches!(finding.conclusion, Conclusion::Refused(..));
    if finding.conclusion == Conclusion::Allowed || !is_refused && is_missing(&finding) {
        // The process that failed was not among those seen, or saw something that has gone.
        return unseen(incident, &place, circumstances);
    }
    let lives = finding.attempt.as_ref().and_then(|attempt| {
        let is_it = |process: &&CandidateProcess| process.subject == attempt.subject;
        there.processes.iter().find(is_it)?.place.clone()
    });
    let place = lives
        .filter(|place| !matches!(place, Place::Namespace | Place::Tree))
        .unwrap_or(place);
    if !is_of_what_was_told(&finding, &there) {
        return unseen(incident, &place, circumstances);
    }
    // Nor does a trace of the engine's client see the calls of a container's processes.
    finding.signs.elsewhere |= matches!(place, Place::Container(_)) && !is_refused;
    let stays = resolve::is_in_one_that_stays(circumstances);
    abroad::settle(&mut finding, place, stays);
    finding
}

/// Drops the processes of other containers, which were started at the same time, if the command names one of the containers.
fn keep_those_named(there: &mut Circumstances) {
    let is_named = |process: &CandidateProcess| {
        let Some(Place::Container(name)) = &process.place else {
            return false;
        };
        let is_it = |word: &Vec<u8>| {
            let value = word.rsplit(|byte| *byte == b'=').next();
            value == Some(name.as_bytes())
        };
        there.command.iter().any(is_it)
    };
    let named: Vec<CandidateProcess> = there
        .processes
        .iter()
        .filter(|process| is_named(process))
        .cloned()
        .collect();
    if !named.is_empty() {
        there.processes = named;
    }
}

/// Whether the object is not there.
fn is_missing(finding: &Finding) -> bool {
    let last = finding.facts.walk.steps.last();
    last.is_some_and(|step| step.found == Ok(None))
}

/// The processes whose place satisfies `is`.
pub(super) fn living(
    circumstances: &Circumstances,
    is: impl Fn(Option<&Place>) -> bool,
) -> Vec<CandidateProcess> {
    let every = circumstances.processes.iter();
    let lives = every.filter(|process| is(process.place.as_ref()));
    lives.cloned().collect()
}

/// Whether the refusal is based on what was observed. If only the options of a sandbox are known, the obstacle must be one of
/// the paths that they mount, since anything else in the sandbox is unknown.
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
        || resolve::tells_all_mounts(&process.arguments)
        || options.iter().any(|path| path == at)
}

/// Whether the message of a sandbox's program is about setting up the sandbox, rather than about executing the command in it.
pub(super) fn is_while_it_is_made(incident: &Incident, place: &Place) -> bool {
    matches!(place, Place::Sandbox(_)) && incident.operations != [Operation::Exec]
}

/// A sentence about such a message.
pub(super) fn its_own(place: &Place) -> String {
    let name = match place {
        Place::Sandbox(name) => name.as_str(),
        _ => "the sandbox",
    };
    format!(
        "{name} says this of itself, about the sandbox that it makes or enters, and nothing that can be seen here refuses it"
    )
}

/// The finding that a text was written in another place, which could not be looked at.
fn unseen(incident: Incident, place: &Place, circumstances: &Circumstances) -> Finding {
    let note = match beyond_its_root(&incident, circumstances) {
        Some(why) => format!("{}: {why}", of_another(&place.words(), &incident)),
        None => not_ours(place, &incident, circumstances),
    };
    let mut finding = Finding::without_attempt(incident, note);
    // Nor are the system calls of a container's processes seen with those of the engine's client.
    finding.signs.elsewhere = matches!(place, Place::Container(_));
    finding
}

/// Why root of the user namespace in which the command runs may not do what was tried.
fn beyond_its_root(incident: &Incident, circumstances: &Circumstances) -> Option<String> {
    let operation = incident.operations.first()?;
    let lines = programs::command_lines(&circumstances.command);
    let line = lines.iter().find(|line| line.maps_root)?;
    let is_inner = |inner: &&programs::CommandLine| {
        inner.words.len() < line.words.len() && line.words.ends_with(&inner.words)
    };
    let inner = lines.iter().find(is_inner)?;
    let options = &line.words[..line.words.len() - inner.words.len()];
    let why = line.known?.lack(operation, options)?;
    Some(format!(
        "root in there rules no more than what was made with it, and {why}"
    ))
}

/// A sentence about what decides in another place that cannot be inspected.
fn not_ours(place: &Place, incident: &Incident, circumstances: &Circumstances) -> String {
    let what = match place {
        Place::Container(_) => format!(
            ", and what its image or a volume has there decides{}",
            who_can_look(circumstances)
        ),
        _ => String::new(),
    };
    format!(
        "{}: nothing here was looked at{what}",
        of_another(&place.words(), incident)
    )
}

/// How a container can be looked at that was not, according to what the engine was told to do.
fn who_can_look(circumstances: &Circumstances) -> String {
    let Some(told) = resolve::engine_verb(circumstances) else {
        return String::new();
    };
    let (engine, name) = (
        quote::display(&told.engine),
        told.operand.map(|name| quote::shell(&name)),
    );
    match (told.verb.as_slice(), name) {
        (b"build" | b"bud", _) => {
            "; a step of the build wrote it, as the user of the last USER line above that step, or else of the base image"
                .to_owned()
        }
        (b"logs" | b"attach", Some(name)) => {
            // Compose knows a container by its service, and describes none.
            let (engine, name) = match engine.strip_suffix("-compose") {
                Some(engine) => (engine, format!("$({engine}-compose ps -q {name})")),
                None => (engine.as_str(), name),
            };
            format!(
                "; while it runs, `permwrap why OPERATION PATH --pid PID` can look at it, with the PID that `{engine} inspect -f \
                 '{{{{.State.Pid}}}}' {name}` prints"
            )
        }
        (b"up", _) => "; permwrap as its entrypoint would see it".to_owned(),
        (b"run" | b"start" | b"create", _) => {
            "; it had ended before it was looked at, and permwrap as its entrypoint would see it".to_owned()
        }
        _ => String::new(),
    }
}

fn of_another(place: &str, incident: &Incident) -> String {
    match incident.paths.is_empty() {
        true => format!("this was written {place}"),
        false => format!("this was written {place}, and its paths are not those of this machine"),
    }
}
