//! Podman: as Docker, but for the ids. Run by root it has no `keep-id`; run by a user, the user is the container's root.

use super::{docker, point, subject};
use crate::cause::case::Case;
use crate::change::Deployment;
use crate::facts::Container;
use crate::quote;

pub(super) fn words(case: &Case, setting: &Deployment, container: &Container) -> Option<String> {
    let who = subject(case);
    let (uid, gid) = (case.subject().uid, case.subject().gid);
    let rootless = container.remapped;
    Some(match setting {
        Deployment::OwnerOfVolume { node, mount } => {
            let inode = case.facts.node(*node).inode.as_ref().ok()?;
            let point = point(case, *mount);
            match (inode.uid, rootless) {
                (0, true) => format!(
                    "for good: the volume at {point} is yours on the host, so run with --userns=keep-id:uid={uid},gid={gid}"
                ),
                (0, false) => format!(
                    "for good: mount it with :U (-v SOURCE:{point}:U), or give it to {who} on the host"
                ),
                (owner, _) => format!(
                    "for good: run it as the volume's owner (--user {owner}:{}), or mount it with :U (-v SOURCE:{point}:U)",
                    inode.gid
                ),
            }
        }
        Deployment::MappedOwner(node) => {
            let path = quote::shell(&case.facts.node(*node).path);
            format!(
                "on the host: give what is mounted at {path} to an id of the container (podman unshare chown {uid} SOURCE does it \
                 for one's own)"
            )
        }
        _ => return docker::words(case, setting, container),
    })
}
