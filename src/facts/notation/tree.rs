//! Path resolution through the files that a notation describes.

use std::collections::{BTreeMap, VecDeque};

use super::unknown;
use crate::attempt::Errno;
use crate::byte_path;
use crate::facts::{Fact, MAX_SYMLINKS, Node, NodeId, Step, Walk};

/// What is known of each name, by its path without symlinks.
#[derive(Default)]
pub(crate) struct Tree {
    /// The described names.
    pub names: BTreeMap<Vec<u8>, Fact<Option<NodeId>>>,
    /// The targets of magic links.
    pub jumps: BTreeMap<NodeId, NodeId>,
}

/// The names still to be looked up, of the path or of one symlink target.
struct Rest {
    names: VecDeque<Vec<u8>>,
    depth: u8,
}

impl Tree {
    /// Resolves the path; a symlink at its end is followed only if `follow` is set.
    ///
    /// # Errors
    /// Returns the path of the first name that is not described.
    pub fn walk(&self, nodes: &[Node], path: &[u8], follow: bool) -> Result<Walk, Vec<u8>> {
        let root = self.names.get(&b"/"[..]).cloned();
        let root = root.and_then(Result::ok).flatten().ok_or(b"/")?;
        let trailing_slash = path.ends_with(b"/") && path.iter().any(|&byte| byte != b'/');
        let mut walk = Walk {
            path: path.to_vec(),
            start: Some(root),
            trailing_slash,
            ..Walk::default()
        };
        let mut at = root;
        let mut links = 0;
        let mut rest = vec![Rest::new(path, 0)];
        if !rest[0].names.is_empty() {
            walk.written = usize::MAX;
        }
        while let Some(Rest { names, depth }) = rest.last_mut() {
            let depth = *depth;
            let Some(name) = names.pop_front() else {
                rest.pop();
                continue;
            };
            let last = names.is_empty();
            let found = self.lookup(&nodes[at.0], &name)?;
            walk.steps.push(Step {
                dir: at,
                name,
                found: found.clone(),
                depth,
                last,
            });
            if depth == 0 && last {
                walk.written = walk.steps.len();
            }
            let Ok(Some(node)) = found else { break };
            let ends = rest.iter().all(|rest| rest.names.is_empty());
            match &nodes[node.0].link {
                Some(target) if !ends || follow || trailing_slash => {
                    links += 1;
                    if links > MAX_SYMLINKS {
                        break;
                    }
                    let to_the_root = target.iter().all(|&byte| byte == b'/').then_some(root);
                    if let Some(object) = self.jumps.get(&node).copied().or(to_the_root) {
                        walk.steps.push(Step {
                            dir: node,
                            name: Vec::new(),
                            found: Ok(Some(object)),
                            depth: depth + 1,
                            last: true,
                        });
                        at = object;
                        continue;
                    }
                    if target.starts_with(b"/") {
                        at = root;
                    }
                    rest.push(Rest::new(target, depth + 1));
                }
                _ => at = node,
            }
        }
        Ok(walk)
    }

    /// What a name in a directory refers to.
    fn lookup(&self, dir: &Node, name: &[u8]) -> Result<Fact<Option<NodeId>>, Vec<u8>> {
        let path = below(&dir.path, name);
        if dir.inode.as_ref().is_ok_and(|inode| !inode.is_dir()) {
            return Ok(Err(unknown("name", &path, Some(Errno::NotDir))));
        }
        self.names.get(&path).cloned().ok_or(path)
    }
}

impl Rest {
    fn new(path: &[u8], depth: u8) -> Rest {
        let names = path.split(|&byte| byte == b'/');
        Rest {
            names: names
                .filter(|name| !name.is_empty())
                .map(<[u8]>::to_vec)
                .collect(),
            depth,
        }
    }
}

/// The path of a name in a directory.
pub(super) fn below(dir: &[u8], name: &[u8]) -> Vec<u8> {
    byte_path::step(dir, name)
}
