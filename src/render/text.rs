//! A hint as text.

use owo_colors::OwoColorize;

use super::{Style, deed, listing};
use crate::attempt::{Attempt, Object, Operation};
use crate::cause;
use crate::denial::Denial;
use crate::facts::Elevator;
use crate::layout::{INDENT, columns, hanging, labelled, wrapped};
use crate::quote;
use crate::remedy::Fix;
use crate::report::{Conclusion, Finding, Unclear, Way};

/// The hint for a finding.
#[must_use]
pub fn hint(finding: &Finding, style: Style) -> String {
    hint_with(finding, style, None)
}

/// How to obtain more information if the text says too little: a command line, and a remark.
type Trace = (String, &'static str);

/// The hint, including how to obtain more information if the text says too little.
fn hint_with(finding: &Finding, style: Style, trace: Option<&Trace>) -> String {
    let mut text = headline(&super::headline(finding), finding, style);
    match (&finding.conclusion, &finding.attempt) {
        (Conclusion::Refused(denial, remedy), Some(attempt)) => {
            let words = cause::words(denial, attempt, &finding.facts);
            text.push_str(&labelled("because", &words.because, style.width));
            let listing = listing::listing(denial, &finding.facts, &words.mark, style);
            if !listing.is_empty() {
                text.push_str(&format!("\n{listing}\n"));
            }
            if let Some(paths) = super::both_paths(finding) {
                text.push_str(&labelled("where", &paths, style.width));
            }
            text.push_str(&fixes_for(finding, attempt, &remedy.fixes, style));
            text.push_str(&tracing("next", trace, style));
            text.push_str(&more(denial, style));
        }
        (Conclusion::Unclear(unclear), attempt) => {
            text.push_str(&labelled("because", &super::unclear(unclear), style.width));
            if let (Unclear::Operation(ways), Some(attempt)) = (unclear, attempt) {
                text.push_str(&fixes_for(finding, attempt, &fix_of_each(ways), style));
            }
            text.push_str(&what_next(finding, trace, style));
        }
        (Conclusion::Allowed, Some(_)) => {
            let because = "nothing refuses it now: it has changed since, or was refused by something that cannot be seen \
                           from here";
            text.push_str(&labelled("because", because, style.width));
            text.push_str(&tracing("next", trace, style));
        }
        (Conclusion::Refused(..) | Conclusion::Allowed, None) => {}
    }
    text
}

/// The line about tracing, if there is one.
fn tracing(label: &str, trace: Option<&Trace>, style: Style) -> String {
    trace.map_or_else(String::new, |(line, remark)| {
        command(label, line, remark, columns(line), style)
    })
}

/// How to learn more about a failure that could not be explained: root can see more than others.
fn what_next(finding: &Finding, trace: Option<&Trace>, style: Style) -> String {
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

/// The hint for a finding of a run of this command. If it lacks the object or the operation and system calls were not traced, it
/// ends with how to trace them.
#[must_use]
pub fn hint_in_run(finding: &Finding, style: Style, traced: bool, command: &[Vec<u8>]) -> String {
    let trace = (
        again_with("--trace", &quote::command(command)),
        "shows the call itself",
    );
    let is_useful = lacks_something(finding) && !traced;
    hint_with(finding, style, is_useful.then_some(&trace))
}

/// The text for a run that failed, if the program tells of a refusal, but not of what.
#[must_use]
pub fn nameless(command_line: &[Vec<u8>], style: Style) -> String {
    let line = again_with("--trace", &quote::command(command_line));
    let head = titled("the program does not say what was refused", style);
    head + &command(
        "next",
        &line,
        "shows the call itself",
        columns(&line),
        style,
    )
}

/// The command line of another run with an option. A command that is too long to be read is left out.
pub(super) fn again_with(option: &str, command: &str) -> String {
    const LONGEST: usize = 200;
    let is_long = columns(command) > LONGEST || command.contains('\n');
    format!(
        "permwrap {option} -- {}",
        if is_long { "COMMAND" } else { command }
    )
}

/// The hint for a text that was saved or pasted. If nothing is refused to whoever asks and nobody else was named, the text may be about
/// another user: it ends with how to ask for that one.
#[must_use]
pub fn hint_for_a_text(finding: &Finding, style: Style, is_named: bool) -> String {
    let trace = (
        "permwrap --trace -- COMMAND".to_owned(),
        "shows the call itself, where COMMAND fails again",
    );
    let text = hint_with(finding, style, lacks_something(finding).then_some(&trace));
    match finding.conclusion {
        Conclusion::Allowed if !is_named => {
            let label = if lacks_something(finding) {
                "or"
            } else {
                "next"
            };
            let other = "permwrap explain --as USER (if somebody else got this message)";
            text + &labelled(label, other, style.width)
        }
        _ => text,
    }
}

/// Whether nothing identifies the object or the operation, and a trace would.
fn lacks_something(finding: &Finding) -> bool {
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

/// The fixes for each of the operations that are refused now, each with a note of what it is for.
fn fix_of_each(ways: &[Way]) -> Vec<Fix> {
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

fn fixes_for(finding: &Finding, attempt: &Attempt, all: &[Fix], style: Style) -> String {
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

/// The answer of `why`.
#[must_use]
pub fn answer(finding: &Finding, style: Style) -> String {
    let Some(attempt) = &finding.attempt else {
        return hint(finding, style);
    };
    let user = finding.facts.names.user(attempt.subject.uid);
    let deed = deed(attempt, &finding.facts);
    match &finding.conclusion {
        Conclusion::Allowed => {
            let sentence = format!("{user} can {deed}");
            let sentence = match style.color {
                true => sentence.green().to_string(),
                false => sentence,
            };
            format!("permwrap: {sentence}\n")
        }
        Conclusion::Unclear(unclear) => {
            let sentence = format!("cannot tell whether {user} can {deed}");
            let head = headline(&sentence, finding, style);
            let because = labelled("because", &super::unclear(unclear), style.width);
            head + &because + &what_next(finding, None, style)
        }
        Conclusion::Refused(..) => hint(finding, style),
    }
}

/// A refusal that no file of this machine is responsible for: the line that reports it, and what it means.
#[must_use]
pub fn elsewhere(message: &[u8], meaning: &str, style: Style) -> String {
    let head = titled(
        &format!("refused elsewhere: {}", quote::display(message)),
        style,
    );
    head + &labelled("because", meaning, style.width)
}

fn headline(sentence: &str, finding: &Finding, style: Style) -> String {
    let mut often = if finding.count > 1 {
        format!("  ({} times)", finding.count)
    } else {
        String::new()
    };
    if finding.alike > 0 {
        often.push_str(&format!(
            "  (and {} more for the same reason)",
            finding.alike
        ));
    }
    titled(&(sentence.to_owned() + &often), style)
}

/// The first line of a hint; further lines, if the width requires them, are aligned with it.
pub(super) fn titled(sentence: &str, style: Style) -> String {
    const NAME: &str = "permwrap:";
    let mut lines = hanging(NAME, sentence, style.width);
    let mut name = NAME.to_owned();
    if style.color {
        name = name.red().bold().to_string();
        lines = lines.iter().map(|line| line.bold().to_string()).collect();
    }
    format!("{name} {}\n", lines.join("\n          "))
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
pub(super) fn pasteable(commands: &[String], elevator: Elevator) -> String {
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

/// A command with its remark, which is aligned after the `widest` command if it fits, and otherwise put below.
pub(super) fn command(
    label: &str,
    command: &str,
    remark: &str,
    widest: usize,
    style: Style,
) -> String {
    let shown = if style.color {
        command.cyan().bold().to_string()
    } else {
        command.to_owned()
    };
    let room = style.width.saturating_sub(INDENT + 3 + columns(remark));
    if columns(command) <= room {
        let gap = " ".repeat(widest.min(room) - columns(command).min(widest) + 3);
        return format!("  {label:<9}{shown}{gap}{}\n", dim(remark, style));
    }
    let mut text = format!("  {label:<9}{shown}\n");
    for line in wrapped(remark, style.width.saturating_sub(INDENT + 2)) {
        text.push_str(&format!(
            "{}{}\n",
            " ".repeat(INDENT + 2),
            dim(&line, style)
        ));
    }
    text
}

fn dim(text: &str, style: Style) -> String {
    if style.color {
        text.dimmed().to_string()
    } else {
        text.to_owned()
    }
}

fn more(denial: &Denial, style: Style) -> String {
    labelled(
        "more",
        &format!("permwrap causes {}", denial.code.name()),
        style.width,
    )
}

/// A line about an earlier occurrence of a refusal.
#[must_use]
pub fn remembered(before: &str, style: Style) -> String {
    labelled("before", before, style.width)
}

/// The text at the end of a run about failures for which no hint was shown. `listed` says whether a report lists them.
#[must_use]
pub fn remainder(unshown: u64, listed: bool, style: Style) -> String {
    let (failures, them) = match unshown {
        0 => return String::new(),
        1 => ("1 more failure was", "it"),
        _ => ("more failures were", "them"),
    };
    let number = if unshown == 1 {
        String::new()
    } else {
        format!("{unshown} ")
    };
    let how = match listed {
        true => String::new(),
        false => format!(" (--report FILE lists {them})"),
    };
    let plain = Style {
        color: false,
        ..style
    };
    titled(&format!("{number}{failures} not shown{how}"), plain)
}
