//! Root on this machine is nobody on the NFS server.

use super::case::Case;
use super::{Candidate, Fit, Words};
use crate::change::{Change, Effect, argv};
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let source = case
        .mount()
        .map(|mount| quote::display(&mount.source))
        .unwrap_or_default();
    case.words(
        format!("the NFS server of {} takes root for nobody", case.path()),
        format!("{source} is exported with root_squash, as is usual: root here has no rights of its own there"),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let mut all = Vec::new();
    let command = &case.facts.surroundings.command;
    if let Some(inode) = case.inode()
        && let Some(name) = case.facts.names.users.get(&inode.uid)
        && !command.is_empty()
        && inode.uid != 0
    {
        let mut words = argv(&[b"runuser", b"-u", name.as_bytes(), b"--"]);
        words.extend_from_slice(command);
        all.push(
            Candidate::new(
                Fit::Meant,
                format!("run it as {}, who owns it", case.user(inode.uid)),
                [Change::Run {
                    argv: words,
                    root: true,
                    effect: Effect::DoesIt,
                }],
            )
            .noting("the server knows that user"),
        );
    }
    all.push(Candidate::advice(
        "do it on the server, or as the user who owns the files",
    ));
    all
}
