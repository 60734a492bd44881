//! Finds the smallest changes that resolve a refusal, and proves them by judging the attempt again on the resulting state.
//!
//! Each candidate change of the cause is applied to a copy of the facts, and the attempt is judged again. If something else
//! refuses then, the candidates for that refusal follow, so that an unsearchable directory and an unreadable file in it are
//! fixed together. A change that would take an access away from the subject, or that must [never](mod@never) be suggested, is
//! discarded. The others are ranked by how well they suit the place and by how few other users gain access.
#![forbid(unsafe_code)]

mod hands;
pub mod never;
mod plan;
mod reach;
mod safely;
#[cfg(test)]
mod tests;

pub(crate) use reach::others;

use crate::attempt::{Attempt, Object, Subject};
use crate::cause::{self, Denial, Fit};
use crate::change::{Argv, Change, Effect, Place};
use crate::denial::Code;
use crate::facts::{Facts, NodeId};
use crate::quote;
use plan::Plan;

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
    /// For advice: what whoever has to decide it could type.
    pub line: Option<String>,
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
    /// What refuses the command next, though the access itself is allowed, as a sentence.
    pub next: Option<String>,
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
            line: None,
            needs_root: false,
            effect: Effect::Advice,
            place: Place::Here,
            verified: false,
            complete: true,
            next: None,
            relogin: false,
            led_astray: false,
        }
    }

    /// The title as a sentence of its own; it says how to make the change if no command is shown.
    #[must_use]
    pub fn sentence(&self) -> String {
        let line = self.line.as_ref();
        self.words() + &line.map_or_else(String::new, |line| format!(": {line}"))
    }

    /// The sentence without the line that somebody else could type.
    #[must_use]
    pub fn words(&self) -> String {
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

/// The fixes for a denied attempt.
#[must_use]
pub fn remedy(attempt: &Attempt, facts: &Facts, denial: &Denial) -> Remedy {
    let start = Plan::new(attempt, facts, denial);
    let mut refused = Vec::new();
    let mut plans: Vec<Plan> = cause::candidates(denial, attempt, facts)
        .into_iter()
        .filter_map(|candidate| start.follow(candidate, denial, &mut refused))
        .filter(|plan| !plan.takes_away(attempt, facts) && !plan.is_beyond_root(attempt, facts))
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

/// The commands that make some changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// In a form that is safe to paste; `None` if they could be redirected to another object before they are.
    pub argv: Option<Vec<Argv>>,
    /// Whether they require root.
    pub needs_root: bool,
}

/// The commands that make these changes. `None` if there are none, or if one of the changes must never be suggested for such an
/// attempt.
#[must_use]
pub fn commands(
    changes: &[Change],
    attempt: &Attempt,
    facts: &Facts,
    reader: &Subject,
) -> Option<Commands> {
    let (mut subject, mut facts) = (attempt.subject.clone(), facts.clone());
    let (mut all, mut needs_root) = (Vec::new(), false);
    for change in changes {
        let at = cause::Obstacle::Node(match change {
            Change::Make { parent, .. } => *parent,
            change => change.alters()?,
        });
        if never::forbids(change, attempt, &facts, &at).is_some() {
            return None;
        }
        needs_root |= change.needs_root(reader, &facts);
        all.push(safely::command(change, reader, &facts));
        change.apply(&mut subject, &mut facts);
    }
    (!all.is_empty()).then(|| Commands {
        argv: all.into_iter().collect(),
        needs_root,
    })
}

fn is_same(one: &Fix, other: &Fix) -> bool {
    if one.led_astray && other.led_astray {
        // `permwrap fix` makes the better one.
        return true;
    }
    match (one.argv.as_slice(), other.argv.as_slice()) {
        ([], []) => one.title == other.title,
        (one, other) => one == other,
    }
}

/// The name of an object's owner, if it can be seen.
fn owner(facts: &Facts, id: NodeId) -> Option<String> {
    let uid = facts.node(id).inode.as_ref().ok()?.uid;
    let name = facts.names.users.get(&uid)?;
    Some(quote::display(name.as_bytes()))
}

/// What another person who owns the refusing object could type in order to let the subject in.
fn owners_line(attempt: &Attempt, facts: &Facts, denial: &Denial) -> Option<String> {
    let cause::Obstacle::Node(id) = denial.at else {
        return None;
    };
    let uid = facts.node(id).inode.as_ref().ok()?.uid;
    let is_persons = cause::PEOPLE.contains(&uid) && uid != attempt.subject.uid;
    let commands = letting_in(id, attempt, facts, denial).filter(|_| is_persons)?;
    Some(commands.join(" && "))
}

/// The commands that let the subject in to the refusing object, and as few others as possible, whatever forbids to suggest that.
fn letting_in(
    id: NodeId,
    attempt: &Attempt,
    facts: &Facts,
    denial: &Denial,
) -> Option<Vec<String>> {
    let lets_in = |candidate: &cause::Candidate| {
        let mut changes = candidate.changes.iter();
        let is_one = |change: &Change| {
            matches!(change, Change::Chmod { .. } | Change::AclGrant { .. })
                && change.alters() == Some(id)
        };
        candidate.fit != Fit::Broad && !candidate.changes.is_empty() && changes.all(is_one)
    };
    let mut candidates = cause::candidates(denial, attempt, facts).into_iter();
    let changes = candidates.find(lets_in)?.changes;
    let argv = changes
        .iter()
        .map(|change| change.argv(&attempt.subject, facts));
    let argv: Vec<Argv> = argv.collect::<Option<_>>()?;
    Some(argv.iter().map(|argv| quote::command(argv)).collect())
}

/// What root could type instead of opening what it keeps to itself, or a directory in which others keep something, if nobody can
/// redirect that.
fn roots_line(
    reason: never::Never,
    attempt: &Attempt,
    facts: &Facts,
    denial: &Denial,
) -> Option<String> {
    let cause::Obstacle::Node(id) = denial.at else {
        return None;
    };
    let node = facts.node(id);
    let subject = &attempt.subject;
    let user = facts.names.users.get(&subject.uid)?.as_bytes();
    let group = facts.names.groups.get(&subject.gid)?.name.as_bytes();
    let inode = node.inode.as_ref().ok()?;
    let is_directory = inode.is_dir();
    let is_a_groups = inode.gid != 0 && !inode.group_bits().is_empty();
    if hands::over(&node.path, facts) != hands::Hands::Root {
        return None;
    }
    let elevator = facts.surroundings.elevator;
    let line = |words: &[&[u8]]| elevator.run(&quote::command(&crate::change::argv(words)));
    Some(match reason {
        // Another group would take its access away.
        never::Never::KeptByRoot if is_a_groups => {
            let commands = letting_in(id, attempt, facts, denial)?;
            let commands = commands.iter().map(|command| elevator.run(command));
            commands.collect::<Vec<_>>().join(" && ")
        }
        never::Never::KeptByRoot => {
            let bits: &[u8] = match (is_directory, attempt.operation.alters()) {
                (true, true) => b"g+rwx",
                (true, false) => b"g+rx",
                (false, true) => b"g+rw",
                (false, false) => b"g+r",
            };
            let group = line(&[b"chgrp", group, &node.path]);
            format!("{group} && {}", line(&[b"chmod", bits, &node.path]))
        }
        _ => {
            let own = crate::byte_path::join(&node.path, user);
            line(&[b"install", b"-d", b"-o", user, b"-g", group, &own])
        }
    })
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
    let grave = |reason: &&never::Never| matches!(reason, never::Never::Grave(_));
    if let Some(reason) = refused.iter().find(grave) {
        return reason.advice("", None).map(Fix::advice);
    }
    let refusing = match (&denial.at, &asked) {
        (cause::Obstacle::Node(id), _) => quote::display(&facts.node(*id).path),
        (_, Some(asked)) => asked.clone(),
        (_, None) => return Some(Fix::advice(cause::LEAVE_IT.to_owned())),
    };
    if denial.code == Code::ApparmorDenies && refused.is_empty() {
        // A rule that forbids it outright: the reason says all.
        return None;
    }
    // Advice about the object itself is more specific than advice about its location.
    let particular = refused
        .iter()
        .find(|reason| matches!(reason, never::Never::Authority | never::Never::RunByKernel));
    let swappable = never::Never::Swappable;
    if refused.contains(&swappable) {
        return swappable.advice(&refusing, None).map(Fix::advice);
    }
    let owner = match &denial.at {
        cause::Obstacle::Node(id) => owner(facts, *id),
        _ => None,
    };
    let deciding = never::deciding(attempt, facts).map(|path| quote::display(&path));
    let of_object = particular.and_then(|reason| reason.advice(&deciding.or(asked)?, None));
    let of_place = || {
        let mut refused = refused.iter();
        let (reason, advice) = refused.find_map(|reason| {
            let advice = reason.advice(&refusing, owner.as_deref())?;
            Some((reason, advice))
        })?;
        let line = match reason {
            never::Never::Private => owners_line(attempt, facts, denial),
            never::Never::KeptByRoot | never::Never::Peopled => {
                roots_line(*reason, attempt, facts, denial)
            }
            _ => None,
        };
        let may = match (reason, &line) {
            (never::Never::Private, Some(_)) => " and may",
            _ => "",
        };
        Some(Fix {
            line,
            ..Fix::advice(advice + may)
        })
    };
    let advice = of_object.map(Fix::advice).or_else(of_place);
    Some(advice.unwrap_or_else(|| Fix::advice(cause::LEAVE_IT.to_owned())))
}
