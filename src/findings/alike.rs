//! Which findings need only one explanation.

use crate::byte_path;
use crate::denial::Code;
use crate::render;
use crate::report::{Conclusion, Finding};

/// An obstacle and what it refuses. Failures with the same obstacle need only one explanation.
pub type Obstacle = (Code, Option<Vec<u8>>, &'static str);

/// Whether a hint for one of the findings explains the other as well.
pub(super) fn is_alike(one: &Finding, other: &Finding) -> bool {
    obstacle(one).is_some_and(|obstacle_of_one| obstacle(other) == Some(obstacle_of_one))
        || is_equal_advice(one, other)
        || is_one_list(one, other)
}

/// Whether two findings are about the same failure: the same operation on the same object by a subject with the same rights.
pub(super) fn is_same(one: &Finding, other: &Finding) -> bool {
    let (Some(a), Some(b)) = (&one.attempt, &other.attempt) else {
        return false;
    };
    let tried = a.operation == b.operation && a.object == b.object && a.to == b.to;
    tried
        && one.signs.operation.is_some() == other.signs.operation.is_some()
        && a.subject.has_the_rights_of(&b.subject)
}

/// What refuses, for comparison with other findings; `None` if nothing is known to refuse.
#[must_use]
pub fn obstacle(finding: &Finding) -> Option<Obstacle> {
    let Conclusion::Refused(denial, _) = &finding.conclusion else {
        return None;
    };
    let attempt = finding.attempt.as_ref()?;
    let path = render::obstacle_path(denial, attempt, &finding.facts);
    Some((denial.code, path, attempt.operation.name()))
}

/// The message that reported the failure.
pub(super) fn message(finding: &Finding) -> Option<&[u8]> {
    finding
        .incident
        .as_ref()
        .map(|incident| incident.message.as_slice())
}

/// Whether two refusals of the same kind have the same advice: by the same obstacle, or, if the advice is only words, in the same
/// directory.
fn is_equal_advice(one: &Finding, other: &Finding) -> bool {
    let fixes = |finding: &Finding| match &finding.conclusion {
        Conclusion::Refused(_, remedy) => {
            let fixes = remedy.fixes.iter();
            fixes
                .map(|fix| (fix.sentence(), fix.argv.clone()))
                .collect()
        }
        _ => Vec::new(),
    };
    let (Some((code, path, operation)), Some((other_code, other_path, other_operation))) =
        (obstacle(one), obstacle(other))
    else {
        return false;
    };
    let rights = |finding: &Finding| finding.attempt.as_ref().map(|attempt| attempt.subject.uid);
    let advice = fixes(one);
    if code != other_code || rights(one) != rights(other) || advice != fixes(other) {
        return false;
    }
    let directory = |path: &Option<Vec<u8>>| byte_path::parent(path.as_ref()?).map(<[u8]>::to_vec);
    let is_words = advice.iter().all(|(_, argv)| argv.is_empty());
    match is_words {
        true => operation == other_operation && directory(&path) == directory(&other_path),
        false => path == other_path,
    }
}

/// Whether one message lists both: the same refusal of neighbors.
fn is_one_list(one: &Finding, other: &Finding) -> bool {
    let beside = |obstacle: Obstacle| {
        let (code, path, operation) = obstacle;
        Some((code, byte_path::parent(&path?)?.to_vec(), operation))
    };
    let place = |finding| obstacle(finding).and_then(beside);
    message(one).is_some()
        && message(one) == message(other)
        && place(one).is_some()
        && place(one) == place(other)
}
