//! Path resolution, with the checks along the way (fs/namei.c, path_resolution(7)).

use super::access::Purpose;
use super::{Code, Decision, Errno, Kernel, Kind, NodeId, Obstacle, Perms, Rule, Walk, deny, fail};
use crate::facts::{MAX_SYMLINKS, UnknownFact};

/// The directory that holds the last component of a path, and that component.
#[derive(Clone, Copy)]
pub(super) struct Parent<'a> {
    pub dir: NodeId,
    pub last: Last<'a>,
    /// Whether the component is followed by slashes.
    pub slash: bool,
}

/// A path's last component (LAST_NORM, LAST_DOT, LAST_DOTDOT, LAST_ROOT).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Last<'a> {
    Name(&'a [u8]),
    Dot,
    DotDot,
    Root,
}

/// A resolution in progress.
pub(super) struct Lookup<'a> {
    kernel: Kernel<'a>,
    walk: &'a Walk,
    /// The number of symlinks followed so far.
    links: u32,
}

/// What a symlink refers to.
enum Link<'a> {
    /// A path, which is resolved from this directory.
    Path(NodeId, &'a [u8]),
    /// An object, directly: a magic link of /proc, or a link to the root.
    Jump(NodeId),
}

impl<'a> Kernel<'a> {
    /// `filename_lookup`: the object at the end of the path.
    pub(super) fn lookup(self, walk: &'a Walk, follow: bool, directory: bool) -> Decision<NodeId> {
        let mut lookup = Lookup::new(self, walk);
        let mut parent = lookup.parent()?;
        let (mut follow, mut directory) = (follow, directory);
        loop {
            // lookup_last
            if parent.slash && matches!(parent.last, Last::Name(_)) {
                (follow, directory) = (true, true);
            }
            let node = lookup.last(&parent)?;
            match lookup.trailing_link(&parent, node, follow)? {
                Some(next) => parent = next,
                None if directory && !self.is_dir(node)? => return fail(Errno::NotDir, node),
                None => return Ok(node),
            }
        }
    }

    /// `filename_parentat`: the directory of the last component, which is not looked up.
    pub(super) fn parent(self, walk: &'a Walk) -> Decision<Parent<'a>> {
        Lookup::new(self, walk).parent()
    }

    /// `lookup_one_qstr_excl`: what a name in a directory refers to, without following symlinks.
    pub(super) fn lookup_one(
        self,
        walk: &'a Walk,
        dir: NodeId,
        name: &[u8],
    ) -> Decision<Option<NodeId>> {
        if name.len() > 255 {
            return fail(Errno::NameTooLong, dir);
        }
        if name == b"." {
            return Ok(Some(dir));
        }
        let mut steps = walk.steps.iter();
        match steps.find(|step| step.dir == dir && step.name == name) {
            Some(step) => Ok(step.found.clone()?),
            None => Err(UnknownFact {
                path: self.node(dir).path.clone(),
                ..UnknownFact::not_gathered("name in the directory")
            }
            .into()),
        }
    }

    /// `may_lookup`: search permission on a directory.
    fn may_lookup(self, dir: NodeId) -> Decision {
        self.inode_permission(dir, Perms::X, Purpose::Search)
    }

    /// `may_follow_link`: fs.protected_symlinks, for a symlink at the end of a path.
    fn may_follow_link(self, dir: NodeId, link: NodeId) -> Decision {
        let (dir, inode) = (self.inode(dir)?, self.inode(link)?);
        if inode.uid == self.subject.uid
            || !(dir.is_sticky() && dir.other_bits().contains(Perms::W))
            || dir.uid == inode.uid
        {
            return Ok(());
        }
        match self.facts.settings.protected_symlinks.clone()? {
            0 => Ok(()),
            _ => deny(
                Errno::Acces,
                Code::ProtectedSymlink,
                Obstacle::Node(link),
                Rule::Flag,
            ),
        }
    }
}

impl<'a> Lookup<'a> {
    pub(super) fn new(kernel: Kernel<'a>, walk: &'a Walk) -> Lookup<'a> {
        Lookup {
            kernel,
            walk,
            links: 0,
        }
    }

    /// `path_init`, and `link_path_walk` of the path itself.
    pub(super) fn parent(&mut self) -> Decision<Parent<'a>> {
        let beginning = self.walk.beginning();
        let (dir, path) = beginning.ok_or_else(|| UnknownFact::not_gathered("root directory"))?;
        self.link_path_walk(dir, path)
    }

    /// `link_path_walk`: resolves all components but the last.
    fn link_path_walk(&mut self, mut dir: NodeId, path: &'a [u8]) -> Decision<Parent<'a>> {
        let mut rest = trim(path);
        if rest.is_empty() {
            let last = Last::Root;
            return Ok(Parent {
                dir,
                last,
                slash: false,
            });
        }
        loop {
            self.kernel.may_lookup(dir)?;
            let end = rest
                .iter()
                .position(|&byte| byte == b'/')
                .unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            rest = trim(after);
            if rest.is_empty() {
                let last = Last::new(name);
                return Ok(Parent {
                    dir,
                    last,
                    slash: !after.is_empty(),
                });
            }
            dir = self.component(dir, name)?;
            let may_be_directory = self
                .kernel
                .node(dir)
                .inode
                .as_ref()
                .map_or(true, super::Inode::is_dir);
            if !may_be_directory {
                return fail(Errno::NotDir, dir);
            }
        }
    }

    /// `walk_component` for a component other than the last: symlinks are followed to their end.
    fn component(&mut self, dir: NodeId, name: &'a [u8]) -> Decision<NodeId> {
        let mut node = self.positive(dir, name)?;
        let mut dir = dir;
        while let Some(link) = self.pick_link(dir, node)? {
            match link {
                Link::Jump(object) => return Ok(object),
                Link::Path(start, target) => {
                    let parent = self.link_path_walk(start, target)?;
                    dir = parent.dir;
                    node = self.last(&parent)?;
                }
            }
        }
        Ok(node)
    }

    /// What the last component refers to, without following symlinks; ENOENT if there is no such name.
    pub(super) fn last(&self, parent: &Parent<'a>) -> Decision<NodeId> {
        match parent.last {
            Last::Name(name) => self.positive(parent.dir, name),
            Last::DotDot => self.positive(parent.dir, b".."),
            Last::Dot | Last::Root => Ok(parent.dir),
        }
    }

    /// The next path to resolve, if the node at the end of the path is a symlink that is to be followed.
    pub(super) fn trailing_link(
        &mut self,
        parent: &Parent<'a>,
        node: NodeId,
        follow: bool,
    ) -> Decision<Option<Parent<'a>>> {
        if !follow || !self.is_link(node) {
            return Ok(None);
        }
        if self.links < MAX_SYMLINKS {
            self.kernel.may_follow_link(parent.dir, node)?;
        }
        match self.pick_link(parent.dir, node)? {
            None => Ok(None),
            Some(Link::Path(start, target)) => self.link_path_walk(start, target).map(Some),
            Some(Link::Jump(dir)) => {
                let last = Last::Root;
                Ok(Some(Parent {
                    dir,
                    last,
                    slash: false,
                }))
            }
        }
    }

    /// `pick_link`: what a symlink refers to; `None` if the node is not a symlink.
    fn pick_link(&mut self, dir: NodeId, node: NodeId) -> Decision<Option<Link<'a>>> {
        if !self.is_link(node) {
            return Ok(None);
        }
        self.links += 1;
        if self.links > MAX_SYMLINKS || self.kernel.mount_of(node).flags.nosymfollow {
            return fail(Errno::Loop, node);
        }
        if let Some(step) = self
            .walk
            .steps
            .iter()
            .find(|step| step.dir == node && step.name.is_empty())
        {
            self.kernel.may_trace(node)?;
            return match step.found.clone()? {
                Some(object) => Ok(Some(Link::Jump(object))),
                None => fail(Errno::NoEnt, node),
            };
        }
        let unknown = || UnknownFact {
            path: self.kernel.node(node).path.clone(),
            ..UnknownFact::not_gathered("target of the symlink")
        };
        let target = self.kernel.node(node).link.as_deref().ok_or_else(unknown)?;
        let start = match target {
            [] => return Err(unknown().into()),
            [b'/', ..] => self.walk.start.ok_or_else(unknown)?,
            _ => dir,
        };
        Ok(Some(Link::Path(start, target)))
    }

    fn positive(&self, dir: NodeId, name: &[u8]) -> Decision<NodeId> {
        match self.kernel.lookup_one(self.walk, dir, name)? {
            Some(node) => Ok(node),
            None => fail(Errno::NoEnt, dir),
        }
    }

    fn is_link(&self, node: NodeId) -> bool {
        let node = self.kernel.node(node);
        node.inode
            .as_ref()
            .map_or(node.link.is_some(), |inode| inode.kind == Kind::Symlink)
    }
}

impl<'a> Last<'a> {
    fn new(name: &'a [u8]) -> Last<'a> {
        match name {
            b"." => Last::Dot,
            b".." => Last::DotDot,
            _ => Last::Name(name),
        }
    }
}

/// The path without its leading slashes.
fn trim(path: &[u8]) -> &[u8] {
    let start = path
        .iter()
        .position(|&byte| byte != b'/')
        .unwrap_or(path.len());
    &path[start..]
}
