//! Describes changes to the user, who has to agree to them.

use super::deed::Deed;
use super::state::State;
use crate::byte_path;
use crate::facts::Facts;
use crate::quote;

/// A line for each change of a plan: the object, and the attributes before and after.
#[must_use]
pub fn words(deeds: &[Deed], facts: &Facts) -> Vec<String> {
    deeds.iter().map(|deed| word(deed, facts)).collect()
}

fn word(deed: &Deed, facts: &Facts) -> String {
    let names = &facts.names;
    match deed {
        Deed::Alter {
            object, from, to, ..
        } => {
            let mut parts = Vec::new();
            let owner = |state: &State| {
                format!(
                    "{}:{}",
                    names.user_word(state.uid),
                    names.group_word(state.gid)
                )
            };
            if (from.uid, from.gid) != (to.uid, to.gid) {
                parts.push(format!("owner {} becomes {}", owner(from), owner(to)));
            }
            if from.acl != to.acl {
                parts.push(acl(from, to, facts));
            } else if from.mode != to.mode {
                parts.push(format!("mode {:04o} becomes {:04o}", from.mode, to.mode));
            }
            let flags = [
                ("immutable", from.immutable, to.immutable),
                ("append-only", from.append, to.append),
            ];
            for (name, was, is) in flags {
                match (was, is) {
                    (true, false) => parts.push(format!("no longer {name}")),
                    (false, true) => parts.push(format!("becomes {name}")),
                    _ => {}
                }
            }
            if to.capability.is_some() && from.capability != to.capability {
                parts.push("gets a capability".to_owned());
            }
            format!("{}: {}", quote::display(&object.path), parts.join(", "))
        }
        Deed::Make {
            parent,
            name,
            directory,
            owner: (uid, gid),
            ..
        } => format!(
            "{}: made as an empty {} of {}:{}",
            quote::display(&byte_path::join(&parent.path, name)),
            if *directory { "directory" } else { "file" },
            names.user_word(*uid),
            names.group_word(*gid)
        ),
        Deed::Join { user, group, .. } => {
            format!("{user} joins the group {group}, from the next login on")
        }
        Deed::Remount { point, to, .. } => {
            let option = to.rsplit(',').next().unwrap_or_default();
            format!(
                "{}: mounted {option}, for everybody",
                quote::display(&point.path)
            )
        }
        Deed::Setting { name, from, to } => {
            format!("{name}: {from} becomes {to}, for everybody, until the next boot")
        }
    }
}

/// The entries of an ACL that are new or different.
fn acl(from: &State, to: &State, facts: &Facts) -> String {
    use crate::facts::{Acl, Entry, Tag};
    let entries = |state: &State| -> Vec<Entry> {
        let acl = state.acl.as_deref().map(Acl::from_xattr);
        acl.and_then(Result::ok)
            .map_or(Vec::new(), |acl| acl.entries)
    };
    let (was, is) = (entries(from), entries(to));
    let name = |tag: Tag| match tag {
        Tag::User(uid) => Some(format!("user:{}", facts.names.user_word(uid))),
        Tag::Group(gid) => Some(format!("group:{}", facts.names.group_word(gid))),
        Tag::Mask if !was.is_empty() => Some("mask:".to_owned()),
        _ => None,
    };
    let new: Vec<String> = is
        .iter()
        .filter(|entry| !was.contains(entry))
        .filter_map(|entry| Some(format!("{}:{}", name(entry.tag)?, entry.perms)))
        .collect();
    match new.is_empty() {
        true => "the ACL changes".to_owned(),
        false => format!("ACL entry {}", new.join(", ")),
    }
}
