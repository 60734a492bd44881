//! Makes fixes and reverts them. This is the only stage that changes anything, and it does so only on request.
//!
//! Everything is judged again before it is changed. An object is opened from the root directory downwards without following
//! symlinks, and must be the very one that was judged, so that a replaced object is refused. The state before a change is
//! written to disk before the change is made, and the kernel is asked whether it helped.

pub mod deed;
pub mod history;
pub mod invoker;
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

use crate::attempt::{Attempt, Object as Target};
use crate::facts::Facts;
use crate::investigate::examine_again;
use crate::remedy::Fix;
use crate::report::{Conclusion, Finding};
use deed::Deed;
use record::{Record, Stage};
use runs::Failure;
use store::Store;

/// What can be done about a failure, according to the present state.
#[derive(Debug)]
pub enum Way {
    /// The access is allowed now.
    Open(Box<Finding>),
    /// This process can fix it.
    Ready(Box<Mend>),
    /// Only root can fix it, or see what is to be done.
    Root(Box<Finding>),
    /// Nothing can be done automatically; there is only advice.
    Words(Box<Finding>),
    /// It occurred in another container or namespace. This is the run's hint.
    Elsewhere(String),
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
    /// The code of the cause.
    pub code: String,
    /// The changes of which it consists.
    pub deeds: Vec<Deed>,
}

/// Judges a failure again.
///
/// # Errors
/// A message of one line, if the state changed in the meantime.
pub fn way(failure: &Failure) -> Result<Way, String> {
    // Another fix may have been made between judging and planning.
    judged_now(failure).or_else(|_| judged_now(failure))
}

fn judged_now(failure: &Failure) -> Result<Way, String> {
    if let Some(hint) = &failure.elsewhere {
        return Ok(Way::Elsewhere(hint.clone()));
    }
    let is_root = rustix::process::geteuid().is_root();
    let mut attempt = failure.attempt.clone();
    // The process has ended, and its id may have been reused.
    attempt.subject.pid = None;
    let ours = attempt.subject.uid == rustix::process::geteuid().as_raw();
    let finding = examine_again(attempt, failure.account.clone());
    let (Conclusion::Refused(denial, remedy), Some(attempt)) =
        (&finding.conclusion, &finding.attempt)
    else {
        return Ok(match finding.conclusion {
            Conclusion::Allowed => Way::Open(Box::new(finding)),
            _ if is_root => Way::Words(Box::new(finding)),
            _ => Way::Root(Box::new(finding)),
        });
    };
    let mut fixes = remedy.fixes.iter().filter(|fix| plan::can_be_made(fix));
    // A fix that takes effect immediately is preferred to a group membership, which requires a new login.
    let proven = fixes.clone().filter(|fix| fix.verified);
    let proven = proven.min_by_key(|fix| fix.relogin);
    match proven {
        Some(fix) if is_root || ours && !fix.needs_root => {
            let deeds = plan::plan(attempt, &finding.facts, fix)?;
            Ok(Way::Ready(Box::new(Mend {
                attempt: attempt.clone(),
                fix: fix.clone(),
                code: denial.code.name().to_owned(),
                deeds,
                facts: finding.facts,
            })))
        }
        Some(_) => Ok(Way::Root(Box::new(finding))),
        None if !is_root && fixes.next().is_some() => Ok(Way::Root(Box::new(finding))),
        None => Ok(Way::Words(Box::new(finding))),
    }
}

impl Mend {
    /// Makes the fix, recorded under this name.
    ///
    /// # Errors
    /// A message of one line about what prevented it.
    pub fn perform(&self, id: String, asked_by: u32) -> Result<Record, String> {
        let store = Store::own("changes")?;
        let _held = store.hold()?;
        let mut record = Record {
            id,
            when: now(),
            refusal: crate::render::deed(&self.attempt, &self.facts),
            title: self.title().to_owned(),
            code: self.code.clone(),
            path: path(&self.attempt),
            asked_by,
            by_root: false,
            stage: Stage::Begun,
            deeds: self.deeds.clone(),
        };
        record.perform(&store)?;
        Ok(record)
    }

    /// The kernel's answer to the attempt now; after joining a group, as in a new login.
    #[must_use]
    pub fn prove(&self) -> Proof {
        let mut attempt = self.attempt.clone();
        let mut facts = self.facts.clone();
        for change in &self.fix.changes {
            change.apply(&mut attempt.subject, &mut facts);
        }
        prove(&attempt)
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
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
