//! How setfacl(1) modifies an access ACL.

use crate::facts::{Acl, Entry, Perms, Tag};

/// The result of a grant, and the arguments for setfacl(1) that produce it.
pub(super) struct Grant {
    /// The ACL after the change.
    pub after: Acl,
    /// The entries to be set; the granted one is the last.
    pub set: Vec<Entry>,
    /// Whether setfacl must not recalculate the mask (`-n`).
    pub keep_mask: bool,
}

/// The ACL that is equivalent to the permission bits.
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

/// Grants `perms` to `tag` without changing the effective permissions of anybody else. `gid` is the owning group.
pub(super) fn grant(before: &Acl, gid: u32, tag: Tag, perms: Perms) -> Grant {
    let mut after = before.clone();
    let mut set = Vec::new();
    let mask = before.get(Tag::Mask);
    let held_back = mask.is_some_and(|mask| !mask.contains(perms));
    if held_back {
        for entry in before.entries.iter().filter(|entry| entry.tag != tag) {
            let effective = effective(before, gid, entry);
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

/// The effective permissions of an entry. The kernel ignores an ACL whose mask is empty (`acl_permission_check` tests
/// `S_IRWXG`); named users and groups, except the owning group, are then subject to the "other" class.
fn effective(acl: &Acl, gid: u32, entry: &Entry) -> Perms {
    let named = matches!(entry.tag, Tag::User(_) | Tag::Group(_)) && entry.tag != Tag::Group(gid);
    if acl.mask().is_empty() && named {
        acl.get(Tag::Other).unwrap_or_default()
    } else {
        entry.perms.and(acl.mask())
    }
}

/// The mask as setfacl(1) calculates it: the union of all entries that it limits.
fn union(acl: &Acl) -> Perms {
    acl.entries
        .iter()
        .filter(|entry| is_masked(entry.tag))
        .fold(Perms::NONE, |sum, entry| sum.or(entry.perms))
}

fn is_masked(tag: Tag) -> bool {
    matches!(tag, Tag::User(_) | Tag::OwningGroup | Tag::Group(_))
}
