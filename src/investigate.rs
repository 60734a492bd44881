//! Investigates one piece of evidence: resolve → gather → judge → remedy.

mod abroad;
mod alternatives;
mod build_step;
mod called;
mod deployed;
mod doubt;
mod elsewhere;
mod hearsay;
mod judged;
mod logged;
mod owner;
mod program;
mod recorded;
mod renamed;
mod root_only;
mod run;
mod told;
mod unnamed;
mod untold;
mod volume;
mod words;
mod written;

pub use judged::{Eyes, Views, Worlds};
pub use program::program_named;
pub use volume::OnVolume;

use crate::attempt::{Account, Attempt, Errno, Incident, Operation, Signs};
use crate::cause;
use crate::detect;
use crate::facts::Facts;
use crate::judge::{self, Denial, Verdict};
use crate::quote;
use crate::remedy::{self, Fix, Remedy};
use crate::report::{Conclusion, Finding, Unclear};
use crate::resolve::{self, Circumstances, Evidence, Interpretation, Reading, Whence};
use judged::Judged;

/// The maximum number of readings of one message that are judged. It bounds the time that a strange message can cost.
const MOST_READINGS: usize = 64;

/// Determines what was refused, by what, and how to fix it.
#[must_use]
pub fn investigate(
    evidence: Evidence,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Finding {
    views.circumstances.clone_from(circumstances);
    match evidence {
        Evidence::Call(attempt) => called::of_call(attempt, circumstances, views),
        Evidence::FilteredCall(attempt) => called::of_filtered_call(attempt, circumstances, views),
        Evidence::Question(attempt) => {
            of_question(attempt, Account::default(), circumstances, views)
        }
        Evidence::Remembered(attempt, account) => {
            of_question(attempt, account, circumstances, views)
        }
        Evidence::Message(incident) => of_message(incident, circumstances, views),
    }
}

/// Judges an access that is asked about (`permwrap why`).
#[must_use]
pub fn examine(attempt: Attempt) -> Finding {
    investigate(
        Evidence::Question(attempt),
        &Circumstances::default(),
        &mut Views::default(),
    )
}

/// Judges a refusal of an earlier run again.
#[must_use]
pub fn examine_again(attempt: Attempt, account: Account, circumstances: &Circumstances) -> Finding {
    let evidence = Evidence::Remembered(attempt, account);
    investigate(evidence, circumstances, &mut Views::default())
}

/// Whether a finding is worth reporting in a run: a refusal, or a failure that is certainly the program's own.
#[must_use]
pub fn is_worth_telling(finding: &Finding) -> bool {
    match (&finding.conclusion, &finding.incident) {
        (Conclusion::Refused(..), _) | (_, None) => true,
        (Conclusion::Allowed | Conclusion::Unclear(_), Some(incident)) => {
            incident.certain && incident.errno.is_some()
        }
    }
}

/// The result of reading a text, before it is explained.
enum Decision {
    /// The reading that decides.
    Judged(Box<Judged>, Conclusion),
    /// Nothing was judged, for this reason.
    Nothing(String),
}

impl Decision {
    /// Takes the conclusion from the verdict on the reading.
    fn of(judged: Judged) -> Decision {
        let conclusion = as_judged(&judged);
        Decision::Judged(Box::new(judged), conclusion)
    }
}

fn of_message(incident: Incident, circumstances: &Circumstances, views: &mut Views) -> Finding {
    if let Some(meaning) = detect::meaning_elsewhere(&incident) {
        return Finding::of_another_place(incident, meaning.to_owned());
    }
    if let Some(note) = elsewhere::not_looked_at(&incident, circumstances, views) {
        let note = detect::meaning_on_a_mac(&incident).map_or(note, str::to_owned);
        return Finding::of_another_place(incident, note);
    }
    match resolve::whence(&incident, circumstances) {
        Whence::Here => elsewhere::here(incident, circumstances, views),
        Whence::There(place) => elsewhere::there(incident, place, circumstances, views),
        Whence::Passing(place) => {
            let here = Circumstances {
                processes: elsewhere::living(circumstances, |place| place.is_none()),
                ..circumstances.clone()
            };
            match read(incident.clone(), &here, views) {
                finding if matches!(finding.conclusion, Conclusion::Refused(..)) => finding,
                _ if elsewhere::is_while_it_is_made(&incident, &place) => {
                    Finding::without_attempt(incident, elsewhere::its_own(&place))
                }
                _ => elsewhere::there(incident, place, circumstances, views),
            }
        }
    }
}

/// Investigates a text.
fn read(incident: Incident, circumstances: &Circumstances, views: &mut Views) -> Finding {
    let message = incident.message.clone();
    let renamed = renamed::known(&incident, circumstances);
    let (incident, known) = match &renamed {
        Some((incident, known)) => (incident.clone(), known),
        None => (incident, circumstances),
    };
    let incident = written::with_its_source(incident, known);
    let incident = written::only_read(incident, known, views);
    let with_scripts = written::with_scripts(&incident, known, views);
    let known = with_scripts.as_ref().unwrap_or(known);
    let incident = owner::told(incident, known);
    let incident = recorded::completed(incident, known, views);
    let decision = match logged::decide(&incident, known, views) {
        Some(decision) => decision,
        None => interpreted(&incident, known, views),
    };
    let incident = Incident {
        message,
        ..incident
    };
    let count = u64::from(incident.count);
    let finding = match decision {
        Decision::Nothing(note) => Finding::without_attempt(incident, note),
        Decision::Judged(judged, conclusion) => {
            let account = Account {
                hearsay: hearsay::is_hearsay(
                    &incident,
                    &judged.reading.attempt,
                    circumstances,
                    views,
                ),
                beside: incident.beside.clone(),
                ..Account::default()
            };
            Finding {
                incident: Some(incident),
                ..explained(*judged, conclusion, account, circumstances, views)
            }
        }
    };
    Finding { count, ..finding }
}

/// Interprets the words of a message.
fn interpreted(incident: &Incident, circumstances: &Circumstances, views: &mut Views) -> Decision {
    if let ([Operation::Trust(policy)], true) =
        (&incident.operations[..], incident.paths.is_empty())
        && !policy.set_user_id
    {
        return match policy.root_only {
            true => root_only::decide(incident, circumstances, views),
            false => Decision::Nothing(words::rule_of_a_program(policy)),
        };
    }
    let decision = match resolve::interpret(incident, circumstances) {
        Interpretation::Told(readings) => told::decide(incident, readings, views),
        Interpretation::Untold(readings) => untold::decide(incident, readings, views),
        Interpretation::OneOf(places) => {
            return alternatives::decide(incident, &places, circumstances, views);
        }
        Interpretation::Unplaced(name) => Decision::Nothing(format!(
            "{} is relative to a directory that the program worked in or had open, and nothing says which",
            quote::display(&name)
        )),
        Interpretation::Unnamed => match unnamed::decide(incident, circumstances, views) {
            Decision::Nothing(note) => recorded::of_no_object(incident, circumstances, views)
                .unwrap_or(Decision::Nothing(note)),
            decided => decided,
        },
    };
    let doubt = match &decision {
        Decision::Judged(judged, Conclusion::Allowed | Conclusion::Unclear(Unclear::Note(_)))
            if !circumstances.command.is_empty() =>
        {
            doubt::doubt(judged, incident, circumstances)
        }
        Decision::Judged(judged, Conclusion::Refused(denial, _)) => {
            doubt::never_entered(judged, denial, incident, circumstances)
        }
        _ => None,
    };
    doubt.map_or(decision, Decision::Nothing)
}

fn of_question(
    attempt: Attempt,
    account: Account,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Finding {
    let signs = Signs::CALL;
    let judged = views.judge(Reading { attempt, signs });
    let conclusion = as_judged(&judged);
    let mut finding = explained(judged, conclusion, account, circumstances, views);
    let abroad = finding.facts.surroundings.abroad.as_ref();
    if let Some(place) = abroad.and_then(|abroad| abroad.place.clone()) {
        abroad::settle(&mut finding, place, true);
    }
    Finding {
        signs: Signs {
            operation: None,
            ..signs
        },
        ..finding
    }
}

/// A finding with everything that its explanation requires. Fixes that depend on a guess are not called proven.
fn explained(
    judged: Judged,
    conclusion: Conclusion,
    account: Account,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Finding {
    let Judged {
        reading: Reading { attempt, signs },
        mut facts,
        explained,
        ..
    } = judged;
    let view = views.of(&attempt.subject);
    if !explained {
        view.explain(&attempt, &mut facts);
    }
    facts.surroundings.account = account;
    run::describe(&mut facts, &attempt, circumstances, views);
    facts.surroundings.offered.clone_from(&views.offered);
    let conclusion = match conclusion {
        Conclusion::Refused(denial, remedy) if remedy == Remedy::default() => {
            facts.surroundings.peopled = view.peopled(&attempt, &facts);
            facts.surroundings.leftovers = view.leftovers(&attempt, &facts);
            let mut remedy = remedy::remedy(&attempt, &facts, &denial);
            if !signs.are_firm() {
                unproven(&mut remedy);
            }
            Conclusion::Refused(denial, remedy)
        }
        decided => decided,
    };
    let conclusion = with_what_is_without_effect(conclusion, &attempt, &facts);
    Finding {
        incident: None,
        count: 1,
        alike: 0,
        attempt: Some(attempt),
        signs,
        facts,
        conclusion,
    }
}

/// If a set-user-ID program runs without its privileges here, that is the first thing to say.
fn with_what_is_without_effect(
    conclusion: Conclusion,
    attempt: &Attempt,
    facts: &Facts,
) -> Conclusion {
    let Conclusion::Refused(denial, mut remedy) = conclusion else {
        return conclusion;
    };
    if let Some(candidate) = cause::without_effect(&denial, attempt, facts) {
        let fix = Fix::advice(candidate.title);
        remedy.fixes.insert(0, fix);
        remedy.fixes.truncate(remedy::SHOWN);
    }
    Conclusion::Refused(denial, remedy)
}

/// Marks the fixes as not verified: a fix can be proven only if it is known what was tried.
fn unproven(remedy: &mut Remedy) {
    for fix in &mut remedy.fixes {
        fix.verified = false;
    }
}

/// The conclusion that follows from a verdict.
fn as_judged(judged: &Judged) -> Conclusion {
    match &judged.verdict {
        Verdict::Allowed => Conclusion::Allowed,
        Verdict::Denied(denial) => Conclusion::Refused(denial.clone(), Remedy::default()),
        Verdict::Fails { errno, .. } => note(words::failure(
            *errno,
            &judged.reading.attempt,
            &judged.facts,
        )),
        Verdict::Unclear(unknown) => note(words::missing(unknown)),
    }
}

fn note(words: String) -> Conclusion {
    Conclusion::Unclear(Unclear::Note(words))
}

/// Whether this cannot be what was answered with that error number: EROFS and a refusal for lack of permission never have the
/// same cause.
fn is_other(denial: &Denial, errno: Errno) -> bool {
    (errno == Errno::RoFs) != (denial.errno == Errno::RoFs)
}

fn agrees(incident: &Incident, verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Denied(denial) if incident.errno.is_none_or(|errno| errno == denial.errno))
}

/// Judges the attempt on these facts.
fn judge(attempt: &Attempt, facts: &Facts) -> Verdict {
    judge::judge(&attempt.subject, &attempt.operation, &attempt.object, facts)
}
