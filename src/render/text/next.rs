//! How to learn more about a failure that the text tells too little about.

use super::command;
use crate::attempt::{Attempt, Object, Operation};
use crate::layout::{columns, labelled};
use crate::quote;
use crate::render::Style;
use crate::report::Finding;

/// How to obtain more information if the text says too little: a command line, and a remark.
pub(super) type Trace = (String, &'static str);

/// The line about tracing, if there is one.
pub(super) fn tracing(label: &str, trace: Option<&Trace>, style: Style) -> String {
    trace.map_or_else(String::new, |(line, remark)| {
        command(label, line, remark, columns(line), style)
    })
}

/// How to learn more about a failure that could not be explained: root can see more than others.
pub(super) fn what_next(finding: &Finding, trace: Option<&Trace>, style: Style) -> String {
    let mut text = String::new();
    let attempt = finding.attempt.as_ref();
    let asked =
        attempt.filter(|attempt| attempt.subject.uid != 0 && !finding.facts.surroundings.elsewhere);
    if let Some(question) = asked.and_then(|attempt| question(attempt, finding)) {
        text.push_str(&labelled("next", &question, style.width));
    }
    let label = if text.is_empty() { "next" } else { "or" };
    text.push_str(&tracing(label, trace, style));
    text + &labelled("more", "permwrap causes unknown", style.width)
}

/// The call of `permwrap why` with which root can ask the same question; `None` if the problem is not something unreadable.
fn question(attempt: &Attempt, finding: &Finding) -> Option<String> {
    let Object::Path(path) = &attempt.object else {
        return None;
    };
    let hidden = finding
        .facts
        .walk
        .steps
        .iter()
        .any(|step| step.found.is_err());
    let target = finding.facts.walk.target();
    let is_unread = attempt.operation == Operation::Exec
        && target.is_some_and(|id| finding.facts.node(id).program.is_err());
    let names = Operation::names();
    let name = attempt.operation.name();
    let is_told = finding.incident.is_none() || finding.signs.operation.is_some();
    if !(hidden || is_unread) || !is_told || attempt.to.is_some() || !names.contains(&name) {
        return None;
    }
    let user = finding.facts.names.users.get(&attempt.subject.uid);
    let user = user.map_or_else(|| attempt.subject.uid.to_string(), Clone::clone);
    let (path, user) = (quote::shell(path), quote::shell(user.as_bytes()));
    let question = format!("permwrap why {name} {path} --as {user}");
    let question = finding.facts.surroundings.elevator.run(&question);
    Some(format!("{question} (root can see what is hidden here)"))
}

/// The command line of another run with an option. A command that is too long to be read is left out.
pub(in crate::render) fn again_with(option: &str, command: &str) -> String {
    const LONGEST: usize = 200;
    let is_long = columns(command) > LONGEST || command.contains('\n');
    format!(
        "permwrap {option} -- {}",
        if is_long { "COMMAND" } else { command }
    )
}

/// Whether nothing identifies the object or the operation, and a trace would.
pub(super) fn lacks_something(finding: &Finding) -> bool {
    if finding.signs.elsewhere {
        return false;
    }
    // What a program refuses by a rule of its own is no system call.
    let mut told = finding
        .incident
        .iter()
        .flat_map(|incident| &incident.operations);
    if told.any(|operation| matches!(operation, Operation::Trust(_))) {
        return false;
    }
    finding.signs.object.is_none() || finding.signs.operation.is_none()
}
