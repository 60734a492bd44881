//! Path resolution, step by step, as the kernel does it (path_resolution(7), link_path_walk of fs/namei.c).
//!
//! Every step opens one name in one open directory with O_PATH. That requires search permission and nothing else, does not
//! activate a device or FIFO, and avoids paths whose meaning could change between two system calls.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use super::nodes::Nodes;
use super::{View, unknown};
use crate::byte_path;
use crate::facts::{Fact, Facts, Kind, MAX_SYMLINKS, NodeId, Program, Step, UnknownFact, Walk};

/// Resolves paths for one attempt and collects the nodes it meets.
pub(super) struct Walker<'a> {
    nodes: Nodes<'a>,
    /// The subject's root directory.
    root: Option<Position>,
}

/// A resolved path, and the open file at its end if the resolution reached it.
pub(super) struct Walked {
    pub walk: Walk,
    end: Option<Position>,
}

/// A node, with the open file from which the resolution continues.
#[derive(Clone)]
struct Position {
    node: NodeId,
    fd: Rc<OwnedFd>,
    /// The index of its mount, in a reconstructed world.
    laid: Option<usize>,
}

/// A component still to be looked up.
struct Pending {
    name: Vec<u8>,
    depth: u8,
    last: bool,
}

/// What a symlink refers to.
enum Link {
    /// A path to be resolved.
    Names(Vec<u8>),
    /// An object, directly: a magic link, or a link to the root.
    Leads(Fact<Option<Position>>),
}

impl<'a> Walker<'a> {
    /// A walker for the root directory of the view's process.
    pub(super) fn new(view: &'a View, facts: &'a mut Facts) -> Walker<'a> {
        let mut walker = Walker {
            nodes: Nodes::new(view, facts),
            root: None,
        };
        if let Some(fd) = view.open_root() {
            let laid = view.is_laid_out().then_some(0);
            walker.root = Some(walker.position(fd, b"/".to_vec(), laid));
        }
        walker
    }

    /// Resolves the path. A symlink as the last component is followed only if `through` is set.
    pub(super) fn walk(&mut self, path: &[u8], through: bool) -> Walked {
        self.walk_from(None, path, through)
    }

    /// Resolves a path. If it begins with `directory`, the working directory, the resolution starts there.
    pub(super) fn walk_from(
        &mut self,
        directory: Option<&[u8]>,
        path: &[u8],
        through: bool,
    ) -> Walked {
        let mut walk = Walk {
            path: path.to_vec(),
            trailing_slash: path.ends_with(b"/") && path.iter().any(|&byte| byte != b'/'),
            ..Walk::default()
        };
        let Some(root) = self.root.clone() else {
            return Walked { walk, end: None };
        };
        walk.start = Some(root.node);
        let begin = directory.and_then(|directory| self.working_directory(directory, path));
        let (mut here, path) = match begin {
            Some((place, rest)) => {
                walk.relative = Some((place.node, rest.to_vec()));
                (place, rest)
            }
            None => (root.clone(), path),
        };
        let mut pending = components(path, 0);
        if !pending.is_empty() {
            walk.written = usize::MAX;
        }
        let mut links = 0;
        while let Some(next) = pending.pop() {
            let found = self.look_up(&here, &next.name);
            let written = next.last && next.depth == 0;
            let depth = next.depth.saturating_add(1);
            walk.steps.push(next.step(here.node, &found));
            if written {
                walk.written = walk.steps.len();
            }
            let Ok(Some(there)) = found else {
                return Walked { walk, end: None };
            };
            if !self.is_link(there.node) || (written && !through && !walk.trailing_slash) {
                here = there;
                continue;
            }
            links += 1;
            if links > MAX_SYMLINKS {
                return Walked { walk, end: None };
            }
            let jump = match self.link(&here, &there, &walk.steps[walk.steps.len() - 1].name) {
                Link::Names(target) => {
                    if target.starts_with(b"/") {
                        here = root.clone();
                    }
                    pending.extend(components(&target, depth));
                    continue;
                }
                Link::Leads(to) => to,
            };
            walk.steps
                .push(Pending::through(depth).step(there.node, &jump));
            let Ok(Some(there)) = jump else {
                return Walked { walk, end: None };
            };
            here = there;
        }
        Walked {
            walk,
            end: Some(here),
        }
    }

    /// Adds the directories above all nodes, as far as no walk passed through them: a relative path starts below them, and a
    /// magic link bypasses them.
    pub(super) fn look_above(&mut self) {
        let known = |facts: &Facts, path: &[u8]| facts.nodes.iter().any(|node| node.path == path);
        let met: Vec<Vec<u8>> = self
            .nodes
            .facts
            .nodes
            .iter()
            .filter_map(|node| Some(byte_path::parent(&node.path)?.to_vec()))
            .collect();
        for above in met {
            if above != b"/" && !known(self.nodes.facts, &above) {
                let _ = self.walk(&above, true);
            }
        }
    }

    /// Determines how the regular file at the end of a walk would be executed.
    pub(super) fn look_into_program(&mut self, walked: &Walked) -> Option<Program> {
        let end = walked.end.as_ref()?;
        self.nodes.look_into_program(end.node, &end.fd)
    }

    /// Determines whether the directory at the end of a walk is empty.
    pub(super) fn look_into_directory(&mut self, walked: &Walked) {
        if let Some(end) = &walked.end {
            self.nodes.look_into_directory(end.node, &end.fd);
        }
    }

    /// The working directory, and the path relative to it.
    fn working_directory<'p>(
        &mut self,
        directory: &[u8],
        path: &'p [u8],
    ) -> Option<(Position, &'p [u8])> {
        let below = match directory {
            b"/" => return None,
            _ => path.strip_prefix(directory)?,
        };
        let rest = match below {
            b"" => b".".as_slice(),
            _ => below.strip_prefix(b"/")?,
        };
        let fd = self.nodes.view.open_working_directory(directory)?;
        Some((self.position(fd, directory.to_vec(), None), rest))
    }

    fn position(&mut self, fd: OwnedFd, path: Vec<u8>, laid: Option<usize>) -> Position {
        let node = self.nodes.node(&fd, path, laid);
        let fd = Rc::new(fd);
        Position { node, fd, laid }
    }

    /// Looks up a name in a directory; `Ok(None)` if there is no such name.
    fn look_up(&mut self, here: &Position, name: &[u8]) -> Fact<Option<Position>> {
        let directory = self.nodes.facts.node(here.node);
        let path = byte_path::step(&directory.path, name);
        if directory.inode.as_ref().is_ok_and(|inode| !inode.is_dir()) {
            return Err(unknown("name", &path, Errno::NOTDIR));
        }
        let at_root = self
            .root
            .as_ref()
            .is_some_and(|root| root.node == here.node);
        if name == b"." || (name == b".." && at_root) {
            return Ok(Some(here.clone()));
        }
        if let Some(laid) = here.laid {
            if name == b".." && self.nodes.view.is_point(laid, &directory.path) {
                let above = byte_path::parent(&directory.path).unwrap_or(b"/").to_vec();
                return Ok(self.walk(&above, true).end);
            }
            match self.nodes.view.laid_at(&path) {
                Some((laid, Some(source))) => {
                    return Ok(Some(self.position(source, path, Some(laid))));
                }
                Some((at, None)) => {
                    return Ok(Some(Position {
                        node: self.nodes.gone(path, at),
                        laid: Some(at),
                        ..here.clone()
                    }));
                }
                None => {}
            }
            let is_gone = self.nodes.view.is_gone(laid);
            if is_gone || self.nodes.view.is_made_up(laid) {
                return match self.nodes.view.leads_to_a_mount(&path) {
                    true => Ok(Some(Position {
                        node: self.nodes.leading(path, here.node),
                        ..here.clone()
                    })),
                    false if is_gone => Err(self
                        .nodes
                        .facts
                        .node(here.node)
                        .inode
                        .clone()
                        .err()
                        .unwrap_or_else(|| unknown("name", &path, Errno::NOENT))),
                    false => Err(unknown("name", &path, Errno::NOENT)),
                };
            }
        }
        let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&*here.fd, name, how, Mode::empty()) {
            Ok(fd) => Ok(Some(self.position(fd, path, here.laid))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(unknown("name", &path, errno)),
        }
    }

    fn is_link(&self, node: NodeId) -> bool {
        let inode = &self.nodes.facts.node(node).inode;
        inode
            .as_ref()
            .is_ok_and(|inode| inode.kind == Kind::Symlink)
    }

    /// Where the resolution continues at a symlink that was found under this name in this directory.
    fn link(&mut self, here: &Position, link: &Position, name: &[u8]) -> Link {
        let stated = self
            .nodes
            .facts
            .node(link.node)
            .link
            .clone()
            .unwrap_or_default();
        if self.nodes.facts.mount_of(here.node).fs_type == "proc" {
            if is_magic(here, name) {
                return Link::Leads(self.jump(here, link, name, &stated));
            }
            return self.proc_link(here, link, name, stated);
        }
        if !stated.is_empty() && stated.iter().all(|&byte| byte == b'/') {
            return Link::Leads(Ok(self.root.clone()));
        }
        Link::Names(stated)
    }

    /// Follows a magic link.
    fn jump(
        &mut self,
        here: &Position,
        link: &Position,
        name: &[u8],
        stated: &[u8],
    ) -> Fact<Option<Position>> {
        let fd = openat(
            &*here.fd,
            name,
            OFlags::PATH | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|errno| {
            let path = &self.nodes.facts.node(link.node).path;
            unknown("object of the link", path, errno)
        })?;
        let path = self.nodes.view.as_subject_sees(stated);
        Ok(Some(self.position(fd, path, None)))
    }

    /// An ordinary symlink of `/proc`. `/proc/self` must be the subject, not permwrap.
    fn proc_link(&self, here: &Position, link: &Position, name: &[u8], stated: Vec<u8>) -> Link {
        // The root directory of every proc mount has the inode number 1 (PROC_ROOT_INO).
        let directory = &self.nodes.facts.node(here.node).inode;
        let at_top = directory.as_ref().is_ok_and(|inode| inode.number == 1);
        match (name, self.nodes.view.pid_in_proc) {
            (b"self", Some(pid)) if at_top => Link::Names(pid.to_string().into_bytes()),
            (b"thread-self", Some(pid)) if at_top => {
                Link::Names(format!("{pid}/task/{pid}").into_bytes())
            }
            (b"self" | b"thread-self", None) if at_top => Link::Leads(Err(UnknownFact {
                path: self.nodes.facts.node(link.node).path.clone(),
                ..UnknownFact::not_gathered("process")
            })),
            _ => Link::Names(stated),
        }
    }
}

impl Pending {
    /// The step through a symlink that refers directly to an object.
    fn through(depth: u8) -> Pending {
        Pending {
            name: Vec::new(),
            depth,
            last: true,
        }
    }

    fn step(self, dir: NodeId, found: &Fact<Option<Position>>) -> Step {
        Step {
            dir,
            name: self.name,
            found: match found {
                Ok(place) => Ok(place.as_ref().map(|place| place.node)),
                Err(unknown) => Err(unknown.clone()),
            },
            depth: self.depth,
            last: self.last,
        }
    }
}

/// The components of a path, as a stack with the first one on top.
fn components(path: &[u8], depth: u8) -> Vec<Pending> {
    let mut stack: Vec<Pending> = path
        .split(|&byte| byte == b'/')
        .rev()
        .filter(|name| !name.is_empty())
        .map(|name| Pending {
            name: name.to_vec(),
            depth,
            last: false,
        })
        .collect();
    if let Some(last) = stack.first_mut() {
        last.last = true;
    }
    stack
}

/// Whether the symlink of this name is a magic link, which refers to an object instead of a path. For a process that may not be
/// traced, the answer is EACCES.
fn is_magic(here: &Position, name: &[u8]) -> bool {
    let how = OFlags::PATH | OFlags::CLOEXEC;
    openat2(
        &*here.fd,
        name,
        how,
        Mode::empty(),
        ResolveFlags::NO_MAGICLINKS,
    )
    .is_err_and(|errno| matches!(errno, Errno::LOOP | Errno::ACCESS))
}
