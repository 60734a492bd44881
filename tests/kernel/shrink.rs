//! Reduces a mismatch: removes whatever can be removed without resolving the mismatch.

use crate::compare::{Outcome, single};
use crate::ground::Ground;
use crate::plan::{Tree, Try, Who};

/// A case to be reduced.
#[derive(Clone)]
struct Case {
    tree: Tree,
    who: Who,
    tried: Try,
}

/// The smallest case on which judge and kernel still differ.
pub fn smallest(ground: &Ground, tree: Tree, who: Who, tried: Try) -> Outcome {
    let mut case = Case { tree, who, tried };
    let differs = |case: &Case| {
        let outcome = single(ground, &case.tree, &case.who, &case.tried).ok()?;
        (!outcome.agrees(ground.means.root)).then_some(outcome)
    };
    let Some(mut outcome) = differs(&case) else {
        panic!(
            "a mismatch that does not happen again: {:?} by {:?} in {:?}",
            case.tried, case.who, case.tree
        );
    };
    loop {
        let smaller = case
            .smaller()
            .into_iter()
            .find_map(|case| Some((differs(&case)?, case)));
        match smaller {
            Some((found, next)) => (outcome, case) = (found, next),
            None => return outcome,
        }
    }
}

impl Case {
    /// Every case that is simpler by one step.
    fn smaller(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        let mut add = |change: &dyn Fn(&mut Case)| {
            let mut case = self.clone();
            change(&mut case);
            cases.push(case);
        };
        for at in 1..self.tree.files.len() {
            let path = &self.tree.files[at].path;
            let below = |other: &str| other == path || other.starts_with(&format!("{path}/"));
            add(&|case| {
                case.tree.files.retain(|file| !below(&file.path));
                case.tree
                    .mounts
                    .retain(|mount| !below(&mount.on) && !mount.of.as_deref().is_some_and(below));
            });
        }
        for at in 0..self.tree.mounts.len() {
            add(&|case| drop(case.tree.mounts.remove(at)));
        }
        for (at, mount) in self.tree.mounts.iter().enumerate() {
            let chosen = [
                mount.read_only,
                mount.super_read_only,
                mount.noexec,
                mount.nodev,
                mount.nosymfollow,
            ];
            for option in (0..chosen.len()).filter(|option| chosen[*option]) {
                add(&|case| {
                    let mount = &mut case.tree.mounts[at];
                    let options = [
                        &mut mount.read_only,
                        &mut mount.super_read_only,
                        &mut mount.noexec,
                        &mut mount.nodev,
                        &mut mount.nosymfollow,
                    ];
                    *options[option] = false;
                });
            }
        }
        for (at, file) in self.tree.files.iter().enumerate() {
            if file.acl.is_some() {
                add(&|case| case.tree.files[at].acl = None);
            }
            if file.default_acl.is_some() {
                add(&|case| case.tree.files[at].default_acl = None);
            }
            if file.immutable {
                add(&|case| case.tree.files[at].immutable = false);
            }
            if file.append {
                add(&|case| case.tree.files[at].append = false);
            }
            if file.mode != 0o777 && file.acl.is_none() {
                add(&|case| case.tree.files[at].mode = 0o777);
            }
            if file.uid != 0 {
                add(&|case| case.tree.files[at].uid = 0);
            }
            if file.gid != 0 {
                add(&|case| case.tree.files[at].gid = 0);
            }
        }
        if self.who.namespace.is_some() {
            add(&|case| case.who.namespace = None);
        }
        if !self.who.groups.is_empty() {
            add(&|case| case.who.groups.clear());
        }
        for bit in (0..41).filter(|bit| self.who.capabilities & (1 << bit) != 0) {
            add(&|case| case.who.capabilities &= !(1 << bit));
        }
        for shorter in shorter(&self.tried.path) {
            add(&|case| case.tried.path.clone_from(&shorter));
        }
        for shorter in self.tried.to.iter().flat_map(|to| shorter(to)) {
            add(&|case| case.tried.to = Some(shorter.clone()));
        }
        cases
    }
}

/// The path without one of its names, for each of them.
fn shorter(path: &str) -> Vec<String> {
    let words: Vec<&str> = path.split('/').collect();
    let without = |at: usize| {
        let mut words = words.clone();
        words.remove(at);
        words.join("/")
    };
    (1..words.len()).map(without).collect()
}
