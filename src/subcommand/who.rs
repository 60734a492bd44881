//! The subject of a question: `--as USER`, `--pid PID`.

use std::os::unix::ffi::OsStringExt;

use crate::attempt::{Errno, Object, Subject};
use crate::byte_path;
use crate::cli::Who;
use crate::complaint;
use crate::facts::{MountId, Unit, Unwritable};
use crate::gather::{self, Cover, Service};
use crate::judge::{Verdict, judge};
use crate::remedy::remedy;
use crate::report::{Conclusion, Finding, Unclear};

/// The subject that was named; `None` if none was.
///
/// # Errors
/// A message of one line, if the user does not exist or the process cannot be inspected.
pub fn named(who: &Who) -> Result<Option<Subject>, String> {
    match (&who.user, who.pid) {
        (Some(user), _) => subject(user).map(Some),
        (None, Some(pid)) => {
            gather::subject(pid)
                .map(Some)
                .map_err(|unknown| match unknown.errno {
                    Some(Errno::NoEnt) => format!("there is no process {pid}"),
                    Some(errno) => format!("process {pid}: {} ({errno})", errno.words()),
                    None => format!("process {pid} cannot be looked at"),
                })
        }
        (None, None) => Ok(None),
    }
}

/// The subject of `--as`: a user, or `svc:NAME` for a systemd service.
///
/// # Errors
/// A message of one line, if there is no such user or service.
pub fn subject(word: &str) -> Result<Subject, String> {
    match word.strip_prefix("svc:") {
        Some(name) => gather::service(name).map(|service| service.subject),
        None => gather::subject_as(word),
    }
}

/// The service that was named; `None` if none was.
///
/// # Errors
/// A message of one line, if there is no such service.
pub fn service(who: &Who) -> Result<Option<Service>, String> {
    let name = who
        .user
        .as_deref()
        .and_then(|user| user.strip_prefix("svc:"));
    name.map(gather::service).transpose()
}

/// The finding for a service: even if the permissions allow the access, the sandbox of its unit may refuse it.
#[must_use]
pub fn in_service(finding: Finding, service: Option<&Service>) -> Finding {
    let (Some(attempt), Some(service)) = (&finding.attempt, service) else {
        return finding;
    };
    let is_allowed = finding.conclusion == Conclusion::Allowed;
    let unclear = |why: String| Finding {
        conclusion: Conclusion::Unclear(Unclear::Note(why)),
        ..finding.clone()
    };
    let is_its_own = match &attempt.object {
        Object::Path(path) => service.has_its_own(path),
        _ => false,
    };
    if let Some(why) = service.may_forbid(&attempt.object, &attempt.operation)
        && (is_allowed || is_its_own)
    {
        return unclear(why);
    }
    let Object::Path(path) = &attempt.object else {
        return finding;
    };
    if !is_allowed && !is_its_own {
        return finding;
    }
    if let Some(cover) = service.cover(path, &attempt.operation)
        && let Some(refused) = behind(&finding, &cover, &service.unit)
    {
        return refused;
    }
    match service.refuses(path, &attempt.operation) {
        Some(why) => unclear(why),
        None => finding,
    }
}

/// The directory without rights that systemd mounts over what a unit closes.
const INACCESSIBLE: &[u8] = b"/systemd/inaccessible/dir";

/// The finding with what will be mounted for the service once it is started.
fn behind(finding: &Finding, cover: &Cover, unit: &str) -> Option<Finding> {
    let attempt = finding.attempt.as_ref()?;
    let mut facts = finding.facts.clone();
    for at in 0..facts.nodes.len() {
        if byte_path::is_within(&facts.nodes[at].path, &cover.point) {
            let mut mount = facts.mounts.get(facts.nodes[at].mount.0)?.clone();
            mount.point.clone_from(&cover.point);
            mount.source.clone_from(&cover.setting);
            mount.flags.read_only = true;
            mount.unwritable = Some(Unwritable::Unit);
            if cover.is_closed {
                mount.root = INACCESSIBLE.to_vec();
            }
            facts.nodes[at].mount = MountId(facts.mounts.len());
            facts.mounts.push(mount);
        }
        let node = &mut facts.nodes[at];
        if cover.is_closed && node.path == cover.point {
            node.acl = Ok(None);
            if let Ok(inode) = &mut node.inode {
                (inode.mode, inode.uid, inode.gid) = (0, 0, 0);
            }
        }
    }
    facts.surroundings.unit = Some(Unit {
        name: unit.to_owned(),
        user: false,
    });
    match judge(
        &attempt.subject,
        &attempt.operation,
        &attempt.object,
        &facts,
    ) {
        Verdict::Denied(denial) => Some(Finding {
            conclusion: Conclusion::Refused(denial.clone(), remedy(attempt, &facts, &denial)),
            facts,
            ..finding.clone()
        }),
        _ => None,
    }
}

/// permwrap's own credentials.
///
/// # Errors
/// A message of one line, if they cannot be read.
pub fn ourselves() -> Result<Subject, String> {
    gather::own_subject().map_err(|unknown| format!("cannot read {}", unknown.what))
}

/// The directory that relative paths refer to: the working directory of the process in question, otherwise that of permwrap.
///
/// # Errors
/// A message of one line, if it cannot be read.
pub fn directory(who: &Who) -> Result<Vec<u8>, String> {
    if let Some(pid) = who.pid {
        let directory = gather::working_directory(pid);
        return directory
            .ok_or_else(|| {
                format!(
                    "the working directory of process {pid} cannot be read: name an absolute path, or ask as root"
                )
            });
    }
    if let Some(service) = service(who)? {
        return Ok(service.directory);
    }
    let directory = std::env::current_dir().map_err(|error| {
        format!(
            "no working directory ({}): cd to one that is there, or name an absolute path",
            complaint::reason(&error)
        )
    })?;
    Ok(directory.into_os_string().into_vec())
}
