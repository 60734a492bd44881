//! `permwrap fix`: judges the failures of the last run again, and fixes them.

mod last;
mod one;
mod through_root;

pub use last::{LastRun, circumstances, last_run};

use std::io::{BufRead, BufReader, IsTerminal, Write};

use super::Outcome;
use crate::cli;
use crate::gather;
use crate::mend::Asked;
use crate::mend::record::new_id;
use crate::mend::runs::Failure;
use crate::report::Finding;
use crate::resolve::Circumstances;
use last::{again, chosen, introduce};
use one::{Taken, take_up};
use through_root::{handed, through_root};

pub fn run(arguments: &cli::Fix) -> Outcome {
    if arguments.handed {
        return handed();
    }
    let of = arguments.user.as_deref().map(gather::subject_as);
    let LastRun { run, of_another } = last_run(of.transpose()?.map(|user| user.uid))?;
    introduce(&run);
    if run.failures.is_empty() {
        tell("nothing of what was refused there is for `permwrap fix`: its hint says what to do");
        return Ok(1);
    }
    let consent = match (arguments.dry_run, arguments.yes) {
        (true, _) => Consent::Never,
        (false, true) => Consent::Given,
        (false, false) if is_interactive() => Consent::Asked,
        (false, false) => Consent::Never,
    };
    let failures = chosen(&run, arguments.number)?;
    // What another user's record says of a command is not repeated to root.
    let circumstances = match of_another {
        Some(_) => Circumstances::default(),
        None => circumstances(&run),
    };
    let asked = Asked {
        of: of_another,
        ..asked()
    };
    let mended = mend(&failures, consent, &asked, &circumstances)?;
    if let Some(group) = &mended.group {
        return Err(again(&run, Some(group)));
    }
    if mended.made.is_empty() && !mended.is_complete {
        match mended.not_for_fix {
            Some(why) => tell(&format!("nothing was changed: {why}")),
            None if arguments.dry_run => {}
            None if consent == Consent::Never => {
                tell("there is no terminal to ask on: nothing was changed (--yes changes it)");
            }
            None => tell("nothing was changed"),
        }
    }
    match of_another {
        None if arguments.again && mended.is_complete => return Err(again(&run, None)),
        // As root it could do anything, and would leave root's files behind.
        Some(_) if arguments.again => tell("whoever was refused runs the command again"),
        _ => {}
    }
    Ok(u8::from(!mended.is_complete))
}

/// The maximum number of fixes made for one failure, each of which shows what refuses next.
const MOST_STEPS: usize = 8;

/// Whether changes may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// All of them, as the command line says.
    Given,
    /// Each one is confirmed on the terminal.
    Asked,
    /// None; they are only shown.
    Never,
}

/// The result of fixing.
#[derive(Debug, Default)]
pub struct Mended {
    /// What was changed.
    pub made: Vec<String>,
    /// Whether everything that was asked for is allowed now.
    pub is_complete: bool,
    /// The group that the command is to be run in, because this session is not in it yet.
    pub group: Option<String>,
    /// Why there is something that is not for `permwrap fix` to do.
    pub not_for_fix: Option<&'static str>,
}

/// A new fix that this user asks for.
pub fn asked() -> Asked {
    Asked {
        by: rustix::process::geteuid().as_raw(),
        fix: new_id(),
        of: None,
    }
}

/// Fixes these failures one after the other, since the fix for one may also serve the next.
///
/// # Errors
/// A message of one line.
pub fn mend(
    failures: &[Failure],
    consent: Consent,
    asked: &Asked,
    circumstances: &Circumstances,
) -> Result<Mended, String> {
    let mut mended = Mended {
        is_complete: true,
        ..Mended::default()
    };
    let mut for_root = Vec::new();
    for failure in failures {
        match mend_here(failure, consent, asked, circumstances, &mut mended) {
            Ok(finding) => for_root.extend(finding.map(|finding| (failure, finding))),
            Err(trouble) => {
                mended.is_complete = false;
                tell(&trouble);
            }
        }
    }
    if !for_root.is_empty() {
        let answer = through_root(&for_root, consent, asked)?;
        mended
            .made
            .extend(answer.made.into_iter().map(|done| done.title));
        mended.is_complete &= answer.complete;
        let wanted = |group: &String| is_wanted_now(group, consent, asked);
        mended.group = mended.group.or(answer.group.filter(wanted));
    }
    Ok(mended)
}

/// Fixes a failure if this process can. Otherwise, if root can, it returns the finding.
fn mend_here(
    failure: &Failure,
    consent: Consent,
    asked: &Asked,
    circumstances: &Circumstances,
    mended: &mut Mended,
) -> Result<Option<Box<Finding>>, String> {
    let mut taken = take_up(failure, consent, new_id(), asked, circumstances)?;
    for _ in 0..MOST_STEPS {
        let Taken::Step(done) = taken else { break };
        mended.made.push(done.title);
        taken = take_up(failure, consent, new_id(), asked, circumstances)?;
    }
    let group = match taken {
        Taken::Open => None,
        Taken::Step(done) => {
            mended.made.push(done.title);
            mended.is_complete = false;
            None
        }
        Taken::Made { done, group } => {
            mended.made.push(done.title);
            group
        }
        Taken::Left { group, why } => {
            mended.is_complete = false;
            mended.not_for_fix = why.or(mended.not_for_fix);
            group
        }
        Taken::ForRoot(finding) => return Ok(Some(finding)),
    };
    if mended.group.is_none() {
        mended.group = group.filter(|group| is_wanted_now(group, consent, asked));
    }
    Ok(None)
}

/// Whether the command is to be run in a group that this session is not in yet (sg(1)). Root's session has nothing to do with
/// another user's.
fn is_wanted_now(group: &str, consent: Consent, asked: &Asked) -> bool {
    let question = format!("This session is not in group {group} yet. Run the command in it now?");
    asked.of.is_none() && consent == Consent::Asked && confirm(&question)
}

/// Whether a user can be asked.
pub fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks on the terminal. Anything but a clear yes means no.
pub fn confirm(question: &str) -> bool {
    let terminal = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/tty");
    let Ok(mut terminal) = terminal else {
        return false;
    };
    let mut answer = String::new();
    let asked = write!(terminal, "{question} [y/N] ");
    let read = asked.and_then(|()| BufReader::new(terminal).read_line(&mut answer));
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes")
}

/// Writes one of permwrap's own messages.
pub fn tell(line: &str) {
    say(&format!("permwrap: {line}"));
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
