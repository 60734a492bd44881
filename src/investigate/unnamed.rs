//! A message that names no object: what its surroundings name, or else the command's own arguments.

use super::{Decision, MOST_READINGS, Reading, agrees, denied, is_far_fetched, read};
use crate::attempt::{Clue, Incident};
use crate::gather;
use crate::judge::Verdict;
use crate::report::Outcome;
use crate::resolve::{self, Place};

/// What can be said of it.
pub(super) fn decide(incident: &Incident, place: &Place) -> Decision {
    mentioned(incident, place).unwrap_or_else(|| conclude(incident, place))
}

/// For a message that names no object, but whose surroundings do: that it is refused must show, and nothing else may be.
fn mentioned(incident: &Incident, place: &Place) -> Option<Decision> {
    let (paths, operation) = match incident.clue.as_ref()? {
        Clue::Path(path) => (vec![path.clone()], None),
        Clue::Code(line) => resolve::literals(std::slice::from_ref(line), 0),
        Clue::Line(file, number) => resolve::sources(file, incident, place)
            .iter()
            .map(|file| gather::source_lines(file, *number))
            .find(|(lines, _)| !lines.is_empty())
            .map(|(lines, at)| resolve::literals(&lines, at))?,
    };
    let mut refused = paths.into_iter().filter_map(|path| {
        let mut assumed = Incident {
            paths: vec![path],
            ..incident.clone()
        };
        if assumed.operations.is_empty() {
            assumed.operations.extend(operation.clone());
        }
        let decision = super::decide(&assumed, resolve::attempts(&assumed, place));
        matches!(&decision, Ok((_, Outcome::Denied(..)))).then_some(decision)
    });
    let first = refused.next();
    first.filter(|_| refused.next().is_none())
}

/// For a message that names no object: the one object among the command's own arguments that would be refused.
fn conclude(incident: &Incident, place: &Place) -> Decision {
    let attempts = resolve::unnamed(incident, place)
        .into_iter()
        .take(MOST_READINGS);
    let mut refused: Vec<Reading> = Vec::new();
    for attempt in attempts {
        if refused
            .iter()
            .any(|known| known.attempt.object == attempt.object)
        {
            continue;
        }
        let reading = read(attempt);
        if matches!(&reading.verdict, Verdict::Denied(denial) if agrees(incident, denial))
            && !is_far_fetched(&reading, incident)
        {
            refused.push(reading);
        }
    }
    match (refused.len(), refused.pop()) {
        (1, Some(reading)) => Ok(denied(reading)),
        (0, _) => Err(
            "the program did not name the file, and none of the command's arguments is refused now"
                .to_owned(),
        ),
        (many, _) => Err(format!(
            "the program did not name the file, and {many} of the command's arguments are refused"
        )),
    }
}
