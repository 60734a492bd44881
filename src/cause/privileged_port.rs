//! A port below net.ipv4.ip_unprivileged_port_start requires CAP_NET_BIND_SERVICE.

use super::case::Case;
use super::{Candidate, Fit, Obstacle, Words, deployment};
use crate::attempt::Capability;
use crate::change::{Change, Deployment};

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
    let lasting = deployment::candidate(case, Deployment::ListenOn(port));
    all.extend(lasting.map(meant));
    all.push(meant(Candidate::advice(
        "listen on another port, from 1024 up (for example 8080), with a reverse proxy in front of it if needed",
    )));
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
            .noting("for whoever runs this program; repeat it after each update"),
        );
    }
    if around.container.is_some() {
        // There, sysctls are read-only.
        return all;
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
        .noting(
            "for all users of this machine, until the next boot (a file in /etc/sysctl.d keeps it)",
        ),
    );
    all
}

fn meant(candidate: Candidate) -> Candidate {
    Candidate {
        fit: Fit::Meant,
        ..candidate
    }
}

fn port(case: &Case) -> Option<u16> {
    match case.denial.at {
        Obstacle::Port(port) => Some(port),
        _ => None,
    }
}
