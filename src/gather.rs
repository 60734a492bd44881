//! The only reader of the system: one kernel interface a file.
//!
//! Nothing here opens a device, a FIFO or a socket, and nothing changes the system. What cannot be read is
//! [`UnknownFact`] with the reason. permwrap as a rule runs as the same user as the command: behind a closed directory it sees
//! no more than that.

mod acl;
mod bundle;
mod file_contexts;
mod flags;
mod holders;
mod inode;
mod leftovers;
mod locale;
mod module_log;
mod monitor;
mod mounts;
mod names;
mod namespaces;
mod nodes;
mod policy;
mod program;
mod selinux;
mod service;
mod settings;
mod source;
mod subject;
mod surroundings;
mod traced;
mod users;
mod view;
mod walk;
mod way_back;
mod world;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::attempt::{Attempt, Errno, Subject};
use crate::byte_path;
use crate::facts::{Fact, Facts, ProgramFile, UnknownFact};

pub use bundle::{Ran, ran};
pub use monitor::{Monitor, is_container_monitor};
pub use service::{Service, service};
pub use subject::Snapshot;
pub use view::View;
pub use world::{Held, Laid, Told, World};

/// Everything that judging and explaining the attempt needs, as far as it can be read, but for the leftovers.
///
/// For several attempts, a [`View`] reads the settings and names once, and leaves out what only an explanation needs.
#[must_use]
pub fn facts(attempt: &Attempt) -> Facts {
    let view = View::of(&attempt.subject);
    let mut facts = view.facts(attempt);
    view.explain(attempt, &mut facts);
    facts
}

/// A line of a program's source (from 1) among the lines around it, and which of them it is. Empty where they cannot be
/// read.
#[must_use]
pub fn source_lines(path: &[u8], number: u32) -> (Vec<Vec<u8>>, usize) {
    source::lines(Path::new(OsStr::from_bytes(path)), number, 4)
}

/// How the C library words the three refusals in the locale of the environment, where that is not English.
#[must_use]
pub fn refusals_in_locale() -> Vec<(Errno, Vec<u8>)> {
    locale::refusals()
}

/// The credentials of a live (or not yet waited for) process.
///
/// # Errors
/// Where `/proc/PID/status` cannot be read.
pub fn subject(pid: i32) -> Fact<Subject> {
    subject::of_process(pid)
}

/// permwrap's own credentials: those of a command that it would start.
///
/// # Errors
/// Where `/proc` is not there.
pub fn own_subject() -> Fact<Subject> {
    subject::own()
}

/// The credentials of a process that may be gone by now, from what was read of it before.
///
/// # Errors
/// Where the status is none.
pub fn subject_from_snapshot(snapshot: &Snapshot) -> Fact<Subject> {
    subject::of_snapshot(snapshot)
}

/// The subject that a new login of this user would be: a name, a uid, `uid:gid` or `uid:gid:gid,gid`.
///
/// # Errors
/// One line of words: an unknown user or group, or no such form.
pub fn subject_as(spec: &str) -> Result<Subject, String> {
    users::subject_as(spec)
}

/// The same by the user database below the root directory of another place.
///
/// # Errors
/// One line of words: an unknown user or group, or no such form.
pub fn subject_below(world: &World, spec: &str) -> Result<Subject, String> {
    users::subject_below(&world.root_directory(), spec)
}

/// An owner as chown(1) takes it: `USER`, `USER:GROUP` or `:GROUP`, each a name or a number.
///
/// # Errors
/// One line of words: an unknown user or group, or neither given.
pub fn owner(spec: &str) -> Result<(Option<u32>, Option<u32>), String> {
    users::owner(spec)
}

/// The working directory of a process, where it can be read.
#[must_use]
pub fn working_directory(pid: i32) -> Option<Vec<u8>> {
    let link = rustix::fs::readlink(format!("/proc/{pid}/cwd"), Vec::new()).ok()?;
    Some(link.into_bytes())
}

/// Whether something is at this path, or cannot be seen because the way there is closed.
#[must_use]
pub fn is_there(path: &[u8]) -> bool {
    let found = rustix::fs::lstat(self::path(path));
    !matches!(
        found,
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR)
    )
}

/// The file of the program that a command line starts in this directory, where it is named by its path and no script.
#[must_use]
pub fn program_file(command: &[Vec<u8>], directory: &[u8]) -> Option<ProgramFile> {
    let program = command.first().filter(|program| program.contains(&b'/'))?;
    program::file(path(&byte_path::join(directory, program)))
}

/// The name of this machine (gethostname(2)).
#[must_use]
pub fn host_name() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

/// Why something is not known, by the error number of a system call.
fn unknown(what: &str, path: &[u8], errno: rustix::io::Errno) -> UnknownFact {
    UnknownFact {
        what: what.to_owned(),
        path: path.to_vec(),
        errno: Errno::from_number(errno.raw_os_error()),
    }
}

/// Why something is not known, by an error of the standard library.
fn unknown_io(what: &str, path: &[u8], error: &std::io::Error) -> UnknownFact {
    UnknownFact {
        what: what.to_owned(),
        path: path.to_vec(),
        errno: error.raw_os_error().and_then(Errno::from_number),
    }
}

/// Bytes as a path.
fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}
