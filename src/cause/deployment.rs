//! What lasts where the command runs, in the words of that place: an image, a container's options, a pod, a unit.

mod compose;
mod docker;
mod flatpak;
mod kubernetes;
mod podman;
mod systemd;

use super::case::Case;
use super::{Candidate, Fit};
use crate::change::{Change, Deployment, Place};
use crate::facts::{Inode, Kind, Mount, MountId, Node, NodeId};
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
    Some(Candidate::new(Fit::Lasting, words, [change]).at(Place::Deployment))
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
        return candidate(
            case,
            Deployment::GroupAdd(around.id_there(inode.gid, true)?),
        );
    }
    let mount = case.mount()?;
    let of_image = mount.point == b"/" || is_new_to_a_volume(node, mount);
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

/// The subject's ids, as a container's options write them.
fn ids(case: &Case) -> Option<(u32, u32)> {
    let around = &case.facts.surroundings;
    let subject = case.subject();
    Some((
        around.id_there(subject.uid, false)?,
        around.id_there(subject.gid, true)?,
    ))
}

/// The ids that own an object, likewise; `None` where they do not exist there.
fn owner(case: &Case, node: NodeId) -> Option<(u32, u32)> {
    let around = &case.facts.surroundings;
    let inode = case.facts.node(node).inode.as_ref().ok()?;
    Some((
        around.id_there(inode.uid, false)?,
        around.id_there(inode.gid, true)?,
    ))
}

/// `1000:1000`: the subject as the host writes it, where that can be told; else in words.
fn on_host(case: &Case) -> String {
    let around = &case.facts.surroundings;
    let subject = case.subject();
    let ids = around
        .id_on_host(subject.uid, false)
        .zip(around.id_on_host(subject.gid, true));
    match ids {
        Some((uid, gid)) => format!("{uid}:{gid}"),
        None => "the id of the host that it is mapped to".to_owned(),
    }
}

/// A volume, for people: by its path here where that is known.
fn volume(case: &Case, mount: MountId) -> String {
    match source(case, mount).as_str() {
        "SOURCE" => format!("the volume at {}", point(case, mount)),
        source => format!("the volume {source}"),
    }
}

/// What is mounted there, by its path here; else as the options write it: `SOURCE`.
fn source(case: &Case, mount: MountId) -> String {
    let point = &case.facts.mounts[mount.0].point;
    let abroad = case.facts.surroundings.abroad.as_ref();
    let mut paths = abroad.into_iter().flat_map(|abroad| &abroad.paths);
    let here = paths.find(|(there, _)| there == point);
    here.map_or_else(|| "SOURCE".to_owned(), |(_, here)| quote::shell(here))
}

/// Whether this is the top of a volume that an engine keeps by name: while it is empty, it takes over the directory of the image that
/// it is mounted at, with its owner.
fn is_new_to_a_volume(node: &Node, mount: &Mount) -> bool {
    let kept = mount.root.ends_with(b"/_data");
    kept && node.path == mount.point && memchr::memmem::find(&mount.root, b"/volumes/").is_some()
}

/// The line of a Dockerfile that gives the object to the subject.
fn line_of_image(case: &Case, id: crate::facts::NodeId) -> Option<String> {
    let node = case.facts.node(id);
    let inode = node.inode.as_ref().ok()?;
    let path = quote::shell(&node.path);
    let (uid, gid) = ids(case)?;
    let plain = path.as_bytes() == node.path.as_slice();
    let when = match is_new_to_a_volume(node, &case.facts.mounts[node.mount.0]) {
        true => " (a new volume takes it over)",
        false => "",
    };
    Some(match inode.is_dir() {
        true => {
            format!("in the Dockerfile, for good{when}: RUN install -d -o {uid} -g {gid} {path}")
        }
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
