//! Only the owner, or a process with the capability that replaces ownership, may do this.

use super::case::Case;
use super::{Candidate, Rule, Words, elsewhere, give_back};
use crate::attempt::{ACCESS_ACL, Operation};
use crate::change::Change;
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let (who, path) = (case.who(), case.path());
    let shows_a_process = case.node().is_some_and(|node| node.traced.is_some());
    let what = match &case.attempt.operation {
        _ if shows_a_process => "look at the process behind it",
        Operation::Chmod(_) => "change its mode",
        Operation::Utime { .. } => "set its times",
        Operation::Chown { .. } => "change its group",
        Operation::Setxattr(name) if name == ACCESS_ACL => "set its ACL",
        Operation::Setxattr(_) => "set its attributes",
        Operation::Open(_) => "open it without marking the access (O_NOATIME)",
        _ => "do this to it",
    };
    let because = format!("{who} does not own {path}");
    let rule = match case.denial.rule {
        Rule::Ownership { owner, or } => format!(
            "only its owner {}, or a process with {}, may {what}",
            case.user(owner),
            or.name()
        ),
        _ => format!("only its owner may {what}"),
    };
    case.words(because, rule)
}

/// Whom to leave the operation to, with a command if one can be given.
fn to_the_owner(case: &Case, owner: u32) -> String {
    let name = case.user(owner);
    let id = case.facts.walk.target();
    let change = id.map(|id| Change::ByRoot {
        operation: case.attempt.operation.clone(),
        path: case.facts.node(id).path.clone(),
    });
    let command = change.and_then(|change| change.argv(case.subject(), case.facts));
    let command = command.or_else(|| elsewhere::does_just_that(case));
    match command.map(|argv| quote::command(&argv)) {
        _ if owner == 0 => format!("leave it to {name}, who owns it"),
        Some(command) => format!("leave it to {name}, who owns it and may: {command}"),
        None => format!("leave it to {name}, who owns it, or to root"),
    }
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let mut all = Vec::new();
    if matches!(case.attempt.operation, Operation::Open(how) if how.noatime) {
        all.push(Candidate::advice("open it without O_NOATIME"));
    }
    all.extend(give_back::candidate(case));
    all.extend(elsewhere::keep_attributes_out(case));
    all.extend(elsewhere::as_root(case));
    all.extend(elsewhere::by_root(case));
    if let Rule::Ownership { owner, .. } = case.denial.rule {
        all.push(Candidate::advice(to_the_owner(case, owner)));
    }
    all
}
