//! A hint for people.

use owo_colors::OwoColorize;

use super::layout::{INDENT, columns, labelled, wrapped};
use super::{Style, deed, listing};
use crate::attempt::{Errno, Operation};
use crate::cause;
use crate::denial::Denial;
use crate::quote;
use crate::remedy::Fix;
use crate::report::{Finding, Outcome};

/// The hint for a finding.
#[must_use]
pub fn hint(finding: &Finding, style: Style) -> String {
    match (&finding.outcome, &finding.attempt) {
        (Outcome::Denied(denial, remedy), Some(attempt)) => {
            let words = cause::words(denial, attempt, &finding.facts);
            let mut text = headline(
                &format!("cannot {}", deed(attempt, &finding.facts)),
                finding,
                style,
            );
            text.push_str(&labelled("because", &words.because, style.width));
            let listing = listing::listing(denial, &finding.facts, &words.mark, style);
            if !listing.is_empty() {
                text.push_str(&format!("\n{listing}\n"));
            }
            text.push_str(&fixes(
                &remedy.fixes,
                attempt.subject.uid == 0,
                finding.facts.surroundings.sudo,
                style,
            ));
            text.push_str(&more(denial, style));
            text
        }
        (Outcome::Unknown(note), Some(attempt)) => {
            let head = headline(
                &format!(
                    "cannot tell what refused to {}",
                    deed(attempt, &finding.facts)
                ),
                finding,
                style,
            );
            head + &labelled("because", note, style.width)
        }
        (Outcome::Allowed, Some(attempt)) => {
            let user = finding.facts.names.user(attempt.subject.uid);
            let head = headline(
                &format!("{user} can {} now", deed(attempt, &finding.facts)),
                finding,
                style,
            );
            let because = "looked at afterwards, nothing stands in the way: it changed meanwhile, or the refusal came \
                           from something that cannot be seen from here";
            head + &labelled("because", because, style.width)
        }
        (outcome, None) => {
            let head = headline(&told(finding), finding, style);
            match outcome {
                Outcome::Unknown(note) => head + &labelled("because", note, style.width),
                _ => head,
            }
        }
    }
}

/// What the text alone tells of a refusal: `told of EACCES: mkdir of /srv/app`.
fn told(finding: &Finding) -> String {
    let incident = finding.incident.as_ref();
    let errno = incident
        .and_then(|incident| incident.errno)
        .map_or("a refusal", Errno::symbol);
    let operation = incident
        .and_then(|incident| incident.operations.first())
        .and_then(Operation::reported_name);
    let object = incident.and_then(|incident| incident.paths.first().or(incident.address.as_ref()));
    match (operation, object.map(|object| quote::display(object))) {
        (Some(operation), Some(object)) => format!("told of {errno}: {operation} {object}"),
        (None, Some(object)) => format!("told of {errno}: {object}"),
        (Some(operation), None) => format!("told of {errno}: {operation}, the object is not named"),
        (None, None) => format!("told of {errno}, the object is not named"),
    }
}

/// The answer of `why`.
#[must_use]
pub fn answer(finding: &Finding, style: Style) -> String {
    match (&finding.outcome, &finding.attempt) {
        (Outcome::Allowed, Some(attempt)) => {
            let user = finding.facts.names.user(attempt.subject.uid);
            let sentence = format!("{user} can {}", deed(attempt, &finding.facts));
            format!(
                "permwrap: {}\n",
                if style.color {
                    sentence.green().to_string()
                } else {
                    sentence
                }
            )
        }
        (Outcome::Unknown(note), Some(attempt)) => {
            let user = finding.facts.names.user(attempt.subject.uid);
            let head = headline(
                &format!(
                    "cannot tell whether {user} can {}",
                    deed(attempt, &finding.facts)
                ),
                finding,
                style,
            );
            head + &labelled("because", note, style.width)
        }
        _ => hint(finding, style),
    }
}

/// The words made to stand out, where there are colours.
pub(super) fn strong(text: &str, style: Style) -> String {
    if style.color {
        text.yellow().to_string()
    } else {
        text.to_owned()
    }
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
    if style.color {
        format!("{} {}{often}\n", "permwrap:".red().bold(), sentence.bold())
    } else {
        format!("permwrap: {sentence}{often}\n")
    }
}

/// The fixes, best first, as lines that can be pasted, for root or for one who has sudo(8) or has not; their remarks
/// lined up where there is room.
#[must_use]
pub fn fixes(fixes: &[Fix], is_root: bool, sudo: bool, style: Style) -> String {
    let lines: Vec<(String, String)> = fixes
        .iter()
        .map(|fix| {
            let sudo = fix.needs_root && !is_root && sudo;
            (pasteable(&fix.commands(), sudo), remark(fix, sudo, is_root))
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
            text.push_str(&labelled(label, &fix.title, style.width));
        } else {
            text.push_str(&command(label, line, remark, widest, style));
        }
    }
    text
}

/// The commands as one line.
fn pasteable(commands: &[String], sudo: bool) -> String {
    let prefix = if sudo { "sudo " } else { "" };
    commands
        .iter()
        .map(|command| format!("{prefix}{command}"))
        .collect::<Vec<_>>()
        .join(" && ")
}

fn remark(fix: &Fix, sudo: bool, is_root: bool) -> String {
    let mut remark = match fix.note.as_str() {
        "" => fix.title.clone(),
        note => note.to_owned(),
    };
    if fix.needs_root && !sudo && !is_root {
        remark.push_str(", as root");
    }
    if fix.relogin && !remark.contains("log in") {
        remark.push_str(", then log in again");
    }
    remark
}

/// A command with its remark beside it, behind the `widest` command where that fits, or below it.
fn command(label: &str, command: &str, remark: &str, widest: usize, style: Style) -> String {
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

/// The words at the end of a run for failures that no hint was shown for.
#[must_use]
pub fn remainder(unshown: u64) -> String {
    match unshown {
        0 => String::new(),
        1 => "permwrap: 1 more failure was not shown (--report FILE lists all)\n".to_owned(),
        many => {
            format!("permwrap: {many} more failures were not shown (--report FILE lists all)\n")
        }
    }
}
