//! Podman: like Docker, except for the ids. Run by root it has no `keep-id`; run by a user, that user is root in the container.

use super::{
    docker, ids, is_in_memory, is_open, on_host, or_given_away, owner, point, source, volume,
};
use crate::cause::case::Case;
use crate::change::Deployment;
use crate::facts::Container;
use crate::quote;

pub(super) fn words(case: &Case, setting: &Deployment, container: &Container) -> Option<String> {
    let who = on_host(case);
    Some(match setting {
        Deployment::OwnerOfVolume { mount, .. } if is_in_memory(case, *mount) => {
            format!(
                "for good: run the container with --tmpfs {}:U",
                point(case, *mount)
            )
        }
        Deployment::OwnerOfVolume { node, mount } => {
            let (point, source) = (point(case, *mount), source(case, *mount));
            let (uid, gid) = ids(case)?;
            match owner(case, *node)? {
                (0, _) if is_rootless(case, container) => format!(
                    "for good: {} is yours on the host, so run with --userns=keep-id:uid={uid},gid={gid}",
                    volume(case, *mount)
                ),
                (0, _) => format!(
                    "for good: mount it with :U (-v {source}:{point}:U), which gives all of it to {who}, or give it to {who} on the host"
                ),
                (owner, group) => format!(
                    "for good: run it as the volume's owner (--user {owner}:{group}), or mount it with :U (-v {source}:{point}:U), \
                     which takes it from that owner on the host"
                ),
            }
        }
        Deployment::MappedOwner(node) => format!(
            "on the host, as root: let {who} in by an ACL entry (setfacl){}; podman unshare cannot, for an owner that is not mapped",
            or_given_away(case, *node, &who)
        ),
        Deployment::WritablePlace(path) if container.read_only_root && !is_open(case, path) => {
            let path = quote::shell(path);
            format!(
                "give it a place to write beside --read-only: --tmpfs {path}:U or, to keep it, -v NAME:{path}:U"
            )
        }
        _ => return docker::options(case, setting, container),
    })
}

/// Whether the container is rootless: its root is the user who runs it.
fn is_rootless(case: &Case, container: &Container) -> bool {
    let abroad = case.facts.surroundings.abroad.as_ref();
    let numbers = match abroad {
        Some(abroad) => abroad.numbers.as_ref(),
        None => container.numbers.as_ref(),
    };
    let of_root = |range: &&(u32, u32, u32)| range.0 == 0;
    let Some([uids, _]) = numbers else {
        return container.remapped;
    };
    let first = uids.0.iter().find(of_root);
    first.is_some_and(|&(_, outside, count)| count == 1 && outside != 0)
}
