//! The subject is a member of the group that has access, but its process was started before it became one.

use super::case::Case;
use super::{Candidate, Fit, Rule, Words};
use crate::change::{Change, Effect, argv};
use crate::programs::{self, CommandLine, Program};
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let Some(gid) = group(case) else {
        return case.words(
            format!(
                "this process does not have the groups that {} has",
                case.who()
            ),
            case.rule_in_words(),
        );
    };
    let (who, group) = (case.who(), case.group(gid));
    if let Some(dropped) = dropped(case) {
        return case.words(
            format!(
                "group {group} may, and {who} is in it, but {} leaves it out",
                dropped.program
            ),
            format!("{} starts it without that group", dropped.option),
        );
    }
    case.words(
        format!("group {group} may, and {who} is in it, but this session does not know it yet"),
        format!("groups are set at login: {group} was given to {who} after this one began"),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Some(gid) = group(case) else {
        return Vec::new();
    };
    let name = case.group(gid);
    if let Some(Dropped {
        program,
        option,
        instead,
    }) = dropped(case)
    {
        return vec![Candidate::advice(format!(
            "run {program} with {instead} instead of {option}: then group {name} counts"
        ))];
    }
    let mut all = Vec::new();
    if let Some(unit) = &case.facts.surroundings.unit {
        let unit = quote::display(unit.name.as_bytes());
        all.push(
            Candidate::new(
                Fit::Meant,
                format!("restart {unit}"),
                [Change::Relogin(gid)],
            )
            .noting(format!("restarts it, with group {name}")),
        );
        return all;
    }
    all.push(
        Candidate::new(
            Fit::Meant,
            format!("log in again, so that group {name} counts"),
            [Change::Relogin(gid)],
        )
        .noting("for this shell only; for good, log out and in again"),
    );
    let command = &case.facts.surroundings.command;
    if !command.is_empty() {
        let group = case.facts.names.group_word(gid);
        let inner = quote::command(command);
        let sg = Change::Run {
            argv: argv(&[b"sg", group.as_bytes(), b"-c", inner.as_bytes()]),
            root: false,
            effect: Effect::Avoids,
        };
        all.push(Candidate::new(
            Fit::Around,
            format!("run this one command in group {name}"),
            [sg],
        ));
    }
    all
}

/// An option of the command line that leaves out groups of the user.
struct Dropped {
    program: String,
    option: String,
    /// The option that keeps them.
    instead: &'static str,
}

fn dropped(case: &Case) -> Option<Dropped> {
    let lines = programs::command_lines(&case.facts.surroundings.command);
    let of_line = |line: &CommandLine| {
        let known: &'static Program = line.known?;
        let option = line.words.iter().find(|word| known.drops_groups(word))?;
        Some(Dropped {
            program: quote::display(line.name()),
            option: quote::display(option),
            instead: known.keeps_groups.as_deref()?,
        })
    };
    lines.iter().find_map(of_line)
}

fn group(case: &Case) -> Option<u32> {
    match case.denial.rule {
        Rule::GroupNotActive { gid, .. } => Some(gid),
        _ => None,
    }
}
