//! Judges readings, through one view per subject.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::judge;
use crate::attempt::{ANY_NAME, Attempt, Errno, Object, Operation, Subject};
use crate::denial::Denial;
use crate::facts::{Facts, Inode, Kind, Node, Offer};
use crate::gather::{self, Answered, View, World};
use crate::judge::{Verdict, infer};
use crate::resolve::{Circumstances, Reading};

/// The system as each subject sees it, read once per subject.
#[derive(Debug, Default)]
pub struct Views {
    known: Vec<(Subject, Rc<View>)>,
    worlds: Worlds,
    /// What the scripts and recipes with these paths contain, as far as they could be read.
    scripts: HashMap<Vec<u8>, Option<Rc<[u8]>>>,
    /// The ACL entries that earlier hints offer.
    pub offered: Vec<Offer>,
    /// The circumstances of what is investigated.
    pub(super) circumstances: Circumstances,
    /// Whether nothing unseen can have refused: all refused system calls are known.
    pub infers_nothing: bool,
}

/// The worlds of subjects that do not see what permwrap sees, held open since they were first seen.
pub type Worlds = Vec<(Subject, Eyes)>;

/// How the world of a subject that does not see what permwrap sees is examined.
#[derive(Debug, Clone)]
pub enum Eyes {
    /// Through file descriptors of its root directory and mounts.
    World(Arc<World>),
    /// Through the engine of its container.
    Engine(Arc<Answered>),
    /// By what lies here at this path, of which a volume of its container consists.
    Volume(Vec<u8>),
}

impl Views {
    /// Views in which these subjects live in worlds of their own, with the ACL entries that earlier hints offer.
    #[must_use]
    pub fn with(worlds: Worlds, offered: Vec<Offer>) -> Views {
        Views {
            worlds,
            offered,
            ..Views::default()
        }
    }

    /// Forgets what was read, because it may have changed.
    pub fn forget(&mut self) {
        self.known.clear();
        self.scripts.clear();
    }

    /// Forgets what was read; from now on, these subjects live in worlds of their own.
    pub fn look_anew(&mut self, worlds: Worlds) {
        self.forget();
        self.worlds = worlds;
    }

    /// The system as this subject sees it.
    pub fn of(&mut self, subject: &Subject) -> Rc<View> {
        if let Some((_, view)) = self.known.iter().find(|(known, _)| known == subject) {
            return Rc::clone(view);
        }
        let lives = self.worlds.iter().find(|(who, _)| who == subject);
        let view = Rc::new(match lives.map(|(_, eyes)| eyes.clone()) {
            Some(Eyes::Engine(answered)) => View::of_container(answered),
            Some(Eyes::World(world)) => View::through(subject, Some(world)),
            Some(Eyes::Volume(top)) => View::of_volume(subject, &top),
            None => View::of(subject),
        });
        self.known.push((subject.clone(), Rc::clone(&view)));
        view
    }

    /// The content of a script or recipe.
    pub(super) fn script(&mut self, path: &[u8]) -> Option<Rc<[u8]>> {
        if let Some(known) = self.scripts.get(path) {
            return known.clone();
        }
        let code: Option<Rc<[u8]>> = gather::script(path).map(Rc::from);
        self.scripts.insert(path.to_vec(), code.clone());
        code
    }

    /// Judges the reading on the current state of the system.
    pub(super) fn judge(&mut self, reading: Reading) -> Judged {
        let facts = self.of(&reading.attempt.subject).facts(&reading.attempt);
        Judged {
            verdict: judge(&reading.attempt, &facts),
            reading,
            facts,
            explained: false,
        }
    }
}

/// A reading of a failure, with its verdict.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub reading: Reading,
    pub facts: Facts,
    pub verdict: Verdict,
    /// Whether the facts include what an explanation needs.
    pub explained: bool,
}

impl Judged {
    /// The object, if the walk reached it.
    pub fn target(&self) -> Option<&Node> {
        self.facts.walk.target().map(|node| self.facts.node(node))
    }

    /// The file type of the object, if it is visible.
    pub fn kind(&self) -> Option<Kind> {
        let inode: &Inode = self.target()?.inode.as_ref().ok()?;
        Some(inode.kind)
    }

    /// Whether the walk reached its end and found no such name.
    pub fn is_missing(&self) -> bool {
        let last = self.facts.walk.steps.last();
        last.is_some_and(|step| step.found == Ok(None))
    }

    /// Whether the parent directory conceals whether the name exists.
    pub fn is_unseen(&self) -> bool {
        let last = self.facts.walk.written_step();
        last.is_some_and(|step| step.found.is_err())
    }

    /// Whether something with this name may exist. Nothing exists below a file.
    pub fn lies_there(&self) -> bool {
        let below_a_file =
            matches!(self.verdict, Verdict::Fails { errno, .. } if errno == Errno::NotDir);
        !self.is_missing() && !below_a_file
    }

    /// The same attempt, assuming that the name does not exist.
    pub fn as_if_missing(&self) -> Judged {
        let mut facts = self.facts.clone();
        if let Some(last) = facts.walk.steps.last_mut() {
            last.found = Ok(None);
        }
        Judged {
            verdict: judge(&self.reading.attempt, &facts),
            facts,
            ..self.clone()
        }
    }

    /// The attempt of another operation, on this object.
    pub fn with(&self, operation: Operation, object: Object, views: &mut Views) -> Judged {
        views.judge(Reading {
            attempt: Attempt {
                operation,
                object,
                ..self.reading.attempt.clone()
            },
            signs: self.reading.signs,
        })
    }

    /// For programs that name only the directory in which they failed to create a file: the creation of any name in it.
    pub fn within(&self, views: &mut Views) -> Option<Judged> {
        let Object::Path(path) = &self.reading.attempt.object else {
            return None;
        };
        let directory = path.strip_suffix(b"/").unwrap_or(path);
        let name = [directory, b"/", ANY_NAME].concat();
        Some(self.with(Operation::CREATE, Object::Path(name), views))
    }

    /// What may have refused although the kernel's own checks allow it.
    pub fn inferred(&mut self, errno: Errno, views: &mut Views) -> Option<Denial> {
        if views.infers_nothing {
            return None;
        }
        let attempt = &self.reading.attempt;
        if !self.explained {
            views.of(&attempt.subject).explain(attempt, &mut self.facts);
            self.explained = true;
        }
        infer(
            &attempt.subject,
            &attempt.operation,
            &attempt.object,
            &self.facts,
            errno,
        )
    }
}
