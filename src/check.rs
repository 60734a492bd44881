//! `permwrap check`: judges everything that a project's `permwrap.toml` requires, for the user that it names.
//!
//! manifest → an attempt for each requirement → gather → judge → remedy → checklist.

mod checklist;
mod closed;
pub mod draft;
mod fixes;
pub mod manifest;

pub use checklist::{Asked, Checklist, Failure, Item, State};

use std::os::unix::ffi::OsStrExt;

use crate::attempt::{Attempt, Object, OpenHow, Operation, Subject};
use crate::cause::is_powerful;
use crate::change::argv;
use crate::facts::{Inode, Kind};
use crate::gather::{self, Service};
use crate::investigate::{examine, program_named};
use crate::quote;
use crate::remedy::Fix;
use crate::render;
use crate::report::{Conclusion, Finding};
use manifest::{Manifest, PathNeeds};

/// Judges everything that the manifest requires of an account, which a service may run as: `unit`, whose settings may refuse what
/// the permissions allow. `subject` returns the credentials of another user.
///
/// # Errors
/// A message of one line, if a user does not exist.
pub fn check(
    manifest: &Manifest,
    service: &Subject,
    subject: impl Fn(&str) -> Result<Subject, String>,
    unit: Option<&Service>,
) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    if manifest.not_root {
        items.push(Item {
            what: Asked::NotRoot,
            path: None,
            user: None,
            state: not_root(service),
        });
    }
    let asked = |what, path: &String, state| Item {
        what,
        path: Some(path.clone()),
        user: None,
        state,
    };
    for group in &manifest.groups {
        items.push(asked(Asked::Member, group, member(group, service)));
    }
    for port in &manifest.ports {
        items.push(asked(Asked::Listen, port, listens(port, service, unit)));
    }
    for program in &manifest.programs {
        items.push(asked(Asked::Run, program, runs(program, service, unit)));
    }
    for path in &manifest.paths {
        // Another user is not subject to the settings of the unit.
        let (subject, unit) = match &path.user {
            Some(user) => (
                subject(user).map_err(|what| format!("line {}: {what}", path.line))?,
                None,
            ),
            None => (service.clone(), unit),
        };
        items.extend(check_path(path, &subject, unit));
    }
    Ok(items)
}

fn not_root(subject: &Subject) -> State {
    if subject.uid != 0 {
        return State::Holds;
    }
    let account = "give it an account of its own: User= in a systemd unit, USER in a Dockerfile, runAsUser in a pod";
    failure(
        "it runs as root, and so would whoever finds a hole in it",
        vec![Fix::advice(account.to_owned())],
    )
}

/// Whether the service is a member of the group.
fn member(group: &str, subject: &Subject) -> State {
    let gid = match gather::owner(&format!(":{group}")) {
        Ok((_, Some(gid))) => gid,
        Ok((_, None)) | Err(_) => return failure("there is no such group", Vec::new()),
    };
    if subject.gid == gid || subject.groups.contains(&gid) {
        return State::Holds;
    }
    if gid == 0 || is_powerful(group) {
        let advice = format!(
            "members of {} are as good as root: give the service what it needs of it by itself",
            quote::display(group.as_bytes())
        );
        return failure("it is not", vec![Fix::advice(advice)]);
    }
    let uid = nix::unistd::Uid::from_raw(subject.uid);
    let Ok(Some(user)) = nix::unistd::User::from_uid(uid) else {
        return failure("it is not", Vec::new());
    };
    let command = argv(&[b"usermod", b"-aG", group.as_bytes(), user.name.as_bytes()]);
    let title = "adds it; start the service anew afterwards";
    failure(
        "it is not",
        vec![fixes::command(title, vec![command], true)],
    )
}

/// Whether the service may listen on the port.
fn listens(port: &str, subject: &Subject, unit: Option<&Service>) -> State {
    let object = crate::resolve::port(port.as_bytes()).unwrap_or(Object::Port {
        address: String::new(),
        port: port.parse().unwrap_or_default(),
    });
    let state = state_of(examine(Attempt {
        subject: subject.clone(),
        operation: Operation::Bind,
        object: object.clone(),
        to: None,
        directory: None,
        errno: None,
    }));
    in_unit(state, unit, &object, &Operation::Bind)
}

/// What the permissions say, with what the unit's settings say: they may refuse what is permitted, or leave it open.
fn in_unit(state: State, unit: Option<&Service>, object: &Object, operation: &Operation) -> State {
    let Some(unit) = unit else {
        return state;
    };
    let refused = match object {
        Object::Path(path) => unit.refuses(path, operation),
        _ => None,
    };
    // What lies here says nothing about a directory of the service's own.
    if let (Object::Path(path), Some(why)) = (object, &refused)
        && unit.has_its_own(path)
    {
        return State::Unclear(why.clone());
    }
    if !matches!(state, State::Holds) {
        return state;
    }
    match (refused, unit.may_forbid(object, operation)) {
        (Some(why), _) => failure(&why, Vec::new()),
        (None, Some(why)) => State::Unclear(why),
        (None, None) => state,
    }
}

/// Whether the service may execute the program.
fn runs(program: &str, subject: &Subject, unit: Option<&Service>) -> State {
    let path = match program.contains('/') {
        true => Ok(program.as_bytes().to_vec()),
        false => program_named(program.as_bytes(), subject),
    };
    match path {
        Ok(path) => {
            let state = state_of(judged_at(path.clone(), Operation::Exec, subject));
            in_unit(state, unit, &Object::Path(path), &Operation::Exec)
        }
        Err(none) => failure(&none, Vec::new()),
    }
}

/// All requirements of one path. If the path does not exist, that is reported only once.
fn check_path(path: &PathNeeds, subject: &Subject, unit: Option<&Service>) -> Vec<Item> {
    let item = |what, state| Item {
        what,
        path: Some(path.written.clone()),
        user: path.user.clone(),
        state,
    };
    let seen = look(path, subject);
    let creates = path
        .needs
        .iter()
        .any(|need| need.makes_a_name() || is_creating(need));
    if seen.is_missing && !creates {
        let state = failure("it does not exist", fixes::made(path, subject));
        return vec![item(Asked::Exists, state)];
    }
    let mut items: Vec<Item> = Vec::new();
    for need in &path.needs {
        let object = Object::Path(path.path.as_os_str().as_bytes().to_vec());
        let state = in_unit(needed(path, need, &seen, subject), unit, &object, need);
        items.push(item(Asked::Allowed(need.clone()), state));
    }
    if path.closed {
        items.push(item(Asked::Closed, closed::closed(path, &seen, subject)));
    }
    if !path.modes.is_empty() {
        let what = Asked::Mode(path.modes.clone());
        items.push(item(what, has_mode(path, &seen, subject)));
    }
    items
}

/// The object at the path, as far as it is visible.
struct Seen {
    is_missing: bool,
    inode: Option<Inode>,
    /// The finding of inspecting it.
    finding: Finding,
}

impl Seen {
    fn is_directory(&self) -> bool {
        let inode = self.inode.as_ref();
        inode.is_some_and(|inode| inode.kind == Kind::Directory)
    }
}

fn look(path: &PathNeeds, subject: &Subject) -> Seen {
    let finding = judged(path, Operation::READ, subject);
    let walk = &finding.facts.walk;
    let inode = walk
        .target()
        .and_then(|node| finding.facts.node(node).inode.as_ref().ok().copied());
    Seen {
        is_missing: walk.steps.last().is_some_and(|step| step.found == Ok(None)),
        inode,
        finding,
    }
}

fn is_creating(need: &Operation) -> bool {
    matches!(need, Operation::Open(how) if how.create)
}

fn judged(path: &PathNeeds, operation: Operation, subject: &Subject) -> Finding {
    judged_at(
        path.path.as_os_str().as_bytes().to_vec(),
        operation,
        subject,
    )
}

fn judged_at(path: Vec<u8>, operation: Operation, subject: &Subject) -> Finding {
    examine(Attempt {
        subject: subject.clone(),
        operation,
        object: Object::Path(path),
        to: None,
        directory: None,
        errno: None,
    })
}

/// Whether one operation is allowed. For a directory, writing means creating files in it.
fn needed(path: &PathNeeds, need: &Operation, seen: &Seen, subject: &Subject) -> State {
    if path.is_directory() && seen.inode.is_some() && !seen.is_directory() {
        return failure("it is there, but it is no directory", Vec::new());
    }
    let writes = matches!(need, Operation::Open(how) if how.write || how.append);
    let finding = if seen.is_directory() && writes {
        let mut name = path.path.as_os_str().as_bytes().to_vec();
        name.extend_from_slice(b"/.permwrap-check");
        judged_at(
            name,
            Operation::Open(OpenHow {
                exclusive: true,
                ..CREATE
            }),
            subject,
        )
    } else {
        judged(path, need.clone(), subject)
    };
    state_of(finding)
}

const CREATE: OpenHow = match Operation::CREATE {
    Operation::Open(how) => how,
    _ => unreachable!(),
};

fn state_of(finding: Finding) -> State {
    match &finding.conclusion {
        Conclusion::Allowed => State::Holds,
        Conclusion::Unclear(unclear) => State::Unclear(render::unclear(unclear)),
        Conclusion::Refused(denial, remedy) => {
            let because = finding
                .attempt
                .as_ref()
                .map_or_else(String::new, |attempt| {
                    crate::cause::words(denial, attempt, &finding.facts).because
                });
            State::Fails(Box::new(Failure {
                because,
                fixes: remedy.fixes.clone(),
                finding: Some(finding),
            }))
        }
    }
}

fn failure(because: &str, fixes: Vec<Fix>) -> State {
    State::Fails(Box::new(Failure {
        because: because.to_owned(),
        fixes,
        finding: None,
    }))
}

fn has_mode(path: &PathNeeds, seen: &Seen, subject: &Subject) -> State {
    let Some(inode) = seen.inode else {
        return State::Unclear("its mode cannot be read from here".to_owned());
    };
    if path.modes.contains(&inode.mode) {
        return State::Holds;
    }
    let because = format!("its mode is {:o}", inode.mode);
    failure(
        &because,
        fixes::set_fitting_mode(path, seen, "sets the mode", subject),
    )
}
