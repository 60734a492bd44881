//! Changes that are tried on a copy of the facts, one refusal after the other.

use super::{Fix, never, reach, safely};
use crate::attempt::{Attempt, Capability, Object, Operation, Subject};
use crate::cause::{self, Candidate, Denial, Fit, held};
use crate::change::{Argv, Change, Effect, InodeFlag, Place};
use crate::facts::{Facts, NodeId};
use crate::judge::{self, Verdict};
use crate::{programs, quote};

/// The maximum number of successive refusals that one fix may resolve.
const DEEPEST: usize = 12;

/// Changes on the way to an allowed access, and the resulting state.
#[derive(Clone)]
pub(super) struct Plan {
    attempt: Attempt,
    facts: Facts,
    pub(super) denials: Vec<Denial>,
    parts: Vec<Candidate>,
    /// The commands, and whether root must not run them, because the subject's own changes can be redirected by others.
    argv: Vec<(Argv, bool)>,
    needs_root: bool,
    /// Whether the access is allowed when judged again.
    pub(super) allowed: bool,
    /// Whether nobody can redirect the commands to another object before they are pasted.
    pub(super) safe: bool,
    /// Whether something not visible here may refuse next.
    unseen: bool,
}

impl Plan {
    pub(super) fn new(attempt: &Attempt, facts: &Facts, denial: &Denial) -> Plan {
        Plan {
            attempt: attempt.clone(),
            facts: facts.clone(),
            denials: vec![denial.clone()],
            parts: Vec::new(),
            argv: Vec::new(),
            needs_root: false,
            allowed: false,
            safe: true,
            unseen: false,
        }
    }

    /// This plan with the candidate applied, and with whatever has to follow it. `None` if the candidate must never be
    /// suggested, does not affect the refusal, or leads nowhere.
    pub(super) fn follow(
        &self,
        candidate: Candidate,
        denial: &Denial,
        refused: &mut Vec<never::Never>,
    ) -> Option<Plan> {
        let mut plan = self.clone();
        let mut candidate = candidate;
        candidate.changes = candidate
            .changes
            .into_iter()
            .flat_map(|change| around_marks(change, &plan.facts))
            .collect();
        for change in &candidate.changes {
            if matches!(change, Change::JoinGroup(_)) && plan.joined().next().is_some() {
                // Each opens more than this one object.
                return None;
            }
            let attempt = plan.attempt_of_an_outsider();
            if let Some(reason) = never::forbids(change, &attempt, &plan.facts, &denial.at) {
                refused.push(reason);
                return None;
            }
            plan.make(change);
        }
        let proves = candidate.changes.iter().any(is_provable);
        plan.parts.push(candidate);
        if !proves {
            // Its effect is outside the facts, so nothing can be added to it.
            return Some(plan);
        }
        let attempt = &plan.attempt;
        match judge::judge(
            &attempt.subject,
            &attempt.operation,
            &attempt.object,
            &plan.facts,
        ) {
            Verdict::Allowed => match plan.beside() {
                Some(beside) => plan.with(beside, refused),
                None => {
                    plan.allowed = true;
                    Some(plan)
                }
            },
            Verdict::Denied(next) if is_same_refusal(&next, denial) => None,
            Verdict::Denied(next) => plan.go_on(&next, refused),
            // The object exists after the change, so the attempt to create it fails.
            Verdict::Fails { .. } => Some(plan),
            Verdict::Unclear(_) => {
                plan.unseen = true;
                Some(plan)
            }
        }
    }

    /// The attempt to create the file that the program also needs beside the object, in the resulting state.
    fn beside(&self) -> Option<(Attempt, Facts)> {
        let suffix = self.facts.surroundings.account.beside.as_ref()?;
        let writes = matches!(self.attempt.operation, Operation::Open(how) if how.write);
        let Object::Path(path) = &self.attempt.object else {
            return None;
        };
        let mut facts = self.facts.clone();
        // The file beside the target of a symlink has a path that was not walked.
        if facts.walk.steps.len() != facts.walk.written || facts.walk.relative.is_some() {
            return None;
        }
        let last = facts.walk.steps.last_mut()?;
        last.found = Ok(None);
        last.name.extend_from_slice(suffix);
        facts.walk.path.extend_from_slice(suffix);
        facts.surroundings.account.beside = None;
        let attempt = Attempt {
            operation: Operation::CREATE,
            object: Object::Path([path.as_slice(), suffix].concat()),
            ..self.attempt.clone()
        };
        writes.then_some((attempt, facts))
    }

    /// This plan, with what resolves the refusal of another attempt that the program makes as well.
    fn with(
        mut self,
        (attempt, facts): (Attempt, Facts),
        refused: &mut Vec<never::Never>,
    ) -> Option<Plan> {
        (self.attempt, self.facts) = (attempt, facts);
        let (attempt, facts) = (&self.attempt, &self.facts);
        match judge::judge(&attempt.subject, &attempt.operation, &attempt.object, facts) {
            Verdict::Denied(next) => self.go_on(&next, refused),
            verdict => {
                self.allowed = verdict == Verdict::Allowed;
                self.unseen = !self.allowed;
                Some(self)
            }
        }
    }

    /// The best way to resolve the next refusal.
    fn go_on(mut self, next: &Denial, refused: &mut Vec<never::Never>) -> Option<Plan> {
        if self.denials.len() >= DEEPEST || self.denials.contains(next) {
            return None;
        }
        self.denials.push(next.clone());
        let mut plans: Vec<Plan> = cause::candidates(next, &self.attempt, &self.facts)
            .into_iter()
            .filter(|candidate| candidate.changes.iter().any(is_provable))
            .filter_map(|candidate| self.follow(candidate, next, refused))
            .collect();
        plans.sort_by_cached_key(|plan| plan.rank(&self.attempt, &self.facts));
        plans.into_iter().next()
    }

    fn make(&mut self, change: &Change) {
        let subject = &mut self.attempt.subject;
        self.needs_root |= change.needs_root(subject, &self.facts);
        match safely::command(change, subject, &self.facts) {
            Some(argv) => {
                let is_own = safely::is_for_the_subject(change, subject, &self.facts);
                self.argv.push((argv, is_own));
            }
            None => self.safe &= change.argv(subject, &self.facts).is_none(),
        }
        change.apply(subject, &mut self.facts);
        if let Some(operation) = change.operation_instead() {
            self.attempt.operation = operation;
        }
    }

    fn changes(&self) -> impl Iterator<Item = &Change> {
        self.parts.iter().flat_map(|part| &part.changes)
    }

    /// Whether the subject, or any other known user, would lose a permission on an object that was examined.
    pub(super) fn takes_away(&self, attempt: &Attempt, facts: &Facts) -> bool {
        if matches!(attempt.operation, Operation::Trust(_)) {
            // A program's policy demands that access be taken away.
            return false;
        }
        if reach::shut_out(&attempt.subject, facts, &self.facts) > 0 {
            return true;
        }
        let other_subject = |change: &Change| {
            matches!(
                change,
                Change::RunAsRoot(_) | Change::ByRoot { .. } | Change::Relogin(_)
            )
        };
        if self.changes().any(other_subject) {
            return false;
        }
        (0..facts.nodes.len()).map(NodeId).any(|id| {
            let had = held(&attempt.subject, id, facts);
            let has = held(&self.attempt.subject, id, &self.facts);
            had.zip(has).is_some_and(|(had, has)| !has.contains(had))
        })
    }

    /// Whether the root of the container that the subject runs in, who is to make the changes, lacks the capabilities for them.
    pub(super) fn is_beyond_root(&self, attempt: &Attempt, facts: &Facts) -> bool {
        let around = &facts.surroundings;
        if around.container.is_none() || around.elsewhere {
            return false;
        }
        let subject = &attempt.subject;
        let root = Subject {
            capabilities: subject.bounding,
            bounding: subject.bounding,
            ..Subject::login(0, 0, Vec::new())
        };
        let overrides = [Capability::DacOverride, Capability::Fowner];
        let is_beyond = |change: &Change| match change {
            Change::RunAsRoot(_) | Change::ByRoot { .. } | Change::Make { .. } => {
                !overrides.iter().all(|one| root.has(*one))
            }
            // A new login is a new container.
            Change::JoinGroup(_) => subject.uid == 0,
            change => change.needs_root(subject, facts) && change.needs_root(&root, facts),
        };
        self.changes().any(is_beyond)
    }

    /// The sort key; better plans rank lower. They suit the place, let few others in, and change little.
    pub(super) fn rank(
        &self,
        attempt: &Attempt,
        facts: &Facts,
    ) -> (Fit, bool, usize, bool, bool, usize) {
        (
            self.fit(attempt, facts),
            !self.safe,
            self.lets_in(attempt, facts),
            self.relogin(),
            self.needs_root,
            self.argv.len(),
        )
    }

    /// The worst fit of all parts. A part that nominally lets in others, but actually lets in nobody else, counts as narrow.
    pub(super) fn fit(&self, attempt: &Attempt, facts: &Facts) -> Fit {
        let worst = self.parts.iter().map(|part| part.fit).max();
        match worst.unwrap_or(Fit::Around) {
            Fit::Shared | Fit::Broad if self.lets_in(attempt, facts) == 0 => Fit::Narrow,
            fit => fit,
        }
    }

    fn lets_in(&self, attempt: &Attempt, facts: &Facts) -> usize {
        reach::let_in(&attempt.subject, facts, &self.facts)
    }

    fn effect(&self) -> Effect {
        let effect = |change: &Change| match change {
            // The directory exists then, so the command that was to create it has nothing left to do.
            Change::Make { .. } if self.attempt.operation == Operation::Mkdir => Effect::DoesIt,
            change => change.effect(),
        };
        self.changes().map(effect).max().unwrap_or(Effect::Advice)
    }

    /// Whether it is proven that the same attempt then succeeds.
    pub(super) fn repairs(&self) -> bool {
        self.allowed && self.effect() == Effect::Repairs
    }

    /// Whether the subject joins a group that may be a person's own.
    pub(super) fn joins_a_member(&self) -> bool {
        self.changes().any(|change| {
            matches!(change, Change::JoinGroup(gid) if cause::is_named_after_a_member(*gid, &self.facts))
        })
    }

    /// Whether the command goes on with what is in a directory that cannot be listed yet, and does more with it than list it.
    fn goes_on(&self) -> bool {
        let walk = programs::walk(&self.facts.surroundings.command);
        self.attempt.operation == Operation::List && walk.is_some_and(|walk| !walk.only_looks)
    }

    /// What the command does next with the file that it reads, if that is refused: it replaces it, which the directory has to allow.
    fn next(&self) -> Option<String> {
        let (Object::Path(path), Operation::Open(how)) =
            (&self.attempt.object, &self.attempt.operation)
        else {
            return None;
        };
        let lines = programs::command_lines(&self.facts.surroundings.command);
        let line = lines
            .iter()
            .find(|line| !how.write && line.replaces(path))?;
        let Attempt {
            subject, object, ..
        } = &self.attempt;
        let Verdict::Denied(_) = judge::judge(subject, &Operation::Delete, object, &self.facts)
        else {
            return None;
        };
        let directory = self.facts.node(self.facts.walk.parent()?);
        Some(format!(
            "{} replaces the file, and {} refuses that: write it in place instead",
            quote::display(line.name()),
            quote::display(&directory.path)
        ))
    }

    /// The attempt without the groups that the subject would only join: what their members may do tells nothing of what is meant for
    /// the subject.
    fn attempt_of_an_outsider(&self) -> Attempt {
        let mut attempt = self.attempt.clone();
        let groups = &mut attempt.subject.groups;
        groups.retain(|gid| self.joined().all(|joined| joined != *gid));
        attempt
    }

    /// The groups that the subject joins.
    fn joined(&self) -> impl Iterator<Item = u32> {
        self.changes().filter_map(|change| match change {
            Change::JoinGroup(gid) => Some(*gid),
            _ => None,
        })
    }

    /// The commands in a form that whoever is to run them can paste safely; `None` if there is none. Of root's, those that the subject
    /// could run itself are run as the subject.
    fn commands(&self, by_root: bool) -> Option<Vec<Argv>> {
        let subject = self.attempt.subject.uid;
        let command = |(argv, is_own): &(Argv, bool)| {
            if !(by_root && *is_own) {
                return Some(argv.clone());
            }
            let name = self.facts.names.users.get(&subject)?;
            let mut words = crate::change::argv(&[b"runuser", b"-u", name.as_bytes(), b"--"]);
            words.extend_from_slice(argv);
            Some(words)
        };
        let all: Option<Vec<Argv>> = self.argv.iter().map(command).collect();
        all.filter(|_| self.safe)
    }

    /// Whether root itself is refused, here, so that only root can make the changes.
    fn is_roots(&self, effect: Effect) -> bool {
        let around = &self.facts.surroundings;
        let is_here = around.container.is_none() && around.abroad.is_none();
        let is_made = matches!(effect, Effect::Repairs | Effect::DoesIt) && !self.argv.is_empty();
        self.attempt.subject.uid == 0 && is_here && is_made
    }

    fn relogin(&self) -> bool {
        self.changes().any(Change::needs_login)
    }

    pub(super) fn fix(&self) -> Fix {
        let titles: Vec<&str> = self.parts.iter().map(|part| part.title.as_str()).collect();
        let mut notes: Vec<&str> = self.parts.iter().map(|part| part.note.as_str()).collect();
        notes.dedup();
        if notes.len() > 1 {
            // If there are several changes, the title describes them.
            notes.clear();
        }
        let remark = |change| never::remark(change, &self.attempt, &self.facts);
        notes.extend(self.changes().filter_map(remark));
        let effect = self.effect();
        // Paths and numbers have another meaning in this shell.
        let elsewhere = self.facts.surroundings.elsewhere && effect != Effect::Advice;
        let place = match elsewhere {
            true => Place::Container,
            false => self.parts.last().map_or(Place::Here, |part| part.place),
        };
        let needs_root = self.needs_root || self.is_roots(effect);
        let argv = match elsewhere {
            true => None,
            false => self.commands(needs_root),
        };
        let led_astray = argv.is_none() && !elsewhere;
        let next = self.next().filter(|_| effect == Effect::Repairs);
        let argv = argv.unwrap_or_default();
        Fix {
            title: joined(&titles),
            note: notes.join("; "),
            changes: self.changes().cloned().collect(),
            argv,
            line: None,
            needs_root,
            effect,
            place,
            verified: self.repairs(),
            complete: effect != Effect::Repairs
                || !(self.unseen || self.goes_on() || next.is_some()),
            next,
            relogin: self.relogin(),
            led_astray,
        }
    }
}

/// Joins several titles into one sentence without repeating a common beginning: "let alice pass through /srv/app and read
/// /srv/app/db".
fn joined(titles: &[&str]) -> String {
    let words: Vec<Vec<&str>> = titles
        .iter()
        .map(|title| title.split(' ').collect())
        .collect();
    let Some(first) = words.first() else {
        return String::new();
    };
    let same = |at: usize| words.iter().all(|title| title.get(at) == first.get(at));
    let common = (0..first.len()).take_while(|&at| same(at)).count();
    if common < 2 || words.len() == 1 {
        return titles.join(", and ");
    }
    let rests: Vec<String> = words
        .iter()
        .map(|title| title[common..].join(" "))
        .collect();
    format!("{} {}", first[..common].join(" "), rests.join(" and "))
}

/// The change, with what must be done before and after it: not even root can modify an inode that is immutable or append-only,
/// so the flag is cleared first and set again afterwards.
fn around_marks(change: Change, facts: &Facts) -> Vec<Change> {
    let Some(node) = change.alters() else {
        return vec![change];
    };
    let Ok(flags) = &facts.node(node).flags else {
        return vec![change];
    };
    let marks = [
        (flags.immutable, InodeFlag::Immutable),
        (flags.append, InodeFlag::Append),
    ];
    let set = |on: bool, flag: InodeFlag| Change::SetFlag { node, flag, on };
    let marks = marks.iter().filter(|(is_set, _)| *is_set);
    let cleared = marks.clone().map(|(_, flag)| set(false, *flag));
    // The immutable flag is set last, because it prevents setting the other.
    let back = marks.rev().map(|(_, flag)| set(true, *flag));
    cleared.chain([change]).chain(back).collect()
}

/// Whether the effect of the change is visible in the facts.
fn is_provable(change: &Change) -> bool {
    !matches!(
        change,
        Change::Run { .. } | Change::Deploy { .. } | Change::Tee | Change::Advice(_)
    )
}

fn is_same_refusal(one: &Denial, other: &Denial) -> bool {
    one.code == other.code && one.at == other.at
}
