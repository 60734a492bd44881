//! Lasting changes, in the notation of the place where the command runs: an image, a container's options, a pod, a unit.

mod compose;
mod docker;
mod flatpak;
mod kubernetes;
mod podman;
pub(super) mod snap;
mod systemd;

use super::case::Case;
use super::parent_not_writable::is_random;
use super::{Candidate, Fit};
use crate::attempt::{Operation, UNMAPPED};
use crate::change::{Change, Deployment, Place};
use crate::facts::{Inode, Kind, Mount, MountId, Node, NodeId, Perms, Unwritable};
use crate::quote;

/// The setting in the notation of the subject's environment; `None` if there is no such environment, or if it has no such
/// setting.
pub(super) fn candidate(case: &Case, setting: Deployment) -> Option<Candidate> {
    let around = &case.facts.surroundings;
    if let Deployment::OwnerOfVolume { mount, .. } | Deployment::WritableMount(mount) = setting
        && case.facts.mounts[mount.0].point.is_empty()
    {
        // It was not seen what is mounted there.
        return None;
    }
    let words = match (&around.container, &around.unit) {
        (Some(container), _) => match container.kind.as_str() {
            "kubernetes" => kubernetes::words(case, &setting)?,
            "podman" => podman::words(case, &setting, container)?,
            "flatpak" => flatpak::words(case, &setting, &container.application)?,
            "snap" => snap::words(&setting, &container.application)?,
            // Settings for these are not supported here.
            "lxc" | "systemd-nspawn" => return None,
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

/// The setting that gives the subject lasting access to the refusing object.
pub(super) fn access(case: &Case) -> Option<Candidate> {
    let around = &case.facts.surroundings;
    let (id, inode) = (case.at()?, case.inode()?);
    if around.container.is_none() {
        return own_directory(case);
    }
    let node = case.facts.node(id);
    if has_a_group(inode) {
        return candidate(
            case,
            Deployment::GroupAdd(around.id_there(inode.gid, true)?),
        );
    }
    let mount = case.mount()?;
    if owner(case, id).is_none() {
        return candidate(case, Deployment::MappedOwner(id));
    }
    let of_image = mount.point == b"/" || is_new_to_a_volume(node, mount);
    let setting = match (of_image, directory_to_make(case)) {
        (true, Some(path)) => Deployment::DirectoryInImage(path),
        (true, None) => Deployment::OwnerInImage(id),
        (false, _) => Deployment::OwnerOfVolume {
            node: id,
            mount: node.mount,
        },
    };
    candidate(case, setting)
}

/// The directory that the subject was to make, if nothing but its parent's permissions is in the way.
fn directory_to_make(case: &Case) -> Option<Vec<u8>> {
    let walk = &case.facts.walk;
    let makes = case.attempt.operation == Operation::Mkdir && case.subject().uid != 0;
    let step = walk.steps.last()?;
    let is_new = case.at() == walk.parent() && step.found == Ok(None) && !is_random(&step.name);
    (makes && is_new).then(|| case.asked_bytes().map(<[u8]>::to_vec))?
}

/// The setting with which programs can be run from a file system in memory: engines mount it with `noexec` unless told otherwise.
pub(super) fn runnable_mount(case: &Case) -> Option<Candidate> {
    let mount = case.node()?.mount;
    is_in_memory(case, mount)
        .then(|| candidate(case, Deployment::RunnableMount(mount)))
        .flatten()
        .filter(|_| case.facts.surroundings.container.is_some())
}

/// The setting that makes a file of the image a program.
pub(super) fn program(case: &Case) -> Option<Candidate> {
    let is_of_the_image = case.mount()?.point == b"/";
    is_of_the_image
        .then(|| candidate(case, Deployment::ProgramInImage(case.at()?)))
        .flatten()
        .filter(|_| case.facts.surroundings.container.is_some())
}

/// The setting that makes a directory, owned by the service's user, in a place for such directories. An existing one is handed over
/// with all that is in it, so it must not be somebody else's.
pub(super) fn own_directory(case: &Case) -> Option<Candidate> {
    let is_somebody_s = |inode: &Inode| inode.uid != 0 && inode.uid != case.subject().uid;
    let written = case.facts.walk.parent();
    let directory = written.and_then(|id| case.facts.node(id).inode.as_ref().ok());
    let mut owned = case.inode().into_iter().chain(directory);
    if owned.any(is_somebody_s) {
        return None;
    }
    candidate(case, Deployment::OwnDirectory(case.asked_bytes()?.to_vec()))
}

/// The settings that let a service at what its unit closes to it, and nothing else does: in its place systemd mounts an object
/// without any rights (systemd.exec(5), `InaccessiblePaths=`).
pub(super) fn opened_by_unit(case: &Case) -> Option<Candidate> {
    let (unit, mount) = (case.facts.surroundings.unit.as_ref()?, case.mount()?);
    let closed = memchr::memmem::find(&mount.root, b"/systemd/inaccessible/").is_some();
    closed.then(|| {
        let point = quote::display(&mount.point);
        let edit = if unit.user { "systemctl --user edit" } else { "systemctl edit" };
        let name = quote::shell(unit.name.as_bytes());
        let setting = match mount.unwritable {
            // It is not running, and its unit file was read.
            Some(Unwritable::Unit) => quote::display(&mount.source),
            _ => "InaccessiblePaths=, ProtectHome=".to_owned(),
        };
        Candidate::advice(format!(
            "if the service is meant to have it, take {point} out of what its unit closes to it ({setting}): {edit} {name}"
        ))
        .at(Place::Deployment)
    })
}

/// The subject's ids, as a container's options specify them.
fn ids(case: &Case) -> Option<(u32, u32)> {
    let around = &case.facts.surroundings;
    let subject = case.subject();
    Some((
        around.id_there(subject.uid, false)?,
        around.id_there(subject.gid, true)?,
    ))
}

/// The ids of an object's owner, as a container's options specify them; `None` if they have no mapping there.
fn owner(case: &Case, node: NodeId) -> Option<(u32, u32)> {
    let around = &case.facts.surroundings;
    let inode = case.facts.node(node).inode.as_ref().ok()?;
    Some((
        around.id_there(inode.uid, false)?,
        around.id_there(inode.gid, true)?,
    ))
}

/// The subject as seen on the host, if that is known (`1000:1000`); otherwise in words.
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

/// That what is mounted can be given to the subject instead, unless it is another user's of the host.
fn or_given_away(case: &Case, node: NodeId, who: &str) -> String {
    let inode = case.facts.node(node).inode.as_ref();
    match inode.is_ok_and(|inode| matches!(inode.uid, 0 | UNMAPPED)) {
        true => format!(", or give what is mounted there to {who}"),
        false => String::new(),
    }
}

/// A volume, for messages: its path here, if known.
fn volume(case: &Case, mount: MountId) -> String {
    match source(case, mount).as_str() {
        "SOURCE" => format!("the volume at {}", point(case, mount)),
        source => format!("the volume {source}"),
    }
}

/// What is mounted there, by its path here; otherwise the placeholder `SOURCE`.
fn source(case: &Case, mount: MountId) -> String {
    let point = &case.facts.mounts[mount.0].point;
    let abroad = case.facts.surroundings.abroad.as_ref();
    let mut paths = abroad.into_iter().flat_map(|abroad| &abroad.paths);
    let here = paths.find(|(there, _)| there == point);
    here.map_or_else(|| "SOURCE".to_owned(), |(_, here)| quote::shell(here))
}

/// Whether this is the top of a named volume of a container engine. While that is empty, it takes over the content and owner of
/// the image's directory on which it is mounted.
fn is_new_to_a_volume(node: &Node, mount: &Mount) -> bool {
    let kept = mount.root.ends_with(b"/_data");
    kept && node.path == mount.point && memchr::memmem::find(&mount.root, b"/volumes/").is_some()
}

/// The line of a Dockerfile that makes the subject the owner of the object.
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

/// The line of a Dockerfile that makes a directory for the subject. It is not yet there, so nobody loses anything.
fn directory_of_image(case: &Case, path: &[u8]) -> Option<String> {
    let (uid, gid) = ids(case)?;
    let path = quote::shell(path);
    Some(format!(
        "in the Dockerfile, for good, above USER: RUN install -d -o {uid} -g {gid} {path}"
    ))
}

/// The line of a Dockerfile that makes a file executable.
fn program_of_image(case: &Case, id: NodeId) -> String {
    let path = quote::shell(&case.facts.node(id).path);
    format!("in the Dockerfile, for good: COPY --chmod=755 ... {path} (or chmod +x what it copies)")
}

/// Whether the volume is a file system in memory of the container's own (tmpfs).
fn is_in_memory(case: &Case, mount: MountId) -> bool {
    let mount = &case.facts.mounts[mount.0];
    mount.fs_type == "tmpfs" && mount.root == b"/"
}

/// Whether everybody may write to a directory, and so to a tmpfs that takes over its mode, but not its owner.
fn is_open(case: &Case, path: &[u8]) -> bool {
    let nodes = &case.facts.nodes;
    let node = nodes.iter().find(|node| node.path == path);
    node.is_none_or(|node| {
        let inode = node.inode.as_ref();
        inode.is_ok_and(|inode| inode.other_bits().contains(Perms::W)) || case.subject().uid == 0
    })
}

/// The mount point, quoted for a shell.
fn point(case: &Case, mount: crate::facts::MountId) -> String {
    quote::shell(&case.facts.mounts[mount.0].point)
}

/// Whether access to this type of object is given to a group rather than an owner: devices and sockets.
fn has_a_group(inode: &Inode) -> bool {
    matches!(inode.kind, Kind::Char | Kind::Block | Kind::Socket)
}
