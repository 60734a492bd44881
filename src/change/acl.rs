//! What setfacl(1) makes of an access ACL.

use crate::facts::{Acl, Entry, Perms, Tag};

/// An ACL after a grant, and what has to be said to setfacl(1) for it.
pub(super) struct Grant {
    /// The ACL after the change.
    pub after: Acl,
    /// The entries to be set, the granted one last.
    pub set: Vec<Entry>,
    /// Whether setfacl must leave the mask alone (`-n`) rather than recalculate it.
    pub keep_mask: bool,
}

/// The ACL that the permission bits stand for.
pub(super) fn from_mode(mode: u32) -> Acl {
    let entry = |tag, shift| Entry {
        tag,
        perms: Perms::from_bits(mode >> shift),
    };
    Acl {
        entries: vec![
            entry(Tag::Owner, 6),
            entry(Tag::OwningGroup, 3),
            entry(Tag::Other, 0),
        ],
    }
}

/// Grants `perms` to `tag` such that nobody else's effective permissions change.
pub(super) fn grant(before: &Acl, tag: Tag, perms: Perms) -> Grant {
    let mut after = before.clone();
    let mut set = Vec::new();
    let mask = before.get(Tag::Mask);
    let held_back = mask.is_some_and(|mask| !mask.contains(perms));
    if held_back {
        for entry in before.entries.iter().filter(|entry| entry.tag != tag) {
            let effective = effective(before, entry);
            if is_masked(entry.tag) && effective != entry.perms {
                after.set(entry.tag, effective);
                set.push(Entry {
                    tag: entry.tag,
                    perms: effective,
                });
            }
        }
    }
    after.set(tag, perms);
    set.push(Entry { tag, perms });
    let recalculated = union(&after);
    let keep_mask = !held_back && mask.is_some_and(|mask| mask != recalculated);
    if !keep_mask {
        after.set(Tag::Mask, recalculated);
    }
    Grant {
        after,
        set,
        keep_mask,
    }
}

/// What an entry really grants. The kernel looks at an ACL only where the mask leaves anything (`acl_permission_check`
/// tests `S_IRWXG`): under an empty one the named fall through to "other".
fn effective(acl: &Acl, entry: &Entry) -> Perms {
    let named = matches!(entry.tag, Tag::User(_) | Tag::Group(_));
    if acl.mask().is_empty() && named {
        acl.get(Tag::Other).unwrap_or_default()
    } else {
        entry.perms.and(acl.mask())
    }
}

/// The mask that setfacl(1) recalculates: the union of all entries it limits.
fn union(acl: &Acl) -> Perms {
    acl.entries
        .iter()
        .filter(|entry| is_masked(entry.tag))
        .fold(Perms::NONE, |sum, entry| sum.or(entry.perms))
}

fn is_masked(tag: Tag) -> bool {
    matches!(tag, Tag::User(_) | Tag::OwningGroup | Tag::Group(_))
}
