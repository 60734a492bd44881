//! A hint as text.

mod fixes;
mod next;

pub(super) use fixes::pasteable;
pub use fixes::{MEND, fixes};
pub(super) use next::again_with;

use owo_colors::OwoColorize;

use super::{Style, deed, listing};
use crate::cause;
use crate::denial::Denial;
use crate::layout::{INDENT, columns, hanging, labelled, wrapped};
use crate::quote;
use crate::report::{Conclusion, Finding, Unclear};
use fixes::{fix_of_each, fixes_for};
use next::{Trace, lacks_something, tracing, what_next};

/// The hint for a finding.
#[must_use]
pub fn hint(finding: &Finding, style: Style) -> String {
    hint_with(finding, style, None)
}

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
        let how = match finding.attempt {
            Some(_) => "for the same reason",
            None => "like it",
        };
        often.push_str(&format!("  (and {} more {how})", finding.alike));
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
