//! Programs that show what files hold, as data (`patterns/viewers.toml`): what they show is no failure of theirs.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::attempt::Incident;

const FILE: &str = include_str!("../../patterns/viewers.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    viewer: Vec<Viewer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Viewer {
    names: Vec<String>,
    #[serde(default)]
    with: Vec<String>,
    #[serde(default)]
    own: Vec<String>,
    #[serde(default)]
    bare: bool,
}

/// Whether the command only shows the text that tells of the incident, and does not say so of itself.
#[must_use]
pub fn is_only_shown(incident: &Incident, command: &[Vec<u8>]) -> bool {
    let [program, arguments @ ..] = command else {
        return false;
    };
    let name = base(program);
    let Some(viewer) = viewer(name, arguments) else {
        return false;
    };
    let message = incident.message.trim_ascii_start();
    let head = message
        .iter()
        .position(|byte| *byte == b':')
        .map_or(&message[..0], |end| &message[..end]);
    let says_its_name = base(head) == name;
    let says_so = viewer
        .own
        .iter()
        .any(|own| message.starts_with(own.as_bytes()));
    let names_its_file = viewer.bare && arguments.iter().any(|argument| argument == head);
    !(says_its_name || says_so || names_its_file)
}

fn viewer(name: &[u8], arguments: &[Vec<u8>]) -> Option<&'static Viewer> {
    let first = arguments
        .iter()
        .find(|argument| !argument.starts_with(b"-"));
    viewers().iter().find(|viewer| {
        let with = |first: &Vec<u8>| {
            viewer
                .with
                .iter()
                .any(|with| with.as_bytes() == first.as_slice())
        };
        viewer.names.iter().any(|known| known.as_bytes() == name)
            && (viewer.with.is_empty() || first.is_some_and(with))
    })
}

fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

fn viewers() -> &'static [Viewer] {
    static VIEWERS: OnceLock<Vec<Viewer>> = OnceLock::new();
    VIEWERS.get_or_init(|| {
        let file: File = toml::from_str(FILE).expect("patterns/viewers.toml");
        file.viewer
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_shown(message: &str, command: &str) -> bool {
        let incident = Incident {
            message: message.into(),
            ..Incident::default()
        };
        let words: Vec<Vec<u8>> = command
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect();
        is_only_shown(&incident, &words)
    }

    #[test]
    fn what_a_viewer_shows_is_not_its_own() {
        for (message, command) in [
            (
                "rm: cannot remove '/etc/shadow': Permission denied",
                "cat app.log",
            ),
            (
                "open /srv/x: permission denied",
                "/usr/bin/tail -n 3 app.log",
            ),
            (
                "PermissionError: [Errno 13] Permission denied: '/x'",
                "less app.log",
            ),
            ("mkdir /data: permission denied", "git log -p"),
        ] {
            assert!(is_shown(message, command), "{message} {command}");
        }
    }

    #[test]
    fn its_own_failure_is_told() {
        for (message, command) in [
            (
                "cat: /etc/shadow: Permission denied",
                "/bin/cat /etc/shadow",
            ),
            ("/etc/shadow: Permission denied", "less /etc/shadow"),
            (
                "fatal: could not open '.git/HEAD': Permission denied",
                "git log",
            ),
            ("open /srv/x: permission denied", "restic backup"),
            (
                "error: insufficient permission for adding an object",
                "git push",
            ),
        ] {
            assert!(!is_shown(message, command), "{message} {command}");
        }
    }
}
