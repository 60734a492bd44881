//! Fixes for what a manifest requires and no refusal is about: a directory that is not there, a mode.

use std::os::unix::ffi::OsStrExt;

use super::manifest::PathNeeds;
use super::{Seen, judged_at};
use crate::attempt::{Attempt, Object, Operation, Subject};
use crate::byte_path;
use crate::cause::Obstacle;
use crate::change::{Argv, Change, Effect, argv};
use crate::gather;
use crate::judge::{Verdict, judge};
use crate::quote;
use crate::remedy::{self, Fix, never};
use crate::report::{Conclusion, Finding};

/// Commands that are not judged again.
pub(super) fn command(title: &str, argv: Vec<Argv>, needs_root: bool) -> Fix {
    Fix {
        changes: Vec::new(),
        argv,
        needs_root,
        effect: Effect::Repairs,
        ..Fix::advice(title.to_owned())
    }
}

/// Makes a directory that is not there; if several are missing, the first of them. Other files are made by the service.
pub(super) fn made(path: &PathNeeds, subject: &Subject) -> Vec<Fix> {
    if !path.is_directory() {
        return Vec::new();
    }
    let whole = path.path.as_os_str().as_bytes();
    let whole = whole.strip_suffix(b"/").unwrap_or(whole);
    let missing = std::iter::once(whole).chain(byte_path::above(whole));
    let found = missing.map(|path| judged_at(path.to_vec(), Operation::Mkdir, subject));
    let mut found = found.filter(|finding| finding.facts.walk.parent().is_some());
    let Some(finding) = found.next() else {
        return Vec::new();
    };
    let (Some(parent), Some(attempt)) = (finding.facts.walk.parent(), &finding.attempt) else {
        return Vec::new();
    };
    let Object::Path(missing) = &attempt.object else {
        return Vec::new();
    };
    let rest = made_by_itself(whole, whole != missing, attempt, &finding);
    if finding.conclusion == Conclusion::Allowed {
        return vec![rest];
    }
    let make = Change::Make {
        parent,
        name: byte_path::name(missing).to_vec(),
        directory: true,
        uid: subject.uid,
        gid: subject.gid,
    };
    let instead = format!(
        "make {}: its owner can, whereas others could put a link there before root does",
        quote::display(missing)
    );
    let mut fixes = of_change(
        make,
        &finding,
        "makes the directory, as this user's own",
        instead,
    );
    let user = finding.facts.names.users.get(&subject.uid);
    if let Some(user) = user.filter(|_| whole != missing) {
        // Below the first directory, this user makes the others.
        let as_user = argv(&[b"runuser", b"-u", user.as_bytes(), b"--"]);
        let make = argv(&[b"mkdir", b"-p", b"-m", b"750", whole]);
        let complete = fixes.iter_mut().filter(|fix| !fix.argv.is_empty());
        complete.for_each(|fix| fix.argv.push([as_user.clone(), make.clone()].concat()));
    }
    fixes
}

/// The directory made by the user that needs it, who may; if others above it are missing as well, with them.
fn made_by_itself(path: &[u8], with_others: bool, attempt: &Attempt, finding: &Finding) -> Fix {
    let subject = &attempt.subject;
    let reader = gather::own_subject().ok().map(|reader| reader.uid);
    let make = match with_others {
        true => argv(&[b"mkdir", b"-p", b"-m", b"750", path]),
        false => argv(&[b"mkdir", b"-m", b"750", path]),
    };
    let user = finding.facts.names.users.get(&subject.uid);
    let (made, needs_root) = match user.filter(|_| reader != Some(subject.uid)) {
        Some(user) => {
            let runuser = argv(&[b"runuser", b"-u", user.as_bytes(), b"--"]);
            ([runuser, make].concat(), reader != Some(0))
        }
        None => (make, false),
    };
    let title = "makes the directory, open to this user and its group";
    command(title, vec![made], needs_root)
}

/// The fix that sets a mode which meets everything that the manifest says of the path.
pub(super) fn set_fitting_mode(
    path: &PathNeeds,
    seen: &Seen,
    title: &str,
    subject: &Subject,
) -> Vec<Fix> {
    let Some(inode) = seen.inode else {
        return Vec::new();
    };
    match fitting_mode(path, seen, inode.mode, subject) {
        Some(mode) => set_mode(path, seen, title, mode),
        None => vec![Fix::advice(
            "no mode in the manifest's list is closed to others: correct `mode` or `closed` there"
                .to_owned(),
        )],
    }
}

/// Of the permitted modes, if the path is to be closed those that are, the first that lets the service do what it needs; otherwise
/// the first. `None` if all of them let others in.
fn fitting_mode(path: &PathNeeds, seen: &Seen, now: u32, subject: &Subject) -> Option<u32> {
    let without_others = [now & !OTHERS];
    let permitted = match path.modes.as_slice() {
        [] => without_others.as_slice(),
        modes => modes,
    };
    let is_closed = |mode: &u32| !path.closed || mode & OTHERS == 0;
    let closed: Vec<u32> = permitted.iter().copied().filter(is_closed).collect();
    let suffices = |mode: &u32| {
        let (mut subject, mut facts) = (subject.clone(), seen.finding.facts.clone());
        let (Some(node), Some(attempt)) = (facts.walk.target(), &seen.finding.attempt) else {
            return false;
        };
        Change::SetMode { node, mode: *mode }.apply(&mut subject, &mut facts);
        let is_refused = |need| {
            let verdict = judge(&subject, need, &attempt.object, &facts);
            matches!(verdict, Verdict::Denied(_))
        };
        !path.needs.iter().any(is_refused)
    };
    closed
        .iter()
        .copied()
        .find(|mode| suffices(mode))
        .or_else(|| closed.first().copied())
}

/// The permission bits of others (S_IRWXO).
const OTHERS: u32 = 0o007;

/// The fix that sets the mode of the object at the path. Advice if the command could be redirected, or must not be suggested.
fn set_mode(path: &PathNeeds, seen: &Seen, title: &str, mode: u32) -> Vec<Fix> {
    let finding = &seen.finding;
    let (Some(inode), Some(node)) = (seen.inode, finding.facts.walk.target()) else {
        return Vec::new();
    };
    let Some(attempt) = &finding.attempt else {
        return Vec::new();
    };
    let is_outside =
        path.written.starts_with('/') || path.written.split('/').any(|part| part == "..");
    if inode.mode & !mode != 0 && inode.uid != attempt.subject.uid && is_outside {
        // Other users may need an object outside of the project.
        return Vec::new();
    }
    let instead = format!(
        "its owner may set the mode {mode:o}: others could put another object in its place before a command is pasted"
    );
    of_change(Change::SetMode { node, mode }, finding, title, instead)
}

/// The fix that makes the change. Advice if it must not be suggested; `instead` if its command could be redirected.
fn of_change(change: Change, finding: &Finding, title: &str, instead: String) -> Vec<Fix> {
    let Some(attempt) = &finding.attempt else {
        return Vec::new();
    };
    if let Some(never) = forbidden(&change, finding) {
        return never;
    }
    let reader = gather::own_subject().ok();
    let commands =
        reader.and_then(|reader| remedy::commands(&[change], attempt, &finding.facts, &reader));
    match commands.and_then(|commands| Some((commands.argv?, commands.needs_root))) {
        Some((argv, needs_root)) => vec![command(title, argv, needs_root)],
        None => vec![Fix::advice(instead)],
    }
}

/// The requirements of a manifest are as untrusted as the output of a program: a change that must never be suggested is
/// replaced by advice.
fn forbidden(change: &Change, finding: &Finding) -> Option<Vec<Fix>> {
    let attempt = finding.attempt.as_ref()?;
    let reason = never::forbids(change, attempt, &finding.facts, &Obstacle::Process)?;
    let path = match &attempt.object {
        Object::Path(path) => quote::display(path),
        _ => return Some(Vec::new()),
    };
    Some(
        reason
            .advice(&path, None)
            .map(Fix::advice)
            .into_iter()
            .collect(),
    )
}
