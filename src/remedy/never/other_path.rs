//! The other paths of bind-mounted objects. By its other path, an object may be closed on purpose, such as /etc/shadow that is
//! visible in a chroot.

use crate::attempt::{Attempt, Object};
use crate::facts::{Facts, Mount, NodeId};

/// The attempt and the facts with the other paths of bind-mounted objects; `None` if there are none. In a container, bind
/// mounts are volumes, and their origins cannot be named there.
pub(super) fn of(attempt: &Attempt, facts: &Facts) -> Option<(Attempt, Facts)> {
    let around = &facts.surroundings;
    let bound: Vec<&Mount> = facts
        .mounts
        .iter()
        .filter(|mount| mount.origin.is_some())
        .collect();
    if bound.is_empty() || around.container.is_some() || around.elsewhere {
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

/// Converts a path on this mount into the path at the mount's origin.
fn moved(path: &[u8], mount: &Mount) -> Option<Vec<u8>> {
    let rest = path.strip_prefix(mount.point.as_slice())?;
    let is_below = rest.is_empty() || rest.starts_with(b"/");
    let origin = mount.origin.as_deref().filter(|_| is_below)?;
    Some([origin, rest].concat())
}
