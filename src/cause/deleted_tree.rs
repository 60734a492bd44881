//! Deleting a whole tree (`rm -r`) requires write permission on every directory in it, not only on the one that refuses first.

use super::case::Case;
use super::{Candidate, Fit, Purpose, give_back, grant, is_within};
use crate::attempt::Operation;
use crate::change::{Change, Effect, argv};
use crate::quote;

/// The ways to delete the tree; `None` if the command deletes no tree, or another way serves as well as for a single file.
pub(super) fn candidates(case: &Case) -> Option<Vec<Candidate>> {
    let command = &case.facts.surroundings.command;
    let deletes = matches!(case.attempt.operation, Operation::Delete | Operation::Rmdir);
    let path = &case.node()?.path;
    let deleted = case.facts.surroundings.account.deleted.as_deref();
    let top = deleted.filter(|top| deletes && is_within(path, top))?;
    let (owner, subject) = (case.inode()?.uid, case.subject());
    if owner == subject.uid {
        return Some(vec![opened_by_the_owner(top), grant::own_bits(case)?]);
    }
    let is_left = give_back::candidate(case).is_some();
    // Of the system's directories it is said elsewhere.
    let is_data = !matches!(
        case.purpose()?,
        Purpose::System | Purpose::State | Purpose::Runtime | Purpose::Device | Purpose::Kernel
    );
    if is_left || owner == 0 && !is_data || subject.uid == 0 || subject.in_group(case.inode()?.gid)
    {
        return None;
    }
    let owner = case.user(owner);
    let command = match command.as_slice() {
        [] => String::new(),
        command => format!(": {}", quote::command(command)),
    };
    let leave = Candidate::advice(format!(
        "leave it to {owner}, who owns {} and more of what is to be deleted{command}",
        case.path()
    ));
    Some(grant::join_group(case).into_iter().chain([leave]).collect())
}

/// The owner makes every directory of the tree writable.
fn opened_by_the_owner(top: &[u8]) -> Candidate {
    let open = Change::Run {
        argv: argv(&[b"chmod", b"-R", b"u+rwX", top]),
        root: false,
        effect: Effect::Repairs,
    };
    let title = format!("make all of {} writable for its owner", quote::display(top));
    Candidate::new(Fit::Meant, title, [open])
        .noting("for everything that is to be deleted, for its owner only")
}
