//! The argument of `--as`: a user name, a uid, `uid:gid` or `uid:gid:gid,gid`.

use std::path::Path;

use super::{names, subject};
use crate::attempt::{CapabilitySet, Subject};

/// The credentials that a new login of this user would have in permwrap's own namespaces.
///
/// A name or a bare uid gets its groups from the user database; a uid that is not in the database gets the gid with the same
/// number. The longer forms accept names as well as numbers.
///
/// # Errors
/// A message of one line, if the user or group is unknown or the notation is invalid.
pub(super) fn subject_as(spec: &str) -> Result<Subject, String> {
    let mut parts = spec.splitn(3, ':');
    let (user, gid, groups) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if user.is_empty() || gid == Some("") {
        return Err(format!(
            "not a user: '{spec}' (USER, UID:GID or UID:GID:GID,GID)"
        ));
    }
    let entry = entry(user)?;
    let (gid, groups) = match (gid, &entry.known) {
        (Some(gid), _) => (gid_of(gid)?, listed(groups.unwrap_or_default())?),
        (None, None) => (entry.uid, Vec::new()),
        (None, Some(known)) => {
            let groups = names::groups_of_user(known);
            (
                known.gid,
                groups.map_err(|unknown| format!("cannot read the {}", unknown.what))?,
            )
        }
    };
    let mut subject = Subject::login(entry.uid, gid, groups);
    subject.database_groups = names::groups_of(entry.uid);
    Ok(with_our_limits(subject))
}

/// The credentials that a new login of this user would have, based on the user database below another root directory.
///
/// # Errors
/// A message of one line, if the user or group is unknown or the notation is invalid.
pub(super) fn subject_below(root: &Path, spec: &str) -> Result<Subject, String> {
    let (user, group) = spec.split_once(':').unwrap_or((spec, ""));
    let known = names::Databases::under(root, None);
    let entry = known.user_named(user);
    let uid = entry.as_ref().map(|user| user.uid).or_else(|| number(user));
    let uid = uid.ok_or_else(|| format!("unknown user '{user}'"))?;
    let gid = match (group, &entry) {
        ("", Some(user)) => user.gid,
        ("", None) => uid,
        (group, _) => {
            let gid = known.gid_of(group).or_else(|| number(group));
            gid.ok_or_else(|| format!("unknown group '{group}'"))?
        }
    };
    let groups = known.groups_of(user, gid);
    Ok(with_our_limits(Subject::login(uid, gid, groups)))
}

/// Parses an owner in the notation of chown(1): `USER`, `USER:GROUP` or `:GROUP`.
///
/// # Errors
/// A message of one line, if the user or group is unknown or both are missing.
pub(super) fn owner(spec: &str) -> Result<(Option<u32>, Option<u32>), String> {
    let (user, group) = spec.split_once(':').unwrap_or((spec, ""));
    if user.is_empty() && group.is_empty() {
        return Err(format!(
            "not an owner: '{spec}' (USER, USER:GROUP or :GROUP)"
        ));
    }
    let uid = if user.is_empty() {
        None
    } else {
        Some(entry(user)?.uid)
    };
    let gid = if group.is_empty() {
        None
    } else {
        Some(gid_of(group)?)
    };
    Ok((uid, gid))
}

/// Limits a login to what permwrap's own namespaces and bounding set permit.
fn with_our_limits(subject: Subject) -> Subject {
    let Ok(own) = subject::own() else {
        return subject;
    };
    let capabilities = CapabilitySet(subject.capabilities.0 & own.bounding.0);
    Subject {
        capabilities,
        bounding: own.bounding,
        uid_map: own.uid_map,
        gid_map: own.gid_map,
        initial_user_ns: own.initial_user_ns,
        ..subject
    }
}

/// A user given by name or number.
struct Entry {
    uid: u32,
    known: Option<names::User>,
}

fn entry(word: &str) -> Result<Entry, String> {
    // Like chown(1), look up a word of digits as a name first.
    if let Some(user) = names::user_named(word) {
        return Ok(Entry {
            uid: user.uid,
            known: Some(user),
        });
    }
    let uid = number(word).ok_or_else(|| format!("unknown user '{word}'"))?;
    Ok(Entry {
        uid,
        known: names::user(uid),
    })
}

fn gid_of(word: &str) -> Result<u32, String> {
    names::gid_of(word)
        .or_else(|| number(word))
        .ok_or_else(|| format!("unknown group '{word}'"))
}

fn listed(groups: &str) -> Result<Vec<u32>, String> {
    let words = groups.split(',').filter(|word| !word.is_empty());
    words.map(gid_of).collect()
}

/// Parses an id. The highest number is not a valid id: system calls interpret it as "unchanged".
fn number(word: &str) -> Option<u32> {
    word.parse().ok().filter(|&id| id != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_for_themselves() {
        let subject = subject_as("4000001:4000002:4000003,4000004").unwrap();
        assert_eq!((subject.uid, subject.gid), (4_000_001, 4_000_002));
        assert_eq!(subject.groups, [4_000_003, 4_000_004]);
        assert_eq!(subject.capabilities, CapabilitySet::EMPTY);
        let subject = subject_as("4000001:4000002").unwrap();
        assert!(subject.groups.is_empty());
    }

    #[test]
    fn a_name_takes_its_groups_from_the_database() {
        let subject = subject_as("root").unwrap();
        assert_eq!((subject.uid, subject.gid), (0, 0));
        assert!(subject.in_group(0) && subject.groups.contains(&0));
        assert_eq!(subject, subject_as("0").unwrap());
    }

    #[test]
    fn a_uid_without_a_user_has_no_further_groups() {
        let subject = subject_as("4000001").unwrap();
        assert_eq!((subject.gid, subject.groups.len()), (4_000_001, 0));
        assert_eq!(subject.database_groups, Ok(Vec::new()));
    }

    #[test]
    fn the_error_names_what_is_unknown() {
        let error = |spec| subject_as(spec).unwrap_err();
        assert_eq!(
            error("nobody-of-this-name"),
            "unknown user 'nobody-of-this-name'"
        );
        assert_eq!(error("0:no-such-group"), "unknown group 'no-such-group'");
        assert_eq!(
            error("0:0:0,no-such-group"),
            "unknown group 'no-such-group'"
        );
        assert_eq!(error("4294967295"), "unknown user '4294967295'");
        assert_eq!(error("-1"), "unknown user '-1'");
        for malformed in ["", ":", ":0", "0:"] {
            assert!(error(malformed).starts_with("not a user: "), "{malformed}");
        }
    }
}
