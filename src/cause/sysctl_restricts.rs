//! Another kernel setting restricts the operation: perf_event_paranoid, dmesg_restrict, ptrace_scope and the like.

use super::case::Case;
use super::{Candidate, Fit, Obstacle, Words, deployment, elsewhere, kernel_setting};
use crate::attempt::Capability;
use crate::change::{Change, Deployment};

/// Settings that may be relaxed on a single machine, with the value that is most permissive for ordinary users.
const PERMISSIVE: &[(&str, i64)] = &[
    ("kernel.apparmor_restrict_unprivileged_userns", 0),
    ("kernel.dmesg_restrict", 0),
    ("kernel.kptr_restrict", 0),
    ("kernel.perf_event_paranoid", 1),
    ("kernel.unprivileged_userns_clone", 1),
    ("kernel.yama.ptrace_scope", 0),
];

/// Settings that do not restrict processes with a capability, and that capability.
const LIFTED: &[(&str, Capability)] = &[
    ("kernel.dmesg_restrict", Capability::Syslog),
    ("kernel.kptr_restrict", Capability::Syslog),
    ("kernel.perf_event_paranoid", Capability::Perfmon),
    ("kernel.unprivileged_bpf_disabled", Capability::Bpf),
    ("kernel.yama.ptrace_scope", Capability::SysPtrace),
];

pub(super) fn words(case: &Case) -> Words {
    let Some(name) = setting(case) else {
        return case.words(
            "a kernel setting forbids it".to_owned(),
            case.rule_in_words(),
        );
    };
    let value = match case.facts.settings.other.get(name) {
        Some(Ok(value)) => format!("{name} is {value}"),
        _ => format!("{name} is in force"),
    };
    case.words(
        format!("the kernel setting {name} forbids it to {}", case.who()),
        value,
    )
}

/// Whether a setting cannot be changed back before the next boot (`yama_dointvec_minmax`, `proc_dointvec_minmax` of
/// modules_disabled).
fn is_for_good(name: &str, value: i64) -> bool {
    match name {
        "kernel.modules_disabled" => value >= 1,
        "kernel.yama.ptrace_scope" => value >= 3,
        _ => false,
    }
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let value = |name: &&str| case.facts.settings.other.get(*name)?.clone().ok();
    if let Some(name) = setting(case)
        && value(&name).is_some_and(|value| is_for_good(name, value))
    {
        return vec![Candidate::advice(format!(
            "restart the machine without what sets {name}: it cannot be taken back while it runs"
        ))];
    }
    if let Some(name) = setting(case)
        && case.facts.surroundings.container.is_some()
    {
        return vec![in_container(name, case)];
    }
    if case.facts.surroundings.account.hearsay {
        return vec![Candidate::advice(
            "only the text says so: `permwrap --trace` sees whether the kernel refused it, and then names the setting's new value",
        )];
    }
    let mut all = Vec::new();
    all.extend(elsewhere::as_root(case).map(|as_root| Candidate {
        fit: Fit::Meant,
        ..as_root
    }));
    if let Some((name, value)) =
        setting(case).and_then(|name| PERMISSIVE.iter().find(|(known, _)| *known == name))
    {
        let change = Change::Setting {
            name: (*name).to_owned(),
            value: *value,
        };
        all.push(
            Candidate::new(Fit::Broad, format!("set {name} to {value}"), [change])
                .noting("for everybody on this machine, until the next boot"),
        );
    }
    if all.is_empty() {
        let advice = match setting(case) {
            Some(name) if case.subject().uid == 0 => {
                format!("set {name} otherwise (sysctl -w; /etc/sysctl.d keeps it)")
            }
            _ => "leave it to the administrator, or to a program of the system that is made for it"
                .to_owned(),
        };
        all.push(Candidate::advice(advice));
    }
    all
}

/// A setting of the whole machine is not relaxed for a single container if a capability lifts the restriction. Engines grant
/// capabilities to root.
fn in_container(name: &str, case: &Case) -> Candidate {
    let lifts = LIFTED.iter().find(|(known, _)| *known == name);
    let given = lifts
        .filter(|_| case.subject().uid == 0)
        .and_then(|(_, capability)| {
            deployment::candidate(case, Deployment::AddCapability(*capability))
        });
    let value = PERMISSIVE.iter().find(|(known, _)| *known == name);
    let value = value.map_or_else(|| "VALUE".to_owned(), |(_, value)| value.to_string());
    given.unwrap_or_else(|| kernel_setting::of(name, &value, case))
}

fn setting<'a>(case: &Case<'a>) -> Option<&'a str> {
    match &case.denial.at {
        Obstacle::Setting(name) => Some(name),
        _ => None,
    }
}
