//! Messages that name no object. It is taken from the source line that they quote, or else from the command's own arguments.

use super::judged::{Judged, Views};
use super::{Decision, MOST_READINGS, agrees, interpreted, told};
use crate::attempt::{Clue, Incident, Object, Operation, Sign};
use crate::byte_path;
use crate::denial::Rule;
use crate::facts::Kind;
use crate::gather;
use crate::judge::Verdict;
use crate::report::Conclusion;
use crate::resolve::{self, Circumstances, Literal, Reading};

/// The result for such a message.
pub(super) fn decide(
    incident: &Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Decision {
    mentioned(incident, circumstances, views)
        .unwrap_or_else(|| among_arguments(incident, circumstances, views))
}

/// For a message whose context names an object. It counts only if it is refused, and if it is the only such object.
fn mentioned(
    incident: &Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Option<Decision> {
    let literals = match incident.clue.as_ref()? {
        Clue::Path(path) => vec![Literal {
            path: path.clone(),
            operation: None,
            is_file: true,
        }],
        Clue::Code(line) => resolve::quoted_literals(line, &circumstances.scripts),
        Clue::Typed(_) => Vec::new(),
        Clue::Line(file, number) => resolve::sources(file, incident, circumstances)
            .iter()
            .map(|file| gather::source_lines(file, *number))
            .find(|(lines, _)| !lines.is_empty())
            .map(|(lines, at)| resolve::literals(&lines, at))?,
    };
    let mut refused = literals.into_iter().filter_map(|literal| {
        let mut assumed = Incident {
            paths: vec![literal.path],
            clue: None,
            ..incident.clone()
        };
        if assumed.operations.is_empty() {
            assumed.operations.extend(literal.operation);
            assumed.operation_sign = assumed.operations.first().map(|_| Sign::Source);
        }
        match interpreted(&assumed, circumstances, views) {
            Decision::Judged(mut judged, conclusion @ Conclusion::Refused(..)) => {
                judged.reading.signs.object = Some(Sign::Source);
                Some(Decision::Judged(judged, conclusion))
            }
            _ => None,
        }
    });
    let first = refused.next();
    first.filter(|_| refused.next().is_none())
}

/// The one object among the command's arguments that would be refused.
fn among_arguments(
    incident: &Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Decision {
    // An argument is resolved only in the directory that it was given in.
    let is_there = |reading: &Reading| match &reading.attempt.object {
        Object::Path(path) => {
            reading.signs.place || byte_path::is_within(path, &circumstances.start)
        }
        _ => true,
    };
    let readings = resolve::unnamed(incident, circumstances)
        .into_iter()
        .filter(is_there)
        .take(MOST_READINGS);
    let mut refused: Vec<Judged> = Vec::new();
    // Ports that the kernel's own checks allow, but something else may refuse.
    let mut unexplained: Vec<Judged> = Vec::new();
    for reading in readings {
        let judged = views.judge(reading);
        if !fits(&judged, incident) {
            continue;
        }
        let mut judged = told::made_beside(judged, incident, views);
        let object = judged.reading.attempt.object.clone();
        if refused
            .iter()
            .chain(&unexplained)
            .any(|known| known.reading.attempt.object == object)
        {
            continue;
        }
        if matches!(judged.verdict, Verdict::Denied(_)) && agrees(incident, &judged.verdict) {
            refused.push(judged);
        } else if matches!(object, Object::Port { .. })
            && let Some(errno) = incident.errno
            && let Some(denial) = judged.inferred(errno, views)
        {
            judged.verdict = Verdict::Denied(denial);
            unexplained.push(judged);
        }
    }
    // A port that something other than the kernel's own checks may refuse is more likely than a file refused in the same way.
    if !unexplained.is_empty() {
        let is_own_rule = |judged: &Judged| {
            let rule = match &judged.verdict {
                Verdict::Denied(denial) => Some(&denial.rule),
                _ => None,
            };
            !matches!(rule, Some(Rule::Module { .. } | Rule::FileSystem))
        };
        refused.retain(is_own_rule);
    }
    match (refused.len(), refused.pop()) {
        (1, Some(judged)) => Decision::of(judged),
        (0, _) if unexplained.len() == 1 => Decision::of(unexplained.swap_remove(0)),
        (0, _) if circumstances.command.is_empty() => {
            Decision::Nothing("nothing in the text names a file, a port or a process".to_owned())
        }
        (0, _) => Decision::Nothing(
            "the message does not name it, and neither do the command's arguments".to_owned(),
        ),
        (many, _) => Decision::Nothing(format!(
            "the message does not name it, and {many} of the command's arguments would be refused"
        )),
    }
}

/// Whether an argument can be what the call takes: a socket, or for a database a file that is called one.
fn fits(judged: &Judged, incident: &Incident) -> bool {
    let attempt = &judged.reading.attempt;
    let Object::Path(path) = &attempt.object else {
        return true;
    };
    let has = |part: &[u8]| memchr::memmem::find(byte_path::name(path), part).is_some();
    match attempt.operation {
        Operation::Connect | Operation::Bind => judged
            .kind()
            .map_or_else(|| has(b"sock"), |kind| kind == Kind::Socket),
        _ if incident.beside.is_some() => has(b"db") || has(b"sqlite"),
        _ => true,
    }
}
