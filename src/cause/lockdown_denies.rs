//! The kernel's lockdown.

use super::case::Case;
use super::{Candidate, Words};
use crate::attempt::{Operation, Privilege};

pub(super) fn words(case: &Case) -> Words {
    let level = match &case.facts.settings.lockdown {
        Ok(level) => format!("its level is {}: ", level.name()),
        Err(_) => String::new(),
    };
    let because = match &case.attempt.operation {
        Operation::Privileged(Privilege::KernelModule) => {
            "the kernel's lockdown accepts only signed modules".to_owned()
        }
        Operation::Privileged(privilege) => {
            format!("the kernel's lockdown lets nobody {}", privilege.words())
        }
        _ => format!("the kernel's lockdown keeps {} closed", case.path()),
    };
    let rule =
        format!("{level}it applies to root as well, until the machine is restarted without it");
    case.words(because, rule)
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let advice = match case.attempt.operation {
        Operation::Privileged(Privilege::KernelModule) => {
            "sign the module with a key that the machine trusts (mokutil --import)"
        }
        _ => {
            "restart the machine without it (no lockdown= on the kernel's command line, no Secure Boot), if that is meant: nothing \
             lifts it before"
        }
    };
    vec![Candidate::advice(advice)]
}
