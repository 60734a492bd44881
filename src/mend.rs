//! Makes fixes and reverts them. This is the only stage that changes anything, and it does so only on request.
//!
//! Everything is judged again before it is changed. An object is opened from the root directory downwards without following
//! symlinks, and must be the very one that was judged, so that a replaced object is refused. The state before a change is
//! written to disk before the change is made, and the kernel is asked whether it helped.

pub mod deed;
pub mod history;
pub mod invoker;
mod mount;
mod object;
pub mod plan;
mod proof;
pub mod record;
pub mod root;
pub mod runs;
mod since;
mod state;
pub mod store;
mod system;
mod words;

pub use object::Object;
pub use proof::{Proof, prove};
pub use state::State;

use crate::attempt::{Attempt, Object as Target, Operation};
use crate::facts::Facts;
use crate::gather;
use crate::investigate::examine_again;
use crate::remedy::{self, Fix};
use crate::render::is_missing;
use crate::report::{Conclusion, Finding};
use crate::resolve::Circumstances;
use deed::Deed;
use record::{Record, Stage};
use runs::Failure;
use store::Store;

/// What can be done about a failure, according to the present state.
#[derive(Debug)]
pub enum Way {
    /// The access is allowed now.
    Open(Box<Finding>),
    /// What was to be removed is gone: its path.
    Gone(Vec<u8>),
    /// This process can fix it.
    Ready(Box<Mend>),
    /// Only root can fix it, or see what is to be done.
    Root(Box<Finding>),
    /// Nothing can be done automatically; there is only advice.
    Words(Box<Finding>),
    /// It occurred in another container or namespace. This is the run's hint.
    Elsewhere(String),
}

/// A request for fixes, which all its records share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The uid of the user who asked.
    pub by: u32,
    /// The name of the fix.
    pub fix: String,
    /// The uid of the user whose record it is, if root fixes what that one was refused. He may have written anything into it.
    pub of: Option<u32>,
}

/// A fix that can be made.
#[derive(Debug)]
pub struct Mend {
    /// The refused attempt.
    pub attempt: Attempt,
    /// The facts that it was judged on.
    pub facts: Facts,
    /// The fix.
    pub fix: Fix,
    /// What is preferred to this fix, if that is not a change that can be made here.
    pub better: Option<String>,
    /// The code of the cause.
    pub code: String,
    /// The changes of which it consists.
    pub deeds: Vec<Deed>,
    /// The path here at which everything begins that the subject sees of this machine, if it lives in another place.
    pub top: Option<Vec<u8>>,
}

/// Judges a failure again, in the circumstances of its run.
///
/// # Errors
/// A message of one line, if the state changed in the meantime.
pub fn way(failure: &Failure, circumstances: &Circumstances) -> Result<Way, String> {
    // Another fix may have been made between judging and planning.
    judged_now(failure, circumstances).or_else(|_| judged_now(failure, circumstances))
}

fn judged_now(failure: &Failure, circumstances: &Circumstances) -> Result<Way, String> {
    let Some(elsewhere) = &failure.elsewhere else {
        let mut attempt = failure.attempt.clone();
        // The process has ended, and its id may have been reused.
        attempt.subject.pid = None;
        return {
            let finding = examine_again(attempt, failure.account.clone(), circumstances);
            way_of(finding, None)
        };
    };
    let printed = || Ok(Way::Elsewhere(elsewhere.hint.clone()));
    let Some(here) = &elsewhere.here else {
        return printed();
    };
    let finding = here.examine(failure.account.clone());
    if !here.is_plain(&finding.facts) {
        return printed();
    }
    match way_of(finding, Some(here.top.clone()))? {
        Way::Words(_) => printed(),
        way => Ok(way),
    }
}

/// What can be done about this finding; `top` if it is of a place that sees only what begins there.
fn way_of(finding: Finding, top: Option<Vec<u8>>) -> Result<Way, String> {
    let is_root = rustix::process::geteuid().is_root();
    if let Some(path) = gone(&finding) {
        return Ok(Way::Gone(path));
    }
    let (Conclusion::Refused(denial, remedy), Some(attempt)) =
        (&finding.conclusion, &finding.attempt)
    else {
        return Ok(match finding.conclusion {
            Conclusion::Allowed => Way::Open(Box::new(finding)),
            _ if is_root || is_missing(&finding.facts) => Way::Words(Box::new(finding)),
            _ => Way::Root(Box::new(finding)),
        });
    };
    let mut fixes = remedy.fixes.iter().filter(|fix| plan::can_be_made(fix));
    let needs_root = |fix: &&Fix| needs_root(fix, attempt, &finding.facts, top.is_some());
    // A fix that takes effect immediately is preferred to a group membership, which requires a new login.
    let proven = fixes.clone().filter(|fix| fix.verified);
    let proven = proven.min_by_key(|fix| fix.relogin);
    // What is one's own is put right without root, even if something that cannot be seen yet may refuse next.
    let own = || fixes.clone().find(|fix| !is_root && !needs_root(fix));
    match proven.or_else(own) {
        Some(fix) if is_root || !needs_root(&fix) => {
            let deeds = plan::plan(attempt, &finding.facts, fix)?;
            Ok(Way::Ready(Box::new(Mend {
                attempt: attempt.clone(),
                fix: fix.clone(),
                better: better(&remedy.fixes, fix),
                code: denial.code.name().to_owned(),
                deeds,
                top,
                facts: finding.facts,
            })))
        }
        Some(_) => Ok(Way::Root(Box::new(finding))),
        None if !is_root && fixes.next().is_some() => Ok(Way::Root(Box::new(finding))),
        None => Ok(Way::Words(Box::new(finding))),
    }
}

/// What is offered before this fix, and is not a change that can be made here.
fn better(fixes: &[Fix], fix: &Fix) -> Option<String> {
    let before = fixes.iter().take_while(|other| *other != fix);
    let mut before = before.filter(|other| !plan::can_be_made(other));
    before.next().map(Fix::sentence)
}

/// The path of what was to be removed, if nothing has that name now.
fn gone(finding: &Finding) -> Option<Vec<u8>> {
    let attempt = finding.attempt.as_ref()?;
    let removes = matches!(attempt.operation, Operation::Delete | Operation::Rmdir);
    let last = finding.facts.walk.steps.last()?;
    (removes && last.found == Ok(None)).then(|| path(attempt))
}

/// Whether this process cannot make the fix without root. A fix that the subject could make is made only by the subject, except
/// for one of a place that is this user's own, such as a rootless container.
fn needs_root(fix: &Fix, attempt: &Attempt, facts: &Facts, is_of_a_place: bool) -> bool {
    let Ok(own) = gather::own_subject() else {
        return true;
    };
    match is_of_a_place {
        true => remedy::commands(&fix.changes, attempt, facts, &own)
            .is_none_or(|commands| commands.needs_root),
        false => fix.needs_root || attempt.subject.uid != own.uid,
    }
}

impl Mend {
    /// Makes the changes, recorded under this name, for whoever asked for them.
    ///
    /// # Errors
    /// A message of one line about what prevented it.
    pub fn perform(&self, id: String, asked: &Asked) -> Result<Record, String> {
        let store = Store::own("changes")?;
        let _held = store.hold()?;
        let mut record = Record {
            id,
            fix: asked.fix.clone(),
            when: now(),
            refusal: crate::render::deed(&self.attempt, &self.facts),
            title: self.title().to_owned(),
            code: self.code.clone(),
            path: path(&self.attempt),
            asked_by: asked.by,
            by_root: false,
            stage: Stage::Begun,
            deeds: self.deeds.clone(),
        };
        record.perform(&store)?;
        Ok(record)
    }

    /// Reverts a change that did not help.
    ///
    /// # Errors
    /// A message of one line, if something could not be reverted.
    pub fn take_back(record: &mut Record) -> Result<(), String> {
        let store = Store::own("changes")?;
        let _held = store.hold()?;
        record.undo(&store, false);
        match record.stage {
            Stage::Undone => {
                record.forget(&store);
                Ok(())
            }
            Stage::Begun | Stage::Made => Err(
                "it was changed and did not help, and not all of it could be taken back: see `permwrap undo`".to_owned(),
            ),
        }
    }

    /// The kernel's answer to the attempt now; after joining a group, as in a new login.
    #[must_use]
    pub fn prove(&self) -> Proof {
        let mut attempt = self.attempt.clone();
        let mut facts = self.facts.clone();
        for change in &self.fix.changes {
            change.apply(&mut attempt.subject, &mut facts);
        }
        prove(&attempt, self.top.as_deref())
    }

    /// The user here who has the same id as the subject, if that one lives in another place.
    #[must_use]
    pub fn namesake(&self) -> Option<String> {
        self.top.as_ref()?;
        let user = nix::unistd::User::from_uid(self.attempt.subject.uid.into());
        user.ok().flatten().map(|user| user.name)
    }

    /// What the fix does, in the imperative: "let alice pass through /srv/app".
    #[must_use]
    pub fn title(&self) -> &str {
        &self.fix.title
    }

    /// The changes, one line each.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        words::words(&self.deeds, &self.facts)
    }
}

/// The object of the attempt as it is remembered: a path, or an address with its port; empty for a process.
#[must_use]
pub fn path(attempt: &Attempt) -> Vec<u8> {
    match &attempt.object {
        Target::Path(path) => path.clone(),
        Target::Port { address, port } => format!("{address}:{port}").into_bytes(),
        Target::Process | Target::Another(_) => Vec::new(),
    }
}

/// The current time, in seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    micros() / 1_000_000
}

/// The time, in microseconds since 1970: no two processes of a machine are likely to ask at the same one.
#[must_use]
pub fn micros() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = since.map_or(0, |since| since.as_micros());
    u64::try_from(micros).unwrap_or(u64::MAX)
}
