//! The owner or group does not exist in the subject's user namespace, so that not even its root may override.

use super::case::Case;
use super::{Candidate, Words};

pub(super) fn words(case: &Case) -> Words {
    let owner = case.inode().map_or_else(
        || "its owner".to_owned(),
        |inode| format!("{}:{}", inode.uid, inode.gid),
    );
    case.words(
        format!("the owner of {} does not exist in this user namespace", case.path()),
        format!("{owner} has no number here (it shows as nobody), and root's rights here end with the numbers"),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let uid = case.subject().uid;
    let path = case.path();
    let advice = match case.facts.surroundings.container.as_ref().map(|it| it.kind.as_str()) {
        Some("podman") => format!("on the host: podman unshare chown {uid} {path}, or run with --userns=keep-id"),
        Some("docker") => "on the host: give the volume to the mapped id (see /etc/subuid), or run with --userns=host".to_owned(),
        Some("lxc") => "on the host: give it to the mapped id (the container's lxc.idmap)".to_owned(),
        _ => format!("outside of the namespace: give {path} to an id that is mapped into it"),
    };
    vec![Candidate::advice(advice)]
}
