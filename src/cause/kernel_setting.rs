//! Setting a sysctl (sysctl(8)): who can set it in the subject's environment. From inside a container, sysctls are read-only.

use super::Candidate;
use super::case::Case;
use crate::change::Place;
use crate::programs;
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
    let asked = case.asked_bytes()?;
    let Some(path) = asked.strip_prefix(b"/proc/sys/") else {
        return of_the_machine(case);
    };
    let name = quote::display(path).replace('/', ".");
    let command = &case.facts.surroundings.command;
    let assigned = command.iter().find_map(|word| {
        let word = word.strip_prefix(name.as_bytes())?;
        Some(word.strip_prefix(b"=")?.to_vec())
    });
    let assigned = assigned.or_else(|| echoed(command, asked));
    let value = assigned.map(|value| quote::shell(&value));
    Some(of(&name, value.as_deref().unwrap_or("VALUE"), case))
}

/// The value that the shell code of a command writes into this file: `echo 1 > /proc/sys/...`.
fn echoed(command: &[Vec<u8>], file: &[u8]) -> Option<Vec<u8>> {
    let lines = programs::command_lines(command);
    let line = lines.iter().find(|line| {
        let writes = line.operands.iter().any(|operand| operand.word == file);
        matches!(line.name(), b"echo" | b"printf") && writes
    })?;
    let value = line.words.get(1)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.,:".contains(byte);
    (!value.is_empty() && value.iter().all(is_plain)).then(|| value.clone())
}

/// What in a container's `/sys` or `/proc` is a setting of the kernel, which is the same for all containers.
fn of_the_machine(case: &Case) -> Option<Candidate> {
    let is_kernels = matches!(case.mount()?.fs_type.as_str(), "proc" | "sysfs");
    (is_kernels && case.facts.surroundings.container.is_some()).then(|| {
        let words = format!(
            "{} applies to the whole machine: have the host's root set it there",
            case.asked()
        );
        Candidate::advice(words).at(Place::Host)
    })
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
            "it applies to the whole machine: have the host's root set it there (sysctl -w {name}={value})"
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
