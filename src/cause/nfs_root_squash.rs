//! Root on this machine is mapped to nobody on the NFS server.

use super::case::Case;
use super::{Candidate, Fit, Words};
use crate::attempt::Subject;
use crate::change::{Change, Effect, argv};
use crate::facts::{Facts, Policy};
use crate::judge::{self, Verdict};
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let source = case
        .mount()
        .map(|mount| quote::display(&mount.source))
        .unwrap_or_default();
    case.words(
        format!("the NFS server of {} treats root as nobody", case.path()),
        format!("{source} is exported with root_squash, as is usual: root here has no special rights there"),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = as_owner(case).into_iter().collect();
    let server = case.mount().and_then(|mount| {
        let source = quote::display(&mount.source);
        source.split_once(':').map(|(server, _)| server.to_owned())
    });
    all.push(Candidate::advice(match server {
        Some(server) => format!("do it on the server, {server}, where root is root"),
        None => "do it on the server, where root is root".to_owned(),
    }));
    all
}

/// Runs the command as the owner of the refusing object, if that user would be allowed.
fn as_owner(case: &Case) -> Option<Candidate> {
    let facts = case.facts;
    let operation = &case.attempt.operation;
    let node = match operation.takes_the_link_itself() {
        true => facts.walk.parent(),
        false => facts.walk.target().or(facts.walk.parent()),
    };
    let owner = facts.node(node?).inode.as_ref().ok()?;
    let name = facts
        .names
        .users
        .get(&owner.uid)
        .filter(|_| owner.uid != 0)?;
    let subject = Subject::login(owner.uid, owner.gid, vec![owner.gid]);
    // The server's answers apply to root only.
    let unasked = Facts {
        policy: Policy::default(),
        ..facts.clone()
    };
    let refused = judge::judge(&subject, operation, &case.attempt.object, &unasked);
    let command = &facts.surroundings.command;
    if command.is_empty() || !matches!(refused, Verdict::Allowed | Verdict::Unclear(_)) {
        return None;
    }
    let mut words = argv(&[b"runuser", b"-u", name.as_bytes(), b"--"]);
    words.extend_from_slice(command);
    let run = Change::Run {
        argv: words,
        root: true,
        effect: Effect::DoesIt,
    };
    let title = format!("run it as {}, who owns it", case.user(owner.uid));
    Some(Candidate::new(Fit::Meant, title, [run]).noting("the server knows that user"))
}
