//! The inodes that the walks met, once for each mount on which they were met. They are examined while they are open.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::readlinkat;

use super::{View, acl, flags, inode, mounts, overflow, program, traced, unknown, unknown_io};
use crate::facts::{
    DeviceNumber, Fact, Facts, Flags, Inode, Kind, MountId, Node, NodeId, Program, UnknownFact,
};

/// Identifies a mount: its index in a reconstructed world plus one, or 0 outside of one, and its mount id.
type Mounted = (usize, u64);

/// Collects the nodes and mounts of the facts, with the keys that identify them.
pub(super) struct Nodes<'a> {
    pub view: &'a View,
    pub facts: &'a mut Facts,
    mounts: mounts::Table,
    known: HashMap<(Mounted, DeviceNumber, u64), NodeId>,
    mount_ids: HashMap<Mounted, MountId>,
}

impl<'a> Nodes<'a> {
    pub(super) fn new(view: &'a View, facts: &'a mut Facts) -> Nodes<'a> {
        Nodes {
            view,
            facts,
            mounts: mounts::Table::read(view),
            known: HashMap::new(),
            mount_ids: HashMap::new(),
        }
    }

    /// The node of an open file; it is examined unless it is already known.
    ///
    /// `laid` is the index of its mount, in a reconstructed world.
    pub(super) fn node(&mut self, fd: &OwnedFd, path: Vec<u8>, laid: Option<usize>) -> NodeId {
        let status = inode::status(fd.as_fd(), &path);
        let mount = status
            .mount
            .or_else(|| mounts::id_by_fdinfo(fd.as_fd()))
            .unwrap_or_default();
        // Several mounts of such a world may lie on one and the same mount here.
        let known_by = (laid.map_or(0, |laid| laid + 1), mount);
        let key = status
            .inode
            .as_ref()
            .ok()
            .map(|inode| (known_by, inode.device, inode.number));
        if let Some(&known) = key.as_ref().and_then(|key| self.known.get(key)) {
            return known;
        }
        let mount = self.mount(known_by, laid, fd);
        let node = self.look_at(fd, path, status, mount);
        let id = NodeId(self.facts.nodes.len());
        self.facts.nodes.push(node);
        if let Some(key) = key {
            self.known.insert(key, id);
        }
        id
    }

    /// The top of a mount of a reconstructed world of which only the options are known.
    pub(super) fn gone(&mut self, path: Vec<u8>, laid: usize) -> NodeId {
        let mut every = self.facts.nodes.iter();
        if let Some(known) = every.position(|node| node.path == path) {
            return NodeId(known);
        }
        let mount = self.view.laid(laid).map(mounts::gone).unwrap_or_default();
        self.facts.mounts.push(mount);
        let unseen = unknown("what was mounted", &path, rustix::io::Errno::NOENT);
        let mount = MountId(self.facts.mounts.len() - 1);
        self.facts.nodes.push(Node::unseen(path, mount, &unseen));
        NodeId(self.facts.nodes.len() - 1)
    }

    /// A directory that leads to a mount in a made-up tree, of which only that is known.
    pub(super) fn leading(&mut self, path: Vec<u8>, root: NodeId) -> NodeId {
        let mut every = self.facts.nodes.iter();
        if let Some(known) = every.position(|node| node.path == path) {
            return NodeId(known);
        }
        let unseen = UnknownFact {
            path: path.clone(),
            ..UnknownFact::not_gathered("mode and owner")
        };
        self.facts.nodes.push(Node {
            path,
            inode: Err(unseen),
            ..self.facts.node(root).clone()
        });
        NodeId(self.facts.nodes.len() - 1)
    }

    /// Reads everything about one open file.
    fn look_at(&self, fd: &OwnedFd, path: Vec<u8>, status: inode::Status, mount: MountId) -> Node {
        let handle = handle(fd, self.view, &path);
        let kind = status.inode.as_ref().ok().map(|inode| inode.kind);
        let is_link = kind == Some(Kind::Symlink);
        let is_dir = kind == Some(Kind::Directory);
        let its_mount = &self.facts.mounts[mount.0];
        let fs_type = &its_mount.fs_type;
        Node {
            acl: if is_link {
                Ok(None)
            } else {
                acl::access(&handle, &path)
            },
            default_acl: if is_dir {
                acl::default(&handle, &path)
            } else {
                Ok(None)
            },
            flags: self.flags(&status, &handle, fs_type, &path),
            mount,
            link: is_link
                .then(|| readlinkat(fd, c"", Vec::new()).ok())
                .flatten()
                .map(std::ffi::CString::into_bytes),
            program: Err(UnknownFact::not_gathered("the first bytes")),
            has_capabilities: status.inode.as_ref().is_ok_and(|inode| {
                let is_program = inode.kind == Kind::Regular && inode.mode & 0o111 != 0;
                is_program && program::has_capabilities(&handle)
            }),
            label: self.view.label(&handle, &path),
            empty: Err(UnknownFact::not_gathered("entries of the directory")),
            traced: (fs_type == "proc")
                .then(|| traced::traced(&path, its_mount, self.view))
                .flatten()
                .map(Box::new),
            inode: status.inode.map(|inode| {
                overflow::told_apart(inode, &handle, !its_mount.is_served() && !is_link)
            }),
            path,
        }
    }

    fn flags(
        &self,
        status: &inode::Status,
        handle: &Path,
        fs_type: &str,
        path: &[u8],
    ) -> Fact<Flags> {
        let inode = status.inode.as_ref().map_err(|unknown| UnknownFact {
            what: "inode flags".to_owned(),
            ..unknown.clone()
        })?;
        let mut flags = match status.flags {
            Some(flags) => flags,
            None => flags::by_ioctl(handle, inode, fs_type, path)?,
        };
        flags.swap = self.view.is_swap_file(inode);
        Ok(flags)
    }

    /// Reads the first bytes of a regular file, which determine how it is executed.
    pub(super) fn look_into_program(&mut self, node: NodeId, fd: &OwnedFd) -> Option<Program> {
        let node = &mut self.facts.nodes[node.0];
        if node
            .inode
            .as_ref()
            .is_ok_and(|inode| inode.kind == Kind::Regular)
        {
            node.program = program::program(&handle(fd, self.view, &node.path), &node.path);
        }
        node.program.clone().ok()
    }

    /// Determines whether a directory is empty.
    pub(super) fn look_into_directory(&mut self, node: NodeId, fd: &OwnedFd) {
        let node = &mut self.facts.nodes[node.0];
        if node.inode.as_ref().is_ok_and(Inode::is_dir) {
            node.empty = std::fs::read_dir(handle(fd, self.view, &node.path))
                .map(|mut entries| entries.next().is_none())
                .map_err(|error| unknown_io("entries of the directory", &node.path, &error));
        }
    }

    fn mount(&mut self, known_by: Mounted, laid: Option<usize>, fd: &OwnedFd) -> MountId {
        let (mounts, facts, view) = (&self.mounts, &mut *self.facts, self.view);
        *self.mount_ids.entry(known_by).or_insert_with(|| {
            let mount = mounts.get(known_by.1, fd.as_fd());
            facts
                .mounts
                .push(match laid.and_then(|laid| view.laid(laid)) {
                    Some(laid) => mounts::laid(mount, laid),
                    None => mount,
                });
            MountId(facts.mounts.len() - 1)
        })
    }
}

/// A path that leads to the open file, even if its name has changed since. Without `/proc`, the name has to suffice.
fn handle(fd: &OwnedFd, view: &View, path: &[u8]) -> PathBuf {
    match view.has_proc {
        true => PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd())),
        false => super::path(path).to_owned(),
    }
}
