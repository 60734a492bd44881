//! Whether a path is closed to all but those whom it is meant for: its owner, the service, and root.

use super::manifest::PathNeeds;
use super::{Seen, State, failure, fixes, judged};
use crate::attempt::{Object, Operation, Subject};
use crate::facts::Tag;
use crate::judge::{Verdict, judge};
use crate::quote;
use crate::remedy::{Fix, others};
use crate::render;
use crate::report::{Conclusion, Finding};

/// Whether everybody else whom the user database lists, and whoever is unrelated to the path, is refused all access to it.
pub(super) fn closed(path: &PathNeeds, seen: &Seen, service: &Subject) -> State {
    let stranger = Subject::login(NOBODY_AT_ALL, NOBODY_AT_ALL, Vec::new());
    let accesses = if seen.is_directory() {
        vec![Operation::List, Operation::Traverse]
    } else {
        vec![Operation::READ, Operation::WRITE]
    };
    for operation in accesses {
        let name = operation.name();
        let finding = judged(path, operation.clone(), &stranger);
        match &finding.conclusion {
            Conclusion::Refused(..) => {}
            Conclusion::Unclear(unclear) => return State::Unclear(render::unclear(unclear)),
            Conclusion::Allowed => {
                let title = "takes away what others have, and nothing else";
                let fixes = fixes::set_fitting_mode(path, seen, title, service);
                return failure(&format!("everybody may {name} it"), fixes);
            }
        }
        if let Some((who, other)) = other(&operation, &finding, seen, service) {
            let fix = Fix::advice(shut_out(&other, &who, &finding));
            return failure(&format!("{who} may {name} it"), vec![fix]);
        }
    }
    State::Holds
}

/// A uid and gid that nobody has: the highest number apart from those for "none" and "overflow".
const NOBODY_AT_ALL: u32 = u32::MAX - 2;

/// Somebody else who is let in, although it is neither his nor the service.
fn other(
    operation: &Operation,
    finding: &Finding,
    seen: &Seen,
    service: &Subject,
) -> Option<(String, Subject)> {
    let attempt = finding.attempt.as_ref()?;
    let owner = seen.inode.map(|inode| inode.uid);
    // What was gathered for a stranger need not tell the service's name.
    let own = seen.finding.facts.names.users.get(&service.uid);
    let mut others = others(service, &finding.facts.names)
        .into_iter()
        .filter(|(name, other)| Some(other.uid) != owner && Some(name) != own);
    others.find(|(_, other)| {
        let verdict = judge(other, operation, &attempt.object, &finding.facts);
        verdict == Verdict::Allowed
    })
}

/// How this user is shut out.
fn shut_out(other: &Subject, who: &str, finding: &Finding) -> String {
    let facts = &finding.facts;
    let path = match finding.attempt.as_ref().map(|attempt| &attempt.object) {
        Some(Object::Path(path)) => quote::shell(path),
        _ => String::new(),
    };
    let acl = facts
        .walk
        .target()
        .and_then(|node| facts.node(node).acl.as_ref().ok()?.as_ref());
    let is_named = acl.is_some_and(|acl| {
        let mut tags = acl.entries.iter().map(|entry| entry.tag);
        tags.any(|tag| tag == Tag::User(other.uid))
    });
    match is_named {
        true => format!("take {who} out of its ACL: setfacl -x u:{who} {path}"),
        false => format!(
            "{who} is in a group that is let in: getfacl {path} shows which; give it a group that only the service is in"
        ),
    }
}
