//! A FUSE mount of another user without allow_other: nobody else has any access, not even root.

use super::case::Case;
use super::{Candidate, Words};

pub(super) fn words(case: &Case) -> Words {
    let point = case.mount_point();
    let owner = owner(case);
    case.words(
        format!("{point} is a FUSE mount of {owner}'s own"),
        format!("without the option allow_other only {owner} may enter it, not even root"),
    )
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let kind = case
        .mount()
        .map(|mount| mount.fs_type.trim_start_matches("fuse.").to_owned());
    let program = match kind.as_deref() {
        None | Some("fuse" | "fuseblk" | "") => "the file system".to_owned(),
        Some(kind) => kind.to_owned(),
    };
    vec![Candidate::advice(format!(
        "let {} mount {program} again with -o allow_other (user_allow_other in /etc/fuse.conf permits it), or run this as {0}",
        owner(case)
    ))]
}

fn owner(case: &Case) -> String {
    case.mount()
        .and_then(|mount| mount.super_option("user_id")?)
        .and_then(|uid| uid.parse().ok())
        .map_or_else(|| "another user".to_owned(), |uid| case.user(uid))
}
