//! Setting a sysctl (sysctl(8)): who can set it in the subject's environment. From inside a container, sysctls are read-only.

use super::Candidate;
use super::case::Case;
use crate::change::Place;
use crate::quote;

/// Sysctls that are namespaced (ipc and net namespaces), so that container engines can set them for a container.
const OF_A_NAMESPACE: &[&str] = &[
    "fs.mqueue.",
    "kernel.domainname",
    "kernel.msg",
    "kernel.sem",
    "kernel.shm",
    "net.",
];

/// How to set the sysctl behind `/proc/sys/...`; `None` if the object is not one.
pub(super) fn candidate(case: &Case) -> Option<Candidate> {
    let path = case.asked_bytes()?.strip_prefix(b"/proc/sys/")?;
    let name = quote::display(path).replace('/', ".");
    let assigned = case.facts.surroundings.command.iter().find_map(|word| {
        let word = std::str::from_utf8(word).ok()?;
        word.strip_prefix(name.as_str())?.strip_prefix('=')
    });
    let value = assigned.map(|value| quote::shell(value.as_bytes()));
    Some(of(&name, value.as_deref().unwrap_or("VALUE"), case))
}

/// How to set this sysctl to this value.
pub(super) fn of(name: &str, value: &str, case: &Case) -> Candidate {
    let Some(container) = &case.facts.surroundings.container else {
        return Candidate::advice(format!(
            "have root set it: sysctl -w {name}={value} (/etc/sysctl.d keeps it)"
        ));
    };
    if !OF_A_NAMESPACE.iter().any(|begin| name.starts_with(begin)) {
        return Candidate::advice(format!(
            "it is the whole machine's: have the host's root set it there (sysctl -w {name}={value})"
        ))
        .at(Place::Host);
    }
    let words = match container.kind.as_str() {
        "kubernetes" => {
            format!("in the pod: securityContext: sysctls: [{{name: {name}, value: \"{value}\"}}]")
        }
        "docker" => format!(
            "run the container with --sysctl {name}={value} (compose: sysctls: {{{name}: {value}}})"
        ),
        _ => format!("run the container with --sysctl {name}={value}"),
    };
    Candidate::advice(words).at(Place::Deployment)
}
