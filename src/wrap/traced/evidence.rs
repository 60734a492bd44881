//! Refused calls as evidence.

use crate::attempt::{ANY_NAME, Attempt, Object, Subject};
use crate::gather::{self, Snapshot};
use crate::resolve::{self, Evidence};
use crate::run::trace::Call;

/// The call as evidence; `None` if the operation or the credentials are unknown.
pub(super) fn evidence(call: &Call) -> Option<Evidence> {
    let attempt = attempt(call)?;
    Some(match call.by_filter {
        true => Evidence::FilteredCall(attempt),
        false => Evidence::Call(attempt),
    })
}

/// The call as an attempt to be judged; `None` if the operation or the credentials are unknown, or if the caller saw something
/// that can no longer be examined.
pub(super) fn attempt(call: &Call) -> Option<Attempt> {
    let process = &call.process;
    if process.elsewhere && process.world.is_none() {
        return None;
    }
    // The tracer records paths as permwrap sees them. For a caller with another root directory, only the part below it is
    // judged.
    let root = process
        .world
        .as_ref()
        .map(|world| world.told.root_path.as_slice());
    let there = |path: &Vec<u8>| match root.and_then(|root| path.strip_prefix(root)) {
        Some(b"") => b"/".to_vec(),
        Some(below) if below.starts_with(b"/") => below.to_vec(),
        _ => path.clone(),
    };
    let subject = gather::subject_from_snapshot(&Snapshot {
        status: &process.status,
        user_ns: process.user_ns,
        uid_map: &process.uid_map,
        gid_map: &process.gid_map,
        label: process.label.as_deref(),
    });
    let operation = call.operation.clone()?;
    let object = match (&call.path, port_of(call)) {
        (Some(path), _) if call.makes_unnamed => {
            Object::Path([&there(path), &b"/"[..], ANY_NAME].concat())
        }
        (Some(path), _) if !operation.is_of_no_file() => Object::Path(there(path)),
        (_, Some(port)) => port,
        _ => call.target.map_or(Object::Process, Object::Another),
    };
    Some(Attempt {
        // A filter that answers is visible in the trace. If none did, none is to be suspected.
        subject: Subject {
            seccomp: call.by_filter,
            ..subject.ok()?
        },
        operation,
        object,
        to: call.to.as_ref().map(there),
        directory: call.directory.as_ref().map(there),
        errno: Some(call.errno),
    })
}

/// The port that a call is about, if any.
pub(super) fn port_of(call: &Call) -> Option<Object> {
    resolve::port(call.address.as_deref()?.as_bytes())
}
