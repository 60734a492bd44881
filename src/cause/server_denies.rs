//! The file server decides by rules of its own: NFS, SMB, 9p, FUSE.

use super::case::Case;
use super::{Candidate, Words};
use crate::attempt::Operation;
use crate::facts::Perms;
use crate::quote;

pub(super) fn words(case: &Case) -> Words {
    let (point, source) = case.mount().map_or_else(Default::default, |mount| {
        (quote::display(&mount.point), quote::display(&mount.source))
    });
    let who = match kind(case) {
        Kind::Nfs => format!(
            "{source} shows a mode that allows it, and answers no: the export treats {} as another user, or looks at more than the mode",
            case.who()
        ),
        Kind::Smb => format!(
            "owner and mode are made up here; {source} goes by the account it was mounted with{}",
            account(case)
        ),
        Kind::Host => format!("the program on the host that shares {source} has the last word"),
        Kind::Other => {
            format!("{source} decides by its own rules, whatever owner and mode show here")
        }
    };
    case.words(format!("the file server behind {point} refuses it"), who)
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let writes = case.wanted().contains(Perms::W);
    let advice = match kind(case) {
        Kind::Nfs if case.attempt.operation == Operation::Exec => {
            "see on the server what it gives this client: exportfs -v, and the file's mode and ACL there"
        }
        Kind::Nfs if writes => {
            "change it on the server: exportfs -v tells whether it exports read-only (ro) or maps users to another (all_squash, anonuid=), lsattr and getfacl what else refuses"
        }
        Kind::Nfs => {
            "change it on the server: exportfs -v tells whether it maps users to another (all_squash, anonuid=), getfacl what else refuses"
        }
        Kind::Smb => {
            "change it on the server (the share's read only, valid users, the file's own permissions), or mount with an account that may: username="
        }
        Kind::Host => {
            "change it on the host: the program that shares the directory needs the right itself"
        }
        Kind::Other => "change it where the files are kept: modes and owners here do not decide",
    };
    vec![Candidate::advice(advice)]
}

enum Kind {
    Nfs,
    Smb,
    Host,
    Other,
}

fn kind(case: &Case) -> Kind {
    match case.mount().map(|mount| mount.fs_type.as_str()) {
        Some("nfs" | "nfs4") => Kind::Nfs,
        Some("cifs" | "smb3" | "smbfs") => Kind::Smb,
        Some("9p" | "virtiofs" | "drvfs" | "vboxsf" | "vmhgfs" | "prl_fs") => Kind::Host,
        _ => Kind::Other,
    }
}

/// The account that an SMB share was mounted with, if mountinfo shows it.
fn account(case: &Case) -> String {
    let name = case
        .mount()
        .and_then(|mount| mount.super_option("username")?);
    name.map_or_else(String::new, |name| {
        format!(" ({})", quote::display(name.as_bytes()))
    })
}
