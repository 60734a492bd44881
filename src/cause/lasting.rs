//! What lasts where the command runs: the line of the image, the volume or the unit, beside the command that helps now.

use super::case::Case;
use super::{Candidate, Fit};
use crate::change::Place;
use crate::facts::{Inode, Kind};
use crate::quote;

/// The line to be written where the surroundings are described, if they are.
pub(super) fn advice(case: &Case) -> Option<Candidate> {
    let around = &case.facts.surroundings;
    let words = match (&around.container, &around.unit) {
        (Some(container), _) => in_container(case, &container.kind)?,
        (None, Some(unit)) if !unit.user => in_unit(case, &unit.name)?,
        _ => return None,
    };
    let advice = Candidate {
        fit: Fit::Lasting,
        ..Candidate::advice(words)
    };
    Some(advice.at(Place::Deployment))
}

fn in_container(case: &Case, kind: &str) -> Option<String> {
    let (inode, mount) = (case.inode()?, case.mount()?);
    let subject = case.subject();
    let who = format!("{}:{}", subject.uid, subject.gid);
    let owner = format!("{}:{}", inode.uid, inode.gid);
    let path = case.path();
    let point = quote::display(&mount.point);
    let of_image = mount.point == b"/";
    Some(match kind {
        "snap" | "flatpak" | "lxc" | "systemd-nspawn" => return None,
        "kubernetes" if !of_image => {
            format!(
                "in the pod: securityContext: fsGroup: {} (with a volume at {point} that takes it)",
                subject.gid
            )
        }
        "kubernetes" if has_a_group(inode) => format!(
            "in the pod: securityContext: supplementalGroups: [{}]",
            inode.gid
        ),
        _ if has_a_group(inode) => {
            format!("for good: run the container with --group-add {}", inode.gid)
        }
        _ if of_image && inode.is_dir() => format!(
            "in the Dockerfile, for good: RUN install -d -o {0} -g {1} {path}",
            subject.uid, subject.gid
        ),
        _ if of_image => format!("in the Dockerfile, for good: COPY --chown={who} ... {path}"),
        "podman" => format!(
            "for good: mount it with :U (-v SOURCE:{point}:U), or run with --userns=keep-id"
        ),
        // Running as root is never advice.
        _ if inode.uid == 0 => {
            format!("for good: give the volume at {point} to {who} on the host")
        }
        _ => format!(
            "for good: run it as the volume's owner (--user {owner}), or give the volume at {point} to {who} on the host"
        ),
    })
}

/// systemd makes these directories for the service's user at each start (systemd.exec(5)).
fn in_unit(case: &Case, unit: &str) -> Option<String> {
    const KEPT: &[(&str, &str)] = &[
        ("/var/lib/", "StateDirectory"),
        ("/var/log/", "LogsDirectory"),
        ("/var/cache/", "CacheDirectory"),
        ("/run/", "RuntimeDirectory"),
    ];
    let asked = case.asked();
    let (option, name) = KEPT.iter().find_map(|(top, option)| {
        let name = asked.strip_prefix(top)?.split('/').next()?;
        Some((*option, name))
    })?;
    let unit = quote::display(unit.as_bytes());
    Some(format!(
        "for good: systemctl edit {unit}, [Service] {option}={name}"
    ))
}

/// Devices and sockets are for a group, not for an owner.
fn has_a_group(inode: &Inode) -> bool {
    matches!(inode.kind, Kind::Char | Kind::Block | Kind::Socket)
}
