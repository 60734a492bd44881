//! Paths here of objects that were refused to a process in another place: by way of its root directory, or of a mount that also
//! exists here.

use std::os::unix::fs::MetadataExt;

use super::{View, mounts};
use crate::byte_path::below;
use crate::facts::{Facts, Node};

/// Pairs of a path there and a path here that lead to the same inode. The layers of a container have no useful path here.
pub(super) fn paths(view: &View, facts: &Facts) -> Vec<(Vec<u8>, Vec<u8>)> {
    let ours = mounts::ours();
    let back = |node: &Node| {
        let here = match view.root_here() {
            Some(root) => [root, node.path.as_slice()].concat(),
            None => by_mount(node, facts, &ours)?,
        };
        let inode = node.inode.as_ref().ok()?;
        let found = std::fs::symlink_metadata(super::path(&here)).ok()?;
        let device = rustix::fs::makedev(inode.device.major, inode.device.minor);
        let is_it = found.ino() == inode.number && found.dev() == device;
        is_it.then(|| (node.path.clone(), trimmed(here)))
    };
    facts.nodes.iter().filter_map(back).collect()
}

/// The path by way of a mount here that covers the same part of the same file system.
fn by_mount(node: &Node, facts: &Facts, ours: &[mounts::Placed]) -> Option<Vec<u8>> {
    let mount = &facts.mounts[node.mount.0];
    if mount.fs_type == "overlay" || mount.fs_type == "fuse.fuse-overlayfs" {
        return None;
    }
    let inside = below(&node.path, &mount.point)?;
    let on_device = join(&mount.root, inside);
    let device = node.inode.as_ref().ok()?.device;
    let holds = |placed: &&mounts::Placed| {
        let same = placed.device == (device.major, device.minor);
        same && below(&on_device, &placed.mount.root).is_some()
    };
    let all = ours.iter().filter(holds);
    let nearest = all.max_by_key(|placed| placed.mount.root.len())?;
    let rest = below(&on_device, &nearest.mount.root)?;
    Some(join(&nearest.mount.point, rest))
}

pub(super) fn join(directory: &[u8], rest: &[u8]) -> Vec<u8> {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    match (directory, rest) {
        (b"", b"") => b"/".to_vec(),
        _ => [directory, rest].concat(),
    }
}

fn trimmed(path: Vec<u8>) -> Vec<u8> {
    match path.strip_suffix(b"/") {
        Some(plain) if !plain.is_empty() => plain.to_vec(),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_directory_needs_no_second_slash() {
        assert_eq!(join(b"/", b"/f"), b"/f");
        assert_eq!(join(b"/", b""), b"/");
    }
}
