//! The subject is a member of the group that has access, but its process was started before it became one.

use super::case::Case;
use super::{Candidate, Fit, Rule, Words};
use crate::change::{Change, Effect, argv};
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

fn group(case: &Case) -> Option<u32> {
    match case.denial.rule {
        Rule::GroupNotActive { gid, .. } => Some(gid),
        _ => None,
    }
}
