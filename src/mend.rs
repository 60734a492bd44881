//! Puts right what was judged, and takes it back: the only stage that changes anything, and only when asked.
//!
//! Everything is judged anew before it is changed. An object is reached from the root directory down, no symlink followed,
//! and has to be the very one that was judged: what was swapped meanwhile is refused. What was before is on the disk before
//! the change is made, and the kernel has the last word on whether it helped.

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
use crate::investigate::examine;
use crate::remedy::Fix;
use crate::report::{Conclusion, Finding};
use deed::Deed;
use record::{Record, Stage};
use runs::Failure;
use store::Store;

/// What can be done about a failure, judged now.
#[derive(Debug)]
pub enum Way {
    /// Nothing stands in the way any more.
    Open(Box<Finding>),
    /// This process can put it right.
    Ready(Box<Mend>),
    /// Only root can put it right, or see what is to be done.
    Root(Box<Finding>),
    /// There is nothing that could be done for the person; what there is, is words.
    Words(Box<Finding>),
}

/// A fix that can be made.
#[derive(Debug)]
pub struct Mend {
    /// What was refused.
    pub attempt: Attempt,
    /// What it was judged on.
    pub facts: Facts,
    /// The fix.
    pub fix: Fix,
    /// The cause's code.
    pub code: String,
    /// The changes that make it.
    pub deeds: Vec<Deed>,
}

/// Judges a failure anew.
///
/// # Errors
/// In one line: it changed while it was looked at.
pub fn way(failure: &Failure) -> Result<Way, String> {
    // Another fix may have been made between the look and the plan.
    judged_now(failure).or_else(|_| judged_now(failure))
}

fn judged_now(failure: &Failure) -> Result<Way, String> {
    let is_root = rustix::process::geteuid().is_root();
    let mut attempt = failure.attempt.clone();
    // The process is gone, and another may have its number.
    attempt.subject.pid = None;
    let ours = attempt.subject.uid == rustix::process::geteuid().as_raw();
    let finding = examine(attempt);
    let (Conclusion::Refused(denial, remedy), Some(attempt)) =
        (&finding.conclusion, &finding.attempt)
    else {
        return Ok(match finding.conclusion {
            Conclusion::Allowed => Way::Open(Box::new(finding)),
            _ if is_root || failure.elsewhere => Way::Words(Box::new(finding)),
            _ => Way::Root(Box::new(finding)),
        });
    };
    if failure.elsewhere {
        return Ok(Way::Words(Box::new(finding)));
    }
    let mut fixes = remedy.fixes.iter().filter(|fix| plan::can_be_made(fix));
    // What works now, and lets in nobody to anything else, before a group that counts from the next login on.
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
    /// In one line: what stopped it.
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

    /// What the kernel says of it now; of a group that was joined, in a new login.
    #[must_use]
    pub fn prove(&self) -> Proof {
        let mut attempt = self.attempt.clone();
        let mut facts = self.facts.clone();
        for change in &self.fix.changes {
            change.apply(&mut attempt.subject, &mut facts);
        }
        prove(&attempt)
    }

    /// What it does, as a request: "let alice pass through /srv/app".
    #[must_use]
    pub fn title(&self) -> &str {
        &self.fix.title
    }

    /// What is changed, a line each.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        words::words(&self.deeds, &self.facts)
    }
}

/// The path that was asked for; empty where there is none.
#[must_use]
pub fn path(attempt: &Attempt) -> Vec<u8> {
    match &attempt.object {
        Target::Path(path) => path.clone(),
        Target::Port { .. } | Target::Process | Target::Another(_) => Vec::new(),
    }
}

/// The time in seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
