//! One failure: judged again, shown, confirmed, put right, and proven.

use super::{Consent, confirm, say, tell};
use crate::change::Change;
use crate::complaint;
use crate::facts::Facts;
use crate::mend::deed::Deed;
use crate::mend::plan::can_be_made;
use crate::mend::root::Done;
use crate::mend::runs::Failure;
use crate::mend::{Asked, Mend, Proof, Way, way};
use crate::quote;
use crate::remedy::Fix;
use crate::render::{self, text};
use crate::report::{Conclusion, Finding};
use crate::resolve::Circumstances;
use crate::subcommand::style;

/// The maximum number of root's changes reported to the user who asked for them.
const TOLD_OF: usize = 100;

/// What became of a failure.
pub(super) enum Taken {
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
pub(super) fn take_up(
    failure: &Failure,
    consent: Consent,
    id: String,
    asked: &Asked,
    circumstances: &Circumstances,
) -> Result<Taken, String> {
    Ok(match way(failure, circumstances)? {
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
    let doubts = doubts(ready, failure, asked);
    for doubt in &doubts {
        say(&format!("  note     {doubt}"));
    }
    let agreed = match consent {
        Consent::Never => false,
        Consent::Given => doubts.is_empty(),
        Consent::Asked => confirm("Change it?"),
    };
    if !agreed {
        if consent == Consent::Given {
            tell("not done without a question: `permwrap fix` on a terminal asks");
        }
        return Ok(None);
    }
    let mut record = ready.perform(id, asked)?;
    let proof = ready.fix.complete.then(|| ready.prove());
    if let Some(Proof::Refused(errno)) = proof {
        Mend::take_back(&mut record)?;
        tell(&format!(
            "the kernel still answers {errno}: something that cannot be seen refuses it, so the change was taken back"
        ));
        return Ok(None);
    }
    let done = Done {
        id: record.id,
        title: record.title,
        deeds: record.deeds.into_iter().take(TOLD_OF).collect(),
    };
    let later = if ready.fix.relogin {
        " after a new login"
    } else {
        " now"
    };
    tell(&match proof {
        None => format!("done: {title}"),
        Some(Proof::Untried) => format!("{user} can {deed}{later}{seen} (worked out, not tried)"),
        Some(Proof::Works | Proof::Refused(_)) => format!("{user} can {deed}{later}{seen}"),
    });
    Ok(Some(done))
}

/// What is to be confirmed in any case: a guess, the second choice, what reaches beyond the object and the user, or what a record claims of
/// somebody else than its owner.
fn doubts(ready: &Mend, failure: &Failure, asked: &Asked) -> Vec<String> {
    let subject = ready.attempt.subject.uid;
    let of_another = asked.of.filter(|of| *of != subject).map(|of| {
        let names = &ready.facts.names;
        let (of, user) = (names.user(of), names.user(subject));
        format!("the record is {of}'s, and this would be for {user}")
    });
    let is_told = asked.of.is_some() && failure.elsewhere.is_some();
    let told =
        is_told.then(|| "where that place lies here is only what the record says".to_owned());
    let wide = ready.deeds.iter().find_map(Deed::to_be_asked_about);
    let guessed = (!failure.firm).then(|| "what was tried is not certain".to_owned());
    let better = ready.better.as_ref();
    let second = better.map(|better| format!("better: {better}"));
    let all = [of_another, told, wide, guessed, second];
    all.into_iter().flatten().collect()
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

/// Describes a fix that is not made automatically.
pub(super) fn words(finding: &Finding) {
    eprint!("{}", text::hint(finding, style(None)));
}

/// Why the best fix is only shown.
fn not_for_fix(fix: Option<&Fix>) -> &'static str {
    match fix {
        Some(Fix { line: Some(_), .. }) => "that is for whoever owns it to decide",
        Some(fix) if can_be_made(fix) => {
            "nothing proves that this fix is enough, so it is for you to make"
        }
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
