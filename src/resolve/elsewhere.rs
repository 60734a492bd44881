//! Recognizes texts that were written elsewhere, by their prefixes or by the paths in them.

use std::sync::LazyLock;

use serde::Deserialize;

use super::Circumstances;
use super::engine::engine_call;
use super::far_side::far_side;
use crate::attempt::{Incident, Origin};
use crate::built_in::built_in;
use crate::programs::{CommandLine, command_lines};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    machine: Vec<Machine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Machine {
    begins: Vec<String>,
    what: String,
}

static MACHINES: LazyLock<Vec<Machine>> = LazyLock::new(|| {
    let file: File = built_in!("machines");
    file.machine
});

/// Where the text was written, if not here. `is_there` says whether a path exists here.
#[must_use]
pub fn origin(
    incident: &Incident,
    circumstances: &Circumstances,
    is_there: impl Fn(&[u8]) -> bool,
) -> Option<Origin> {
    match &incident.origin {
        Some(Origin::Machine(name))
            if circumstances
                .host
                .as_ref()
                .is_some_and(|host| is_host(name, host)) =>
        {
            None
        }
        // The client itself could not reach its server.
        Some(Origin::Container(_)) if incident.pattern == "docker-socket" => None,
        // What an engine that is run here builds or starts can be looked at.
        Some(Origin::Build(_))
            if engine_call(circumstances).is_some_and(|call| call.stores.is_some()) =>
        {
            None
        }
        Some(Origin::Container(name)) if name.is_empty() && !circumstances.command.is_empty() => {
            None
        }
        Some(origin) => Some(origin.clone()),
        None => {
            if let Some(machine) = far_side(incident, circumstances) {
                return Some(Origin::Machine(machine));
            }
            let path = incident.paths.first()?;
            let has = |begin: &&String| path.starts_with(begin.as_bytes());
            let (machine, begin) = MACHINES
                .iter()
                .find_map(|machine| Some((machine, machine.begins.iter().find(has)?)))?;
            let is_here = is_there(begin.trim_end_matches('/').as_bytes());
            (!is_here).then(|| Origin::Machine(machine.what.clone()))
        }
    }
}

/// The client program that relays this message from its server, if one does.
#[must_use]
pub fn of_a_server(incident: &Incident, circumstances: &Circumstances) -> Option<Vec<u8>> {
    let says = |line: &CommandLine| {
        let words = &line.known?.server;
        let has =
            |word: &String| memchr::memmem::find(&incident.message, word.as_bytes()).is_some();
        words.iter().any(has).then(|| line.name().to_vec())
    };
    command_lines(&circumstances.command).iter().find_map(says)
}

/// Whether a host name in a log is that of this machine, with or without the domain.
fn is_host(name: &str, host: &str) -> bool {
    let short = |name: &str| {
        name.split('.')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    short(name) == short(host) || name == "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, origin_of_line: Option<Origin>, there: bool) -> Option<Origin> {
        let incident = Incident {
            paths: vec![path.as_bytes().to_vec()],
            origin: origin_of_line,
            ..Incident::default()
        };
        let circumstances = Circumstances {
            host: Some("Build-7.example".into()),
            ..Circumstances::default()
        };
        origin(&incident, &circumstances, |_| there)
    }

    #[test]
    fn paths_that_only_others_have_tell_of_another_machine() {
        let runner = Some(Origin::Machine("a GitHub Actions runner".into()));
        assert_eq!(of("/home/runner/work/x", None, false), runner);
        assert_eq!(of("/home/runner/work/x", None, true), None);
        assert_eq!(of("/srv/x", None, false), None);
    }

    #[test]
    fn this_machine_is_not_another_one() {
        let line = |name: &str| Some(Origin::Machine(name.into()));
        assert_eq!(of("/srv/x", line("build-7"), true), None);
        assert_eq!(of("/srv/x", line("build-8"), true), line("build-8"));
    }
}
