//! Set-user-ID and file capabilities have no effect in this process.

use super::case::Case;
use super::{Candidate, Rule, Words};

pub(super) fn words(case: &Case) -> Words {
    let who = case.who();
    case.words(
        format!("the process of {who} can gain no privileges"),
        "no_new_privs is set, so that set-user-ID programs run as whoever runs them".to_owned(),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Rule::Policy(policy, _) = case.denial.rule else {
        return Vec::new();
    };
    vec![Candidate::advice(policy.advice.clone())]
}
