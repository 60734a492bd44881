//! Programs that ask for their own uid and say that they serve only root.

use super::judged::Views;
use super::{Decision, interpreted, told};
use crate::attempt::Incident;
use crate::programs;
use crate::resolve::{self, Circumstances, Interpretation};

/// The result for such a message. If the kernel refused something that the command asked for, that is the reason. Otherwise it is
/// the program's own rule, provided that the program is an administrator's: others may as well relay somebody else's words.
pub(super) fn decide(
    incident: &Incident,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Decision {
    let untold = Incident {
        operations: Vec::new(),
        operation_sign: None,
        ..incident.clone()
    };
    let note = match interpreted(&untold, circumstances, views) {
        Decision::Nothing(note) => note,
        decided => return decided,
    };
    let lines = programs::command_lines(&circumstances.command);
    let administers = |line: &programs::CommandLine| {
        line.known
            .is_some_and(|it| it.administers_with(&line.words))
    };
    if !(lines.len() == 1 && lines.iter().all(administers)) {
        return Decision::Nothing(note);
    }
    match resolve::interpret(incident, circumstances) {
        Interpretation::Told(readings) => told::decide(incident, readings, views),
        _ => Decision::Nothing(note),
    }
}
