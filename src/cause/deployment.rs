//! What lasts where the command runs, in the words of that place: an image, a container's options, a pod, a unit.

mod docker;
mod flatpak;
mod kubernetes;
mod podman;
mod systemd;

use super::case::Case;
use super::{Candidate, Fit};
use crate::change::{Change, Deployment, Place};
use crate::facts::{Inode, Kind};
use crate::quote;

/// The setting as it is written where the subject's surroundings are described; `None` where they are none, or know of
/// nothing like it.
pub(super) fn candidate(case: &Case, setting: Deployment) -> Option<Candidate> {
    let around = &case.facts.surroundings;
    let words = match (&around.container, &around.unit) {
        (Some(container), _) => match container.kind.as_str() {
            "kubernetes" => kubernetes::words(case, &setting)?,
            "podman" => podman::words(case, &setting, container)?,
            "flatpak" => flatpak::words(&setting)?,
            // Their settings are not known here.
            "lxc" | "snap" | "systemd-nspawn" => return None,
            _ => docker::words(case, &setting, container)?,
        },
        (None, Some(unit)) if !unit.user => systemd::words(&setting, unit)?,
        _ => return None,
    };
    let change = Change::Deploy {
        setting,
        words: words.clone(),
    };
    let place = match around.elsewhere {
        // Ids and paths there are other ones than here.
        true if !has_all_ids(case) => return None,
        _ => Place::Deployment,
    };
    Some(Candidate::new(Fit::Lasting, words, [change]).at(place))
}

/// What gives the subject its way with the refusing object for good.
pub(super) fn access(case: &Case) -> Option<Candidate> {
    let around = &case.facts.surroundings;
    let (id, inode) = (case.at()?, case.inode()?);
    if around.container.is_none() {
        return candidate(case, Deployment::OwnDirectory(case.asked_bytes()?.to_vec()));
    }
    let node = case.facts.node(id);
    if has_a_group(inode) {
        return candidate(case, Deployment::GroupAdd(inode.gid));
    }
    let of_image = case.mount()?.point == b"/";
    candidate(
        case,
        match of_image {
            true => Deployment::OwnerInImage(id),
            false => Deployment::OwnerOfVolume {
                node: id,
                mount: node.mount,
            },
        },
    )
}

/// `1000:1000`: the subject, as a container's options write it.
fn subject(case: &Case) -> String {
    format!("{}:{}", case.subject().uid, case.subject().gid)
}

/// The line of a Dockerfile that gives the object to the subject.
fn line_of_image(case: &Case, id: crate::facts::NodeId) -> Option<String> {
    let node = case.facts.node(id);
    let inode = node.inode.as_ref().ok()?;
    let path = quote::shell(&node.path);
    let (uid, gid) = (case.subject().uid, case.subject().gid);
    let plain = path.as_bytes() == node.path.as_slice();
    Some(match inode.is_dir() {
        true => format!("in the Dockerfile, for good: RUN install -d -o {uid} -g {gid} {path}"),
        false if plain => {
            format!("in the Dockerfile, for good: COPY --chown={uid}:{gid} ... {path}")
        }
        false => format!("in the Dockerfile, for good: RUN chown {uid}:{gid} {path}"),
    })
}

/// Where something is mounted, for a shell.
fn point(case: &Case, mount: crate::facts::MountId) -> String {
    quote::shell(&case.facts.mounts[mount.0].point)
}

/// Devices and sockets are for a group, not for an owner.
fn has_a_group(inode: &Inode) -> bool {
    matches!(inode.kind, Kind::Char | Kind::Block | Kind::Socket)
}

/// Whether every id exists in the subject's user namespace: then they are those of here.
fn has_all_ids(case: &Case) -> bool {
    case.subject().uid_map == crate::attempt::IdMap::full()
}
