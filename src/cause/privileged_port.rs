//! A port below net.ipv4.ip_unprivileged_port_start, and no CAP_NET_BIND_SERVICE.

use super::case::Case;
use super::{Candidate, Fit, Obstacle, Words};
use crate::attempt::Capability;
use crate::change::{Change, Place};

const SETTING: &str = "net.ipv4.ip_unprivileged_port_start";

pub(super) fn words(case: &Case) -> Words {
    let start = case
        .facts
        .settings
        .unprivileged_port_start
        .as_ref()
        .map_or(1024, |start| *start);
    let port = port(case).map_or_else(|| "this port".to_owned(), |port| format!("port {port}"));
    case.words(
        format!("{} may not listen on {port}", case.who()),
        format!("ports below {start} ({SETTING}) need CAP_NET_BIND_SERVICE"),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Some(port) = port(case) else {
        return Vec::new();
    };
    let around = &case.facts.surroundings;
    let capability = Capability::NetBindService;
    let mut all = Vec::new();
    if let Some(unit) = around.unit.as_ref().filter(|unit| !unit.user) {
        let name = crate::quote::shell(unit.name.as_bytes());
        all.push(meant(
            Place::Deployment,
            format!(
                "a socket unit for {name} that listens on {port} (systemd.socket(5)), or systemctl edit {name}, [Service] \
                 AmbientCapabilities={}",
                capability.name()
            ),
        ));
    }
    if around.container.is_some() {
        all.push(meant(
            Place::Deployment,
            format!(
                "listen on a port from 1024 up inside and publish it (-p {port}:8080), or run with --sysctl {SETTING}={port}"
            ),
        ));
    }
    all.push(meant(
        Place::Here,
        "listen on another port, from 1024 up (8080, say), behind a reverse proxy where need be"
            .to_owned(),
    ));
    if let Some(program) = &around.program {
        let program = &program.path;
        let change = Change::FileCapability {
            program: program.clone(),
            capability,
        };
        all.push(
            Candidate::new(
                Fit::Narrow,
                format!("let {} listen on low ports", crate::quote::display(program)),
                [change],
            )
            .noting("whoever runs this program; to be repeated after an update"),
        );
    }
    let lower = Change::Setting {
        name: SETTING.to_owned(),
        value: i64::from(port),
    };
    all.push(
        Candidate::new(
            Fit::Broad,
            format!("free the ports from {port} up"),
            [lower],
        )
        .noting("for all users of this machine, until the next boot (/etc/sysctl.d keeps it)"),
    );
    all
}

fn meant(place: Place, words: String) -> Candidate {
    let advice = Candidate {
        fit: Fit::Meant,
        ..Candidate::advice(words)
    };
    advice.at(place)
}

fn port(case: &Case) -> Option<u16> {
    match case.denial.at {
        Obstacle::Port(port) => Some(port),
        _ => None,
    }
}
