//! Finds the smallest changes that resolve a refusal, and proves them by judging the attempt again on the resulting state.
//!
//! Each candidate change of the cause is applied to a copy of the facts, and the attempt is judged again. If something else
//! refuses then, the candidates for that refusal follow, so that an unsearchable directory and an unreadable file in it are
//! fixed together. A change that would take an access away from the subject, or that must [never](mod@never) be suggested, is
//! discarded. The others are ranked by how well they suit the place and by how few other users gain access.
#![forbid(unsafe_code)]

mod hands;
pub mod never;
mod reach;
mod safely;
#[cfg(test)]
mod tests;

use crate::attempt::{Attempt, Object, Operation, Subject};
use crate::cause::{self, Candidate, Denial, Fit, held};
use crate::change::{Argv, Change, Effect, InodeFlag, Place};
use crate::facts::{Facts, NodeId};
use crate::judge::{self, Verdict};
use crate::quote;

/// A fix: changes that together allow the access, and what they mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in the imperative: "let alice pass through /srv/app".
    pub title: String,
    /// What it changes, in a few words: "lets alice pass through, not list". Empty if the title is sufficient.
    pub note: String,
    /// The changes, in the order in which they are to be made.
    pub changes: Vec<Change>,
    /// The commands, without sudo; empty for advice.
    pub argv: Vec<Argv>,
    /// Whether the commands require root.
    pub needs_root: bool,
    /// What it does about the refusal.
    pub effect: Effect,
    /// Where it is to be made.
    pub place: Place,
    /// Whether the access is allowed when it is judged on the resulting state. Only set for a fix that repairs.
    pub verified: bool,
    /// Whether it is excluded that something not visible here refuses next.
    pub complete: bool,
    /// Whether it takes effect only in a new login session.
    pub relogin: bool,
    /// Whether other users could replace the object of a pasted command. Then no command is shown, and `permwrap fix` makes the
    /// change instead.
    pub led_astray: bool,
}

impl Fix {
    /// A fix that consists of words only.
    #[must_use]
    pub fn advice(title: String) -> Fix {
        Fix {
            changes: vec![Change::Advice(title.clone())],
            title,
            note: String::new(),
            argv: Vec::new(),
            needs_root: false,
            effect: Effect::Advice,
            place: Place::Here,
            verified: false,
            complete: true,
            relogin: false,
            led_astray: false,
        }
    }

    /// The title as a sentence of its own; it says how to make the change if no command is shown.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut sentence = self.title.clone();
        if self.led_astray {
            sentence.push_str(
                ": `permwrap fix` does it safely; before a pasted command ran, others could swap what it touches",
            );
        }
        if self.place == Place::Container && self.argv.is_empty() && self.effect != Effect::Advice {
            sentence.insert_str(0, "where it runs, in a namespace of its own: ");
        }
        sentence
    }

    /// The commands, quoted for a POSIX shell, without sudo.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.argv.iter().map(|argv| quote::command(argv)).collect()
    }
}

/// The refusals one after the other, and the fixes (at most three), best first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remedy {
    /// Every refusal in the kernel's order: the first one, and those that would follow once it is resolved.
    pub denials: Vec<Denial>,
    /// The fixes, best first.
    pub fixes: Vec<Fix>,
}

/// The maximum number of fixes shown.
pub const SHOWN: usize = 3;

/// The maximum number of successive refusals that one fix may resolve.
const DEEPEST: usize = 12;

/// The fixes for a denied attempt.
#[must_use]
pub fn remedy(attempt: &Attempt, facts: &Facts, denial: &Denial) -> Remedy {
    let start = Plan::new(attempt, facts, denial);
    let mut refused = Vec::new();
    let mut plans: Vec<Plan> = cause::candidates(denial, attempt, facts)
        .into_iter()
        .filter_map(|candidate| start.follow(candidate, denial, &mut refused))
        .filter(|plan| !plan.takes_away(attempt, facts))
        .collect();
    plans.sort_by_cached_key(|plan| plan.rank(attempt, facts));
    if let Some(narrow) = plans
        .iter()
        .find(|plan| plan.fit(attempt, facts) < Fit::Lasting)
    {
        // A narrow fix suffices, so nobody else needs access.
        let proven = narrow.allowed;
        plans.retain(|plan| plan.fit(attempt, facts) != Fit::Broad || plan.allowed && !proven);
    }
    if plans.first().is_some_and(Plan::joins_a_member) {
        // It may open all that a person keeps for that group: only beside something narrower.
        plans.remove(0);
    }
    if plans.iter().any(|plan| plan.safe && plan.repairs()) {
        plans.retain(|plan| plan.safe);
    }
    let mut fixes: Vec<Fix> = Vec::new();
    for plan in &plans {
        let fix = plan.fix();
        if !fixes.iter().any(|other| is_same(other, &fix)) {
            fixes.push(fix);
        }
    }
    if fixes.is_empty() {
        fixes.extend(instead(attempt, facts, denial, &refused));
    }
    fixes.truncate(SHOWN);
    let denials = plans
        .first()
        .map_or_else(|| vec![denial.clone()], |best| best.denials.clone());
    Remedy { denials, fixes }
}

/// The commands that make these changes, in a form that is safe to paste, and whether they require root. `None` if one of the
/// changes must never be suggested for such an attempt, or could be redirected to another object.
#[must_use]
pub fn commands(
    changes: &[Change],
    attempt: &Attempt,
    facts: &Facts,
    reader: &Subject,
) -> Option<(Vec<Argv>, bool)> {
    let (mut subject, mut facts) = (attempt.subject.clone(), facts.clone());
    let (mut all, mut needs_root) = (Vec::new(), false);
    for change in changes {
        let at = cause::Obstacle::Node(change.alters()?);
        if never::forbids(change, attempt, &facts, &at).is_some() {
            return None;
        }
        needs_root |= change.needs_root(reader, &facts);
        all.push(safely::command(change, reader, &facts)?);
        change.apply(&mut subject, &mut facts);
    }
    (!all.is_empty()).then_some((all, needs_root))
}

/// Changes on the way to an allowed access, and the resulting state.
#[derive(Clone)]
struct Plan {
    attempt: Attempt,
    facts: Facts,
    denials: Vec<Denial>,
    parts: Vec<Candidate>,
    argv: Vec<Argv>,
    needs_root: bool,
    /// Whether the access is allowed when judged again.
    allowed: bool,
    /// Whether nobody can redirect the commands to another object before they are pasted.
    safe: bool,
    /// Whether something not visible here may refuse next.
    unseen: bool,
}

impl Plan {
    fn new(attempt: &Attempt, facts: &Facts, denial: &Denial) -> Plan {
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
    fn follow(
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
            if let Some(reason) = never::forbids(change, &plan.attempt, &plan.facts, &denial.at) {
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
            Verdict::Allowed => {
                plan.allowed = true;
                Some(plan)
            }
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
            Some(argv) => self.argv.push(argv),
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
    fn takes_away(&self, attempt: &Attempt, facts: &Facts) -> bool {
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
                Change::RunAsRoot | Change::ByRoot { .. } | Change::Relogin(_)
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

    /// The sort key; better plans rank lower. They suit the place, let few others in, and change little.
    fn rank(&self, attempt: &Attempt, facts: &Facts) -> (Fit, bool, usize, bool, bool, usize) {
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
    fn fit(&self, attempt: &Attempt, facts: &Facts) -> Fit {
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
    fn repairs(&self) -> bool {
        self.allowed && self.effect() == Effect::Repairs
    }

    /// Whether the subject joins a group that may be a person's own.
    fn joins_a_member(&self) -> bool {
        self.changes().any(|change| {
            matches!(change, Change::JoinGroup(gid) if cause::is_named_after_a_member(*gid, &self.facts))
        })
    }

    fn relogin(&self) -> bool {
        self.changes().any(Change::needs_login)
    }

    fn fix(&self) -> Fix {
        let titles: Vec<&str> = self.parts.iter().map(|part| part.title.as_str()).collect();
        let mut notes: Vec<&str> = self.parts.iter().map(|part| part.note.as_str()).collect();
        notes.dedup();
        if notes.len() > 1 {
            // If there are several changes, the title describes them.
            notes.clear();
        }
        let effect = self.effect();
        // Paths and numbers have another meaning in this shell.
        let elsewhere = self.facts.surroundings.elsewhere && effect != Effect::Advice;
        let place = match elsewhere {
            true => Place::Container,
            false => self.parts.last().map_or(Place::Here, |part| part.place),
        };
        let argv = if self.safe && !elsewhere {
            self.argv.clone()
        } else {
            Vec::new()
        };
        Fix {
            title: joined(&titles),
            note: notes.join("; "),
            changes: self.changes().cloned().collect(),
            argv,
            needs_root: self.needs_root,
            effect,
            place,
            verified: self.repairs(),
            complete: effect != Effect::Repairs || !self.unseen,
            relogin: self.relogin(),
            led_astray: !self.safe,
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

fn is_same(one: &Fix, other: &Fix) -> bool {
    match (one.argv.as_slice(), other.argv.as_slice()) {
        ([], []) => one.title == other.title,
        (one, other) => one == other,
    }
}

/// What can be said instead, if every candidate was discarded.
fn instead(
    attempt: &Attempt,
    facts: &Facts,
    denial: &Denial,
    refused: &[never::Never],
) -> Option<Fix> {
    let asked = match &attempt.object {
        Object::Path(path) => Some(quote::display(path)),
        _ => None,
    };
    let refusing = match (&denial.at, &asked) {
        (cause::Obstacle::Node(id), _) => quote::display(&facts.node(*id).path),
        (_, Some(asked)) => asked.clone(),
        (_, None) => return Some(Fix::advice(cause::LEAVE_IT.to_owned())),
    };
    // Advice about the object itself is more specific than advice about its location.
    let particular = refused
        .iter()
        .find(|reason| **reason == never::Never::Authority);
    let of_object = asked.and_then(|asked| particular?.advice(&asked));
    let of_place = || refused.iter().find_map(|reason| reason.advice(&refusing));
    let title = of_object.or_else(of_place);
    Some(Fix::advice(
        title.unwrap_or_else(|| cause::LEAVE_IT.to_owned()),
    ))
}
