//! `permwrap fix`: judges the failures of the last run again, and fixes them.

mod through_root;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{Outcome, style};
use crate::change::Change;
use crate::cli;
use crate::complaint;
use crate::facts::Facts;
use crate::gather;
use crate::mend::invoker::invoker;
use crate::mend::record::new_id;
use crate::mend::root::Done;
use crate::mend::runs::{self, Failure, Run};
use crate::mend::store::Store;
use crate::mend::{Asked, Mend, Proof, Way, way};
use crate::quote;
use crate::remedy::Fix;
use crate::render::{self, text};
use crate::report::{Conclusion, Finding};
use through_root::{handed, through_root};

pub fn run(arguments: &cli::Fix) -> Outcome {
    if arguments.handed {
        return handed();
    }
    let run = last_run(arguments.user.as_deref())?;
    let consent = match (arguments.dry_run, arguments.yes) {
        (true, _) => Consent::Never,
        (false, true) => Consent::Given,
        (false, false) if is_interactive() => Consent::Asked,
        (false, false) => Consent::Never,
    };
    let failures = chosen(&run, arguments.number)?;
    let of = match &arguments.user {
        Some(user) => Some(gather::subject_as(user)?.uid),
        None => None,
    };
    let mended = mend(&failures, consent, &Asked { of, ..asked() })?;
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
    match arguments.again && mended.is_complete {
        true => Err(again(&run, None)),
        false => Ok(u8::from(!mended.is_complete)),
    }
}

/// The maximum number of fixes made for one failure, each of which shows what refuses next.
const MOST_STEPS: usize = 8;

/// The maximum number of root's changes reported to the user who asked for them.
const TOLD_OF: usize = 100;

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
pub fn mend(failures: &[Failure], consent: Consent, asked: &Asked) -> Result<Mended, String> {
    let mut mended = Mended {
        is_complete: true,
        ..Mended::default()
    };
    let mut for_root = Vec::new();
    for failure in failures {
        match mend_here(failure, consent, asked, &mut mended) {
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
        let wanted = |group: &String| is_wanted_now(group, consent);
        mended.group = mended.group.or(answer.group.filter(wanted));
    }
    Ok(mended)
}

/// Fixes a failure if this process can. Otherwise, if root can, it returns the finding.
fn mend_here(
    failure: &Failure,
    consent: Consent,
    asked: &Asked,
    mended: &mut Mended,
) -> Result<Option<Box<Finding>>, String> {
    let mut taken = take_up(failure, consent, new_id(), asked)?;
    for _ in 0..MOST_STEPS {
        let Taken::Step(done) = taken else { break };
        mended.made.push(done.title);
        taken = take_up(failure, consent, new_id(), asked)?;
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
        mended.group = group.filter(|group| is_wanted_now(group, consent));
    }
    Ok(None)
}

/// What became of a failure.
enum Taken {
    /// The access is allowed already.
    Open,
    /// Something was put right, and only now can be seen whether anything else refuses.
    Step(Done),
    /// It was fixed. The group is one that takes effect only with a new login.
    Made { done: Done, group: Option<String> },
    /// Nothing was changed, for this reason. The group is one that the subject has, but its session does not.
    Left {
        group: Option<String>,
        why: Option<&'static str>,
    },
    /// Only root can fix it, or see what is to be done.
    ForRoot(Box<Finding>),
}

/// Judges a failure again, and fixes it if this process can.
fn take_up(
    failure: &Failure,
    consent: Consent,
    id: String,
    asked: &Asked,
) -> Result<Taken, String> {
    Ok(match way(failure)? {
        Way::Open(finding) => {
            tell(&render::headline(&finding));
            Taken::Open
        }
        Way::Gone(path) => {
            tell(&format!("{} is gone already", quote::display(&path)));
            Taken::Open
        }
        Way::Ready(ready) => match make(&ready, failure, consent, id, asked)? {
            Some(done) if !ready.fix.complete => Taken::Step(done),
            Some(done) => Taken::Made {
                done,
                group: group_of(&ready.fix, &ready.facts),
            },
            None => Taken::Left {
                group: None,
                why: None,
            },
        },
        Way::Root(finding) => Taken::ForRoot(finding),
        Way::Words(finding) => {
            words(&finding);
            let (fix, why) = match &finding.conclusion {
                Conclusion::Refused(_, remedy) => {
                    let first = remedy.fixes.first();
                    (first, Some(not_for_fix(first)))
                }
                _ => (None, None),
            };
            Taken::Left {
                group: fix.and_then(|fix| group_of(fix, &finding.facts)),
                why,
            }
        }
        Way::Elsewhere(hint) => {
            elsewhere(&hint);
            Taken::Left {
                group: None,
                why: None,
            }
        }
    })
}

/// Shows a fix, asks for confirmation, makes it and reports the kernel's answer. Returns what was done, if anything.
fn make(
    ready: &Mend,
    failure: &Failure,
    consent: Consent,
    id: String,
    asked: &Asked,
) -> Result<Option<Done>, String> {
    let deed = render::deed(&ready.attempt, &ready.facts);
    let user = ready.facts.names.user(ready.attempt.subject.uid);
    let title = ready.title();
    let seen = match &failure.elsewhere {
        Some(elsewhere) => {
            // It comes from a file, which need not be one's own.
            tell(&quote::line(&elsewhere.headline));
            say(&format!("  {:<9}{user} cannot {deed}", "here"));
            " as it is seen there"
        }
        None => {
            tell(&format!("{user} cannot {deed}"));
            ""
        }
    };
    for (at, line) in ready.words().iter().enumerate() {
        say(&format!(
            "  {:<9}{line}",
            if at == 0 { "change" } else { "" }
        ));
    }
    say(&format!("  {:<9}{title}", "to"));
    if let Some(other) = ready.namesake() {
        say(&format!(
            "  note     {other} has that id here, and is let in too"
        ));
    }
    let doubt = doubt(ready, failure, asked);
    if let Some(doubt) = &doubt {
        say(&format!("  note     {doubt}"));
    }
    let agreed = match consent {
        Consent::Never => false,
        Consent::Given => doubt.is_none(),
        Consent::Asked => confirm("Change it?"),
    };
    if !agreed {
        if consent == Consent::Given {
            tell("not done without a question: `permwrap fix` on a terminal asks");
        }
        return Ok(None);
    }
    let record = ready.perform(id, asked)?;
    let done = Done {
        id: record.id,
        title: record.title,
        deeds: record.deeds.into_iter().take(TOLD_OF).collect(),
    };
    if !ready.fix.complete {
        tell(&format!("done: {title}"));
        return Ok(Some(done));
    }
    let later = if ready.fix.relogin {
        " after a new login"
    } else {
        " now"
    };
    match ready.prove() {
        Proof::Works => tell(&format!("{user} can {deed}{later}{seen}")),
        Proof::Untried => tell(&format!(
            "{user} can {deed}{later}{seen} (worked out, not tried)"
        )),
        Proof::Refused(errno) => {
            tell(&format!(
                "it was changed, and the kernel still answers {errno}: something that cannot be seen refuses it \
                 (`permwrap undo` takes the change back)"
            ));
            return Ok(None);
        }
    }
    Ok(Some(done))
}

/// What is to be confirmed in any case: a guess, the second choice, or what a record claims of somebody else than its owner.
fn doubt(ready: &Mend, failure: &Failure, asked: &Asked) -> Option<String> {
    let subject = ready.attempt.subject.uid;
    if let Some(of) = asked.of.filter(|of| *of != subject) {
        let names = &ready.facts.names;
        let (of, user) = (names.user(of), names.user(subject));
        return Some(format!(
            "the record is {of}'s, and this would be for {user}"
        ));
    }
    match (failure.firm, &ready.better) {
        (false, _) => Some("what was tried is not certain".to_owned()),
        (true, Some(better)) => Some(format!("better: {better}")),
        (true, None) => None,
    }
}

/// The group that a fix makes effective only for a new login.
fn group_of(fix: &Fix, facts: &Facts) -> Option<String> {
    let gid = fix.changes.iter().find_map(|change| match change {
        Change::JoinGroup(gid) | Change::Relogin(gid) => Some(*gid),
        _ => None,
    })?;
    // A service gets it when it is restarted.
    let group = facts.names.groups.get(&gid)?.name.clone();
    facts.surroundings.unit.is_none().then_some(group)
}

/// Whether the command is to be run in a group that this session is not in yet (sg(1)).
fn is_wanted_now(group: &str, consent: Consent) -> bool {
    let question = format!("This session is not in group {group} yet. Run the command in it now?");
    consent == Consent::Asked && confirm(&question)
}

/// Describes a fix that is not made automatically.
fn words(finding: &Finding) {
    eprint!("{}", text::hint(finding, style(None)));
}

/// Why the best fix is only shown.
fn not_for_fix(fix: Option<&Fix>) -> &'static str {
    match fix {
        Some(fix) if !fix.argv.is_empty() => {
            "that fix is a command for you to run; `permwrap fix` changes permissions, owners, ACLs and groups"
        }
        _ => "no change of permissions, owners, ACLs or groups is the answer here",
    }
}

/// Repeats the run's hint for a failure in another container or namespace.
fn elsewhere(hint: &str) {
    complaint::complain_in_lines(hint);
    tell("that was in another container or namespace: make the change where the hint says");
}

/// The last run with failures: of this user in this directory or on this terminal or, if `user` is given, of that user.
///
/// # Errors
/// A message of one line, if there is none.
pub(super) fn last_run(user: Option<&str>) -> Result<Run, String> {
    let nothing = || "no run here (or of this terminal) met anything that is remembered".to_owned();
    if let Some(user) = user {
        if !rustix::process::geteuid().is_root() {
            return Err("only root puts right what another user's run met".to_owned());
        }
        let uid = gather::subject_as(user)?.uid;
        let store = Store::of_user(uid, "runs").ok_or_else(nothing)?;
        return runs::last(&store).ok_or_else(nothing);
    }
    let own = Store::own("runs").ok().and_then(|store| runs::last(&store));
    let invokers = invoker().and_then(|uid| runs::last(&Store::of_user(uid, "runs")?));
    let later = own.into_iter().chain(invokers).max_by_key(|run| run.when);
    later.ok_or_else(nothing)
}

fn chosen(run: &Run, number: Option<u16>) -> Result<Vec<Failure>, String> {
    let Some(number) = number else {
        return Ok(run.failures.clone());
    };
    let at = usize::from(number) - 1;
    let failure = run.failures.get(at);
    let failure = failure.ok_or_else(|| {
        format!(
            "the last run has {} that could be put right, not {number}",
            run.failures.len()
        )
    })?;
    Ok(vec![failure.clone()])
}

/// Replaces this process by another run of the command, in a group that this session is not in yet if one is given. Returns
/// only on failure, with the reason.
fn again(run: &Run, group: Option<&str>) -> String {
    let directory = OsStr::from_bytes(&run.directory);
    let own = match std::env::current_exe() {
        Ok(own) => own,
        Err(error) => return format!("cannot call myself: {error}"),
    };
    tell(&quote::command(&run.command));
    let line: Vec<Vec<u8>> = [own.as_os_str().as_bytes(), b"--"]
        .into_iter()
        .map(<[u8]>::to_vec)
        .chain(run.command.iter().cloned())
        .collect();
    let mut command = match group {
        Some(group) => {
            let mut command = Command::new("sg");
            command.args([group, "-c", &quote::command(&line)]);
            command
        }
        None => {
            let mut command = Command::new(own);
            command.args(line[1..].iter().map(|word| OsStr::from_bytes(word)));
            command
        }
    };
    let error = command.current_dir(directory).exec();
    format!("cannot run it again: {error}")
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
