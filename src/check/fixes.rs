//! Fixes for what a manifest requires and no refusal is about: a directory that is not there, a mode.

use std::os::unix::ffi::OsStrExt;

use super::manifest::PathNeeds;
use super::{Seen, judged_at};
use crate::attempt::{Attempt, Object, Operation, Subject};
use crate::byte_path;
use crate::cause::Obstacle;
use crate::change::{Argv, Change, Effect, argv};
use crate::gather;
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
    if finding.conclusion == Conclusion::Allowed {
        return vec![made_by_itself(missing, attempt, &finding)];
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
    of_change(
        make,
        &finding,
        "makes the directory, as this user's own",
        instead,
    )
}

/// The directory made by the user that needs it, who may.
fn made_by_itself(path: &[u8], attempt: &Attempt, finding: &Finding) -> Fix {
    let subject = &attempt.subject;
    let reader = gather::own_subject().ok().map(|reader| reader.uid);
    let make = argv(&[b"mkdir", b"-m", b"750", path]);
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

/// The fix that sets the mode of the object at the path. Advice if the command could be redirected, or must not be suggested.
pub(super) fn set_mode(path: &PathNeeds, seen: &Seen, title: &str, mode: u32) -> Vec<Fix> {
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
