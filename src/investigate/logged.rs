//! A pasted line of a security module's log, which says by itself who was refused what, and by which module.

use super::Decision;
use super::judged::{Judged, Views};
use crate::attempt::{Attempt, Errno, Incident, Object, Operation, Sign, Signs, Subject};
use crate::denial::{Certainty, Denial, Obstacle, Rule};
use crate::facts::{LoggedRefusal, Module, Walk};
use crate::judge::{self, Verdict};
use crate::resolve::{Circumstances, Reading};

/// The result for such a line; `None` for any other. It is not used during a run, because a program could print such lines
/// itself.
pub(super) fn decide(
    incident: &Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Option<Decision> {
    let line = String::from_utf8_lossy(&incident.message).into_owned();
    let refusal = LoggedRefusal::parse(&line)?;
    let reader = circumstances.processes.first()?;
    if !circumstances.command.is_empty() {
        return None;
    }
    let attempt = Attempt {
        subject: subject(&refusal, &reader.subject),
        operation: operation(&refusal, incident),
        object: object(&refusal),
        to: None,
        directory: None,
        errno: Some(Errno::Acces),
    };
    let signs = Signs {
        operation: Some(Sign::Message),
        object: Some(Sign::Message),
        subject: true,
        place: true,
        elsewhere: false,
    };
    let mut judged = views.judge(Reading { attempt, signs });
    if !is_placed(&refusal) {
        // A bare name could be that of any file.
        judged.facts.walk = Walk::default();
    }
    judged.verdict = Verdict::Denied(Denial {
        errno: Errno::Acces,
        code: judge::code_of(refusal.module),
        at: at(&judged),
        rule: Rule::Module {
            evidence: Some(line),
        },
        certainty: Certainty::Proven,
    });
    Some(Decision::of(judged))
}

/// The process that was refused, as far as the line describes it: its label and uid.
fn subject(refusal: &LoggedRefusal, reader: &Subject) -> Subject {
    let label = match refusal.module {
        Module::AppArmor => refusal
            .profile
            .as_ref()
            .map(|name| format!("{name} (enforce)")),
        _ => refusal.profile.clone(),
    };
    let uid = refusal.uid.unwrap_or(reader.uid);
    Subject {
        label: Ok(label),
        ..Subject::login(uid, uid, Vec::new())
    }
}

fn operation(refusal: &LoggedRefusal, incident: &Incident) -> Operation {
    let told = refusal.attempted();
    told.or_else(|| incident.operations.first().cloned())
        .unwrap_or(Operation::READ)
}

fn object(refusal: &LoggedRefusal) -> Object {
    match (&refusal.name, refusal.port) {
        (Some(name), _) => Object::Path(name.clone()),
        (None, Some(port)) => Object::Port {
            address: String::new(),
            port,
        },
        (None, None) => Object::Process,
    }
}

fn is_placed(refusal: &LoggedRefusal) -> bool {
    let name = refusal.name.as_ref();
    name.is_none_or(|name| name.starts_with(b"/"))
}

fn at(judged: &Judged) -> Obstacle {
    let walk = &judged.facts.walk;
    match (
        walk.target().or(walk.parent()),
        &judged.reading.attempt.object,
    ) {
        (Some(node), _) => Obstacle::Node(node),
        (None, Object::Port { port, .. }) => Obstacle::Port(*port),
        _ => Obstacle::Process,
    }
}
