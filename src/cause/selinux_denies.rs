//! The SELinux policy.

use super::case::Case;
use super::{Candidate, Fit, Words};
use crate::change::{Change, Effect, argv};
use crate::facts::Kind;
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let subject = label(case.subject().label.as_ref().ok());
    let object = label(case.node().and_then(|node| node.label.as_ref().ok()));
    let labels = match (subject, object) {
        (Some(subject), Some(object)) => {
            format!("a process labelled {subject} may not do this to {object}")
        }
        _ => "the labels of process and object do not go together".to_owned(),
    };
    case.module_words("the SELinux policy", &labels)
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    if case.facts.surroundings.container.is_some() {
        return vec![Candidate::advice(
            "mount the volume with :Z (for this container alone) or :z (shared): that labels it",
        )];
    }
    let mut all = Vec::new();
    if let Some(node) = case.node() {
        let inode = node.inode.as_ref();
        let words: &[&[u8]] = match inode.is_ok_and(|inode| inode.kind == Kind::Directory) {
            true => &[b"restorecon", b"-v", b"-R", &node.path],
            false => &[b"restorecon", b"-v", &node.path],
        };
        all.push(
            Candidate::new(
                Fit::Meant,
                format!("give {} the label that the policy has for it", case.path()),
                [Change::Run {
                    argv: argv(words),
                    root: true,
                    effect: Effect::Repairs,
                }],
            )
            .noting("files that were moved keep a label of where they came from"),
        );
    }
    all.push(
        Candidate::new(
            Fit::Around,
            "ask the audit log which rule or boolean it is".to_owned(),
            [Change::Run {
                argv: argv(&[b"audit2why", b"-al"]),
                root: true,
                effect: Effect::Advice,
            }],
        )
        .noting("names the boolean (setsebool -P) or label (semanage fcontext) that allows it"),
    );
    all
}

fn label(label: Option<&Option<String>>) -> Option<String> {
    let label = label?.as_ref()?;
    Some(quote::display(label.as_bytes()))
}
