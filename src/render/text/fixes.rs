//! The fixes of a hint, as lines that can be pasted.

use super::command;
use crate::attempt::Attempt;
use crate::facts::Elevator;
use crate::layout::{INDENT, columns, labelled};
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
    match all.split_first() {
        Some((first, others))
            if finding.incident.is_some() && first.verified && first.led_astray =>
        {
            fix_of_a_run(first, others, is_root, elevator, style)
        }
        _ => fixes(all, is_root, elevator, style),
    }
}

/// A fix that only `permwrap fix` makes.
fn fix_of_a_run(
    first: &Fix,
    others: &[Fix],
    is_root: bool,
    elevator: Elevator,
    style: Style,
) -> String {
    const MEND: &str = "permwrap fix";
    let by_root = match elevator == Elevator::None && first.needs_root && !is_root {
        true => "run by root: ",
        false => "",
    };
    let does = match first.note.as_str() {
        "" => &first.title,
        note => note,
    };
    let remark = format!("{by_root}{does}; a pasted command could be led to another object");
    let rest = fixes(others, is_root, elevator, style).replacen("  fix      ", "  or       ", 1);
    command("fix", MEND, &remark, columns(MEND), style) + &rest
}

/// The fixes, best first, as lines that can be pasted by root, by a user with sudo(8) or doas(1), or by one without. Remarks are aligned
/// if there is room.
#[must_use]
pub fn fixes(fixes: &[Fix], is_root: bool, elevator: Elevator, style: Style) -> String {
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
    if fixes.iter().any(|fix| !fix.complete) {
        let mend = elevator.run("permwrap fix");
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
