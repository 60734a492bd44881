//! System calls that are known to have been refused.

use super::judged::Views;
use super::{abroad, explained, is_other, note, words};
use crate::attempt::{Account, Attempt, Errno, Place, Signs};
use crate::denial::Code;
use crate::judge::{Certainty, Denial, Obstacle, Rule, Verdict};
use crate::remedy::Remedy;
use crate::report::{Conclusion, Finding};
use crate::resolve::{self, Circumstances, Reading};

/// A system call that is known. If the judge allows it, something else certainly refused it.
pub(super) fn of_call(
    attempt: Attempt,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Finding {
    let signs = Signs::CALL;
    let reading = Reading { attempt, signs };
    let mut judged = views.judge(reading);
    let answered = judged.reading.attempt.errno;
    let explained_by = |denial: &Denial| Some(denial.errno) == answered;
    if let Some(errno) = answered
        && !matches!(&judged.verdict, Verdict::Denied(denial) if explained_by(denial))
        && let Some(denial) = judged.inferred(errno, views)
    {
        judged.verdict = Verdict::Denied(denial);
    }
    let unexplained = |errno: Errno| {
        note(format!(
            "the kernel answered {errno}, and by all that can be seen it is allowed: a sandbox, a security module or a file \
             server refused it, or it changed since"
        ))
    };
    let conclusion = match (&judged.verdict, answered) {
        (Verdict::Denied(denial), Some(errno)) if is_other(denial, errno) => {
            note(words::another_answer(errno))
        }
        (Verdict::Denied(denial), _) => Conclusion::Refused(denial.clone(), Remedy::default()),
        (Verdict::Allowed, Some(errno)) => unexplained(errno),
        (Verdict::Allowed, None) => Conclusion::Allowed,
        (Verdict::Fails { errno, .. }, _) => note(words::failure(
            *errno,
            &judged.reading.attempt,
            &judged.facts,
        )),
        (Verdict::Unclear(unknown), _) => note(words::missing(unknown)),
    };
    let account = Account::default();
    let mut finding = explained(judged, conclusion, account, circumstances, views);
    let abroad = finding.facts.surroundings.abroad.as_ref();
    if let Some(place) = abroad.and_then(|abroad| abroad.place.clone()) {
        let place = match place {
            Place::Namespace | Place::Tree => resolve::given_place(circumstances).unwrap_or(place),
            place => place,
        };
        abroad::settle(&mut finding, place, false);
    }
    finding
}

/// A system call that was answered by a seccomp filter, whatever the kernel's checks would have decided.
pub(super) fn of_filtered_call(
    attempt: Attempt,
    circumstances: &Circumstances,
    views: &mut Views,
) -> Finding {
    let signs = Signs::CALL;
    let denial = Denial {
        errno: attempt.errno.unwrap_or(Errno::Perm),
        code: Code::SeccompDenies,
        at: Obstacle::Process,
        rule: Rule::Module { evidence: None },
        certainty: Certainty::Proven,
    };
    let judged = views.judge(Reading { attempt, signs });
    let conclusion = Conclusion::Refused(denial, Remedy::default());
    let account = Account::default();
    explained(judged, conclusion, account, circumstances, views)
}
