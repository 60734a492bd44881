//! Whether anything but the text on stderr tells of a refusal.

use super::Views;
use super::written::scripts;
use crate::attempt::{Attempt, Incident, Object};
use crate::programs::{self, command_lines};
use crate::resolve::Circumstances;

/// Whether nothing but the text tells of the refusal of a port or a privilege. The command lines and scripts of the run testify
/// to it if they name the port, or a program that asks for the privilege. Where they repeat the message, they merely print it.
pub(super) fn is_hearsay(
    incident: &Incident,
    attempt: &Attempt,
    circumstances: &Circumstances,
    views: &mut Views,
) -> bool {
    if matches!(attempt.object, Object::Path(_)) {
        return false;
    }
    let lines = circumstances.calls().flat_map(|words| command_lines(words));
    let is_told = lines.into_iter().any(|line| match attempt.object {
        Object::Port { port, .. } => line.ports.contains(&port),
        _ => line
            .known
            .is_some_and(|known| known.asks_for(&attempt.operation)),
    });
    let words = circumstances.calls().flatten().map(Vec::as_slice);
    let scripts = scripts(circumstances, views);
    !is_told
        && !words
            .chain(scripts.iter().map(|(code, _)| &code[..]))
            .map(|text| without(text, incident.message.trim_ascii()))
            .any(|text| names(&text, attempt))
}

/// Whether the text names the port, or a program that asks for the privilege.
fn names(text: &[u8], attempt: &Attempt) -> bool {
    match attempt.object {
        Object::Port { port, .. } => programs::names(text, port.to_string().as_bytes()),
        _ => programs::that_ask_for(&attempt.operation).any(|name| programs::names(text, name)),
    }
}

/// The text with each occurrence of a part replaced by a space.
fn without(text: &[u8], part: &[u8]) -> Vec<u8> {
    let mut rest = text;
    let mut left = Vec::with_capacity(text.len());
    while let Some(at) = memchr::memmem::find(rest, part).filter(|_| !part.is_empty()) {
        left.extend_from_slice(&rest[..at]);
        left.push(b' ');
        rest = &rest[at + part.len()..];
    }
    left.extend_from_slice(rest);
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::{Operation, Privilege, Subject};

    fn attempt(operation: Operation, object: Object) -> Attempt {
        Attempt {
            subject: Subject::login(1000, 1000, Vec::new()),
            operation,
            object,
            to: None,
            directory: None,
            errno: None,
        }
    }

    fn of_command(words: &[&str], message: &str, attempt: &Attempt) -> bool {
        let incident = Incident {
            message: message.as_bytes().to_vec(),
            ..Incident::default()
        };
        let circumstances = Circumstances {
            command: words.iter().map(|word| word.as_bytes().to_vec()).collect(),
            ..Circumstances::default()
        };
        is_hearsay(&incident, attempt, &circumstances, &mut Views::default())
    }

    #[test]
    fn a_port_is_vouched_for_by_whoever_asked_for_it() {
        let port = Object::Port {
            address: "0.0.0.0".to_owned(),
            port: 80,
        };
        let bind = attempt(Operation::Bind, port);
        let message = "bind() to 0.0.0.0:80 failed (13: Permission denied)";
        let told = |words: &[&str]| !of_command(words, message, &bind);
        assert!(told(&["python3", "-m", "http.server", "80"]));
        assert!(told(&["app", "--listen=0.0.0.0:80"]));
        assert!(!told(&["app", "--listen=0.0.0.0:8080"]));
        assert!(!told(&["sh", "-c", &format!("echo '{message}' >&2")]));
        assert!(!told(&["./app"]));
    }

    #[test]
    fn a_privilege_is_vouched_for_by_a_program_that_asks_for_it() {
        let log = attempt(Operation::Privileged(Privilege::KernelLog), Object::Process);
        let message = "dmesg: read kernel buffer failed: Operation not permitted";
        let told = |words: &[&str]| !of_command(words, message, &log);
        assert!(told(&["sh", "-c", "dmesg | tail"]));
        assert!(!told(&["sh", "-c", &format!("echo {message}")]));
        assert!(!told(&["perf", "stat", "ls"]));
    }
}
