//! The mount or its file system is read-only.

use super::case::Case;
use super::{
    Candidate, Fit, Obstacle, Purpose, Rule, Words, deployment, is_top, kernel_setting, purpose,
};
use crate::attempt::{Attempt, Capability};
use crate::change::{Change, Deployment, MountOption};
use crate::facts::{Facts, Mount, MountId, Unwritable};
use crate::judge::{self, Verdict};
use crate::quote;

/// File systems that can never be written, however they are mounted.
const NEVER_WRITABLE: &[&str] = &["cramfs", "erofs", "iso9660", "romfs", "squashfs"];

pub(super) fn words(case: &Case) -> Words {
    let Some(mount) = case.mount() else {
        return case.words(
            format!("{} is read-only", case.path()),
            "nothing can be written there".to_owned(),
        );
    };
    let point = quote::display(&mount.point);
    let source = quote::display(&mount.source);
    let answered = matches!(case.denial.rule, Rule::FileSystem);
    let because = match answered {
        false if mount.unwritable == Some(Unwritable::Unit) => {
            format!("{point} is read-only for the service")
        }
        true => format!("{point} cannot be written"),
        false => format!("{point} is mounted read-only"),
    };
    let rule = match mount.unwritable {
        Some(Unwritable::Device) if !NEVER_WRITABLE.contains(&mount.fs_type.as_str()) => {
            format!("the device {source} is write-protected")
        }
        Some(Unwritable::Error) => {
            format!(
                "the {} file system {source} met an error and stopped writing",
                mount.fs_type
            )
        }
        Some(Unwritable::Unit) => format!("{source} makes it so for the service"),
        _ if answered && mount.is_served() => {
            format!("it is mounted writable here, and the server of {source} exports it read-only")
        }
        _ if answered => format!(
            "the {} file system {source} says so although it is mounted writable: most likely a disk error",
            mount.fs_type
        ),
        _ if mount.super_read_only => {
            format!(
                "the {} file system {source} itself is read-only",
                mount.fs_type
            )
        }
        _ => format!(
            "this mount of {source} ({}) has the option ro",
            mount.fs_type
        ),
    };
    case.words(because, rule)
}

/// Advice if no remount can make it writable.
fn for_good(case: &Case, mount: &Mount) -> Option<Candidate> {
    let point = quote::display(&mount.point);
    let source = quote::display(&mount.source);
    let kind = mount.fs_type.as_str();
    let advice = match mount.unwritable {
        _ if NEVER_WRITABLE.contains(&kind) => {
            format!("write elsewhere: a {kind} image cannot be written")
        }
        Some(Unwritable::Device) => format!(
            "write elsewhere: {source} is write-protected (a switch on the card, or blockdev --getro)"
        ),
        Some(Unwritable::Error) => {
            format!("unmount {point} and check the disk (fsck {source}); dmesg shows what failed")
        }
        Some(Unwritable::Unit) => return None,
        None if kind == "overlay" && mount.super_option("upperdir").is_none() => {
            "write elsewhere: an overlay without an upperdir cannot be written".to_owned()
        }
        None if !matches!(case.denial.rule, Rule::FileSystem) => return None,
        None if mount.is_served() => format!(
            "have it exported for writing on the server (rw in /etc/exports, read only = no in smb.conf, without readonly on the host), or write elsewhere than {point}"
        ),
        None => format!("see what dmesg says about {source}, then unmount and check it (fsck)"),
    };
    Some(Candidate::advice(advice))
}

pub(super) fn candidates(case: &Case) -> Vec<Candidate> {
    let Some(mount) = case.mount() else {
        return Vec::new();
    };
    let point = quote::display(&mount.point);
    let around = &case.facts.surroundings;
    let only = for_good(case, mount).or_else(|| deployment::opened_by_unit(case));
    if let Some(only) = only {
        return vec![only];
    }
    let id = match (&case.denial.at, case.node()) {
        (Obstacle::Mount(id, _), _) => *id,
        (_, Some(node)) => node.mount,
        (_, None) => return Vec::new(),
    };
    if around.container.is_some() && !may_mount(case) {
        if let Some(setting) = kernel_setting::candidate(case) {
            return vec![setting];
        }
        let setting = match mount.point.as_slice() {
            b"/" => Deployment::WritablePlace(written_directory(case)),
            _ => Deployment::WritableMount(id),
        };
        return vec![lasting(case, setting)];
    }
    if around.unit.as_ref().is_some_and(|unit| !unit.user) {
        // What is not there yet cannot be made writable: the service would not even start.
        let place = match case.facts.walk.target() {
            Some(id) => case.facts.node(id).path.clone(),
            None => written_directory(case),
        };
        if !is_refused_once_writable(case.attempt, case.facts, id) {
            return vec![lasting(case, Deployment::WritablePlace(place))];
        }
        let place = quote::display(&place);
        let elsewhere = || {
            let who = case.who();
            Candidate::advice(format!(
                "write to a directory of its own (StateDirectory=NAME): were it writable, {place} would refuse {who} all the same"
            ))
        };
        return vec![deployment::own_directory(case).unwrap_or_else(elsewhere)];
    }
    if let Some(setting) = kernel_setting::candidate(case) {
        return vec![setting];
    }
    let mut all = Vec::new();
    if let Obstacle::Mount(id, _) = case.denial.at
        && meant_to_be_writable(case, mount)
    {
        let remount = Change::Remount {
            mount: id,
            option: MountOption::Rw,
            file_system: mount.super_read_only,
        };
        let note = if mount.super_read_only {
            "dmesg says whether a disk error turned it read-only: then check the disk first"
        } else {
            "until it is unmounted; an entry in /etc/fstab keeps it"
        };
        all.push(
            Candidate::new(Fit::Narrow, format!("mount {point} writable"), [remount]).noting(note),
        );
    }
    all.push(Candidate::advice(format!(
        "write elsewhere: {point} is read-only"
    )));
    all
}

/// Whether something else refuses it as well, once the mount is writable.
#[must_use]
pub fn is_refused_once_writable(attempt: &Attempt, facts: &Facts, mount: MountId) -> bool {
    let (mut subject, mut facts) = (attempt.subject.clone(), facts.clone());
    let writable = Change::Remount {
        mount,
        option: MountOption::Rw,
        file_system: facts.mounts[mount.0].super_read_only,
    };
    writable.apply(&mut subject, &mut facts);
    let verdict = judge::judge(&subject, &attempt.operation, &attempt.object, &facts);
    matches!(verdict, Verdict::Denied(_))
}

/// Whether root can mount at all; in an ordinary container it cannot.
fn may_mount(case: &Case) -> bool {
    case.subject().initial_user_ns && case.subject().bounding.contains(Capability::SysAdmin)
}

/// Whether the mount is meant for data, rather than read-only to protect the system.
fn meant_to_be_writable(case: &Case, mount: &Mount) -> bool {
    (is_top(&mount.point) && mount.point != b"/")
        || matches!(
            purpose(&mount.point, case.subject().uid, case.facts),
            Purpose::Own
                | Purpose::Home
                | Purpose::Service
                | Purpose::State
                | Purpose::Temporary
                | Purpose::Log
        )
}

/// The directory in which something was to be written.
fn written_directory(case: &Case) -> Vec<u8> {
    let parent = case.facts.walk.parent();
    parent.map_or_else(|| b"/tmp".to_vec(), |id| case.facts.node(id).path.clone())
}

/// The setting for the environment's configuration; without one, the advice to write elsewhere.
fn lasting(case: &Case, setting: Deployment) -> Candidate {
    let elsewhere = || {
        Candidate::advice(format!(
            "write elsewhere: {} is read-only",
            case.mount_point()
        ))
    };
    deployment::candidate(case, setting).unwrap_or_else(elsewhere)
}
