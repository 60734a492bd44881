//! Set-user-ID and file capabilities have no effect in this process.

use super::case::Case;
use super::{Candidate, Fit, Rule, Words, deployment};
use crate::change::Deployment;
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let who = case.who();
    case.words(
        format!("{who}'s process cannot gain privileges"),
        "no_new_privs is set, so that set-user-ID programs run as whoever runs them".to_owned(),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Rule::Policy(policy, _) = case.denial.rule else {
        return Vec::new();
    };
    vec![Candidate::advice(policy.advice.clone())]
}

/// Applies to any refusal: the refused command would have privileges if no_new_privs were not set.
pub(super) fn in_vain(case: &Case) -> Option<Candidate> {
    let around = &case.facts.surroundings;
    let program = around.powerless.as_ref()?;
    if !case.subject().no_new_privs {
        return None;
    }
    let program = quote::display(program);
    let why = format!("{program} is set-user-ID, without effect in a process with no_new_privs");
    let setting = deployment::candidate(case, Deployment::NewPrivileges);
    let title = match &setting {
        Some(setting) => format!("{}: {why}", setting.title),
        None => format!("run it where new privileges may be gained: {why}"),
    };
    Some(Candidate {
        fit: Fit::Meant,
        ..Candidate::advice(title)
    })
}
