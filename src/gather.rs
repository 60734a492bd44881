//! The only stage that reads the system; each file covers one kernel interface.
//!
//! Nothing here opens a device, a FIFO or a socket, and nothing changes the system. A fact that cannot be read is an
//! [`UnknownFact`] with the reason. permwrap usually runs as the same user as the command, so it cannot see behind a closed
//! directory either.

mod acl;
mod answered;
mod booleans;
mod bundle;
mod devices;
mod engine_api;
mod file_contexts;
mod flags;
mod holder;
mod holders;
mod image;
mod inode;
mod leftovers;
mod locale;
mod module_log;
mod monitor;
mod mounts;
mod named;
mod names;
mod namespaces;
mod nodes;
mod overflow;
mod peopled;
mod policy;
mod policy_tool;
mod ports;
mod process_stat;
mod program;
mod same_program;
mod selinux;
mod service;
mod settings;
mod source;
mod subject;
mod subordinate;
mod surroundings;
mod tar;
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
use crate::small_file;

pub use answered::Answered;
pub use bundle::{Ran, ran};
pub use holder::Holder;
pub use monitor::{Monitor, is_container_monitor};
pub(crate) use mounts::unescape;
pub use named::named;
pub use process_stat::ProcessStat;
pub use service::{Cover, Service, service};
pub use subject::Snapshot;
pub use view::View;
pub use world::{Held, Laid, Told, World};

/// Everything that judging and explaining the attempt requires, as far as it can be read, except the leftovers.
///
/// For several attempts, a [`View`] reads settings and names only once, and omits what only an explanation needs.
#[must_use]
pub fn facts(attempt: &Attempt) -> Facts {
    let view = View::of(&attempt.subject);
    let mut facts = view.facts(attempt);
    view.explain(attempt, &mut facts);
    facts
}

/// The line of a source file with this number (from 1), together with the lines around it, and its index among them. Empty if
/// the file cannot be read.
#[must_use]
pub fn source_lines(path: &[u8], number: u32) -> (Vec<Vec<u8>>, usize) {
    source::lines(Path::new(OsStr::from_bytes(path)), number, 4)
}

/// The content of a script, at most the first mebibyte. `None` if it is not a regular file or cannot be read.
#[must_use]
pub fn script(path: &[u8]) -> Option<Vec<u8>> {
    small_file::beginning(self::path(path), small_file::MOST).ok()
}

/// How the C library words EACCES, EPERM and EROFS in the locale of the environment; empty if that is English.
#[must_use]
pub fn refusals_in_locale() -> Vec<(Errno, Vec<u8>)> {
    locale::refusals()
}

/// The credentials of a process that is alive or a zombie.
///
/// # Errors
/// Fails if `/proc/PID/status` cannot be read.
pub fn subject(pid: i32) -> Fact<Subject> {
    subject::of_process(pid)
}

/// permwrap's own credentials, which are those of a command that it starts.
///
/// # Errors
/// Fails if `/proc` is not mounted.
pub fn own_subject() -> Fact<Subject> {
    subject::own()
}

/// The credentials of a process that may have ended, from what was read of it before.
///
/// # Errors
/// Fails if the status text is malformed.
pub fn subject_from_snapshot(snapshot: &Snapshot) -> Fact<Subject> {
    subject::of_snapshot(snapshot)
}

/// The credentials that a new login of this user would have: a name, a uid, `uid:gid` or `uid:gid:gid,gid`.
///
/// # Errors
/// A message of one line, if the user or group is unknown or the notation is invalid.
pub fn subject_as(spec: &str) -> Result<Subject, String> {
    users::subject_as(spec)
}

/// The same, based on the user database below the root directory of another place.
///
/// # Errors
/// A message of one line, if the user or group is unknown or the notation is invalid.
pub fn subject_below(world: &World, spec: &str) -> Result<Subject, String> {
    users::subject_below(&world.root_directory(), spec)
}

/// Parses an owner in the notation of chown(1): `USER`, `USER:GROUP` or `:GROUP`, each a name or a number.
///
/// # Errors
/// A message of one line, if the user or group is unknown or both are missing.
pub fn owner(spec: &str) -> Result<(Option<u32>, Option<u32>), String> {
    users::owner(spec)
}

/// The working directory of a process, if it can be read.
#[must_use]
pub fn working_directory(pid: i32) -> Option<Vec<u8>> {
    let link = rustix::fs::readlink(format!("/proc/{pid}/cwd"), Vec::new()).ok()?;
    Some(link.into_bytes())
}

/// Whether the path exists, or may exist behind a directory that cannot be searched.
#[must_use]
pub fn is_there(path: &[u8]) -> bool {
    let found = rustix::fs::lstat(self::path(path));
    !matches!(
        found,
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR)
    )
}

/// The executable that a command line started in this directory runs, if it is given as a path and is not a script.
#[must_use]
pub fn program_file(command: &[Vec<u8>], directory: &[u8]) -> Option<ProgramFile> {
    let program = command.first().filter(|program| program.contains(&b'/'))?;
    program::file(path(&byte_path::join(directory, program)))
}

/// Whether nobody but root can replace the program that this command line runs.
#[must_use]
pub fn is_roots_program(command: &[Vec<u8>], directory: &[u8], search_path: &[Vec<u8>]) -> bool {
    let name = command.first();
    let found = name.and_then(|name| place_of(name, directory, search_path));
    found.is_some_and(|place| program::is_roots(path(&place)))
}

/// The name by which permwrap knows a program that was started under another name, such as a copy of `cat` that has a security
/// profile of its own. The program is looked up along `search_path` if its name has no slash, and identified by its content.
#[must_use]
pub fn known_name(program: &[u8], directory: &[u8], search_path: &[Vec<u8>]) -> Option<Vec<u8>> {
    let place = place_of(program, directory, search_path)?;
    same_program::known_name(path(&place), search_path)
}

/// Where the program lies that is called by this name in this directory. A name without a slash is looked up along
/// `search_path`, as execvp(3) does.
fn place_of(name: &[u8], directory: &[u8], search_path: &[Vec<u8>]) -> Option<Vec<u8>> {
    if name.contains(&b'/') {
        return Some(byte_path::join(directory, name));
    }
    let below = |above: &Vec<u8>| byte_path::join(&byte_path::join(directory, above), name);
    let mut places = search_path.iter().map(below);
    places.find(|place| program::is_executable(path(place)))
}

/// The name of the user with this uid, or the uid.
#[must_use]
pub fn user_name(uid: u32) -> String {
    names::user(uid).map_or_else(|| uid.to_string(), |user| user.name)
}

/// The name of the group with this gid, or the gid.
#[must_use]
pub fn group_name(gid: u32) -> String {
    names::group(gid).map_or_else(|| gid.to_string(), |group| group.name)
}

/// The name of this machine (gethostname(2)).
#[must_use]
pub fn host_name() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

/// An unknown fact, with the error number of a failed system call.
fn unknown(what: &str, path: &[u8], errno: rustix::io::Errno) -> UnknownFact {
    UnknownFact {
        what: what.to_owned(),
        path: path.to_vec(),
        errno: Errno::from_number(errno.raw_os_error()),
    }
}

/// An unknown fact, with an error of the standard library.
fn unknown_io(what: &str, path: &[u8], error: &std::io::Error) -> UnknownFact {
    UnknownFact {
        what: what.to_owned(),
        path: path.to_vec(),
        errno: error.raw_os_error().and_then(Errno::from_number),
    }
}

/// Interprets bytes as a path.
fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}
