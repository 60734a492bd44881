//! The fixes of a hint, as lines that can be pasted.

use super::command;
use crate::attempt::{Attempt, Object, Operation};
use crate::facts::Elevator;
use crate::layout::{INDENT, columns, labelled};
use crate::quote;
use crate::remedy::Fix;
use crate::render::Style;
use crate::report::{Finding, Way};

/// The fixes for each of the operations that are refused now, each with a note of what it is for.
pub(super) fn fix_of_each(ways: &[Way]) -> Vec<Fix> {
    let fix = |way: &Way| {
        let (_, fixes) = way.refused.as_ref()?;
        let note = format!("for {}", way.operation.doing());
        Some(Fix {
            note,
            ..fixes.first()?.clone()
        })
    };
    let mut each: Vec<Fix> = Vec::new();
    for fix in ways.iter().filter_map(fix) {
        // Advice does not say what it is for, so it is shown only once.
        let is_told = |known: &Fix| known.argv.is_empty() && known.title == fix.title;
        if !(fix.argv.is_empty() && each.iter().any(is_told)) {
            each.push(fix);
        }
    }
    // What serves more of the operations comes first.
    each.sort_by_key(|fix| fix.argv.is_empty() && !fix.led_astray);
    each
}

pub(super) fn fixes_for(finding: &Finding, attempt: &Attempt, all: &[Fix], style: Style) -> String {
    // For another place, what a fix requires was already stated.
    let is_root =
        attempt.subject.uid == 0 && finding.facts.surroundings.abroad.is_none() && style.is_root;
    let elevator = finding.facts.surroundings.elevator;
    let asked = || question(finding, attempt).filter(|_| !style.is_remembered);
    let by_root = asked().map(|question| elevator.run(&question) + "; ");
    let by_root = by_root.unwrap_or_default() + &elevator.run(MEND);
    match all.split_first() {
        Some((first, others))
            if finding.incident.is_some() && first.verified && first.led_astray =>
        {
            let mend = asked().map_or_else(|| MEND.to_owned(), |_| by_root.clone());
            let rest = fixes(others, is_root, elevator, &by_root, style);
            fix_of_a_run(first, &mend, is_root, elevator, style)
                + &rest.replacen("  fix      ", "  or       ", 1)
        }
        _ => fixes(all, is_root, elevator, &by_root, style),
    }
}

/// What fixes the refusals of the last run.
pub const MEND: &str = "permwrap fix";

/// The same refusal as a question, which root can ask and then fix. `None` if a question has to say more than what was done to
/// which object.
fn question(finding: &Finding, attempt: &Attempt) -> Option<String> {
    let Object::Path(path) = &attempt.object else {
        return None;
    };
    let is_plain = matches!(
        attempt.operation,
        Operation::Open(_)
            | Operation::List
            | Operation::Traverse
            | Operation::Exec
            | Operation::Mkdir
            | Operation::Delete
            | Operation::Rmdir
            | Operation::Connect
    );
    let user = finding.facts.names.user_word(attempt.subject.uid);
    let (operation, path) = (attempt.operation.name(), quote::shell(path));
    is_plain.then(|| format!("permwrap why {operation} {path} --as {user}"))
}

/// A fix that only permwrap makes, with this command.
fn fix_of_a_run(
    first: &Fix,
    mend: &str,
    is_root: bool,
    elevator: Elevator,
    style: Style,
) -> String {
    let by_root = match elevator == Elevator::None && first.needs_root && !is_root {
        true => "run by root: ",
        false => "",
    };
    let does = match first.note.as_str() {
        "" => &first.title,
        note => note,
    };
    let remark = format!("{by_root}{does}; a pasted command could be led to another object");
    command("fix", mend, &remark, columns(mend), style)
}

/// The fixes, best first, as lines that can be pasted by root, by a user with sudo(8) or doas(1), or by one without. Remarks are aligned
/// if there is room. `mend` is what root runs in order to see more.
#[must_use]
pub fn fixes(fixes: &[Fix], is_root: bool, elevator: Elevator, mend: &str, style: Style) -> String {
    let lines: Vec<(String, String)> = fixes
        .iter()
        .map(|fix| {
            let elevator = match fix.needs_root && !is_root {
                true => elevator,
                false => Elevator::None,
            };
            (
                pasteable(&fix.commands(), elevator),
                remark(fix, elevator, is_root),
            )
        })
        .collect();
    let fits = |(command, remark): &&(String, String)| {
        INDENT + columns(command) + 3 + columns(remark) <= style.width
    };
    let widest = lines
        .iter()
        .filter(fits)
        .map(|(command, _)| columns(command))
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (at, (fix, (line, remark))) in fixes.iter().zip(&lines).enumerate() {
        let label = if at == 0 { "fix" } else { "or" };
        if fix.argv.is_empty() {
            let end = if fix.line.is_some() { ":" } else { "" };
            text.push_str(&labelled(label, &(fix.words() + end), style.width));
            // It is pasted as a whole.
            let line = fix.line.iter();
            text.extend(line.map(|line| format!("{}{line}\n", " ".repeat(INDENT + 2))));
        } else {
            text.push_str(&command(label, line, remark, widest, style));
        }
    }
    let next = fixes.iter().find_map(|fix| fix.next.as_ref());
    if let Some(next) = next {
        text.push_str(&labelled("then", next, style.width));
    } else if fixes.iter().any(|fix| !fix.complete) {
        let rest = format!("what is behind it cannot be seen from here; `{mend}` can see it");
        let of_root = if elevator == Elevator::None {
            ", run by root"
        } else {
            ""
        };
        text.push_str(&labelled("then", &(rest + of_root), style.width));
    }
    text
}

/// The commands as a single line.
pub(in crate::render) fn pasteable(commands: &[String], elevator: Elevator) -> String {
    let commands = commands.iter().map(|command| elevator.run(command));
    commands.collect::<Vec<_>>().join(" && ")
}

fn remark(fix: &Fix, elevator: Elevator, is_root: bool) -> String {
    let mut remark = match fix.note.as_str() {
        "" => fix.sentence(),
        note => note.to_owned(),
    };
    if fix.needs_root && elevator == Elevator::None && !is_root {
        // It is not appended, because "log in again, as root" would mean something else.
        remark = format!("in a root shell; {remark}");
    }
    if fix.relogin && !remark.contains("log in") && !remark.contains("log out") {
        remark.push_str(", then log in again");
    }
    remark
}
