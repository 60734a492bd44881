//! The ACL entry grants the required permission, but the ACL's mask withholds it.

use super::case::Case;
use super::{Candidate, Fit, Words, grant};
use crate::change::Change;

pub(super) fn words(case: &Case) -> Words {
    let because = format!(
        "the ACL of {} would let {} {}, but its mask does not",
        case.path(),
        case.who(),
        case.may(case.wanted())
    );
    case.words(because, case.rule_in_words())
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let mut all = Vec::new();
    all.extend(wider_mask(case));
    all.extend(grant::candidates(case));
    all
}

/// Widens the mask to what the entry grants. Without setfacl(1), chmod(1) sets the mask through the group bits.
fn wider_mask(case: &Case) -> Option<Candidate> {
    let node = case.at()?;
    let Ok(Some(acl)) = &case.facts.node(node).acl else {
        return None;
    };
    let perms = acl.mask().or(case.wanted());
    let change = if grant::knows_acls(case) {
        Change::AclMask { node, perms }
    } else {
        Change::Chmod {
            node,
            add: case.wanted().bits() << 3,
        }
    };
    Some(
        Candidate::new(
            Fit::Narrow,
            format!("widen the ACL mask of {} to {perms}", case.path()),
            [change],
        )
        .noting("lets the entries of the ACL grant what they say"),
    )
}
