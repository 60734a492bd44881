//! The ACL entry grants the required permission, but the ACL's mask withholds it.

use super::case::Case;
use super::{Candidate, Fit, Words, grant};
use crate::change::Change;
use crate::facts::Tag;

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
    let grants = grant::candidates(case);
    let mask = wider_mask(case);
    match holds_back_others(case) {
        // Those who are in a group of the ACL are not all known, so the entry for the subject alone goes first.
        true => grants.into_iter().chain(mask).collect(),
        false => mask.into_iter().chain(grants).collect(),
    }
}

/// Whether a wider mask makes an entry effective that is not the subject's own.
fn holds_back_others(case: &Case) -> bool {
    let Some(Ok(Some(acl))) = case.node().map(|node| &node.acl) else {
        return false;
    };
    let gained = case.wanted().minus(acl.mask());
    let own = Tag::User(case.subject().uid);
    acl.entries.iter().any(|entry| {
        let is_masked = matches!(entry.tag, Tag::OwningGroup | Tag::User(_) | Tag::Group(_));
        is_masked && entry.tag != own && !entry.perms.and(gained).is_empty()
    })
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
        .noting("lets the ACL's entries take full effect"),
    )
}
