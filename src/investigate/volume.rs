//! The attempt of a process in another place, in terms of this machine: what it was refused lies on a volume, which has a path
//! here.

use serde::{Deserialize, Serialize};

use super::abroad::path_here;
use super::{Eyes, Views, investigate};
use crate::attempt::{Account, Attempt, Object, Subject};
use crate::byte_path;
use crate::change::{Change, Effect, Place};
use crate::facts::{Facts, NodeId, Walk};
use crate::report::{Conclusion, Finding};
use crate::resolve::{Circumstances, Evidence};

/// An attempt on a volume, with the paths and ids that are valid here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnVolume {
    /// The attempt. Its path contains no symlinks.
    pub attempt: Attempt,
    /// The path here of the volume, or of the root directory of a place that has one here.
    pub top: Vec<u8>,
}

impl OnVolume {
    /// The attempt behind a finding from another place. `None` unless its first fix is to be made here, on what the place sees
    /// at a single path of this machine.
    #[must_use]
    pub fn of(finding: &Finding) -> Option<OnVolume> {
        let (Conclusion::Refused(_, remedy), Some(attempt)) =
            (&finding.conclusion, &finding.attempt)
        else {
            return None;
        };
        let facts = &finding.facts;
        facts.surroundings.abroad.as_ref()?.place.as_ref()?;
        let fix = remedy.fixes.first()?;
        // It is judged again before anything is changed, by one who may see more.
        let is_proven = fix.verified || !fix.complete || !finding.signs.are_firm();
        if fix.place != Place::Here || fix.effect != Effect::Repairs || !is_proven {
            return None;
        }
        let Object::Path(_) = attempt.object else {
            return None;
        };
        let links = attempt.operation.takes_the_link_itself();
        let (object, there) = end(&facts.walk, links, facts)?;
        let top = top(&there, facts)?;
        let to = match &facts.to {
            Some(to) => Some(end(to, true, facts)?),
            None => None,
        };
        let is_beneath = |path: &[u8]| byte_path::is_within(path, &top.there);
        let altered = fix.changes.iter().map(Change::alters);
        let altered: Vec<NodeId> = altered.collect::<Option<_>>()?;
        let altered = altered.iter().map(|id| facts.node(*id).path.as_slice());
        let mut ends = to.iter().map(|(_, there)| there.as_slice()).chain(altered);
        ends.all(is_beneath).then(|| OnVolume {
            attempt: Attempt {
                object: Object::Path(object),
                to: to.map(|(here, _)| here),
                directory: None,
                subject: Subject {
                    pid: None,
                    ..attempt.subject.clone()
                },
                ..attempt.clone()
            },
            top: top.here,
        })
    }

    /// Judges the attempt on the present state.
    #[must_use]
    pub fn examine(&self, account: Account) -> Finding {
        let subject = self.attempt.subject.clone();
        let eyes = Eyes::Volume(self.top.clone());
        let evidence = Evidence::Remembered(self.attempt.clone(), account);
        let mut views = Views::with(vec![(subject, eyes)], Vec::new());
        investigate(evidence, &Circumstances::default(), &mut views)
    }

    /// Whether the way to the object is still such as it was: within the volume, without symlinks and further mounts.
    #[must_use]
    pub fn is_plain(&self, facts: &Facts) -> bool {
        let Some(top) = facts.nodes.iter().find(|node| node.path == self.top) else {
            return false;
        };
        let on_volume = |node: &crate::facts::Node| {
            !byte_path::is_within(&node.path, &self.top) || node.mount == top.mount
        };
        let is_written = |walk: &Walk| walk.steps.iter().all(|step| step.depth == 0);
        facts.walks().all(is_written) && facts.nodes.iter().all(on_volume)
    }
}

/// The paths there and here of one object.
struct Both {
    there: Vec<u8>,
    here: Vec<u8>,
}

/// The path here, and the one there, of what a walk led to, or of the name that it did not find.
fn end(walk: &Walk, is_link: bool, facts: &Facts) -> Option<(Vec<u8>, Vec<u8>)> {
    let found = match is_link {
        true => walk.named(),
        false => walk.target(),
    };
    if let Some(id) = found {
        let there = &facts.node(id).path;
        return Some((path_here(there, facts)?.clone(), there.clone()));
    }
    let last = walk.steps.last().filter(|step| step.last)?;
    let parent = &facts.node(last.dir).path;
    let here = path_here(parent, facts)?;
    Some((
        byte_path::step(here, &last.name),
        byte_path::step(parent, &last.name),
    ))
}

/// The highest directory of the mount from which the same names lead to the object there and here.
fn top(object: &[u8], facts: &Facts) -> Option<Both> {
    let mount_of = |path: &[u8]| {
        let node = facts.nodes.iter().find(|node| node.path == path)?;
        Some(node.mount)
    };
    let mount = mount_of(object).or_else(|| mount_of(byte_path::parent(object)?));
    let mut highest: Option<Both> = None;
    let mut path = Some(object);
    while let Some(there) = path {
        if highest.is_some() && mount_of(there) != mount {
            break;
        }
        path = byte_path::parent(there);
        let Some(here) = path_here(there, facts) else {
            // A name that does not exist has no path here.
            match highest {
                None if there == object => continue,
                _ => break,
            }
        };
        let goes_on = |below: &Both| {
            let name = byte_path::name(&below.there);
            byte_path::step(here, name) == below.here
        };
        if !highest.as_ref().is_none_or(goes_on) {
            break;
        }
        highest = Some(Both {
            there: there.to_vec(),
            here: here.clone(),
        });
    }
    highest
}
