//! An AppArmor profile.

use super::case::Case;
use super::{Candidate, Rule, Words};
use crate::facts::Perms;
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let rule = match profile(case) {
        Some(profile) => format!("the profile {profile} does not allow it"),
        None => "its profile does not allow it".to_owned(),
    };
    case.module_words("an AppArmor profile", &rule)
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let letters: String = [(Perms::R, 'r'), (Perms::W, 'w'), (Perms::X, 'x')]
        .into_iter()
        .filter(|(bit, _)| case.wanted().contains(*bit))
        .map(|(_, letter)| letter)
        .collect();
    let asked = case.asked();
    let profile = match profile(case) {
        Some(profile) => format!("the profile {profile}"),
        None => "its profile".to_owned(),
    };
    vec![Candidate::advice(format!(
        "add `{asked} {letters},` to {profile} (in /etc/apparmor.d/local), then load it with apparmor_parser -r"
    ))]
}

/// The profile's name: from the log line, else the label of the process (`/usr/sbin/nginx (enforce)`).
fn profile(case: &Case) -> Option<String> {
    let logged = match &case.denial.rule {
        Rule::Module {
            evidence: Some(line),
        } => line
            .split_once("profile=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(name, _)| name.to_owned()),
        _ => None,
    };
    let own = || {
        let label = case.subject().label.as_ref().ok()?.as_ref()?;
        let name = label.split(" (").next()?;
        (name != "unconfined").then(|| name.to_owned())
    };
    Some(quote::display(logged.or_else(own)?.as_bytes()))
}
