//! The other paths of bind-mounted objects. By its other path, an object may be closed on purpose, such as /etc/shadow that is
//! visible in a chroot, or that is mounted in a container.

use crate::attempt::{Attempt, Object};
use crate::byte_path::below;
use crate::facts::{Facts, Mount, Node, NodeId};

/// The attempt and the facts with the other paths of bind-mounted objects; `None` if there are none.
pub(super) fn of(attempt: &Attempt, facts: &Facts) -> Option<(Attempt, Facts)> {
    let around = &facts.surroundings;
    if around.container.is_some() || around.elsewhere {
        return of_volumes(attempt, facts);
    }
    let bound: Vec<&Mount> = facts
        .mounts
        .iter()
        .filter(|mount| mount.origin.is_some())
        .collect();
    if bound.is_empty() {
        return None;
    }
    let mut there = facts.clone();
    for id in (0..facts.nodes.len()).map(NodeId) {
        if let Some(path) = moved(&facts.node(id).path, facts.mount_of(id)) {
            there.nodes[id.0].path = path;
        }
    }
    let mut attempt = attempt.clone();
    let asked = |path: &[u8]| {
        let nearest = bound
            .iter()
            .filter_map(|mount| Some((mount.point.len(), moved(path, mount)?)));
        nearest.max().map(|(_, path)| path)
    };
    if let Object::Path(path) = &mut attempt.object
        && let Some(there) = asked(path)
    {
        *path = there;
    }
    for named in &mut there.surroundings.named {
        if let Some(path) = asked(&named.path) {
            named.path = path;
        }
    }
    attempt.to = attempt.to.map(|to| asked(&to).unwrap_or(to));
    Some((attempt, there))
}

/// The same for what root has of what is mounted in a container or sandbox. What belongs to others is theirs to mount.
fn of_volumes(attempt: &Attempt, facts: &Facts) -> Option<(Attempt, Facts)> {
    let (mut attempt, mut there) = (attempt.clone(), facts.clone());
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (node, moved) in facts.nodes.iter().zip(&mut there.nodes) {
        let is_roots = node.inode.as_ref().is_ok_and(|inode| inode.uid == 0);
        if let Some(path) = on_the_host(node, facts).filter(|_| is_roots) {
            found.push((node.path.clone(), path.clone()));
            moved.path = path;
        }
    }
    if let Object::Path(path) = &mut attempt.object {
        let nearest = found.iter().filter_map(|(point, host)| {
            let rest = below(path, point)?;
            Some((point.len(), [host.as_slice(), rest].concat()))
        });
        if let Some((_, host)) = nearest.max() {
            *path = host;
        }
    }
    (!found.is_empty()).then_some((attempt, there))
}

/// The path of an object of a volume on the host, which from inside is told by the mount alone. What an engine keeps under a name
/// is there for the container.
fn on_the_host(node: &Node, facts: &Facts) -> Option<Vec<u8>> {
    let mount = &facts.mounts[node.mount.0];
    if mount.point == b"/"
        || mount.root == b"/"
        || memchr::memmem::find(&mount.root, b"/_data").is_some()
    {
        return None;
    }
    let abroad = facts.surroundings.abroad.as_ref();
    let paths = abroad
        .map(|abroad| abroad.paths.as_slice())
        .unwrap_or_default();
    let known = paths.iter().find(|(there, _)| *there == node.path);
    let told = || {
        let rest = below(&node.path, &mount.point)?;
        Some([mount.root.as_slice(), rest].concat())
    };
    known.map(|(_, here)| here.clone()).or_else(told)
}

/// Converts a path on this mount into the path at the mount's origin.
fn moved(path: &[u8], mount: &Mount) -> Option<Vec<u8>> {
    let rest = path.strip_prefix(mount.point.as_slice())?;
    let is_below = rest.is_empty() || rest.starts_with(b"/");
    let origin = mount.origin.as_deref().filter(|_| is_below)?;
    Some([origin, rest].concat())
}
