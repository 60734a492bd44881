//! A case: gathers facts, asks the judge, makes the system call, and compares.

use std::fmt;
use std::io;

use fastrand::Rng;
use permwrap::attempt::{Attempt, Errno, Object, Operation, Subject};
use permwrap::facts::{Facts, Kind, notation};
use permwrap::gather::{self, View};
use permwrap::judge::{Verdict, judge};

use crate::ground::{Ground, resolved};
use crate::perform::leaves_no_trace;
use crate::plan::{Tree, Try, Who};
use crate::worker::Worker;
use crate::{settings, shrink};

/// The number of subjects that act in a tree, and the number of attempts of each.
const SUBJECTS: usize = 2;
const TRIES: usize = 40;

/// Statistics about the comparisons.
#[derive(Default)]
pub struct Tally {
    pub cases: u64,
    pub trees: u64,
    allowed: u64,
    denied: u64,
    failed: u64,
    unclear: u64,
    /// Cases that do not count, because somebody else changed a setting in the meantime.
    discarded: u64,
    /// The number of occurrences of each cause, and of each other error number.
    causes: std::collections::BTreeMap<&'static str, u64>,
}

/// The result of one comparison.
pub struct Outcome {
    pub attempt: Attempt,
    pub facts: Facts,
    pub verdict: Verdict,
    /// The kernel's error number; 0 for success.
    pub errno: i32,
}

/// A difference between judge and kernel, reduced as far as possible.
pub struct Mismatch(pub Box<Outcome>);

/// Makes the attempts in a random tree.
pub fn tree(ground: &Ground, seed: u64, tally: &mut Tally) -> Result<(), Mismatch> {
    let mut rng = Rng::with_seed(seed);
    let tree = Tree::random(&mut rng, &ground.means);
    tally.trees += 1;
    for _ in 0..SUBJECTS {
        let who = Who::random(&mut rng, &ground.means);
        let tries: Vec<Try> = (0..TRIES)
            .map(|_| Try::random(&mut rng, &tree, &ground.means))
            .collect();
        if let Some(at) = run(ground, &tree, &who, &tries, Some(tally)) {
            let outcome = shrink::smallest(ground, tree, who, tries[at].clone());
            return Err(Mismatch(Box::new(outcome)));
        }
    }
    Ok(())
}

/// Makes the attempts one after the other, and returns the first on which judge and kernel differ.
fn run(
    ground: &Ground,
    tree: &Tree,
    who: &Who,
    tries: &[Try],
    mut tally: Option<&mut Tally>,
) -> Option<usize> {
    let mut before = settings::in_force();
    ground.build(tree).expect("the tree is built");
    let mut actor = Actor::in_tree(ground, tree, who, tries);
    for number in 0..tries.len() {
        let outcome = actor.act(number);
        if outcome.errno == 0 && !leaves_no_trace(&outcome.attempt.operation) {
            ground.build(tree).expect("the tree is built again");
        }
        let after = settings::in_force();
        let disturbed = before != after;
        before = after;
        if let Some(tally) = &mut tally {
            tally.count(&outcome, disturbed);
        }
        if !disturbed && !outcome.agrees(ground.means.root) {
            return Some(number);
        }
    }
    None
}

/// Makes one attempt in the present tree, after an attempt that failed with `reported`: some facts are read only in that case.
pub fn attempt(who: &Who, tried: &Try, reported: Option<Errno>) -> Outcome {
    let mut actor = Actor::new(who, vec![tried.clone()]);
    let attempt = Attempt {
        errno: reported,
        ..actor.attempt(0)
    };
    let facts = gather::facts(&attempt);
    actor.compare(0, attempt, facts)
}

/// bind(2) of a port, which requires no path.
pub fn bind_port(who: &Who, port: u16) -> Outcome {
    let tried = Try {
        operation: Operation::Bind,
        path: format!("127.0.0.1:{port}"),
        to: None,
    };
    attempt(who, &tried, None)
}

/// Makes one attempt in a tree built for it.
pub fn single(ground: &Ground, tree: &Tree, who: &Who, tried: &Try) -> io::Result<Outcome> {
    ground.build(tree)?;
    Ok(Actor::in_tree(ground, tree, who, std::slice::from_ref(tried)).act(0))
}

/// A worker, with its credentials as seen by the judge.
pub struct Actor {
    pub worker: Worker,
    tries: Vec<Try>,
    subject: Subject,
    pub view: View,
}

impl Actor {
    pub fn in_tree(ground: &Ground, tree: &Tree, who: &Who, tries: &[Try]) -> Actor {
        let top = ground.top(tree);
        let complete = |tried: &Try| Try {
            operation: tried.operation.clone(),
            path: resolved(&tried.path, &top),
            to: tried.to.as_ref().map(|to| resolved(to, &top)),
        };
        Actor::new(who, tries.iter().map(complete).collect())
    }

    fn new(who: &Who, tries: Vec<Try>) -> Actor {
        let worker = Worker::start(who, &tries);
        let subject = gather::subject(worker.pid).expect("the worker's credentials");
        let view = View::of(&subject);
        Actor {
            worker,
            tries,
            subject,
            view,
        }
    }

    fn act(&mut self, number: usize) -> Outcome {
        let attempt = self.attempt(number);
        let facts = self.view.facts(&attempt);
        self.compare(number, attempt, facts)
    }

    pub fn attempt(&self, number: usize) -> Attempt {
        let tried = &self.tries[number];
        Attempt {
            subject: self.subject.clone(),
            operation: tried.operation.clone(),
            object: object(&tried.path),
            to: tried.to.clone().map(String::into_bytes),
            directory: None,
            errno: None,
        }
    }

    fn compare(&mut self, number: usize, attempt: Attempt, facts: Facts) -> Outcome {
        let verdict = judge(
            &attempt.subject,
            &attempt.operation,
            &attempt.object,
            &facts,
        );
        let errno = self.worker.tell(number);
        Outcome {
            attempt,
            facts,
            verdict,
            errno,
        }
    }
}

/// A path, or an address with a port.
fn object(word: &str) -> Object {
    match word.rsplit_once(':') {
        Some((address, port)) if !word.starts_with('/') => Object::Port {
            address: address.to_owned(),
            port: port.parse().expect("a number"),
        },
        _ => Object::Path(word.as_bytes().to_vec()),
    }
}

impl Outcome {
    /// Whether judge and kernel agree. Only an observer who can see everything must know everything.
    pub fn agrees(&self, sees_everything: bool) -> bool {
        match &self.verdict {
            Verdict::Allowed => self.errno == 0 || self.fails_without_a_partner(),
            Verdict::Denied(_) | Verdict::Fails { .. } => {
                self.verdict.errno().map(Errno::number) == Some(self.errno)
            }
            Verdict::Unclear(unknown) => {
                let hidden = ["what the mount covers", "user namespace of the file system"];
                !sees_everything || hidden.iter().any(|what| unknown.what.contains(what))
            }
        }
    }

    /// Whether the call fails only because nobody reads the FIFO or listens on the socket, which is not a matter of permission.
    fn fails_without_a_partner(&self) -> bool {
        let target = self
            .facts
            .walk
            .target()
            .and_then(|node| self.facts.node(node).inode.as_ref().ok());
        match (target.map(|inode| inode.kind), &self.attempt.operation) {
            (Some(Kind::Fifo), Operation::Open(_)) => self.errno == nix::libc::ENXIO,
            (Some(Kind::Socket), Operation::Connect) => self.errno == nix::libc::ECONNREFUSED,
            _ => false,
        }
    }
}

impl Tally {
    fn count(&mut self, outcome: &Outcome, disturbed: bool) {
        if disturbed {
            self.discarded += 1;
            return;
        }
        self.cases += 1;
        match &outcome.verdict {
            Verdict::Allowed => self.allowed += 1,
            Verdict::Denied(denial) => {
                self.denied += 1;
                *self.causes.entry(denial.code.name()).or_default() += 1;
            }
            Verdict::Fails { errno, .. } => {
                self.failed += 1;
                *self.causes.entry(errno.symbol()).or_default() += 1;
            }
            Verdict::Unclear(_) => self.unclear += 1,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally {
            cases,
            trees,
            allowed,
            denied,
            failed,
            unclear,
            discarded,
            causes,
        } = self;
        writeln!(
            f,
            "{cases} cases in {trees} trees: {allowed} allowed, {denied} denied, {failed} failed otherwise, \
             {unclear} unclear, {discarded} discarded"
        )?;
        causes
            .iter()
            .try_for_each(|(cause, times)| writeln!(f, "{times:9} {cause}"))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome {
            attempt,
            facts,
            verdict,
            errno,
        } = &*self.0;
        let answer = match errno {
            0 => "it succeeds".to_owned(),
            errno => format!("{:?}", nix::errno::Errno::from_raw(*errno)),
        };
        writeln!(f, "the kernel: {answer}\nthe judge: {verdict:?}\n")?;
        write!(f, "{}", notation::print(attempt, facts))
    }
}
