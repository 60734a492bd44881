//! What lies in a container, as its engine, its image and its volumes tell.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;

use super::members::{asked_at_once, is_of_the_kernel};
use super::{Answered, MOST_NAMES, Source};
use crate::attempt::ACCESS_ACL;
use crate::byte_path::below;
use crate::facts::notation::Tree;
use crate::facts::{
    Fact, Facts, Flags, Inode, Mount, MountFlags, MountId, Node, NodeId, UnknownFact, Walk,
};
use crate::gather;
use crate::gather::engine_api::{Member, MountPoint};
use crate::gather::way_back::join;

impl Answered {
    /// The directories and files of this machine that are mounted in it, if its ids are those of this machine.
    pub(super) fn volumes(&self) -> impl Iterator<Item = &MountPoint> {
        let is_known = !self.remapped || self.numbers.is_some();
        let given = self.about.mounts.iter().filter(move |_| is_known);
        given.filter(|mount| mount.r#type == "bind" && mount.source.starts_with('/'))
    }

    /// The mount point of the volume that holds the path.
    pub(super) fn volume_over(&self, path: &[u8]) -> Option<Vec<u8>> {
        let points = self.volumes().map(|mount| mount.destination.as_bytes());
        let over = points.filter(|point| below(path, point).is_some());
        over.max_by_key(|point| point.len()).map(<[u8]>::to_vec)
    }

    /// What lies at this path, as far as the volumes tell. Of the directories that lead to a volume, only that they exist.
    pub(super) fn on_volume(&self, path: &[u8]) -> Option<Option<Result<Member, UnknownFact>>> {
        let leads = |mount: &MountPoint| below(mount.destination.as_bytes(), path).is_some();
        let holds = |mount: &&MountPoint| below(path, mount.destination.as_bytes()).is_some();
        let deepest = self
            .volumes()
            .filter(holds)
            .max_by_key(|mount| mount.destination.len());
        let Some(mount) = deepest else {
            let unseen = || UnknownFact {
                path: path.to_vec(),
                ..UnknownFact::not_gathered("mode and owner")
            };
            return self.volumes().any(leads).then(|| Some(Err(unseen())));
        };
        let rest = below(path, mount.destination.as_bytes())?;
        let here = join(mount.source.as_bytes(), rest);
        let acl = rustix::fs::lgetxattr(gather::path(&here), ACCESS_ACL, &mut [0u8; 0]);
        if acl.is_ok() {
            // The mode alone does not decide.
            return None;
        }
        match fs::symlink_metadata(gather::path(&here)) {
            Ok(found) => {
                let link = fs::read_link(gather::path(&here)).ok();
                let link = link.map(|link| link.into_os_string().into_vec());
                Some(Some(Ok(Member::of(&found, link)?)))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(None),
            Err(_) => None,
        }
    }

    /// Whether a file system of the container's own covers the path, which is gone once the container has ended, and which the
    /// engine does not show.
    pub(super) fn is_unseen(&self, path: &[u8]) -> bool {
        // Once the container has gone, nothing leads to what an engine keeps under a name.
        let is_of_image = matches!(self.source, Source::Image(_));
        let is_kept = |mount: &MountPoint| is_of_image && !mount.source.starts_with('/');
        let given = self.about.mounts.iter();
        let given = given.filter(|mount| mount.r#type == "tmpfs" || is_kept(mount));
        let told = self.about.host_config.tmpfs.iter().flatten();
        let mut points = given
            .map(|mount| &mount.destination)
            .chain(told.map(|(point, _)| point));
        is_of_the_kernel(path) || points.any(|point| below(path, point.as_bytes()).is_some())
    }

    pub(super) fn mounts(&self) -> Vec<Mount> {
        let root = Mount {
            root: b"/".to_vec(),
            point: b"/".to_vec(),
            fs_type: "overlay".to_owned(),
            source: b"overlay".to_vec(),
            flags: MountFlags {
                read_only: self.about.host_config.readonly_rootfs,
                ..MountFlags::default()
            },
            ..Mount::default()
        };
        let given = self.about.mounts.iter().map(|mount| Mount {
            root: mount.source.clone().into_bytes(),
            point: mount.destination.clone().into_bytes(),
            fs_type: mount.r#type.clone(),
            source: mount.source.clone().into_bytes(),
            flags: MountFlags {
                read_only: !mount.writable,
                ..MountFlags::default()
            },
            ..Mount::default()
        });
        [root].into_iter().chain(given).collect()
    }

    /// Resolves a path, asking the engine for one name at a time.
    pub(super) fn walk(
        &self,
        path: &[u8],
        follow: bool,
        tree: &mut Tree,
        facts: &mut Facts,
    ) -> Walk {
        for _ in 0..MOST_NAMES {
            match tree.walk(&facts.nodes, path, follow) {
                Ok(walk) => return walk,
                Err(missing) => {
                    let found = self.node(&missing, facts);
                    let found = found.map(|node| {
                        node.map(|node| {
                            facts.nodes.push(node);
                            NodeId(facts.nodes.len() - 1)
                        })
                    });
                    tree.names.insert(missing, found);
                }
            }
        }
        Walk::default()
    }

    pub(super) fn node(&self, path: &[u8], facts: &Facts) -> Fact<Option<Node>> {
        let unseen = || UnknownFact {
            what: "name".to_owned(),
            path: path.to_vec(),
            errno: None,
        };
        if self.is_unseen(path) {
            return Err(unseen());
        }
        let node = |found: Result<Member, UnknownFact>| {
            let (inode, link) = match found {
                Ok(member) => (Ok(member.inode), member.link),
                Err(unknown) => (Err(unknown), None),
            };
            node_of(path, inode, link, facts)
        };
        let engine = match &self.source {
            Source::Engine(engine) => engine,
            Source::Image(image) => {
                let found = self.at_start(image, path).ok_or_else(unseen)?;
                return Ok(found.map(node));
            }
        };
        let known = self.members.borrow().get(path).cloned();
        let member = match known {
            Some(member) => member,
            None if !self.is_root_seen() => {
                // It has gone.
                return Ok(self.on_volume(path).ok_or_else(unseen)?.map(node));
            }
            None => asked_at_once(engine, &self.about.id, &[path.to_vec()])
                .remove(path)
                .ok_or_else(unseen)?,
        };
        self.members
            .borrow_mut()
            .insert(path.to_vec(), member.clone());
        Ok(member.map(|member| node_of(path, Ok(member.inode), member.link, facts)))
    }

    /// The path of an object in the container, with its path here if it is on a bind mount and nothing indicates that the two
    /// differ.
    pub(super) fn path_here(&self, node: &Node, facts: &Facts) -> Option<(Vec<u8>, Vec<u8>)> {
        let mount = &facts.mounts[node.mount.0];
        let is_remapped = self.remapped && self.numbers.is_none();
        if is_remapped || mount.point == b"/" || !mount.root.starts_with(b"/") {
            return None;
        }
        let here = join(&mount.root, below(&node.path, &mount.point)?);
        let inode = node.inode.as_ref().ok()?;
        let is_it = match fs::symlink_metadata(gather::path(&here)) {
            Ok(found) => {
                found.uid() == inode.uid
                    && found.gid() == inode.gid
                    && found.mode() & 0o7777 == inode.mode
            }
            // Volumes are usually in a directory that only the engine may search.
            Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
        };
        is_it.then(|| (node.path.clone(), here))
    }
}

/// A node of which nothing else is known.
fn node_of(path: &[u8], inode: Fact<Inode>, link: Option<Vec<u8>>, facts: &Facts) -> Node {
    Node {
        path: path.to_vec(),
        inode,
        acl: Ok(None),
        default_acl: Ok(None),
        flags: Ok(Flags::default()),
        mount: facts.mount_over(path).unwrap_or(MountId(0)),
        link,
        program: Err(UnknownFact::not_gathered("the first bytes")),
        has_capabilities: false,
        label: Ok(None),
        empty: Err(UnknownFact::not_gathered("whether it is empty")),
        traced: None,
    }
}
