//! Root lacks the capability that would override a refusal, or an operation always requires a capability.

use super::case::Case;
use super::{Candidate, Rule, Words, deployment, elsewhere, grant};
use crate::attempt::{AskedIn, Capability, Operation, Privilege};
use crate::change::{Deployment, Place};
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let who = case.who();
    match case.denial.rule {
        Rule::Needs(capability) if overrides_bits(case) => case.words(
            format!(
                "{who} may not {} {}",
                case.may_not(case.wanted()),
                case.path()
            ),
            format!(
                "its bits do not let {who}, and this process lacks {}, which would override them",
                capability.name()
            ),
        ),
        Rule::Needs(capability) if is_asked_in_the_first(case, capability) => {
            let capability = capability.name();
            case.words(
                format!("{who} lives in a user namespace, and {capability} there does not suffice"),
                format!("only a process with {capability} in the first user namespace of the machine may do this"),
            )
        }
        Rule::Needs(capability) => {
            let capability = capability.name();
            match owner_of_the_other(case) {
                Some(owner) => case.words(
                    format!("{owner}, and {who} lacks {capability}"),
                    format!("only its owner, or a process with {capability}, may do this"),
                ),
                // What root has by nature is not known by that name to most.
                None if case.subject().uid != 0 => case.words(
                    format!("{who} lacks {capability}, a privilege of root"),
                    format!("only a process with {capability} may do this"),
                ),
                None => case.words(
                    format!("{who} lacks {capability}"),
                    format!("only a process with {capability} may do this"),
                ),
            }
        }
        _ => case.words(format!("{who} lacks a capability"), case.rule_in_words()),
    }
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    if let Rule::Needs(capability) = case.denial.rule
        && is_asked_in_the_first(case, capability)
    {
        let advice = "run it outside of the user namespace, as root: no option gives a process in there this privilege";
        return vec![Candidate::advice(advice).at(Place::Host)];
    }
    let mut all = Vec::new();
    if overrides_bits(case) {
        all.extend(grant::candidates(case));
    }
    all.extend(elsewhere::as_root(case));
    let capability = match case.denial.rule {
        Rule::Needs(capability) => capability,
        _ => Capability::DacOverride,
    };
    let sets_host_name = case.attempt.operation == Operation::Privileged(Privilege::HostName);
    let setting = sets_host_name
        .then(|| deployment::candidate(case, Deployment::HostName))
        .flatten()
        .or_else(|| deployment::candidate(case, Deployment::AddCapability(capability)));
    if let Some(setting) = setting {
        if let Some(inode) = case.inode()
            && case.subject().uid == 0
            && inode.uid != 0
        {
            let around = &case.facts.surroundings;
            let ids = around
                .id_there(inode.uid, false)
                .zip(around.id_there(inode.gid, true));
            let as_owner = |(uid, gid)| deployment::candidate(case, Deployment::RunAs { uid, gid });
            all.extend(ids.and_then(as_owner));
        }
        all.push(setting);
    } else if matches!(
        case.attempt.operation,
        Operation::Privileged(Privilege::Limits)
    ) && case.facts.another.is_none()
    {
        all.push(Candidate::advice(
            "raise the hard limit first: in /etc/security/limits.d for a login, by LimitNOFILE= and its like for a service",
        ));
    } else if all.is_empty() {
        all.push(Candidate::advice(super::LEAVE_IT));
    }
    all
}

/// Whether the process lives in another user namespace than the one in which the capability is asked for.
fn is_asked_in_the_first(case: &Case, capability: Capability) -> bool {
    let subject = case.subject();
    let is_of_the_first = match case.attempt.operation {
        Operation::Privileged(privilege) => privilege.asked_in() == AskedIn::First,
        _ => false,
    };
    !subject.initial_user_ns
        && !overrides_bits(case)
        && (is_of_the_first || subject.has(capability))
}

/// To whom the other process belongs, if that is somebody else.
fn owner_of_the_other(case: &Case) -> Option<String> {
    let other = case.facts.another.as_ref()?;
    let [owner, ..] = other.uids;
    let name = quote::display(other.command.as_bytes());
    let owns = owner != case.subject().uid;
    owns.then(|| {
        format!(
            "process {} ({name}) belongs to {}",
            other.pid,
            case.user(owner)
        )
    })
}

/// Whether permission bits refuse, which the capability would merely have overridden.
fn overrides_bits(case: &Case) -> bool {
    let overriding = matches!(
        case.denial.rule,
        Rule::Needs(Capability::DacOverride | Capability::DacReadSearch)
    );
    overriding && case.at().is_some()
}
